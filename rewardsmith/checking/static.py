"""Tier `static`: contract and policy hold, and every signal that the reward reads is still what it was."""

from __future__ import annotations

from collections.abc import Iterator

from rewardsmith.checking.kept import Kept
from rewardsmith.domain.lock import LockedSignal
from rewardsmith.domain.regression import Finding
from rewardsmith.domain.survey import Survey
from rewardsmith.errors import near_misses
from rewardsmith.reward.source import Analysis, RewardRejected, analyse

_FACETS = {"shape": "shape", "dtype": "type", "unit": "unit", "reader": "place that it is read from"}


def static(kept: Kept, survey: Survey) -> Iterator[Finding]:
    """What is against the contract, or is not there any more."""
    here = {signal.name: LockedSignal.of(signal) for signal in survey.signals}
    for name, locked in kept.lock.signals.items():
        if name not in here:
            near = near_misses(name, here)
            like = f"; did you mean {' or '.join(near)}?" if near else ""
            yield Finding(what=f"signal {name}", words=f"the environment has it no longer{like}")
            continue
        for facet, title in _FACETS.items():
            then, now = getattr(locked, facet), getattr(here[name], facet)
            if then != now:
                yield Finding(what=f"signal {name}", words=f"its {title} is {now or 'none'}, and was {then or 'none'}")
    try:
        analysis = analyse(kept.source, survey.names())
    except RewardRejected as rejected:
        line = f"line {rejected.failure.line}: " if rejected.failure.line else ""
        yield Finding(what="reward", words=f"{line}{rejected.failure.message}")
        return
    for name in signals_of(analysis, survey):
        if name not in kept.recorded.rows.arrays:
            yield Finding(
                what="reward",
                words=f"it reads {name}, which its lock knows nothing of; lock it again if that is meant",
            )


def signals_of(analysis: Analysis, survey: Survey) -> dict[str, None]:
    """The signals that a reward reads, in its order; a `prev_` form counts as its signal."""
    return dict.fromkeys(survey.signal(name).name for name in analysis.arguments if name != "memory")
