"""`ray`: attempts are jobs of an existing Ray cluster, asked for by HTTP. What drives a run may come and go.

The files of an attempt are where its node can reach them: in the folder of the runs, which every node then has at the
same path, or in the depot (`--artifacts`), from which they are brought home. Nobody relies on locks between hosts:
that an attempt lives, Ray says.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rewardsmith.domain.cluster import RaySpec
from rewardsmith.domain.job import Job, Progress
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import DepotAway, ExecutorAway, InfrastructureError, StoreError, UsageError, one_line
from rewardsmith.executors.attempt_folder import Result, read_result
from rewardsmith.executors.ended import MOST_SAID, ended, read_progress
from rewardsmith.executors.executor import Done, Lost, Running
from rewardsmith.executors.ray_jobs import ALIVE, RayJob, RayJobs
from rewardsmith.executors.ray_node import ENDED, GREETING, PROGRESS, Errand, versions
from rewardsmith.store.artifacts import write_durably
from rewardsmith.store.database import without_password
from rewardsmith.store.depot import Depot
from rewardsmith.store.untrusted import MIB, read_untrusted

__all__ = ["RayExecutor", "entrypoint"]

_LOOK_S = 1.0
"""How old what the cluster said of a job may be."""
_TELL_S = 10.0
"""How old a depot's word on progress may be."""
_AWAY_S = 60.0
"""How long a cluster or a depot may be away before a poll says so."""
_LATE_S = 60.0
"""How long after the end of a job its files may come to a folder that is shared over a network."""
_STOP_S = 60.0
_PAUSE_S = 0.2
_USELESS = (2, 126, 127)
"""Exit codes of a job that no such node can do: see `ray_node.USELESS`; the shell finds no interpreter."""
T = TypeVar("T")


def entrypoint(python: str, module: str, *arguments: str) -> str:
    """A command for a node's shell, which gives way to it: Ray then kills the command itself."""
    return shlex.join(["exec", python, "-s", "-P", "-m", module, *arguments])


class RayExecutor:
    """Runs attempts on a cluster; see `Executor`. Any process on any host may poll or stop what another started."""

    def __init__(
        self,
        slots: int | None,
        sandbox: SandboxSpec,
        *,
        ray: RaySpec,
        runs: Path,
        artifacts: str | None = None,
        worker: tuple[str, ...] | None = None,
    ) -> None:
        """Look at the cluster; nothing is started.

        Args:
            slots: Attempts side by side; as many as the cluster's nodes hold when absent.
            sandbox: What its workers run in, each on its node.
            ray: The cluster, and what an attempt takes of it.
            runs: Folder of all runs.
            artifacts: Address of the depot; the folder of the runs is shared when absent.
            worker: Command in place of the worker's; see `open_sandbox`.

        Raises:
            UsageError: The address is none, the depot's holds a password, or no node has what an attempt takes.
            ExecutorAway: The cluster cannot be reached.
        """
        if artifacts is not None and without_password(artifacts) != artifacts:
            hint = "give the nodes their own access: what a job is told, everybody sees who sees the cluster"
            raise UsageError("the depot's address holds a password, which nodes of Ray cannot be told", hint=hint)
        self.jobs = RayJobs(ray)
        self.version = self.jobs.version()
        self.slots = slots or self._room(ray)
        self._ray, self._sandbox, self._worker = ray, sandbox, worker
        self._runs, self._artifacts = runs.resolve(), artifacts
        self._seen: dict[str, tuple[float, RayJob | None]] = {}
        self._told: dict[str, tuple[float, Progress | None]] = {}
        self._since: dict[str, float] = {}
        self._lock = threading.Lock()

    def start(self, folder: Path, job: Job, *, resume_from: Path | None = None) -> None:
        """Submit the attempt; one that has failed is submitted anew. See `Executor.start`."""
        folder = folder.resolve()
        name = self._name(folder)
        found = self.jobs.look(name)
        if found is not None and found.status in ALIVE:
            return
        if read_result(folder) is not None or (found and found.status == "SUCCEEDED" and self._home(folder)):
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / "job.json", job.model_dump_json().encode())
        except OSError as error:
            hint = "is the disk full, or the folder read-only?"
            raise InfrastructureError(f"cannot write {folder}: {error.strerror}", hint=hint) from error
        command = entrypoint(self._ray.python, "rewardsmith.executors.ray_node", self._errand(folder, resume_from))
        if found is not None:
            self.jobs.forget(name)
        self._seen.pop(name, None)
        self._since.pop(name, None)
        self.jobs.submit(name, command, self._ray)

    def poll(self, folder: Path) -> Running | Done | Lost:
        """What has become of it; one that the cluster does not answer for counts as alive, for a minute.

        Raises:
            ExecutorAway, DepotAway: Since a minute.
        """
        folder = folder.resolve()
        if (result := read_result(folder)) is not None:
            return ended(folder, result)
        try:
            state = self._state(folder)
        except (ExecutorAway, DepotAway):
            if self._waited("away") > _AWAY_S:
                raise
            return Running(None)
        self._since.pop("away", None)
        return state

    def stop(self, folder: Path) -> None:
        """Have Ray end it and all below it; what had ended well is brought home, and its job forgotten.

        A job that waits for room holds no process; Ray ends it when it would begin.
        """
        folder = folder.resolve()
        name = self._name(folder)
        deadline = time.monotonic() + _STOP_S
        self._seen.pop(name, None)
        found = self.jobs.look(name)
        if found is not None and found.status in ALIVE:
            self.jobs.stop(name)
        while found is not None and found.status in ALIVE:
            if time.monotonic() > deadline:
                raise InfrastructureError(f"Ray does not end the job {name}", hint=f"see {self.jobs.address}")
            time.sleep(_PAUSE_S)
            before, found = found, self.jobs.look(name)
            if before.status == "PENDING" and found is not None and found.status == "PENDING":
                return
        if found is not None and found.status == "SUCCEEDED":
            self._home(folder)
            self.jobs.forget(name)
        elif found is not None:
            self._salvage(folder)

    def _state(self, folder: Path) -> Running | Done | Lost:
        name = self._name(folder)
        job = self._look(name)
        if job is not None and job.status in ALIVE:
            return Running(self._progress(folder))
        if job is None or job.status == "SUCCEEDED":
            result = self._home(folder) if job else read_result(folder)
            if result is not None:
                return ended(folder, result)
        if job is None:
            self._salvage(folder)
            return Lost("Ray knows of no such job: it was never submitted, or the head of the cluster was restarted")
        if job.status == "SUCCEEDED":
            if self._waited(name) < _LATE_S:
                return Running(None)
            return Lost(f"it ended, but its files did not come to {folder}: is the folder shared with every node?")
        if job.error == "JOB_SUPERVISOR_ACTOR_START_TIMEOUT":  # it only waited, longer than Ray lets a job wait
            self.jobs.forget(name)
            self.jobs.submit(name, job.entrypoint, self._ray)
            return Running(None)
        self._salvage(folder)
        return _lost(job)

    def _look(self, name: str) -> RayJob | None:
        """What the cluster said of a job, a moment ago at most."""
        with self._lock:
            at, job = self._seen.get(name, (-_LOOK_S, None))
        if time.monotonic() - at >= _LOOK_S:
            job = self.jobs.look(name)
            with self._lock:
                self._seen[name] = time.monotonic(), job
        return job

    def _waited(self, what: str) -> float:
        """Seconds since this was first asked."""
        now = time.monotonic()
        return now - self._since.setdefault(what, now)

    def _progress(self, folder: Path) -> Progress | None:
        if self._artifacts is None:
            return read_progress(folder / "out")
        place = self._place(folder)
        at, told = self._told.get(place, (-_TELL_S, None))
        if time.monotonic() - at >= _TELL_S:
            told = self._fetched(f"{place}{PROGRESS}", folder, read_progress)
            self._told[place] = time.monotonic(), told
        return told

    def _home(self, folder: Path) -> Result | None:
        """The result, after the files of an attempt that has ended have come home; none where they have not."""
        if self._artifacts is None:
            return read_result(folder)

        def take(found: Path) -> bytes:
            if (found / "log.txt").exists():
                (found / "log.txt").replace(folder / "log.txt")
            return read_untrusted(found, "result.json", limit=MIB)

        folder.mkdir(parents=True, exist_ok=True)
        result = self._fetched(f"{self._place(folder)}{ENDED}", folder, take)
        if result is None:
            return None
        self._fetched(self._place(folder), folder, lambda found: _replace(folder / "out", found))
        write_durably(folder / "result.json", result)
        return read_result(folder)

    def _salvage(self, folder: Path) -> None:
        """Bring home the checkpoint of an attempt that was lost, where there is one: the next one goes on with it."""
        if self._artifacts is not None and not (folder / "out").exists():
            folder.mkdir(parents=True, exist_ok=True)
            self._fetched(self._place(folder), folder, lambda found: _replace(folder / "out", found))

    def _fetched(self, name: str, folder: Path, take: Callable[[Path], T]) -> T | None:
        """What is taken of a bundle, before its copy is thrown away; none where there is none that is whole."""
        assert self._artifacts is not None
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as passing:
            try:
                found = Depot(self._artifacts).fetch(name, Path(passing))
            except DepotAway:
                raise
            except StoreError:
                return None
            return None if found is None else take(found)

    def _errand(self, folder: Path, resume_from: Path | None) -> str:
        """What the node is told, its input being where it finds it."""
        place, resume = str(folder), str(resume_from.resolve()) if resume_from else None
        if self._artifacts is not None:
            depot, place = Depot(self._artifacts), self._place(folder)
            depot.put(f"{place}.job", folder, ("job.json",))
            if resume_from is not None:
                resume = self._place(resume_from.resolve().parent)
                if not depot.lists(resume):
                    depot.put(resume, resume_from)
        errand = Errand(
            versions=versions(),
            folder=place,
            resume=resume,
            depot=self._artifacts,
            sandbox=self._sandbox,
            worker=self._worker,
        )
        return errand.model_dump_json(exclude_defaults=True)

    def _place(self, folder: Path) -> str:
        """Name of an attempt in the depot, the same on every host; it is that of its `out/` for `RunFolder`."""
        if folder.is_relative_to(self._runs):
            return folder.relative_to(self._runs).as_posix()
        return f"elsewhere/{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}/{folder.name}"

    def _name(self, folder: Path) -> str:
        """Name of an attempt's job: the same whoever asks, and no other attempt's of this or another folder of runs."""
        place = self._place(folder)
        whole = f"{self._artifacts}/{place}" if self._artifacts else str(folder)
        readable = re.sub(r"[^A-Za-z0-9]+", "-", place)[-80:].strip("-")
        return f"{readable}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"

    def _room(self, ray: RaySpec) -> int:
        nodes = self.jobs.nodes()
        if room := sum(node.fits(ray) for node in nodes):
            return room
        has = ", ".join(f"{node.name}: {node.cpus:g} CPU, {node.gpus:g} GPU" for node in nodes[:8])
        raise UsageError(
            f"no node of the Ray cluster at {self.jobs.address} has {ray.need} for a training ({has})",
            hint="ask for less with --ray-needs, or say with --workers how many will fit once nodes have joined",
        )


def _lost(job: RayJob) -> Lost:
    """Why a job was lost, by Ray's word, and the last line that it printed where that is known."""
    last = next((line for line in reversed(job.message.splitlines()) if line.strip()), "")
    if job.exit_code is None or job.status == "STOPPED":
        how = "it was stopped" if job.status == "STOPPED" else f"Ray lost it: {job.error or job.message}"
        return Lost(one_line(how, MOST_SAID))
    fatal = job.exit_code in _USELESS or (job.exit_code == 1 and GREETING not in job.message)
    how = "the node could not train" if fatal else f"its runner ended with exit code {job.exit_code}"
    return Lost(one_line(f"{how}: {last}", MOST_SAID), fatal=fatal)


def _replace(out: Path, found: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    found.rename(out)
