"""Between which values the parameters of a reward may be tuned."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from math import log

from rewardsmith.reward import contract
from rewardsmith.reward.parsing import number, parse

FACTOR = 10.0
"""A parameter is tuned between its value divided and multiplied by this, unless its author says otherwise."""
_AT = 0.05
"""Share of a range from its end in which a value counts as being at the end."""


@dataclass(frozen=True)
class Range:
    """The values of one parameter. Where they have one sign, they count by their logarithm."""

    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where all values have this sign, 0 where they have not."""
        return 1 if self.low > 0 else -1 if self.high < 0 else 0

    def end(self, value: float) -> str | None:
        """`lower` or `upper` where a value lies at that end, by magnitude where all have one sign."""
        if not self.sign:
            share = (value - self.low) / (self.high - self.low)
        else:
            low, high = sorted((abs(self.low), abs(self.high)))
            share = log(abs(value) / low) / log(high / low)
        return "lower" if share <= _AT else "upper" if share >= 1 - _AT else None


def ranges(source: str, *, function: str = "compute_reward") -> dict[str, Range]:
    """The range of each parameter, in their order.

    The author may say it as an annotation, `weight: (0.1, 2.0) = 0.5`; one that does not hold the value counts for
    nothing. Otherwise it is a tenth to ten times the value, with its sign; -1 to 1 for a value of 0.

    Args:
        source: A module in the reward contract.
        function: Function whose parameters they are.

    Raises:
        RewardRejected: The source does not parse.
    """
    node = contract.find(parse(source), function)
    found = {}
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        value = None if default is None else number(default)
        if value is not None:
            found[argument.arg] = _hinted(argument.annotation, value) or _around(value)
    return found


def _hinted(annotation: ast.expr | None, value: float) -> Range | None:
    if not isinstance(annotation, ast.Tuple) or len(annotation.elts) != 2:
        return None
    low, high = (number(each) for each in annotation.elts)
    return Range(low, high) if low is not None and high is not None and low < high and low <= value <= high else None


def _around(value: float) -> Range:
    if value == 0.0:
        return Range(-1.0, 1.0)
    low, high = sorted((short(value / FACTOR), short(value * FACTOR)))
    return Range(low, high)


def short(value: float) -> float:
    """The value at three significant digits, as a person would write it."""
    return float(f"{value:.3g}")
