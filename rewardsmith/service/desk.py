"""The desk where runs are asked for: submitted, cancelled, resumed, listed, and handed to a driver."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime

from rewardsmith.app import PERSON, EvolveRequest, Workshop
from rewardsmith.catalogue.recipes import list_recipes
from rewardsmith.catalogue.tasks import list_tasks
from rewardsmith.domain.events import FeedbackGiven, RunStarted, StoredEvent
from rewardsmith.domain.key import Caller, RunLimits
from rewardsmith.domain.offer import ModelSummary
from rewardsmith.domain.plan import Plan, RunSpec, StopSpec
from rewardsmith.domain.request import FeedbackRequest, FeedbackTicket, RunRequest, RunTicket
from rewardsmith.domain.result import RunResult, RunSummary, Status
from rewardsmith.domain.run import ENDED, Run
from rewardsmith.domain.task import Task
from rewardsmith.errors import Conflict, UnknownName, UsageError, one_line
from rewardsmith.models.mixture import authors
from rewardsmith.models.registry import known_models
from rewardsmith.search.chosen import find_candidate
from rewardsmith.service.sizes import ALLOWED, check_size, reserve_of
from rewardsmith.store.leases import Owner

_FOLDERS = {"folder", "recorded"}
"""Models that read files of the server, which nobody names over HTTP."""

_FORMS = {"openai": "openai:NAME", "litellm": "litellm:PROVIDER/NAME"}


class Desk:
    """Takes requests for the runs of one workshop. Safe to use from many threads."""

    def __init__(self, workshop: Workshop, most: RunLimits = ALLOWED) -> None:
        """Take what is asked; of one run, no more than `most`."""
        self.workshop = workshop
        self._most = most

    def submit(self, asked: RunRequest, caller: Caller, submission: str | None = None) -> RunTicket:
        """Check a request and queue its run; a `submission` that named the same request before gives the same run.

        A task that was never surveyed is surveyed first, which takes as long as that.

        Raises:
            UnknownName: There is no such task, recipe, budget or model.
            UsageError: It cannot be carried out as it stands.
            Conflict: The name is taken, or `submission` stands for another request.
            LimitReached: The caller's key has used what it may have within a day.
            InfrastructureError: It cannot be surveyed or stored here and now.
        """
        digest = hashlib.sha256(asked.model_dump_json().encode()).hexdigest()
        known = self.workshop.store.queue.submitted(submission, digest, caller) if submission else None
        if known is None:
            known = self._new(asked, caller, submission, digest)
        return self.ticket(known)

    def _new(self, asked: RunRequest, caller: Caller, submission: str | None, digest: str) -> str:
        spec, plan = self.estimate(asked, caller)
        if self.workshop.folder(spec.run).taken:
            raise Conflict(f"the name {spec.run!r} is taken", hint="take another name, or none")
        return self.workshop.store.queue.submit(
            spec.run,
            [RunStarted(spec=spec, plan=plan)],
            submission=submission,
            digest=digest,
            caller=caller,
            reserve=reserve_of(spec.stop, plan, caller),
        )

    def estimate(self, asked: RunRequest, caller: Caller) -> tuple[RunSpec, Plan]:
        """What a run would be, and what it would take at most; nothing is queued. Raises as `submit`."""
        self._check(asked)
        env, own = self._task(asked)
        name = asked.name or f"{env}-{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        spec, planned = self.workshop.prepare(
            EvolveRequest(
                env=env,
                task=own,
                recipe=asked.recipe,
                model=asked.model,
                budget=asked.budget,
                iterations=asked.iters,
                k=asked.k,
                steps=asked.steps,
                backend=asked.backend,
                device=asked.device,
                worlds=asked.worlds,
                seed=asked.seed,
                baselines=asked.baselines,
                deterministic=asked.deterministic,
                race=asked.race,
                name=name,
                stop=StopSpec(**asked.stop.model_dump()),
            ),
            asker=None if caller.rules else caller.name,
        )
        check_size(spec.stop, planned, caller, self._most)
        return spec, planned

    def _task(self, asked: RunRequest) -> tuple[str, Task | None]:
        """The task that lies in a folder here, and the one that the request brought along, if it did."""
        if isinstance(asked.task, str):
            return asked.task, None
        base = self.workshop.task(asked.task.base)
        own = asked.task.of(base)
        self.workshop.check_rule(own, base)
        return base.name, own

    def _check(self, asked: RunRequest) -> None:
        """Only names reach the catalogue: a path would have the server read, or run, what lies there."""
        folders = self.workshop.folders
        for kind, name, known in (
            ("task", asked.task if isinstance(asked.task, str) else asked.task.base, list_tasks(folders)),
            ("recipe", asked.recipe, list_recipes(folders)),
        ):
            if name not in known:
                raise UnknownName(kind, name, known)
        if asked.model is not None:
            for author in authors(asked.model):
                if author.name.partition(":")[0] in _FOLDERS:
                    raise UsageError(
                        f"model {author.name!r} reads a folder of the server, and requests name none",
                        hint="start such a run with `rewardsmith evolve` on the server itself",
                    )

    def find(self, run: str, caller: Caller) -> None:
        """Raise UnknownName where there is no such run for this caller."""
        if not caller.rules and self.workshop.store.asker(run) != caller.name:
            mine = (row.id for row in self.workshop.store.runs(caller.name))
            raise UnknownName("run", run, mine, hint="GET /v1/runs lists yours")

    def ticket(self, run: str) -> RunTicket:
        """A run's id and status. Raises UnknownName."""
        return RunTicket(id=run, status=self.status(run))

    def status(self, run: str) -> Status:
        """Where a run stands. Raises UnknownName."""
        return self.workshop.result(run).status

    def cancel(self, run: str) -> RunTicket:
        """Cancel a run; a driver notices within seconds. Raises UnknownName, Conflict where it has ended."""
        self.workshop.cancel(run)
        return self.ticket(run)

    def resume(self, run: str) -> RunTicket:
        """Queue a run that is paused, or was killed.

        Raises:
            UnknownName: There is no such run.
            Conflict: It has ended, or asks a person, who is not there.
        """
        state = self.workshop.run(run)
        assert state.spec is not None
        if state.status in ENDED:
            raise Conflict(f"run {run} is {state.status} already", hint="submit a new one")
        if state.spec.watcher == PERSON:
            hint = f"`rewardsmith resume {run}` in a terminal, or with --unwatched"
            raise Conflict(f"run {run} asks a person after each generation, and nobody is there", hint=hint)
        self.workshop.store.queue.add(run)
        return self.ticket(run)

    def feedback(self, run: str, asked: FeedbackRequest) -> FeedbackTicket:
        """Put a person's words into the log of a run, for its next generation.

        Raises:
            UnknownName: There is no such run, or no such candidate in it.
            Conflict: It has ended, or writes no more rewards.
        """
        state = self.workshop.run(run)
        if asked.candidate is not None:
            find_candidate(state, asked.candidate)
        text = one_line(asked.text, len(asked.text))
        stored = self.workshop.store.feed(run, FeedbackGiven(text=text, candidate=asked.candidate))
        assert state.spec is not None
        told = max(state.begun(), 1) + 1
        ticket = self.ticket(run).model_dump()
        return FeedbackTicket(**ticket, event=stored.id, told=told if told <= state.spec.iterations else None)

    def drive(self, most: int, observe: Callable[[StoredEvent, Run], None]) -> RunResult | None:
        """Drive the run that has waited longest to its end; None where none waits or `most` are driven. Blocks.

        Raises:
            Interrupted: The workshop was interrupted; the run is paused, and waits again.
            RewardsmithError: See `rewardsmith.errors`; the run is paused until somebody resumes it.
        """
        lease = self.workshop.store.queue.take(Owner.current(), most=most)
        return None if lease is None else self.workshop.go_on(lease, observe)

    def page(self, caller: Caller, status: Status | None, after: str | None, most: int) -> list[RunSummary]:
        """Up to `most` of the caller's runs, the newest first, from behind the run `after`. Raises UnknownName."""
        return self.workshop.reading.page(status, after, most, asker=None if caller.rules else caller.name)

    def models(self) -> list[ModelSummary]:
        """The kinds of models that a request may name; whether one can be asked shows when it is."""
        return [
            ModelSummary(model=kind, form=_FORMS.get(kind, kind)) for kind in known_models() if kind not in _FOLDERS
        ]
