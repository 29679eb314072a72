"""How the files of an attempt come to a node of a cluster and home again: in a shared folder, or through the depot."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rewardsmith.domain.job import Progress
from rewardsmith.errors import DepotAway, StoreError, UsageError
from rewardsmith.executors.attempt_folder import Result, read_result
from rewardsmith.executors.ended import read_progress
from rewardsmith.executors.ray_node import ENDED, JOB, PROGRESS, WITHDRAWN
from rewardsmith.store.artifacts import write_durably
from rewardsmith.store.database import without_password
from rewardsmith.store.depot import Depot
from rewardsmith.store.untrusted import MIB, read_untrusted

_TELL_S = 10.0
"""How old the depot's word on progress may be."""
T = TypeVar("T")


class RayFiles:
    """Attempts' files in the folder of the runs, which every node has at the same path, or in the depot.

    With a depot, methods raise as it does.
    """

    def __init__(self, runs: Path, artifacts: str | None) -> None:
        """Say where.

        Args:
            runs: Folder of all runs.
            artifacts: Address of the depot; the folder of the runs is shared when absent.

        Raises:
            UsageError: The address holds a password.
        """
        if artifacts is not None and without_password(artifacts) != artifacts:
            hint = "give the nodes their own access: what a job is told, everybody sees who sees the cluster"
            raise UsageError("the depot's address holds a password, which nodes of Ray cannot be told", hint=hint)
        self.depot = artifacts
        self._runs = runs.resolve()
        self._told: dict[str, tuple[float, Progress | None]] = {}

    def hand_over(self, folder: Path, resume_from: Path | None) -> tuple[str, str | None]:
        """Where a node finds the attempt and what it continues from."""
        (folder / WITHDRAWN).unlink(missing_ok=True)
        if self.depot is None:
            return str(folder), str(resume_from.resolve()) if resume_from else None
        depot, place, resume = Depot(self.depot), self.place(folder), None
        depot.put(f"{place}{JOB}", folder, ("job.json",))
        if resume_from is not None:
            resume = self.place(resume_from.resolve().parent)
            if not depot.lists(resume):
                depot.put(resume, resume_from)
        return place, resume

    def withdraw(self, folder: Path) -> None:
        """Have a node that comes to the attempt leave it alone, until it is handed over again."""
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(folder / WITHDRAWN, b"")
        if self.depot is not None:
            Depot(self.depot).put(f"{self.place(folder)}{JOB}", folder, (WITHDRAWN,))

    def progress(self, folder: Path) -> Progress | None:
        """How far the worker of an attempt says that it is."""
        if self.depot is None:
            return read_progress(folder / "out")
        place = self.place(folder)
        at, told = self._told.get(place, (-_TELL_S, None))
        if time.monotonic() - at >= _TELL_S:
            told = self._fetched(f"{place}{PROGRESS}", folder, read_progress)
            self._told[place] = time.monotonic(), told
        return told

    def home(self, folder: Path) -> Result | None:
        """The result, after the files of an attempt that has ended have come home; none where they have not."""
        if self.depot is None:
            return read_result(folder)

        def take(found: Path) -> bytes:
            if (found / "log.txt").exists():
                (found / "log.txt").replace(folder / "log.txt")
            return read_untrusted(found, "result.json", limit=MIB)

        folder.mkdir(parents=True, exist_ok=True)
        result = self._fetched(f"{self.place(folder)}{ENDED}", folder, take)
        if result is None or not self._fetched(self.place(folder), folder, lambda found: _replace(folder, found)):
            return None
        write_durably(folder / "result.json", result)
        return read_result(folder)

    def salvage(self, folder: Path) -> None:
        """Bring home the checkpoint of an attempt that was lost, where there is one: the next one goes on with it."""
        if self.depot is not None and not (folder / "out").exists():
            folder.mkdir(parents=True, exist_ok=True)
            self._fetched(self.place(folder), folder, lambda found: _replace(folder, found))

    def _fetched(self, name: str, folder: Path, take: Callable[[Path], T]) -> T | None:
        """What is taken of a bundle, before its copy is thrown away; none where there is none that is whole."""
        assert self.depot is not None
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as passing:
            try:
                found = Depot(self.depot).fetch(name, Path(passing))
            except DepotAway:
                raise
            except StoreError:
                return None
            return None if found is None else take(found)

    def place(self, folder: Path) -> str:
        """Name of an attempt in the depot, the same on every host; it is that of its `out/` for `RunFolder`."""
        if folder.is_relative_to(self._runs):
            return folder.relative_to(self._runs).as_posix()
        return f"elsewhere/{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}/{folder.name}"


def _replace(folder: Path, found: Path) -> bool:
    shutil.rmtree(folder / "out", ignore_errors=True)
    found.rename(folder / "out")
    return True
