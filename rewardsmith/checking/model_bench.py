"""Asks a model a fixed suite of tasks: what is through the gates, how often it is repaired, what it pays whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from rewardsmith import __version__
from rewardsmith.domain.bench import Answer, BenchResult, Suite
from rewardsmith.domain.events import Completed
from rewardsmith.domain.job import RewardLimits, RewardSpec
from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.prompt import Completion, CompletionKey, Context, Message, Request, prompt_hash
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import UsageError
from rewardsmith.executors.executor import Executor
from rewardsmith.models.model import Model, price
from rewardsmith.models.recording import Recorded, recorded_file, write_recorded
from rewardsmith.prompting.forms import source_of, written
from rewardsmith.prompting.messages import compose_first, compose_repair, estimate_tokens
from rewardsmith.reward.process import RewardFailed, RewardProcess
from rewardsmith.screening.screen import Verdict
from rewardsmith.search.agreement import FEWEST_SCORES, correlation
from rewardsmith.search.archive import returns
from rewardsmith.search.assembly import gates
from rewardsmith.search.metering import Metered, check_priced
from rewardsmith.search.planning import budget_of
from rewardsmith.search.surveying import finish
from rewardsmith.search.training import read_report, train_job
from rewardsmith.store.untrusted import MIB, read_record

AT_ONCE = 8
"""Calls side by side."""


@dataclass(frozen=True)
class Subject:
    """A task of the suite, surveyed."""

    task: Task
    survey: Survey
    probe: Probe


class ModelBench:
    """One model's turn at the suite. What is answered is recorded in the folder, and never asked twice.

    Args:
        suite: What is asked.
        samples: Answers to each prompt.
        recipe: The suite's.
        subjects: Its tasks.
        folder: Where answers are recorded; `--model recorded:FOLDER/answers` replays them.
        model: Who is asked, given the names of what the folder holds already.
        stop: Limits of tokens and money.
        unsafe: Whether rewards run without isolation.
    """

    def __init__(
        self,
        suite: Suite,
        samples: int,
        recipe: Recipe,
        subjects: Sequence[Subject],
        folder: Path,
        model: Callable[[frozenset[str]], Model],
        stop: StopSpec,
        *,
        unsafe: bool,
    ) -> None:
        self._suite, self._samples, self._recipe, self._subjects = suite, samples, recipe, subjects
        self._answers, self._folder = folder / "answers", folder
        self._run = Run()
        for recorded in self._recorded():
            self._count(recorded.key, recorded.prompt_hash, recorded.completion)
        self._asked = model(frozenset(each.model for each in self._run.completions))
        check_priced(self._asked, self._asked.name, stop, instead="--max-tokens")
        self._model = Metered(self._asked, stop, lambda: self._run)
        self._unsafe = unsafe
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._screening = asyncio.Lock()

    def plan(self) -> tuple[int, float | None]:
        """Calls that are left at most, and what they cost at most; None where prices are not known."""
        each = self._samples * (1 + self._suite.repairs)
        calls = max(0, each * len(self._subjects) - len(self._run.completions))
        tokens = max(estimate_tokens(self._first(subject)) for subject in self._subjects)
        dollars = price(self._asked, tokens + self._recipe.write.max_tokens, self._recipe.write.max_tokens)
        return calls, None if dollars is None else calls * dollars

    async def ask(self) -> list[Answer]:
        """Every answer, asked for or as recorded, in order.

        Raises:
            ModelUnavailable: The provider keeps failing; what was answered is kept.
            ModelExhausted: A limit was reached, or a folder has no more answers.
        """
        places = [(i, sample) for i in range(len(self._subjects)) for sample in range(self._samples)]
        tasks = [asyncio.create_task(self._answer(*place)) for place in places]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def train(self, answers: Sequence[Answer], executor: Executor, steps: int) -> list[Answer]:
        """The answers with the scores of their trainings; those that ended are not repeated. Blocks.

        Raises:
            InfrastructureError: A worker was lost.
        """
        subjects = {subject.task.name: subject for subject in self._subjects}

        def trained(answer: Answer) -> Answer:
            subject = subjects[answer.task]
            place = self._folder / "trainings" / f"{answer.task}-s{answer.sample:02d}"
            source = (self._folder / "rewards" / f"{answer.task}-s{answer.sample:02d}.py").read_text()
            spec = RewardSpec(kind="candidate", reward_id=answer.reward or "", source=source)
            budget = budget_of(subject.task, "quick", steps)
            job = train_job(subject.task, subject.survey, spec, budget, seed=0, unsafe=self._unsafe)
            ended = finish(executor, place, job)
            return answer.model_copy(update={"score": read_report(ended.folder, job).score})

        with ThreadPoolExecutor(executor.slots) as pool:
            return list(pool.map(lambda each: trained(each) if each.valid else each, answers))

    def result(self, name: str, model: str, answers: Sequence[Answer], steps: int | None) -> BenchResult:
        """What was measured."""
        usage = self._run.usage()
        return BenchResult(
            name=name,
            suite=self._suite,
            model=model,
            served=tuple(sorted({each.model for each in self._run.completions}))[:20],
            samples=self._samples,
            steps=steps,
            answers=tuple(answers),
            tokens=usage.tokens,
            dollars=usage.dollars,
            unpriced=usage.unpriced,
            made_with=__version__,
            ended=datetime.now().astimezone().isoformat(timespec="seconds"),
        )

    def _first(self, subject: Subject) -> tuple[Message, ...]:
        return compose_first(self._recipe, subject.task, subject.survey, subject.probe)

    async def _answer(self, place: int, sample: int) -> Answer:
        subject, key = self._subjects[place], CompletionKey(generation=place + 1, role="designer", slot=sample)
        context = Context(subject.task, subject.survey, subject.probe, history=(), parents=(), seed=0, k=self._samples)
        verdict, code = await self._judged(subject, key, self._first(subject), context)
        first, repairs = verdict.failure, 0
        while verdict.failure and repairs < self._suite.repairs:
            again = replace(context, rejected=(code, verdict.failure))
            call = key.model_copy(update={"role": "repair", "call": repairs})
            verdict, code = await self._judged(subject, call, compose_repair(self._recipe, again), again)
            repairs += 1
        source = verdict.source if verdict.passed else None
        if source is not None:
            self._keep(f"{subject.task.name}-s{sample:02d}.py", source)
        return Answer(
            task=subject.task.name,
            sample=sample,
            valid=verdict.passed,
            repairs=repairs,
            gate=first.gate if first else None,
            kind=first.kind if first else None,
            reward=verdict.analysis.reward_id if source is not None and verdict.analysis else None,
            alignment=None if source is None else await asyncio.to_thread(self._alignment, subject, source),
        )

    async def _judged(
        self, subject: Subject, key: CompletionKey, messages: tuple[Message, ...], context: Context
    ) -> tuple[Verdict, str]:
        """What the gates say of one answer, and its code."""
        write = self._recipe.write
        request = Request(key, messages, context, temperature=write.temperature, max_tokens=write.max_tokens)
        async with self._turns:
            completion = await self._completion(request)
        screen = gates(subject.task, subject.survey, subject.probe, unsafe=self._unsafe)
        async with self._screening:
            verdict = await asyncio.to_thread(screen.judge, lambda: source_of(self._recipe, completion, context), ())
        return verdict, written(write.form, completion)

    async def _completion(self, request: Request) -> Completion:
        """As recorded, if the prompt was the same; else asked for and recorded before anyone uses it."""
        file = recorded_file(self._answers, request.key)
        if file.exists():
            recorded = read_record(self._answers, file.name, Recorded, limit=4 * MIB)
            if recorded.prompt_hash != prompt_hash(request.messages):
                raise UsageError(
                    f"{file}: this was answered to another prompt", hint="begin anew with --again: prompts have changed"
                )
            return recorded.completion
        completion = await self._model.complete(request)
        write_recorded(self._answers, request, completion)
        self._count(request.key, prompt_hash(request.messages), completion)
        return completion

    def _recorded(self) -> list[Recorded]:
        files = sorted(self._answers.glob("g*-*-s*-c*.json")) if self._answers.is_dir() else []
        return [read_record(self._answers, file.name, Recorded, limit=4 * MIB) for file in files]

    def _count(self, key: CompletionKey, asked: str, completion: Completion) -> None:
        self._run.completions.append(
            Completed(
                key=key,
                model=completion.model,
                prompt_hash=asked,
                tokens=completion.prompt_tokens + completion.completion_tokens,
                dollars=completion.dollars,
            )
        )

    def _keep(self, name: str, source: str) -> None:
        folder = self._folder / "rewards"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(source)

    def _alignment(self, subject: Subject, source: str) -> float | None:
        """Whether it pays the survey's episodes as the score ranks them."""
        survey, probe = subject.survey, subject.probe
        parts = [(probe, survey.episodes)] + ([(probe.extremes, survey.extremes)] if probe.extremes else [])
        scores = np.array([episode.score for _, episodes in parts for episode in episodes])
        if len(np.unique(scores)) < FEWEST_SCORES:
            return None
        try:
            with RewardProcess(source, survey.by_name(), limits=RewardLimits(unsafe=self._unsafe)) as process:
                paid = [returns(process, rows, stream=str(i)) for i, (rows, _) in enumerate(parts)]
        except RewardFailed:
            return None
        return correlation(np.concatenate(paid), scores)
