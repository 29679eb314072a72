"""What a node of a Ray cluster runs for one attempt: `python -m rewardsmith.executors.ray_node ERRAND`.

The same runner, sandbox and limits as on one machine. Where the folder of the runs is shared, the attempt's folder is
there; else its files come from the depot and go back there: checkpoints as they are made, what it came to last. It
exits with 0 whatever the worker did. What it prints last says why, where it does not.
"""

from __future__ import annotations

import contextlib
import json
import platform
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import NoReturn

from pydantic import ValidationError

from rewardsmith import __version__
from rewardsmith.domain.record import Record
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import DepotAway, RewardsmithError, StoreError
from rewardsmith.executors.attempt_folder import held, read_result, runner_of, write_result
from rewardsmith.executors.runner import run_worker
from rewardsmith.sandboxes.registry import open_sandbox
from rewardsmith.store.depot import Depot

GREETING = "rewardsmith on node"
"""What it prints first: a job whose output lacks it never came so far."""
USELESS = 2
"""Its exit code where no node of this kind can do the errand; argparse and Python use 1 and 2 for the like."""
JOB, PROGRESS, ENDED = ".job", ".progress", ".end"
"""Behind an attempt's name in the depot: its job, how far it is, its result and log; under it alone what it left."""
WITHDRAWN = "withdrawn"
"""File in an attempt's folder, or in place of its job in the depot: nobody wants it any more."""
_COMPARED = ("gymnasium", "mujoco", "numpy", "stable_baselines3", "torch")
_PLACE = "rewardsmith-ray-"
_LOOK_S = 5.0
_NEW_S = 60.0
"""A place of that age has its lock, if ever."""
_PATIENCE_S = 600.0
"""How long a depot that is away is waited for once the worker has ended."""


class Errand(Record):
    """What is to be done on a node."""

    versions: dict[str, str]
    """Of rewardsmith and of what scores depend on, as who asks has them."""
    folder: str
    """The attempt's folder; its name in the depot where there is one."""
    resume: str | None = None
    """`out/` of an earlier attempt to continue from; its name in the depot where there is one."""
    depot: str | None = None
    """Address of the depot; absent where the folder is shared."""
    sandbox: SandboxSpec
    """What the worker runs in."""
    worker: tuple[str, ...] | None = None
    """Command in place of the worker's."""
    look: bool = False
    """Only say whether it could be done."""


def versions() -> dict[str, str]:
    """Versions of rewardsmith and of what scores depend on; what is not installed is left out, and so are builds."""
    found = {"rewardsmith": __version__}
    for name in _COMPARED:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name).partition("+")[0]
    return found


def main(argv: list[str]) -> None:
    """Do one errand."""
    print(f"{GREETING} {platform.node()}", flush=True)
    signal.signal(signal.SIGTERM, _leave)
    errand = _read(argv[0])
    try:
        if errand.look:
            _look(errand)
        elif errand.depot is None:
            _run(Path(errand.folder), errand, Path(errand.resume) if errand.resume else None)
        else:
            _run_carried(errand, Depot(errand.depot))
    except RewardsmithError as error:
        sys.exit(f"{error.message}; {error.hint}")


def _look(errand: Errand) -> None:
    sandbox = open_sandbox(errand.sandbox, worker=errand.worker)
    sandbox.check()
    if errand.depot is None:
        _need(Path(errand.folder))
    else:
        Depot(errand.depot).look()
    packages = ", ".join(f"{name} {version}" for name, version in versions().items())
    print(f"Python {platform.python_version()}, {packages}; {errand.sandbox.name}: {sandbox.describe()}", flush=True)


def _read(text: str) -> Errand:
    asked = json.loads(text)
    here = versions()
    for name, version in asked["versions"].items():
        if here.get(name, version) != version:
            _refuse(f"it has {name} {here[name]}, and who drives the run has {version}")
    try:
        return Errand.model_validate_json(text)
    except ValidationError as error:
        _refuse(f"it does not understand its errand: {error.errors()[0]['type']}")


def _refuse(why: str) -> NoReturn:
    """End with a line that says why, and an exit code that says that another try here would end the same."""
    print(f"node {platform.node()} cannot train for this run: {why}", flush=True)
    sys.exit(USELESS)


def _run(folder: Path, errand: Errand, resume: Path | None) -> None:
    if (folder / WITHDRAWN).exists():
        print("it was stopped before it began", flush=True)
        sys.exit()
    _need(folder)
    if read_result(folder) is None:
        write_result(folder, run_worker(folder, errand.sandbox, errand.worker, resume))


def _need(folder: Path) -> None:
    if not (folder / "job.json").exists():
        _refuse(f"there is no {folder}; share the folder of the runs with every node, or give a depot (--artifacts)")


def _run_carried(errand: Errand, depot: Depot) -> None:
    """Run an attempt whose files travel through the depot."""
    _sweep()
    with tempfile.TemporaryDirectory(prefix=_PLACE) as made:
        place = Path(made)
        place.chmod(0o755)
        with held(place):
            folder = place / "attempt"
            job = _fetched(depot, f"{errand.folder}{JOB}", place / "job")
            job.rename(folder)
            resume = _fetched(depot, errand.resume, place / "resume") if errand.resume else None
            with _telling(depot, errand.folder, folder / "out") as checkpoints:
                _run(folder, errand, resume)
            _patiently(lambda: checkpoints.put(folder / "out"))
            _patiently(lambda: depot.put(f"{errand.folder}{ENDED}", folder, _there(folder, "result.json", "log.txt")))


def _sweep() -> None:
    """Remove what runners left on this node that were killed: nobody holds its lock."""
    for place in Path(tempfile.gettempdir()).glob(f"{_PLACE}*"):
        with contextlib.suppress(OSError):
            if time.time() - place.stat().st_mtime > _NEW_S and runner_of(place) is None:
                shutil.rmtree(place, ignore_errors=True)


def _fetched(depot: Depot, name: str, into: Path) -> Path:
    found = depot.fetch(name, into)
    if found is None:
        _refuse(f"{depot.place} has no {name}; do node and host have the same depot?")
    return found


def _there(folder: Path, *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if (folder / name).is_file())


class _Replaced:
    """A bundle that is put again and again; all but the last two are removed: the one before may still be read."""

    def __init__(self, depot: Depot, name: str, files: tuple[str, ...] | None = None) -> None:
        self._depot, self._name, self._files = depot, name, files
        self._there: list[str] = []

    def put(self, out: Path) -> None:
        digest = self._depot.put(self._name, out, self._files)
        self._there = [*(each for each in self._there if each != digest), digest]
        for old in self._there[:-2]:
            self._depot.remove(self._name, old)
        del self._there[:-2]


@contextlib.contextmanager
def _telling(depot: Depot, name: str, out: Path) -> Iterator[_Replaced]:
    """Meanwhile put each new checkpoint into the depot, and how far the worker is; yields the former."""
    over = threading.Event()
    checkpoints = _Replaced(depot, name)

    def tell() -> None:
        parts = {
            "progress.json": _Replaced(depot, f"{name}{PROGRESS}", ("progress.json",)),
            "checkpoint/current.json": checkpoints,
        }
        told: dict[str, int] = {}
        while not over.wait(_LOOK_S):
            for file, bundle in parts.items():
                with contextlib.suppress(OSError, StoreError, DepotAway):
                    changed = (out / file).stat().st_mtime_ns
                    if told.get(file) != changed:
                        bundle.put(out)
                        told[file] = changed

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield checkpoints
    finally:
        over.set()
        teller.join()


def _patiently(put: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            put()
            return
        except DepotAway:
            if time.monotonic() > deadline:
                raise
        time.sleep(_LOOK_S)


def _leave(number: int, _: FrameType | None) -> None:
    """Ray asks for the end: whatever was started is killed on the way out, and nothing stays on the node."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    main(sys.argv[1:])
