"""The process that outlives the orchestrator: it holds an attempt's lock, runs its worker, and writes its result.

`python -m rewardsmith.executors.runner FOLDER --sandbox JSON [--worker JSON] [--resume OUT]`. Whoever
started it reads its standard output up to the end: that comes when the lock is held, or when there is nothing to do.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import InfrastructureError, IsolationUnavailable, RewardsmithError, UsageError
from rewardsmith.executors.attempt_folder import Result, held, read_result, write_result
from rewardsmith.executors.kernels import with_kernels
from rewardsmith.sandboxes.registry import open_sandbox
from rewardsmith.sandboxes.tree import adopt_orphans, kill_descendants


def main(argv: list[str]) -> None:
    """Run one attempt, unless another runner has it or it has ended."""
    parser = argparse.ArgumentParser(prog="rewardsmith.executors.runner")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sandbox", required=True, type=SandboxSpec.model_validate_json)
    parser.add_argument("--worker", type=json.loads)
    parser.add_argument("--resume", type=Path)
    arguments = parser.parse_args(argv)
    folder: Path = arguments.folder
    with held(folder) as mine:
        if not mine or read_result(folder) is not None:
            return
        _announce()
        worker = tuple(arguments.worker) if arguments.worker else None
        write_result(folder, run_worker(folder, arguments.sandbox, worker, arguments.resume))


def run_worker(folder: Path, spec: SandboxSpec, worker: tuple[str, ...] | None, resume_from: Path | None) -> Result:
    """Run the worker of the attempt in `folder` to its end; nothing that it started is left.

    Args:
        folder: The attempt's, with its `job.json`.
        spec: What the worker runs in.
        worker: Command in place of the worker's; see `open_sandbox`.
        resume_from: `out/` of an earlier attempt to continue from.
    """
    adopt_orphans()
    out = folder / "out"
    try:
        if out.is_symlink() or out.is_file():
            out.unlink()
        elif out.exists():
            shutil.rmtree(out)
        out.mkdir()
        sandbox = open_sandbox(with_kernels(spec), worker=worker)
        outcome = sandbox.run(folder, resume_from=resume_from)
    except (OSError, RecursionError, InfrastructureError, UsageError) as error:
        message = error.message if isinstance(error, RewardsmithError) else str(error)
        return Result(exit_code=None, message=message, fatal=isinstance(error, IsolationUnavailable | UsageError))
    finally:
        kill_descendants(os.getpid())
    return Result(exit_code=outcome.exit_code, timed_out=outcome.timed_out, message=outcome.reason)


def _announce() -> None:
    """Close the standard output that the starter waits on."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


if __name__ == "__main__":
    main(sys.argv[1:])
