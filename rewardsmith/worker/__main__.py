"""Runs one job: `python -m rewardsmith.worker FOLDER [--resume OUT_FOLDER]`.

Reads `FOLDER/job.json`, writes into `FOLDER/out/`. Exit codes: 0 when the outcome is data, a failed candidate's report
included; 4 when the task or its score rule is wrong (`out/error.json` holds type, message and hint); 3 for any other
failure of the machine; 130 and 143 when interrupted or told to end. Standard output is only a log.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

# one core per worker; read by the numerical libraries when they load
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

from pydantic import TypeAdapter, ValidationError  # noqa: E402

from rewardsmith.domain.check import CheckJob  # noqa: E402
from rewardsmith.domain.job import FilmJob, Job, ScriptJob, StepJob, SurveyJob  # noqa: E402
from rewardsmith.errors import RewardsmithError, UsageError  # noqa: E402

__all__ = ["main"]

_WRONG_TASK = 4
_INFRASTRUCTURE = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m rewardsmith.worker", description="Run one job.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds job.json; out/ is written here")
    parser.add_argument("--resume", type=Path, metavar="OUT_FOLDER", help="out/ of an earlier attempt at the same job")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _end)
    out: Path = options.folder / "out"
    try:
        out.mkdir(exist_ok=True)
        job: Job = TypeAdapter[Job](Job).validate_json((options.folder / "job.json").read_bytes())
        _run(job, out, options.resume)
    except UsageError as error:
        print(f"{type(error).__name__}: {error.message}", flush=True)
        record = {"type": type(error).__name__, "message": error.message, "hint": error.hint}
        (out / "error.json").write_text(json.dumps(record))
        return _WRONG_TASK
    except RewardsmithError as error:
        print(f"{type(error).__name__}: {error.message}" + (f" ({error.hint})" if error.hint else ""), flush=True)
        return _INFRASTRUCTURE
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed for workers here (pip install 'rewardsmith[worker]')", flush=True)
        return _INFRASTRUCTURE
    except ValidationError as error:
        print(f"job.json cannot be read: {error}", flush=True)
        return _INFRASTRUCTURE
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG):
            raise
        print(f"cannot write {error.filename or out}: {error.strerror}", flush=True)
        return _INFRASTRUCTURE
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        return 130
    return 0


def _run(job: Job, out: Path, resume: Path | None) -> None:
    # imported late, so that a wrong job is told in a moment: torch takes a second to load
    if isinstance(job, SurveyJob):
        from rewardsmith.worker import survey

        survey.run(job, out)
    elif isinstance(job, CheckJob):
        from rewardsmith.worker import check

        check.run(job, out)
    elif isinstance(job, ScriptJob):
        from rewardsmith.worker import scripting

        scripting.run(job, out)
    elif isinstance(job, StepJob):
        from rewardsmith.worker import stepping

        stepping.run(job, out)
    elif isinstance(job, FilmJob):
        from rewardsmith.worker import video

        video.record_video(out.parent, resume or out)
    else:
        from rewardsmith.worker.eager import leave_compiler_out

        leave_compiler_out()
        from rewardsmith.worker import train

        train.run(job, out, resume)


def _end(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    try:
        code = main()
    except Exception:
        traceback.print_exc()
        sys.stdout.flush()
        os._exit(_INFRASTRUCTURE)  # after a CUDA fault what tidies up at the end may hang, or kill the process
    sys.exit(code)
