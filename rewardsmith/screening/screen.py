"""Gates before training, cheapest first: parse, contract, policy, duplicate, probe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.report import Failure
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.reward.source import Analysis, RewardRejected, analyse
from rewardsmith.screening.probe import ProbeRejected, run_probe

PROBE_LIMITS = RewardLimits(seconds=5.0, start_seconds=10.0, memory_mib=512)
"""A reward that needs longer for a few thousand rows would spend more than the simulator in training."""


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
    """The earlier candidate with the same reward."""
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
        limits: Limits of the reward process.
        unsafe: Shorthand for `limits` with `unsafe` set.
    """

    def __init__(
        self, survey: Survey, probe: Probe, *, limits: RewardLimits = PROBE_LIMITS, unsafe: bool = False
    ) -> None:
        self._survey = survey
        self._probe = probe
        self._limits = limits.model_copy(update={"unsafe": True}) if unsafe else limits

    def judge(self, find: Callable[[], str], seen: Mapping[str, str]) -> Verdict:
        """Send one candidate through the gates; blocks for the probe's fraction of a second.

        Args:
            find: Gives the source; raises RewardRejected when there is none in the completion.
            seen: Candidate ids of earlier rewards by reward id.

        Raises:
            InfrastructureError: The locked process could not be run; no fault of the candidate.
        """
        source: str | None = None
        analysis: Analysis | None = None
        try:
            source = find()
            analysis = analyse(source, self._survey.names())
            if twin := seen.get(analysis.reward_id):
                return Verdict(source=source, analysis=analysis, twin=twin)
            answer = run_probe(source, self._survey, self._probe, limits=self._limits)
        except (RewardRejected, ProbeRejected) as rejected:
            return Verdict(source=source, analysis=analysis, failure=rejected.failure)
        return Verdict(source=source, analysis=analysis, components=tuple(answer.components))
