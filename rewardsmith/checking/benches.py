"""Where results of models lie, which of them is compared with which, and how a further one comes about."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.checking.bench_words import differences, rows
from rewardsmith.checking.model_bench import ModelBench, Subject
from rewardsmith.domain.bench import SUITE, BenchReport, BenchResult, Suite
from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import UnknownName
from rewardsmith.executors.executor import Executor
from rewardsmith.models.registry import open_model
from rewardsmith.store.artifacts import write_durably
from rewardsmith.store.untrusted import MIB, read_record

RESULT = "result.json"
Planned = Callable[[int, float | None], None]
"""Is told how many calls are left at most, and what they cost at most, before the first is made."""


@dataclass(frozen=True)
class Benches:
    """Results of models, a folder each.

    Args:
        folder: Where they lie.
        task: The task of a name.
        recipe: The recipe of a name.
        survey: Surveys a task here, or finds its survey.
        executor: Opens the executor.
        unsafe: Whether rewards run without isolation.
    """

    folder: Path
    task: Callable[[str], Task]
    recipe: Callable[[str], Recipe]
    survey: Callable[[Task], tuple[Survey, Probe]]
    executor: Callable[[], Executor]
    unsafe: bool

    def measure(
        self,
        model: str,
        *,
        samples: int,
        planned: Planned,
        tasks: Sequence[str] = (),
        base_url: str | None = None,
        steps: int | None = None,
        stop: StopSpec | None = None,
        again: bool = False,
    ) -> BenchResult:
        """What a model makes of the suite: measured now, gone on with, or as it was measured. Blocks.

        Args:
            model: Who is asked.
            samples: Answers to each prompt.
            planned: Is told of the cost before anybody is asked.
            tasks: In place of the suite's.
            base_url: Of an OpenAI-compatible server.
            steps: Of the training of each valid answer; None trains nothing.
            stop: Limits of tokens and money.
            again: Ask anew although there is a whole result.

        Raises:
            UsageError: The model cannot be opened, or its answers belong to other prompts.
            ModelUnavailable: It keeps failing. What was answered is kept, and gone on with next time.
            ModelExhausted: A limit was reached.
            InfrastructureError: A worker was lost.
        """
        suite = SUITE.model_copy(update={"tasks": tuple(tasks)}) if tasks else SUITE
        folder = self._place(suite, model, samples, again=again)
        if (folder / RESULT).exists():
            found = self.read(folder.name)
            if steps is None or found.steps == steps:
                return found
        subjects = [Subject(task, *self.survey(task)) for task in map(self.task, suite.tasks)]
        recipe = self.recipe(suite.recipe)
        bench = ModelBench(
            suite,
            samples,
            recipe,
            subjects,
            folder,
            lambda dealt: open_model(model, seed=0, base_url=base_url, dealt=dealt),
            stop or StopSpec(),
            unsafe=self.unsafe,
        )
        planned(*bench.plan())
        answers = asyncio.run(bench.ask())
        if steps is not None:
            answers = bench.train(answers, self.executor(), steps)
        result = bench.result(folder.name, model, answers, steps)
        write_durably(folder / RESULT, (result.model_dump_json(indent=1) + "\n").encode())
        return result

    def report(self, result: BenchResult, against: str | None = None) -> BenchReport:
        """A result in figures, beside an earlier one: the one that is named, else the last of the same suite.

        Raises:
            UnknownName: There is no such result.
        """
        earlier = self.read(against) if against else self._last(result)
        return BenchReport(
            result=result,
            rows=tuple(rows(result)),
            against=earlier.name if earlier else None,
            differences=tuple(differences(result, earlier)) if earlier else (),
            file=str(self.folder / result.name / RESULT),
        )

    def read(self, name: str) -> BenchResult:
        """The result of that name. Raises UnknownName, StoreError."""
        if name not in (known := self._names()):
            raise UnknownName("result", name, known)
        return read_record(self.folder / name, RESULT, BenchResult, limit=8 * MIB)

    def _names(self) -> list[str]:
        return sorted(file.parent.name for file in self.folder.glob(f"*/{RESULT}"))

    def _last(self, result: BenchResult) -> BenchResult | None:
        others = [each for each in map(self.read, self._names()) if each.name != result.name]
        alike = [each for each in others if each.suite == result.suite and each.ended <= result.ended]
        return max(alike, key=lambda each: each.ended, default=None)

    def _place(self, suite: Suite, model: str, samples: int, *, again: bool) -> Path:
        """The folder of the last such result or attempt; a further one where that is whole and another is wanted."""
        tasks = "" if suite.tasks == SUITE.tasks else "-" + "-".join(suite.tasks)
        stem = re.sub(r"[^0-9A-Za-z.]+", "-", f"{model}{tasks}-suite{suite.number}-x{samples}").strip("-.")[:150]
        number = 1
        while (self.folder / f"{stem}-{number + 1}").exists():
            number += 1
        whole = (self.folder / f"{stem}-{number}" / RESULT).exists()
        return self.folder / f"{stem}-{number + (again and whole)}"
