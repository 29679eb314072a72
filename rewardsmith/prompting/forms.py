"""What an answer is written as, and how it becomes a reward of the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from rewardsmith.domain.prompt import Completion, Context
from rewardsmith.domain.recipe import Form, Recipe
from rewardsmith.motion import program
from rewardsmith.motion.api import PREFIX, RESET
from rewardsmith.motion.fitting import robot_of
from rewardsmith.prompting.extraction import find_calls, find_code
from rewardsmith.prompting.translation import to_abstraction, to_contract
from rewardsmith.reward import contract
from rewardsmith.reward.parsing import parse
from rewardsmith.reward.signs import PARTS, composed, designed
from rewardsmith.reward.source import RewardRejected


class _Written(NamedTuple):
    """One form. `find` and `reward` raise RewardRejected."""

    find: Callable[[Completion], str]
    """The code in an answer, as its author wrote it."""
    reward: Callable[[str, Recipe, Context], str]
    """What that code is as a reward of the contract; a fault's line is one of the code."""
    show: Callable[[str, Context], str]
    """A reward of the contract as this form would write it, for one that was not written by this model."""


def _function(completion: Completion) -> str:
    return find_code(completion.text, finish_reason=completion.finish_reason)


def _signs(completion: Completion) -> str:
    return find_code(completion.text, finish_reason=completion.finish_reason, defines=PARTS)


def _calls(completion: Completion) -> str:
    return find_calls(completion.text, (PREFIX, RESET), finish_reason=completion.finish_reason)


def _moved(code: str, _recipe: Recipe, context: Context) -> str:
    before = context.parents[0].candidate.parameters if context.parents else {}
    return program.as_reward(code, robot_of(context.task), step=context.survey.dt, before=before)


def _program(source: str, context: Context) -> str:
    parameters = contract.parameters(contract.find(parse(source), "compute_reward"))
    return program.shown(program.standing(parameters, robot_of(context.task)))


_FORMS: Mapping[Form, _Written] = {
    "function": _Written(_function, lambda code, *_: code, lambda source, _: source),
    "abstraction": _Written(
        _function,
        lambda code, _, context: to_contract(code, context.survey),
        lambda source, context: to_abstraction(source, context.survey),
    ),
    "signs": _Written(
        _signs,
        lambda code, recipe, context: composed(code, context.survey.names(), recipe.signs.model_dump()),
        lambda source, _: designed(source),
    ),
    "motion": _Written(_calls, _moved, _program),
}


def source_of(recipe: Recipe, completion: Completion, context: Context) -> str:
    """The source of the reward that a completion comes to.

    Raises:
        RewardRejected: There is no code in it, or none of this form.
    """
    form = _FORMS[recipe.write.form]
    return form.reward(form.find(completion), recipe, context)


def written(form: Form, completion: Completion) -> str:
    """The code of a completion as its author wrote it; the whole answer where there is none."""
    try:
        return _FORMS[form].find(completion)
    except RewardRejected:
        return completion.text


def shown(form: Form, source: str, context: Context) -> str:
    """A reward of the contract as a prompt of this form shows it."""
    return _FORMS[form].show(source, context)
