"""The composition root: rooms wired to what they stand on. Command line, Python and service come through here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from rewardsmith.catalogue.recipes import recipe_files, recipe_from_files
from rewardsmith.catalogue.sandboxes import sandbox_from_anywhere
from rewardsmith.catalogue.tasks import list_tasks
from rewardsmith.checking.benches import Benches
from rewardsmith.checking.keeper import Keeper
from rewardsmith.checking.prompts import Prompter
from rewardsmith.checking.simulator import Simulator
from rewardsmith.domain.events import StoredEvent
from rewardsmith.domain.film import VideoResult
from rewardsmith.domain.job import Progress, RewardLimits
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.prompt import Message
from rewardsmith.domain.result import CandidateResult, RunResult, RunSummary, ScreenResult, TrainResult
from rewardsmith.domain.run import ENDED, Run
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Task
from rewardsmith.driver import Driver
from rewardsmith.executors.gpus import side_by_side
from rewardsmith.models.registry import default_model
from rewardsmith.premises import Note, Premises
from rewardsmith.prompting.messages import check_templates, compose_first
from rewardsmith.reports.files import report_as, write_report
from rewardsmith.retrieval.nearest import retrieve
from rewardsmith.search.assembly import gates
from rewardsmith.search.chosen import candidate_result, find_candidate
from rewardsmith.search.driving import Interruption
from rewardsmith.search.filming import Camera, film_one, refuse_undrawn
from rewardsmith.search.journal import Observer
from rewardsmith.search.planning import budget_of, run_spec
from rewardsmith.search.preparing import prepare
from rewardsmith.search.ruling import check_rule
from rewardsmith.search.single import reward_spec, screen_files, train_alone
from rewardsmith.search.telling import Reading, told
from rewardsmith.search.training import train_job
from rewardsmith.search.watching import PERSON, Watcher
from rewardsmith.settings import DEFAULT_EXECUTOR, DEFAULT_SANDBOX, EvolveRequest, Settings
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.database import sqlite_path
from rewardsmith.store.leases import Lease, Owner

__all__ = ["PERSON", "EvolveRequest", "Settings", "Workshop"]


class Workshop(Premises):
    """What can be asked of one process: by the command line, from Python, by the service."""

    server: None = None
    """Address of the server whose runs these are: they are one's own."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._interruption = Interruption()

    @cached_property
    def driver(self) -> Driver:
        """Drives these runs."""
        unsafe, asked = self.settings.unsafe, self._interruption
        return Driver(self.store, self.reading, lambda: self.executor, self.survey, self.report, asked, unsafe)

    @cached_property
    def keeper(self) -> Keeper:
        """Locks rewards of these runs, and checks kept ones."""

        def known(name: str) -> Task | None:
            return self.task(name) if name in list_tasks(self.folders) else None

        limits = RewardLimits(unsafe=self.settings.unsafe)
        simulator = Simulator(lambda: self.executor, self.place / "checks", limits)
        return Keeper(self.store, self.reading, known, self.survey, simulator, limits)

    @property
    def prompter(self) -> Prompter:
        """Records prompts, and renders them again."""
        return Prompter(self.task, self.recipe, lambda name: recipe_files(name, self.folders), self.survey, self.told)

    @property
    def benches(self) -> Benches:
        """What models made of the suite."""
        folder, unsafe = self.place / "benches", self.settings.unsafe
        return Benches(folder, self.task, self.recipe, self.survey, lambda: self.executor, unsafe)

    def check_rule(self, task: Task, base: Task) -> None:
        """Try the score rule of a task that a request brought along on episodes of `base`. Raises ScoreRuleError."""
        check_rule(task, *self.survey(base), unsafe=self.settings.unsafe)

    def prepare(
        self, request: EvolveRequest, note: Note | None = None, *, asker: str | None = None
    ) -> tuple[RunSpec, Plan]:
        """Load and check everything that a run needs, survey the task if need be, and estimate the cost.

        It learns from earlier runs: from all of them, or from those that belong to the key `asker` alone.
        """
        task = (request.task or self.task(request.env)).on(request.backend, request.device, request.worlds)
        if request.watcher is not None:
            refuse_undrawn(task)
        self.refuse_untrainable(task)
        files = recipe_files(request.recipe, self.folders, request.changes)
        recipe = recipe_from_files(self.folders.find("prompts", request.recipe)[0], files)
        check_templates(recipe)
        spec = run_spec(
            request,
            task,
            recipe,
            files,
            model=request.model or default_model(),
            sandbox=sandbox_from_anywhere(self.settings.sandbox or DEFAULT_SANDBOX, self.folders),
            executor=self.settings.executor or DEFAULT_EXECUTOR,
            ray=self.settings.ray,
            artifacts=self.settings.artifacts,
            workers=side_by_side(self.executor, task.trainer.gpus) if task.trainer.gpus else self.workers,
            now=datetime.now(),
        )
        start, unsafe = request.start_reward, self.settings.unsafe
        earlier = partial(self.reading.last, asker=asker)
        surveyed = partial(self.survey, task, note=note, strange=request.task is not None)
        return prepare(spec, recipe, surveyed, earlier, start=start, unsafe=unsafe)

    def evolve(self, spec: RunSpec, planned: Plan, observe: Observer, *, person: Watcher | None = None) -> RunResult:
        """Start a run and see it to its end, asking `person`; see `rewardsmith.driver.Driver.begin`."""
        return self.driver.begin(spec, planned, observe, person=person)

    def resume(self, run: str, observe: Observer, *, person: Watcher | None = None, watched: bool = True) -> RunResult:
        """Go on with a run that was interrupted, paused or killed, unless told with nobody watching any more.

        Blocks; raises as `evolve` does.
        """
        state = self.run(run)
        if state.status in ENDED:
            return self.result(run)
        assert state.spec is not None
        self._train_as(state)
        self.refuse_untrainable(state.spec.task)
        lease = self.store.claim(run, owner=Owner.current())
        return self.driver.drive(lease, observe, person=person, watched=watched)

    def go_on(self, lease: Lease, observe: Observer, **watching: Any) -> RunResult:
        """Drive a run that this process has claimed to its end, if it has not ended. Blocks; raises as `evolve`."""
        self._train_as(self.run(lease.run))
        return self.driver.drive(lease, observe, **watching)

    def cancel(self, run: str) -> None:
        """Cancel a run; see `rewardsmith.driver.Driver.cancel`. What others are trained with stays as it is."""
        its = Workshop(self.settings)
        vars(its)["store"] = self.store
        its._train_as(self.run(run))
        its.driver.cancel(run)

    def report(self, run: str, to: Path | None = None) -> tuple[Path, ...]:
        """Write `report.html` and `report.md` of a run into the folder `to`, the run's own when absent; the files."""
        state = self.run(run)
        return write_report(state, self.result(run), self.survey_of(state), self.folder(run), to)

    def report_as(self, name: str, run: str) -> bytes:
        """What would stand in one of the two files now; nothing is written."""
        state = self.run(run)
        return report_as(name, state, self.result(run), self.survey_of(state), self.folder(run))

    def _train_as(self, run: Run) -> None:
        """From now on use the sandbox, the executor and the depot of a run, where nobody asked for others."""
        if (spec := run.spec) is not None:
            own, executor = self.settings, self.settings.executor or spec.executor
            self.settings = replace(
                own,
                sandbox=own.sandbox or spec.sandbox,
                executor=executor,
                ray=own.ray or spec.ray,
                artifacts=own.artifacts or spec.artifacts,
            )
            if self.settings.artifacts != own.artifacts:
                for knows_the_depot in ("depot", "reading", "driver"):
                    vars(self).pop(knows_the_depot, None)

    def interrupt(self) -> None:
        """Finish cleanly: stop the trainings, keep what is finished, leave the run paused. Safe in a signal handler."""
        self._interruption.ask()

    def run(self, run: str) -> Run:
        """The run of that name, not to be changed. Raises UnknownName."""
        return self.reading.run(run)

    def events(self, run: str, *, follow: bool) -> Iterator[StoredEvent]:
        """The run's events so far, or as they come. Raises UnknownName."""
        return self.reading.events(run, follow=follow)

    def runs(self) -> list[RunSummary]:
        """A line for each run, the newest last; to look makes no database where none is."""
        file = sqlite_path(str(self.database))
        if file is not None and not file.exists():
            return []
        return [line for row in self.store.runs() if (line := self.reading.summary(row))]

    def result(self, run: str) -> RunResult:
        """Where a run stands. Raises UnknownName."""
        return self.reading.result(run)

    def candidate(self, run: str, candidate: str) -> CandidateResult:
        """All of one candidate. Raises UnknownName."""
        state = self.run(run)
        return self.reading.told(candidate_result(state, find_candidate(state, candidate), self.folder(run)))

    def survey_of(self, run: Run) -> Survey | None:
        """The survey that a run rests on, if it is still there."""
        return self.reading.survey_of(run)

    def folder(self, run: str) -> RunFolder:
        """The folder of a run."""
        return self.reading.folder(run)

    def export(self, run: str, candidate: str) -> str:
        """The candidate's reward as the text of one self-contained file."""
        from rewardsmith.export.handing import hand_out_reward

        state = self.run(run)
        assert state.spec is not None
        return hand_out_reward(state, state.candidates[candidate], self.survey(state.spec.task)[0], self.result(run))

    def export_policy(self, run: str, candidate: str, folder: Path) -> list[Path]:
        """Write the candidate's best trained policy, with a loader, into `folder`; the files written."""
        from rewardsmith.export.handing import hand_out_policy

        state = self.run(run)
        return hand_out_policy(state, state.candidates[candidate], self.folder(run), folder)

    def video(self, run: str, subject: str | None = None, to: Path | None = None) -> VideoResult:
        """Film an episode of a candidate's policy or a baseline's; MP4 and GIF in its folder, or at `to`. Blocks."""
        state = self.run(run)
        assert state.spec is not None
        self._train_as(state)
        camera = Camera(state, self.executor, self.folder(run), self.survey(state.spec.task)[0])
        filmed = asyncio.run(film_one(camera, subject, to))
        if to is None:
            self.report(run)
        return filmed

    def screen(self, files: Sequence[str], env: str) -> list[ScreenResult]:
        """Which gate each file (a module or a raw completion) passes or fails, and why."""
        task = self.task(env)
        return screen_files(files, gates(task, *self.survey(task), unsafe=self.settings.unsafe))

    def train(
        self,
        reward: str,
        env: str,
        *,
        steps: int | None = None,
        seed: int = 0,
        budget: str = "standard",
        backend: str | None = None,
        device: Literal["cpu", "cuda"] | None = None,
        worlds: int | None = None,
        video: bool = False,
        observe: Callable[[Progress], None] | None = None,
    ) -> TrainResult:
        """Train and score one reward: a file in the contract, `human`, or `sparse`. Blocks."""
        task = self.task(env).on(backend, device, worlds)
        if video:
            refuse_undrawn(task)
        self.refuse_untrainable(task)
        given = budget_of(task, budget, steps)
        found, probe = self.survey(task)
        spec = reward_spec(reward, task, found)
        folder = self.place / "trainings" / f"{task.name}-{spec.reward_id}-s{seed}-{datetime.now():%Y%m%d-%H%M%S}"
        job = train_job(task, found, spec, given, seed=seed, final=True, video=video, unsafe=self.settings.unsafe)
        return train_alone(self.executor, job, found, probe, folder, observe)

    def prompts(self, env: str, recipe: str) -> tuple[Message, ...]:
        """The messages of the first generation."""
        task, found = self.task(env), self.recipe(recipe)
        seen, probe = self.survey(task)
        return compose_first(found, task, seen, probe, retrieve(found.retrieve, self.reading.last(0), task, seen))

    def told(
        self, run: str, recipe: str | None = None, *, generation: int | None = None, slot: int = 0
    ) -> tuple[Message, ...]:
        """The messages of a run's next generation, or an earlier one; by its own recipe, or by another one."""
        state = self.run(run)
        assert state.spec is not None
        asked = self.recipe(recipe) if recipe else recipe_from_files(state.spec.recipe, state.spec.recipe_files)
        reading, found = Reading(self.store, state), self.survey(state.spec.task)
        return told(reading, asked, *found, generation=generation, slot=slot)
