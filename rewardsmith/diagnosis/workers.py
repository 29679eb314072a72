"""The sandboxes of this machine; the chosen one with a worker in it that looks around and attacks."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rewardsmith.catalogue.folders import Folders
from rewardsmith.catalogue.sandboxes import list_sandboxes, load_sandbox
from rewardsmith.diagnosis.attacks import UNLOCKED, summary
from rewardsmith.diagnosis.canaries import planted
from rewardsmith.diagnosis.checks import check, lack
from rewardsmith.domain.check import CheckJob, WorkerCheck
from rewardsmith.domain.machine import AttackCheck, MachineCheck
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import IsolationUnavailable, RewardsmithError
from rewardsmith.executors.attempt_folder import last_line
from rewardsmith.sandboxes.registry import open_sandbox
from rewardsmith.search.filming import INSTALL
from rewardsmith.store.untrusted import read_record

GROUP = "Workers"
WALLED = ("bubblewrap", "docker")
"""Kinds that promise that a worker reaches neither the user's files nor the network nor other processes."""
_WALL_S = 120.0
_SMALL = 2**20


@dataclass(frozen=True)
class Workers:
    """What was found of the chosen sandbox."""

    checks: list[MachineCheck]
    attacks: list[AttackCheck] = field(default_factory=list)
    found: WorkerCheck | None = None
    """What the worker told; absent where none ran."""


def other_sandboxes(chosen: SandboxSpec, folders: Folders, *, engine: bool) -> list[MachineCheck]:
    """A line for each sandbox but the chosen one.

    Args:
        chosen: The chosen one.
        folders: The data folders.
        engine: Whether a Docker engine answers; if not, it is not asked again.
    """

    def look(name: str) -> str:
        spec = load_sandbox(name, folders)
        if spec.kind == "docker" and not engine:
            raise IsolationUnavailable("no Docker engine answers", hint="see Docker above")
        sandbox = open_sandbox(spec)
        sandbox.check()
        return sandbox.describe()

    names = [name for name in list_sandboxes(folders) if name != chosen.name]
    return [check(GROUP, f"sandbox {name}", partial(look, name), needed=False) for name in names]


def run_worker(chosen: SandboxSpec, runs: Path, *, unsafe: bool) -> Workers:
    """Open the chosen sandbox as `evolve` does, and run the job `check` in it.

    Args:
        chosen: The sandbox.
        runs: Folder of the runs; the job lies there if it exists, as those of a run would.
        unsafe: Whether rewards may run without Landlock and seccomp.
    """
    name = f"sandbox {chosen.name}"
    limits = chosen.limits.model_copy(update={"wall_s": min(_WALL_S, chosen.limits.wall_s), "log_mib": 1})
    try:
        sandbox = open_sandbox(chosen.model_copy(update={"limits": limits, "gpu": True}))
        sandbox.check()
        opened = MachineCheck(group=GROUP, name=name, ok=True, needed=True, detail=sandbox.describe())
    except RewardsmithError as error:
        return Workers([lack(GROUP, name, error, needed=True)])
    with planted() as own, planted() as rewards, _folder(runs) as folder:
        job = CheckJob(canaries=own.canaries, reward_canaries=rewards.canaries, unsafe=unsafe)
        (folder / "job.json").write_text(job.model_dump_json())
        try:
            sandbox.run(folder)
            found = read_record(folder / "out", "check.json", WorkerCheck, limit=_SMALL)
        except RewardsmithError as error:
            fault = IsolationUnavailable(
                f"no worker comes up: {last_line(folder / 'log.txt') or error.message}", hint=error.hint
            )
            return Workers([opened, lack(GROUP, "worker", fault, needed=True)])
        of_worker = own.verdicts(f"worker in {chosen.name}", found.reached, needed=chosen.kind in WALLED)
        of_reward = rewards.verdicts(f"reward in {chosen.name}", found.reward_reached, needed=not unsafe)
    return Workers([opened, _reward(found, of_reward, unsafe), *_packages(found)], [*of_reward, *of_worker], found)


@contextlib.contextmanager
def _folder(runs: Path) -> Iterator[Path]:
    """A job's folder; below `runs` if that is there and lets itself be written."""
    for place in (runs, None):
        with contextlib.ExitStack() as stack:
            try:
                made = stack.enter_context(tempfile.TemporaryDirectory(prefix=".check-", dir=place))
            except OSError:
                if place is None:
                    raise
                continue
            folder = Path(made)
            folder.chmod(0o755)
            yield folder
            return


def _reward(found: WorkerCheck, verdicts: list[AttackCheck], unsafe: bool) -> MachineCheck:
    name = "reward process in a worker"
    if found.unlocked:
        return lack(GROUP, name, IsolationUnavailable(found.unlocked, hint=UNLOCKED), needed=True)
    return summary(GROUP, name, verdicts, unsafe=unsafe)


def _packages(found: WorkerCheck) -> list[MachineCheck]:
    """A line for each package that trainings load, and one for drawing."""
    install = "make install, or pip install 'rewardsmith[worker]', for the interpreter that runs workers"
    checks = [
        MachineCheck(
            group=GROUP,
            name=name,
            ok=name not in found.faults,
            needed=True,
            detail=found.faults.get(name) or found.versions.get(name, "there"),
            remedy=install if name in found.faults else "",
        )
        for name in sorted({*found.versions, *found.faults})
    ]
    drawing = MachineCheck(
        group=GROUP,
        name="drawing",
        ok=found.draws,
        needed=False,
        detail=f"MuJoCo draws by {found.renderer or 'its default'}" if found.draws else found.drawing,
        remedy="" if found.draws else f"{INSTALL}; only videos need it",
    )
    return [*checks, drawing]
