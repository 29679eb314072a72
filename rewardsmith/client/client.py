"""`rewardsmith.Client`: the service from Python, in the types of the command line's JSON."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from types import TracebackType
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pydantic import ValidationError

from rewardsmith.client.answers import T, read, read_log
from rewardsmith.domain.events import StatusChanged, StoredEvent
from rewardsmith.domain.inline import InlineTask
from rewardsmith.domain.offer import ModelSummary, RecipeSummary, TaskSummary
from rewardsmith.domain.regression import TIERS, TOLERANCE, CheckResult, Untrained
from rewardsmith.domain.request import CandidateSummary, FeedbackTicket, RunPage, RunRequest, RunTicket
from rewardsmith.domain.result import Best, CandidateResult, RunResult, RunSummary, Status
from rewardsmith.domain.task import Task
from rewardsmith.errors import InfrastructureError, MissingExtra, UsageError

_GRACE_S = 2.0
"""How long a run may look paused while it is on its way back into the queue."""


class Client:
    """One server. Raises the errors of `rewardsmith.errors`; InfrastructureError where it cannot be reached."""

    def __init__(self, url: str, key: str | None = None, *, timeout_s: float = 120.0) -> None:
        """Open no connection yet.

        Args:
            url: Such as `http://127.0.0.1:8080`.
            key: An API key of the server; None where it asks for none.
            timeout_s: How long an answer may take; that to a task's first run includes its survey.

        Raises:
            UsageError: The address is none.
            MissingExtra: Packages are missing.
        """
        try:
            from rewardsmith.client.wire import Wire
        except ModuleNotFoundError as error:
            hint = "pip install 'rewardsmith[client]'"
            raise MissingExtra(f"rewardsmith.Client needs the package {error.name}", hint=hint) from error
        self._wire = Wire(url, key, timeout_s)
        self.url = self._wire.url
        """Address of the server."""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _: BaseException | None, _t: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every connection."""
        self._wire.close()

    def submit(
        self, task: str | InlineTask | dict[str, Any], *, idempotency_key: str | None = None, **request: Any
    ) -> RunTicket:
        """Queue a run; sent again where the connection broke, it is one run.

        Args:
            task: Name of a task of the server, or one of your own in the environment of one.
            idempotency_key: What stands for this request; a random one when absent.
            request: Further fields of `rewardsmith.domain.request.RunRequest`.

        Raises:
            UsageError: It cannot be carried out as it stands.
            ScoreRuleError: The task brings a score rule that cannot be used.
            Conflict: The name is taken, or the key stands for another request.
        """
        try:
            asked = RunRequest.model_validate({"task": task, **request})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the request"
            raise UsageError(f"{where}: {first['msg']}", hint="see the fields of RunRequest") from error
        body = asked.model_dump(mode="json", exclude_unset=True)
        headers = {"Idempotency-Key": idempotency_key or uuid4().hex}
        for attempt in (1, 2, 3):
            try:
                return self._read(RunTicket, self._wire.post("/runs", body, **headers))
            except InfrastructureError:
                if attempt == 3:
                    raise
                time.sleep(attempt)
        raise AssertionError

    def runs(self, status: Status | None = None) -> Iterator[RunSummary]:
        """A line for each run, the newest first, fetched page by page."""
        cursor = None
        while True:
            page = self._read(RunPage, self._wire.get("/runs", status=status, cursor=cursor, limit=200))
            yield from page.runs
            if page.next is None:
                return
            cursor = page.next

    def run(self, run: str) -> RunResult:
        """Where a run stands. Raises UnknownName."""
        return self._read(RunResult, self._wire.get(f"{_place(run)}"))

    def cancel(self, run: str) -> RunTicket:
        """Cancel a run for good. Raises UnknownName, Conflict where it has ended."""
        return self._read(RunTicket, self._wire.post(f"{_place(run)}/cancel"))

    def resume(self, run: str) -> RunTicket:
        """Queue a run that is paused. Raises UnknownName, Conflict where it has ended."""
        return self._read(RunTicket, self._wire.post(f"{_place(run)}/resume"))

    def feedback(self, run: str, text: str, candidate: str | None = None) -> FeedbackTicket:
        """Say something about a run, or one candidate, to its next generation. Raises UnknownName, Conflict."""
        body = {"text": text, "candidate": candidate}
        return self._read(FeedbackTicket, self._wire.post(f"{_place(run)}/feedback", body))

    def candidates(self, run: str) -> list[CandidateSummary]:
        """Every candidate so far, without its code. Raises UnknownName."""
        return self._read(list[CandidateSummary], self._wire.get(f"{_place(run)}/candidates"))

    def candidate(self, run: str, candidate: str) -> CandidateResult:
        """All of one candidate. Raises UnknownName."""
        return self._read(CandidateResult, self._wire.get(f"{_place(run)}/candidates/{quote(candidate, safe='')}"))

    def best(self, run: str) -> Best:
        """The reward that a run stands by so far. Raises UnknownName, NotYet."""
        return self._read(Best, self._wire.get(f"{_place(run)}/best"))

    def reward(self, run: str, candidate: str | None = None) -> str:
        """A candidate's exported file, the best's when absent. Raises UnknownName, NotYet."""
        place = "best" if candidate is None else f"candidates/{quote(candidate, safe='')}"
        return self._wire.get(f"{_place(run)}/{place}/reward.py").decode()

    def check(
        self,
        reward: str,
        run: str,
        candidate: str | None = None,
        *,
        tolerance: float = TOLERANCE,
        tiers: Collection[Untrained] = TIERS,
    ) -> CheckResult:
        """Whether a reward, in the contract or as `reward` gave it, is what a candidate was, the best's when absent.

        Raises:
            UnknownName, NotYet: There is no such run or candidate, or no scored one.
            UsageError: The candidate was never trained.
        """
        body = {"run": run, "candidate": candidate, "reward": reward, "tolerance": tolerance, "tiers": [*tiers]}
        return self._read(CheckResult, self._wire.post("/checks", body))

    def report(self, run: str, kind: str = "html") -> str:
        """The report as the run stands now: `html`, one page, or `md`. Raises UnknownName."""
        return self._wire.get(f"{_place(run)}/report.{kind}").decode()

    def log(self, run: str) -> list[StoredEvent]:
        """The run's events so far. Raises UnknownName."""
        return read_log(self._wire.get(f"{_place(run)}/events.json"), self.url)

    def events(self, run: str, after: int = 0) -> Iterator[StoredEvent]:
        """The run's events with ids above `after`, as they come, each once, to its last, whatever breaks between.

        Raises:
            UnknownName: There is no such run.
            InfrastructureError: The server was out of reach for about a minute.
        """
        return self._wire.events(f"{_place(run)}/events", after)

    def watch(self, run: str, after: int = 0) -> Iterator[StoredEvent]:
        """The same, until the run ends or is paused for good."""
        for event in self.events(run, after):
            yield event
            paused = isinstance(event.event, StatusChanged) and event.event.status == "paused"
            if paused and self._stays_paused(run):
                return

    def wait(self, run: str) -> RunResult:
        """Where a run stands once it has ended, or is paused. Raises as `events` does."""
        for _ in self.watch(run):
            pass
        return self.run(run)

    def tasks(self) -> list[TaskSummary]:
        """Every task of the server."""
        return self._read(list[TaskSummary], self._wire.get("/tasks"))

    def task(self, name: str) -> Task:
        """One task, whole. Raises UnknownName."""
        return self._read(Task, self._wire.get(f"/tasks/{quote(name, safe='')}"))

    def recipes(self) -> list[RecipeSummary]:
        """Every recipe of the server."""
        return self._read(list[RecipeSummary], self._wire.get("/recipes"))

    def models(self) -> list[ModelSummary]:
        """The kinds of models of the server."""
        return self._read(list[ModelSummary], self._wire.get("/models"))

    def _stays_paused(self, run: str) -> bool:
        """Whether nobody takes it up again; a driver that is told to leave pauses it, too, and then queues it."""
        try:
            if self.run(run).status != "paused":
                return False
            time.sleep(_GRACE_S)
            return self.run(run).status == "paused"
        except InfrastructureError:  # the server is being restarted: the stream will tell
            return False

    def _read(self, kind: type[T], text: bytes) -> T:
        return read(kind, text, self.url)


def _place(run: str) -> str:
    return f"/runs/{quote(run, safe='')}"
