"""Prompt drift: every prompt of a recording rendered anew, compared, and what has changed beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from rewardsmith import __version__
from rewardsmith.checking.changes import capped
from rewardsmith.domain.drift import PromptRecording, RecordedPrompt
from rewardsmith.domain.prompt import Context, Message
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.regression import Change, CheckResult, Finding, TierResult
from rewardsmith.domain.report import Failure
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import UsageError
from rewardsmith.prompting.messages import compose_first, compose_repair
from rewardsmith.store.untrusted import MIB, read_untrusted

_LIMIT = 8 * MIB
_REJECTED = (
    "def compute_reward(speed):\n    return speed\n",
    Failure(gate="probe", kind="return_value", message="it returns no dictionary of components", line=2),
)
"""What the repair prompt of every recording is about."""
_SURVEYED = {"signals", "view", "dt", "horizon", "action_low", "action_high", "episodes"}
"""What of a survey reaches a prompt."""


class Told(Protocol):
    """What a generation of a run is told."""

    def __call__(self, run: str, recipe: str | None = None, *, generation: int | None = None) -> tuple[Message, ...]:
        """Its messages. Raises UnknownName, UsageError."""
        ...


@dataclass(frozen=True)
class Prompter:
    """Records prompts and renders them again.

    Args:
        task: The task of that name or folder.
        recipe: The recipe of that name or folder.
        files: The files of that recipe, by name.
        survey: Surveys a task here, or finds its survey.
        told: What a generation of a run is told.
    """

    task: Callable[[str], Task]
    recipe: Callable[[str], Recipe]
    files: Callable[[str], dict[str, str]]
    survey: Callable[[Task], tuple[Survey, Probe]]
    told: Told

    def record(self, recipe: str, env: str, run: str | None = None, generations: int = 0) -> PromptRecording:
        """Every prompt: the first, the one that asks for a repair, and those of a run's first generations.

        Raises:
            UnknownName: There is no such recipe, task or run.
            RecipeError: A template is wrong.
            UsageError: The run has not so many generations.
        """
        task, found = self.task(env), self.recipe(recipe)
        survey, probe = self.survey(task)
        titled = list(_titled("first", compose_first(found, task, survey, probe)))
        if "repair" in found.templates:
            first = Context(task, survey, probe, history=(), parents=(), seed=0, k=found.write.k)
            messages = compose_repair(found, replace(first, rejected=_REJECTED))
            titled += [each for each in _titled("repair", messages) if each.lines not in {t.lines for t in titled}]
        for generation in range(2, generations + 2) if run else ():
            titled += _titled(f"generation {generation}", self.told(run or "", recipe, generation=generation))
        inputs = {f"{found.name}/{name}": _hash(text) for name, text in sorted(self.files(recipe).items())}
        inputs |= {"task": _hash(task.model_dump_json(exclude={"budgets", "module_source"}))}
        inputs |= {"survey": _hash(survey.model_dump_json(include=_SURVEYED))}
        return PromptRecording(
            recipe=recipe,
            task=env,
            run=run,
            generations=generations,
            made_with=__version__,
            inputs=inputs,
            prompts=tuple(titled),
        )


def compare(name: str, before: PromptRecording, now: PromptRecording) -> CheckResult:
    """What differs between the recording that is called `name` and the same rendered now."""
    findings, verdict = tuple(_moved(before, now)), "passed"
    changes: tuple[Change, ...] = ()
    if findings:
        verdict, changes = "regressed", (*_inputs(before, now), *_diffs(before, now))
    tier = TierResult(tier="prompts", verdict=verdict, findings=findings)
    return CheckResult(reward=name, verdict=verdict, tiers=(tier,), changes=changes)


def recording_text(recording: PromptRecording) -> str:
    """The recording for people and their diffs: one line of a prompt to a line."""
    return json.dumps(recording.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def read_recording(path: Path) -> PromptRecording:
    """The recording of a file.

    Raises:
        UsageError: There is none, or the file is something else.
    """
    hint = f"`rewardsmith check --recipe NAME --env TASK --update {path}` makes one"
    if not path.exists():
        raise UsageError(f"there is no recording of prompts: {path}", hint=hint)
    try:
        return PromptRecording.model_validate_json(read_untrusted(path.parent, path.name, limit=_LIMIT))
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{path} is no recording of prompts: {first['msg']}", hint=hint) from error


def _titled(place: str, messages: Sequence[Message]) -> Iterator[RecordedPrompt]:
    for i, message in enumerate(messages, 1):
        yield RecordedPrompt(title=f"{place}, message {i} ({message.role})", lines=tuple(message.content.splitlines()))


def _moved(before: PromptRecording, now: PromptRecording) -> Iterator[Finding]:
    then, here = ({each.title: each.lines for each in recording.prompts} for recording in (before, now))
    for title in {**then, **here}:
        if title not in here:
            yield Finding(what=f"prompt {title}", words="it is no longer there")
        elif title not in then:
            yield Finding(what=f"prompt {title}", words="it is new")
        elif then[title] != here[title]:
            marks = [line[0] for line in _diff(then[title], here[title])[2:]]
            words = f"{marks.count('-')} line(s) are gone, {marks.count('+')} are new"
            yield Finding(what=f"prompt {title}", words=words)


def _diffs(before: PromptRecording, now: PromptRecording) -> Iterator[Change]:
    here = {each.title: each.lines for each in now.prompts}
    for each in before.prompts:
        if each.lines != here.get(each.title, each.lines):
            yield Change(what="prompt", words=each.title, diff=capped(_diff(each.lines, here[each.title])))


def _diff(then: Sequence[str], now: Sequence[str]) -> list[str]:
    return list(unified_diff(then, now, "recorded", "now", lineterm="", n=1))


def _inputs(before: PromptRecording, now: PromptRecording) -> Iterator[Change]:
    """What the prompts are made from and is another now; where nothing is, it is the code that renders them."""
    names = {**before.inputs, **now.inputs}
    moved = [name for name in names if before.inputs.get(name) != now.inputs.get(name)]
    for name in moved:
        yield Change(what="input", words=f"{name} is another" if name in before.inputs else f"{name} is new")
    if not moved:
        yield Change(what="code", words=f"rewardsmith {before.made_with} -> {now.made_with}, and nothing else")


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
