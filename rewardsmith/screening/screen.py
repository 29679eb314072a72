"""Gates before training, cheapest first: parse, contract, policy, duplicate, probe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.report import Failure
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.reward.source import Analysis, RewardRejected, analyse
from rewardsmith.screening.probe import ProbeRejected, run_probe
from rewardsmith.screening.twins import Payment, factor_between, payment

PROBE_LIMITS = RewardLimits(seconds=5.0, start_seconds=10.0, memory_mib=512)
"""A reward that needs longer for a few thousand rows would spend more than the simulator in training."""


@dataclass(frozen=True)
class Known:
    """An earlier reward, which a new one must not repeat."""

    name: str
    """What it is called in a verdict: a candidate id, a file."""
    reward_id: str
    source: str


@dataclass(frozen=True)
class Verdict:
    """What the gates found. Exactly one of these holds: it passed, it has a twin, it failed."""

    source: str | None = None
    """The code, where some was found."""
    analysis: Analysis | None = None
    """Absent when the code did not get through the static gates."""
    components: tuple[str, ...] = ()
    """Names of the components that the probe saw."""
    twin: str | None = None
    """Name of the earlier reward that is the same, or pays the same."""
    factor: float | None = None
    """Where the code differs: what the twin pays times this is what it pays."""
    failure: Failure | None = None
    """What the first gate that caught it found."""

    @property
    def passed(self) -> bool:
        """True when it may train."""
        return self.failure is None and self.twin is None


class Screen:
    """The gates of one task.

    Args:
        survey: What the environment offers.
        probe: Recorded transitions.
        any_factor: Whether a reward that pays another times a positive number is its duplicate: where the trainer
            normalises rewards.
        limits: Limits of the reward process.
        unsafe: Shorthand for `limits` with `unsafe` set.
    """

    def __init__(
        self,
        survey: Survey,
        probe: Probe,
        *,
        any_factor: bool = False,
        limits: RewardLimits = PROBE_LIMITS,
        unsafe: bool = False,
    ) -> None:
        self._survey = survey
        self._probe = probe
        self._any_factor = any_factor
        self._limits = limits.model_copy(update={"unsafe": True}) if unsafe else limits
        self._paid: dict[str, Payment | None] = {}

    def judge(self, find: Callable[[], str], seen: Sequence[Known]) -> Verdict:
        """Send one candidate through the gates; blocks for the probe's fraction of a second.

        Args:
            find: Gives the source; raises RewardRejected when there is none in the completion.
            seen: Earlier rewards that passed.

        Raises:
            InfrastructureError: The locked process could not be run; no fault of the candidate.
        """
        source: str | None = None
        analysis: Analysis | None = None
        try:
            source = find()
            analysis = analyse(source, self._survey.names())
            for known in seen:
                if known.reward_id == analysis.reward_id:
                    return Verdict(source=source, analysis=analysis, twin=known.name)
            answer = run_probe(source, self._survey, self._probe, limits=self._limits)
        except (RewardRejected, ProbeRejected) as rejected:
            return Verdict(source=source, analysis=analysis, failure=rejected.failure)
        self._paid[analysis.reward_id] = paid = payment(answer)
        for known in seen:
            other = self._payment(known)
            factor = factor_between(paid, other, any_factor=self._any_factor) if paid and other else None
            if factor is not None:
                return Verdict(source=source, analysis=analysis, twin=known.name, factor=factor)
        return Verdict(source=source, analysis=analysis, components=tuple(answer.components))

    def _payment(self, known: Known) -> Payment | None:
        """What an earlier reward paid; asked again where another process screened it."""
        if known.reward_id not in self._paid:
            try:
                answer = run_probe(known.source, self._survey, self._probe, limits=self._limits)
            except (RewardRejected, ProbeRejected):
                self._paid[known.reward_id] = None
            else:
                self._paid[known.reward_id] = payment(answer)
        return self._paid[known.reward_id]
