"""What tuning the parameters of a reward brought, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rewardsmith.domain.prompt import Turn
from rewardsmith.prompting.signals import number
from rewardsmith.prompting.templates import plain
from rewardsmith.reward.ranges import ranges


@dataclass(frozen=True)
class Tuned:
    """The trials of one structure."""

    structure: str
    """Candidate whose parameters were tuned."""
    trials: int
    """Values that were tried, with a result."""
    best: str
    """Candidate with the highest score of them, the structure itself included."""
    before: float
    """Score of the values that the author wrote."""
    after: float
    """Score of the best."""
    changes: tuple[str, ...]
    """`speed_weight 1 to 2.3` for each parameter of the best."""
    ends: tuple[str, ...]
    """`effort_weight` ended at the lower end of its range (0.005), for each that the best has there."""

    @property
    def sentence(self) -> str:
        """All of it."""
        tried = f"{self.trials} other {'set' if self.trials == 1 else 'sets'} of values"
        if self.best == self.structure:
            return f"Its parameters were tuned on the score: none of {tried} scored higher than {number(self.before)}."
        said = (
            f"Its parameters were tuned on the score: of {tried} the best took it from {number(self.before)} to "
            f"{number(self.after)}, with {', '.join(self.changes)}."
        )
        return " ".join([said, *(f"{end}." for end in self.ends)])


def tuned(turns: Iterable[Turn], structure: str) -> Tuned | None:
    """What the trials of a structure brought; None where there were none with a result.

    Args:
        turns: The run so far.
        structure: Id of the candidate as its author wrote it.
    """
    family = [turn for turn in turns if turn.candidate.structure == structure and turn.score is not None]
    root = next((turn for turn in family if turn.candidate.id == structure), None)
    trials = [turn for turn in family if turn is not root]
    if root is None or root.score is None or not trials:
        return None
    best = max((t for t in family if not t.stopped), key=lambda turn: (turn.score or 0.0, turn is root), default=root)
    assert best.score is not None
    known = ranges(root.candidate.source or "") if best is not root else {}
    old, new = root.candidate.parameters, best.candidate.parameters
    ends = {name: each.end(new[name]) for name, each in known.items() if name in new}
    return Tuned(
        structure=structure,
        trials=len(trials),
        best=best.candidate.id,
        before=root.score,
        after=best.score,
        changes=tuple(f"{plain(name, 60)} {number(old[name])} to {number(new[name])}" for name in ends),
        ends=tuple(
            f"`{plain(name, 60)}` ended at the {end} end of its range ({number(new[name])})" + _hint(end)
            for name, end in ends.items()
            if end
        ),
    )


def tuning(turns: Iterable[Turn], turn: Turn) -> str:
    """What tuning brought to one candidate or to what it was tuned from, in a line; empty where nothing was tuned."""
    found = tuned(turns, turn.candidate.structure)
    return found.sentence if found else ""


def _hint(end: str) -> str:
    return "; if it is a weight, its component may be needless" if end == "lower" else ""
