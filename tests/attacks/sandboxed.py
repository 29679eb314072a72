"""All attacks in one worker job: the arena stands inside the sandbox, and so every reward process is born there."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from attack import HERE

from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.sandboxes.registry import open_sandbox

WORKER = """

if __name__ == "__main__":
    import json
    import sys

    job = json.loads(Path(sys.argv[1], "job.json").read_bytes())
    out = Path(sys.argv[1], "out")
    found = let_loose(job["attacks"], Locked(job["honest"], namespaces=False), out)
    (out / "outcomes.json").write_text(json.dumps(found))
"""


def inside(
    spec: SandboxSpec, attacks: Sequence[Mapping[str, str]], honest: str, folder: Path, python: str = sys.executable
) -> dict[str, str]:
    """What becomes of the attacks in a sandbox; see `arena.let_loose`.

    Args:
        spec: The sandbox.
        attacks: Name, source and expected outcome of each.
        honest: The reward whose pay the attacked ones are compared with.
        folder: Where the job's folder is made.
        python: The interpreter, as the sandbox's workers see it.
    """
    job = folder / "job"
    job.mkdir()
    (job / "job.json").write_text(json.dumps({"attacks": list(attacks), "honest": honest}))
    worker = (python, "-s", "-P", "-c", (HERE / "arena.py").read_text() + WORKER)
    outcome = open_sandbox(spec, worker=worker).run(job)
    log = (job / "log.txt").read_text(errors="replace")
    assert (outcome.exit_code, outcome.timed_out) == (0, False), log
    found: dict[str, str] = json.loads((job / "out" / "outcomes.json").read_text())
    return found
