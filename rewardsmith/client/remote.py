"""A server in the place of a workshop: what the commands ask of runs, answered by REST."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from rewardsmith.client.client import Client
from rewardsmith.domain.events import RunStarted, StoredEvent
from rewardsmith.domain.offer import RecipeSummary, TaskSummary
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.result import CandidateResult, RunResult, RunSummary
from rewardsmith.domain.run import ENDED, Run
from rewardsmith.domain.task import Task
from rewardsmith.errors import InfrastructureError, Interrupted, UsageError
from rewardsmith.settings import EvolveRequest

Observer = Callable[[StoredEvent, Run], None]
_HERE = {
    "start_reward": "--start-reward",
    "changes": "--set",
    "watcher": "--human or --watcher",
    "strict": "--strict",
    "record": "--record",
    "base_url": "--base-url",
}
"""What only a run of one's own machine takes."""


class RemoteWorkshop:
    """The runs of a server. Raises the errors of the server, and InfrastructureError where it cannot be reached."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._watched = ""

    @property
    def server(self) -> str:
        """Address of the server."""
        return self._client.url

    @property
    def place(self) -> str:
        """Where the runs are: the server."""
        return self.server

    def prepare(self, request: EvolveRequest, note: Callable[[str], None] | None = None) -> tuple[RunSpec, Plan]:
        """Submit a run; what it was taken for, and its plan.

        Raises:
            UsageError: It asks for what a server does not take, or cannot be carried out as it stands.
        """
        del note
        for name, option in _HERE.items():
            if getattr(request, name):
                raise _refused(option)
        if request.stop.file:
            raise _refused("--stop-file")
        asked: dict[str, Any] = {
            "recipe": request.recipe,
            "model": request.model,
            "budget": request.budget,
            "iters": request.iterations,
            "k": request.k,
            "steps": request.steps,
            "backend": request.backend,
            "device": request.device,
            "worlds": request.worlds,
            "seed": request.seed,
            "baselines": request.baselines,
            "deterministic": request.deterministic,
            "race": request.race,
            "name": request.name,
            "stop": request.stop.model_dump(exclude={"file"}, exclude_none=True),
        }
        ticket = self._client.submit(request.env, **asked)
        first = next(self._client.events(ticket.id))
        if not isinstance(first.event, RunStarted):
            raise InfrastructureError(f"run {ticket.id} does not begin with what it was asked")
        return first.event.spec, first.event.plan

    def evolve(self, spec: RunSpec, planned: Plan, observe: Observer, *, person: object = None) -> RunResult:
        """Watch a submitted run to its end. Raises Interrupted once `interrupt` was called; the run goes on."""
        del planned, person
        return self._watch(spec.run, Run(), observe)

    def resume(self, run: str, observe: Observer, *, person: object = None, watched: bool = True) -> RunResult:
        """Queue a run that is paused, and watch it to its end. Raises as `evolve` does, and Conflict."""
        if person is not None or not watched:
            raise _refused("--human or --unwatched")
        state = self.run(run)
        if state.status not in ENDED:
            self._client.resume(run)
            return self._watch(run, state, observe)
        return self.result(run)

    def _watch(self, run: str, state: Run, observe: Observer) -> RunResult:
        self._watched = run
        for event in self._client.watch(run, after=state.last_event):
            state.apply(event)
            observe(event, state)
        self._watched = ""
        return self.result(run)

    def interrupt(self) -> None:
        """Watch no longer; the run goes on. Raises Interrupted, also out of a signal handler."""
        hint = f"`rewardsmith resume {self._watched} --server {self.server}` watches it again"
        raise Interrupted(f"run {self._watched} goes on at {self.server}", hint=hint)

    def run(self, run: str) -> Run:
        """The run of that name, as it stands. Raises UnknownName."""
        return Run.fold(self._client.log(run))

    def events(self, run: str, *, follow: bool) -> Iterator[StoredEvent]:
        """The run's events so far, or until it ends. Raises UnknownName."""
        return self._client.watch(run) if follow else iter(self._client.log(run))

    def runs(self) -> list[RunSummary]:
        """A line for each run, the newest last."""
        return list(self._client.runs())[::-1]

    def result(self, run: str) -> RunResult:
        """Where a run stands. Raises UnknownName."""
        return self._client.run(run)

    def candidate(self, run: str, candidate: str) -> CandidateResult:
        """All of one candidate. Raises UnknownName."""
        return self._client.candidate(run, candidate)

    def cancel(self, run: str) -> None:
        """Cancel a run for good. Raises UnknownName, Conflict where it has ended."""
        self._client.cancel(run)

    def report(self, run: str, to: Path | None = None) -> tuple[Path, ...]:
        """Write `report.html` and `report.md` of a run into the folder `to`, which is needed; the files."""
        if to is None:
            raise UsageError("the run's own folder is the server's", hint="name one of yours: -o FOLDER")
        pages = {to / f"report.{kind}": self._client.report(run, kind) for kind in ("html", "md")}
        to.mkdir(parents=True, exist_ok=True)
        for file, text in pages.items():
            file.write_text(text, encoding="utf-8")
        return tuple(pages)

    def export(self, run: str, candidate: str) -> str:
        """The candidate's reward as the text of one self-contained file."""
        return self._client.reward(run, candidate)

    def export_policy(self, run: str, candidate: str, folder: Path) -> list[Path]:
        """Raises UsageError: policies stay at the server."""
        del run, candidate, folder
        raise _refused("--policy")

    @property
    def keeper(self) -> NoReturn:
        """Raises UsageError: a lock is made where the archives lie."""
        raise _refused("--lock")

    def task_lines(self) -> list[TaskSummary]:
        """A line for each task."""
        return self._client.tasks()

    def task(self, name: str) -> Task:
        """The task of that name. Raises UnknownName."""
        return self._client.task(name)

    def recipe_lines(self) -> list[RecipeSummary]:
        """A line for each recipe."""
        return self._client.recipes()


def _refused(option: str) -> UsageError:
    return UsageError(f"{option} makes no sense with --server", hint="leave it out, or leave out --server")
