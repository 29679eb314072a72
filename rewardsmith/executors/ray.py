"""`ray`: attempts are jobs of an existing Ray cluster, asked for by HTTP. What drives a run may come and go.

The files of an attempt are where its node can reach them: in the folder of the runs, which every node then has at the
same path, or in the depot (`--artifacts`), from which they are brought home. Nobody relies on locks between hosts:
that an attempt lives, Ray says.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shlex
import time
from pathlib import Path

from rewardsmith.domain.cluster import RaySpec
from rewardsmith.domain.job import Job, TrainJob
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import DepotAway, ExecutorAway, InfrastructureError, UsageError, WorkerFailed, one_line
from rewardsmith.executors.attempt_folder import read_result
from rewardsmith.executors.ended import MOST_SAID, ended
from rewardsmith.executors.executor import Done, Lost, Running
from rewardsmith.executors.fitting import for_job
from rewardsmith.executors.ray_files import RayFiles
from rewardsmith.executors.ray_jobs import ALIVE, RayJob, RayJobs
from rewardsmith.executors.ray_looks import Looks
from rewardsmith.executors.ray_node import GREETING, WITHDRAWN, Errand, versions
from rewardsmith.store.artifacts import write_durably

_AWAY_S = 60.0
"""How long a cluster or a depot may be away before a poll says so."""
_LATE_S = 60.0
"""How long after the end of a job its files may come to a folder that is shared over a network."""
_NUDGE_S = 60.0
"""How often the head is reminded of its jobs: one that was restarted looks after none before it is sent one."""
_STOP_S = 60.0
_PAUSE_S = 0.2
_USELESS = (2, 126, 127)
"""Exit codes of a job that no such node can do: see `ray_node.USELESS`; the shell finds no interpreter."""


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
        self._files = RayFiles(runs, artifacts)
        self.jobs = RayJobs(ray)
        self.version = self.jobs.version()
        self.slots = slots or self._room(ray)
        self._ray, self._sandbox, self._worker = ray, sandbox, worker
        self._looks = Looks(self.jobs)
        self._since: dict[str, float] = {}
        self._finished: set[str] = set()
        """Jobs of which nothing more is wanted: Ray itself would keep them for ever."""

    def start(self, folder: Path, job: Job, *, resume_from: Path | None = None) -> None:
        """Submit the attempt; one that has failed is submitted anew. See `Executor.start`."""
        folder = folder.resolve()
        name = self.name_of(folder)
        found = self.jobs.look(name)
        waits = found is not None and found.status == "PENDING" and (folder / WITHDRAWN).exists()
        if found is not None and found.status in ALIVE and not waits:
            return
        if read_result(folder) is not None or (found and found.status == "SUCCEEDED" and self._files.home(folder)):
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / "job.json", job.model_dump_json().encode())
        except OSError as error:
            hint = "is the disk full, or the folder read-only?"
            raise InfrastructureError(f"cannot write {folder}: {error.strerror}", hint=hint) from error
        command = self._command(folder, job, resume_from)
        if waits:
            return
        if found is not None:
            self.jobs.forget(name)
        self._looks.drop(name)
        self._since.pop(name, None)
        self._forget_finished()
        gpus = job.task.trainer.gpus if isinstance(job, TrainJob) else 0.0
        self.jobs.submit(name, command, self._with(gpus))

    def poll(self, folder: Path) -> Running | Done | Lost:
        """What has become of it; one that the cluster does not answer for counts as alive, for a minute.

        Raises:
            ExecutorAway, DepotAway: Since a minute.
        """
        folder = folder.resolve()
        if (result := read_result(folder)) is not None:
            self._finish(folder)
            return ended(folder, result)
        try:
            state = self._state(folder)
        except (ExecutorAway, DepotAway):
            if self._waited("away") > _AWAY_S:
                raise
            return Running(None)
        self._since.pop("away", None)
        if isinstance(state, Done):
            self._finish(folder)
        elif isinstance(state, Lost):
            self._looks.drop(self.name_of(folder))
        return state

    def stop(self, folder: Path) -> None:
        """Have Ray end it and all below it; what had ended well is brought home, and its job forgotten.

        A job that waits for room holds no process, and Ray cannot end it: when it begins it finds that nobody wants it.
        """
        folder = folder.resolve()
        name = self.name_of(folder)
        deadline = time.monotonic() + _STOP_S
        self._looks.drop(name)
        found = self.jobs.look(name)
        if found is not None and found.status in ALIVE:
            self.jobs.stop(name)
        while found is not None and found.status in ALIVE:
            if time.monotonic() > deadline:
                raise InfrastructureError(f"Ray does not end the job {name}", hint=f"see {self.jobs.address}")
            if found.status == "PENDING":
                self._files.withdraw(folder)
            time.sleep(_PAUSE_S)
            before, found = found, self.jobs.look(name)
            if before.status == "PENDING" and found is not None and found.status == "PENDING":
                return
        if found is not None and found.status == "SUCCEEDED":
            self._files.home(folder)
            self.jobs.forget(name)
        elif found is not None:
            self._files.salvage(folder)

    def inspect(self, node: str, folder: Path) -> str:
        """What a node of that address says of itself once it has tried all that a training needs.

        Args:
            node: The node.
            folder: A folder of one's own below that of the runs, to be seen from there.

        Raises:
            WorkerFailed: It cannot train, and why.
        """
        write_durably(folder / "job.json", b"{}")
        name = self.name_of(folder)
        self.jobs.submit(name, self._command(folder, look=True), self._ray, node=node)
        deadline = time.monotonic() + _STOP_S
        while (job := self.jobs.look(name)) is None or job.status in ALIVE:
            if time.monotonic() > deadline:
                self.jobs.stop(name)
                raise WorkerFailed(f"a job for it did not end within {_STOP_S:g} s", hint="has it room now?")
            time.sleep(_PAUSE_S)
        if job.status != "SUCCEEDED":
            raise WorkerFailed(_lost(job).reason, hint="see docs/scaling.md; --ray-python names another interpreter")
        return one_line(self.jobs.logs(name).strip().rpartition("\n")[2], MOST_SAID)

    def _state(self, folder: Path) -> Running | Done | Lost:
        name = self.name_of(folder)
        job, withdrawn = self._looks.of(name), (folder / WITHDRAWN).exists()
        if job is not None and job.status in ALIVE and not (withdrawn and job.status == "PENDING"):
            self._nudge(name, job)
            return Running(self._files.progress(folder))
        if (job is None or job.status == "SUCCEEDED") and (result := self._files.home(folder)) is not None:
            return ended(folder, result)
        if withdrawn:
            return Lost("it was stopped before it began")
        if job is None:
            self._files.salvage(folder)
            return Lost("Ray knows of no such job: it was never submitted, or the head of the cluster was restarted")
        if job.status == "SUCCEEDED":
            if self._waited(name) < _LATE_S:
                return Running(None)
            return Lost(f"it ended, but its files did not come to {folder}: is the folder shared with every node?")
        if job.error == "JOB_SUPERVISOR_ACTOR_START_TIMEOUT":  # it only waited, longer than Ray lets a job wait
            self.jobs.forget(name)
            self.jobs.submit(name, job.entrypoint, self._with(job.gpus))
            self._looks.drop(name)
            return Running(None)
        self._files.salvage(folder)
        return _lost(job)

    def _nudge(self, name: str, job: RayJob) -> None:
        """Submit a job that there is, now and then, which is refused, and has the head look after all of them."""
        if self._waited("nudge") > _NUDGE_S:
            self._since.pop("nudge", None)
            with contextlib.suppress(InfrastructureError):
                self.jobs.submit(name, job.entrypoint, self._with(job.gpus))

    def _with(self, gpus: float) -> RaySpec:
        """What a job takes that itself wants so many GPUs."""
        return self._ray.model_copy(update={"gpus": max(self._ray.gpus, gpus)})

    def _finish(self, folder: Path) -> None:
        name = self.name_of(folder)
        self._looks.drop(name)
        self._finished.add(name)

    def _forget_finished(self) -> None:
        while self._finished:
            with contextlib.suppress(InfrastructureError, KeyError):
                self.jobs.forget(self._finished.pop())

    def _waited(self, what: str) -> float:
        """Seconds since this was first asked."""
        now = time.monotonic()
        return now - self._since.setdefault(what, now)

    def _command(
        self, folder: Path, job: Job | None = None, resume_from: Path | None = None, *, look: bool = False
    ) -> str:
        place, resume = (str(folder), None) if look else self._files.hand_over(folder, resume_from)
        errand = Errand(
            versions=versions(),
            folder=place,
            resume=resume,
            depot=self._files.depot,
            sandbox=self._sandbox if job is None else for_job(self._sandbox, job),
            worker=self._worker,
            look=look,
        )
        asked = errand.model_dump_json(exclude_defaults=True)
        return shlex.join(["exec", self._ray.python, "-s", "-P", "-m", "rewardsmith.executors.ray_node", asked])

    def name_of(self, folder: Path) -> str:
        """Name of an attempt's job: the same whoever asks, and no other attempt's of this or another folder of runs."""
        place = self._files.place(folder)
        whole = f"{self._files.depot}/{place}" if self._files.depot else str(folder)
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
