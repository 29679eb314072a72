"""From a recipe and a context to the messages of one call. Deterministic; nobody parses them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from rewardsmith.domain.example import Example
from rewardsmith.domain.prompt import Completion, Context, Message, Turn, prompt_hash
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.report import Failure
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.motion.api import document
from rewardsmith.motion.description import template
from rewardsmith.motion.fitting import check_fits, robot_of
from rewardsmith.prompting.abstraction import abstraction
from rewardsmith.prompting.forms import shown, source_of
from rewardsmith.prompting.history import MOST_WARNED, failures, last_generation, tried
from rewardsmith.prompting.reflection import reflect
from rewardsmith.prompting.signals import action_bounds, number, signal_table
from rewardsmith.prompting.templates import fenced, plain, templates_of
from rewardsmith.prompting.trajectories import analysed
from rewardsmith.prompting.tuning import tuning
from rewardsmith.prompting.watching import said
from rewardsmith.reward.source import RewardRejected

__all__ = [
    "check_templates",
    "compose",
    "compose_description",
    "compose_description_again",
    "compose_first",
    "compose_repair",
    "estimate_tokens",
    "prompt_hash",
]

KNOWN = frozenset(
    {
        "abstraction",
        "action",
        "description",
        "draft",
        "dt",
        "examples",
        "failures",
        "faults",
        "generation",
        "horizon",
        "k",
        "motion",
        "normalized",
        "objections",
        "other",
        "parent",
        "random_score",
        "rejected",
        "robot",
        "said",
        "score",
        "seconds",
        "signals",
        "target",
        "trainer",
        "trajectories",
        "trials",
        "tried",
        "view",
        "watched",
    }
)
"""What a template may name."""
MOST_REPLY = 40_000
"""Characters of a parent's answer that a prompt repeats; of a longer one it repeats the code alone."""
MOST_RAW = 8000
"""Characters of an answer without usable code that a repair quotes."""


def compose(recipe: Recipe, context: Context) -> tuple[Message, ...]:
    """The messages that ask for one candidate.

    System and first user message; with a parent also its answer and the feedback on it, and no more than these four
    (EUREKA's window). A second parent is shown in the feedback. A recipe without a feedback template tells its designer
    of no parent.

    Raises:
        RecipeError: A template is missing, does not parse, or names a variable that nobody gives.
    """
    values = values_of(recipe, context)
    messages = [say("system", recipe, "system", values), _task(recipe, context, values)]
    if context.parents and "feedback" in recipe.templates:
        messages.append(Message(role="assistant", content=_reply(context.parents[0], recipe, context)))
        messages.append(say("user", recipe, "feedback", values))
    return tuple(messages)


def compose_repair(recipe: Recipe, context: Context) -> tuple[Message, ...]:
    """The messages that ask to mend `context.rejected`: system, first user message, the faulty answer, what is wrong.

    Raises:
        RecipeError: As for `compose`; or the recipe has no `repair` template.
        ValueError: `context.rejected` is absent.
    """
    if context.rejected is None:
        raise ValueError("a repair needs context.rejected")
    text, failure = context.rejected
    values = values_of(recipe, context) | {"rejected": _rejected(text, failure)}
    answer = text[:MOST_RAW] if failure.kind in {"no_code", "truncated", "too_large"} else fenced(text, "python")
    return (
        say("system", recipe, "system", values),
        _task(recipe, context, values),
        Message(role="assistant", content=answer or "(no answer)"),
        say("user", recipe, "repair", values),
    )


def compose_description(recipe: Recipe, context: Context) -> tuple[Message, ...]:
    """The messages that ask a describer: the task, then each earlier description with what came of it.

    Raises:
        RecipeError: As for `compose`; or the recipe has no `describer`, `describe` or `correct` template.
    """
    values = values_of(recipe, context)
    messages = [say("system", recipe, "describer", values), say("user", recipe, "describe", values)]
    for turn in context.chain:
        told = values_of(recipe, replace(context, parents=(turn,)))
        messages.append(Message(role="assistant", content=turn.description or ""))
        messages.append(say("user", recipe, "correct", told))
    return tuple(messages)


def compose_description_again(
    recipe: Recipe, context: Context, messages: tuple[Message, ...], answer: str, faults: Sequence[str]
) -> tuple[Message, ...]:
    """The same conversation once more, after a description with faults.

    Raises:
        RecipeError: As for `compose`; or the recipe has no `unfilled` template.
    """
    values = values_of(recipe, context) | {"faults": faults}
    said_so = Message(role="assistant", content=answer[:MOST_RAW] or "(no answer)")
    return (*messages, said_so, say("user", recipe, "unfilled", values))


def check_templates(recipe: Recipe) -> None:
    """Compile the templates and look for unknown variables, before anything is paid for.

    Raises:
        RecipeError: Names the template, the line and the near misses.
    """
    templates_of(recipe, KNOWN)


def compose_first(
    recipe: Recipe, task: Task, survey: Survey, probe: Probe, examples: tuple[Example, ...] = ()
) -> tuple[Message, ...]:
    """The messages of the first generation, whose every slot is asked the same; a describer's come first.

    Raises:
        TaskError: The recipe moves a robot, and the task has none, or one that the environment does not fit.
    """
    if recipe.moves:
        check_fits(task, survey.names())
    first = Context(task, survey, probe, history=(), parents=(), seed=0, k=recipe.write.k, examples=examples)
    if not recipe.describe.calls:
        return compose(recipe, first)
    unfilled = replace(first, motion=template(robot_of(task)))
    return (*compose_description(recipe, first), *compose(recipe, unfilled))


def estimate_tokens(messages: Sequence[Message]) -> int:
    """An estimate: four characters to a token, which holds for English and Python within about a third."""
    return sum(len(message.content) for message in messages) // 4


def say(role: Literal["system", "user"], recipe: Recipe, template: str, values: dict[str, Any]) -> Message:
    """A message from one of the recipe's templates.

    Raises:
        RecipeError: A template is missing, does not parse, or names a variable that nobody gives.
    """
    return Message(role=role, content=templates_of(recipe, KNOWN).render(template, values))


def values_of(recipe: Recipe, context: Context) -> dict[str, Any]:
    """What every template may name, as far as the context tells it."""
    task, survey = context.task, context.survey
    history = [turn for turn in context.history if turn.candidate.generation >= context.since]
    return {
        "description": task.description,
        "examples": _examples(recipe, context),
        "score": {"meaning": task.score.meaning, "unit": task.score.unit},
        "target": None if task.score.target is None else number(task.score.target),
        "random_score": number(survey.random_score()),
        "signals": signal_table(survey),
        "abstraction": abstraction(survey),
        "action": action_bounds(survey),
        "dt": number(survey.dt),
        "horizon": survey.horizon,
        "seconds": number(survey.dt * survey.horizon),
        "view": survey.view.strip(),
        "trainer": task.trainer.algorithm.rpartition(".")[2],
        "normalized": task.trainer.normalize_reward,
        "k": context.k,
        "trials": recipe.tune.trials,
        "generation": last_generation(context.history) + 1,
        "parent": _parent(context.parents[0], recipe, context) if context.parents else None,
        "other": _parent(context.parents[1], recipe, context) if len(context.parents) > 1 else None,
        "said": said(recipe.write.form, context),
        "tried": tried(history, context.parents, recipe.parents.history),
        "failures": failures(history),
        "rejected": None,
        "faults": (),
        "motion": context.motion,
        "robot": _robot(task),
        "draft": "",
        "objections": (),
        "trajectories": None,
        "watched": (),
    }


def _robot(task: Task) -> dict[str, Any] | None:
    robot = task.robot
    if robot is None:
        return None
    return {"title": robot.title, "facts": robot.facts, "template": template(robot), "api": document(robot)}


def _task(recipe: Recipe, context: Context, values: dict[str, Any]) -> Message:
    """The first user message, with what was left out of the prompt."""
    message = say("user", recipe, "task", values)
    if not context.cut:
        return message
    note = f"To fit your window, this is left out: {'; '.join(context.cut)}."
    return message.model_copy(update={"content": f"{message.content}\n{note}\n"})


def _parent(parent: Turn, recipe: Recipe, context: Context) -> dict[str, Any]:
    report = parent.report
    return {
        "id": parent.candidate.id,
        "source": shown(recipe.write.form, parent.candidate.source or "", context),
        "score": None if parent.score is None else number(parent.score),
        "failure": None if parent.candidate.failure is None else plain(parent.candidate.failure.message),
        "training": None if report is None else reflect(report, context.survey),
        "analysis": analysed(parent.analysis),
        "tuning": tuning(context.history, parent),
        "warnings": tuple(plain(warning.sentence, MOST_WARNED) for warning in parent.warnings),
    }


def _examples(recipe: Recipe, context: Context) -> list[dict[str, str]]:
    return [
        {"description": plain(each.description), "source": shown(recipe.write.form, each.source, context)}
        for each in context.examples
    ]


def _rejected(text: str, failure: Failure) -> dict[str, Any]:
    lines = text.splitlines()
    quoted = lines[failure.line - 1].strip() if failure.line and 0 < failure.line <= len(lines) else ""
    return {
        "gate": failure.gate,
        "kind": failure.kind.replace("_", " "),
        "line": failure.line,
        "quoted": plain(quoted, 200),
        "message": plain(failure.message, 600),
    }


def _reply(parent: Turn, recipe: Recipe, context: Context) -> str:
    """The parent's completion verbatim where it is at hand, short enough and still the parent's source; else that."""
    source, form = parent.candidate.source or "", recipe.write.form
    if parent.reply is not None and len(parent.reply) <= MOST_REPLY:
        try:
            if source_of(recipe, Completion(text=parent.reply, model=""), context).strip() == source.strip():
                return parent.reply
        except RewardRejected:
            pass
    return fenced(shown(form, source, context), "python")
