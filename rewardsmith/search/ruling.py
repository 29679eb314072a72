"""A score rule that came with a request is tried on recorded episodes before anything trains with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import ScoreRuleError
from rewardsmith.reward.score import ScoreAnswer, ScoreProcess

_EPISODES = 24
"""Episodes that are judged, each by two processes."""
_SECONDS = 2.0
"""For each episode."""
_ALL_SECONDS = 10.0
"""For all of them."""
_HINT = "correct the score rule: it is asked for every episode of the survey and of every scoring"


def trial_limits(*, unsafe: bool) -> RewardLimits:
    """What the processes of a rule may use that came with a request, until it trains."""
    return RewardLimits(seconds=_SECONDS, total_seconds=_ALL_SECONDS, start_seconds=2 * _SECONDS, unsafe=unsafe)


def check_rule(
    task: Task, survey: Survey, probe: Probe, *, unsafe: bool, clock: Callable[[], float] = time.monotonic
) -> None:
    """Judge recorded episodes by the rule of `task`, in two locked processes of its own and in two orders.

    Args:
        task: A task with the rule.
        survey: Of the same environment.
        probe: Its episodes.
        unsafe: Whether to go on where Landlock or seccomp are missing.
        clock: Seconds.

    Raises:
        ScoreRuleError: It is wrong, too slow, or gives one episode two scores.
        RewardProcessError: A process could not be started.
    """
    numbers = range(min(_EPISODES, len(survey.episodes)))
    until = clock() + _ALL_SECONDS
    try:
        first, again = (_judge(task, survey, probe, order, unsafe, until, clock) for order in (numbers, numbers[::-1]))
    except ScoreRuleError as error:
        raise ScoreRuleError(error.message, hint=_HINT) from error
    for one, other in zip(first, again[::-1], strict=True):
        if one != other:
            raise ScoreRuleError(
                f"the score rule is not deterministic: it gave the same episode {one.score!r} and {other.score!r}",
                hint="the score of an episode rests on its signals alone: no chance, no clock, nothing remembered",
            )


def _judge(
    task: Task,
    survey: Survey,
    probe: Probe,
    order: Sequence[int],
    unsafe: bool,
    until: float,
    clock: Callable[[], float],
) -> list[ScoreAnswer]:
    """What the rule says of these episodes, in this order."""
    rows = list(probe.episodes())
    limits = trial_limits(unsafe=unsafe)
    signals = survey.by_name()
    answers = []
    with ScoreProcess(task.score.source, signals, dt=survey.dt, horizon=survey.horizon, limits=limits) as process:
        for number in order:
            arrays = {name: probe.arrays[name][rows[number]] for name in process.reads}
            answers.append(process.ask(arrays, terminated=survey.episodes[number].terminated))
            if clock() > until:
                raise ScoreRuleError(f"the score rule is too slow: {len(answers)} episodes took {_ALL_SECONDS:g} s")
    return answers
