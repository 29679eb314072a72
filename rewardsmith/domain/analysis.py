"""An analysis: what the trajectory analyser read in the archived episodes of a parent."""

from __future__ import annotations

from rewardsmith.domain.record import Record


class Evidence(Record):
    """A step of one of the episodes that were shown."""

    episode: int
    """Number of the episode, from 1, as it was shown."""
    step: int
    """Step in it, from 0."""
    shown: str
    """What was shown of that step."""


class Finding(Record):
    """The analyser's answer."""

    cause: str
    """Why the agent fails."""
    evidence: tuple[Evidence, ...] = ()
    """Where that can be seen."""
    suggestion: str
    """What to change in the reward."""


class Analysis(Record):
    """What became of asking the analyser about one candidate's training."""

    finding: Finding | None = None
    """Its answer; the evidence is of what was shown alone."""
    text: str = ""
    """Its answer as it is, where it is no finding, even when asked twice."""
    dropped: int = 0
    """Pieces of evidence that were left out, since they point outside what was shown."""
    without: str = ""
    """Why nobody was asked, in a line; empty where somebody was."""
