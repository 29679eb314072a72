"""The signals of a survey as a compact table: one row each, what several have in common said once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rewardsmith.domain.survey import Signal, Survey

MOST_ENTRIES = 4
"""A longer vector is summed up in one range."""


@dataclass(frozen=True)
class _Family:
    """Signals that differ only in which body, joint or site they are about."""

    meaning: str
    unit: str
    shape: tuple[int, ...]
    dtype: str
    members: tuple[Signal, ...]


def signal_table(survey: Survey) -> str:
    """Every signal with shape, unit, meaning and what random actions gave: `mean (least to greatest)` of each entry."""
    return "\n".join(_lines(survey.signals))


def action_bounds(survey: Survey) -> str:
    """What an action may be, in a sentence without its full stop."""
    low, high = survey.action_low, survey.action_high
    if not low:
        choices = next((signal.high for signal in survey.signals if signal.name == "action" and signal.high), ())
        return "`action` is a whole number" + (f" from 0 to {number(max(choices))}" if choices else "")
    entries = f"{len(low)} numbers" if len(low) > 1 else "1 number"
    if len(set(low)) == len(set(high)) == 1:
        return f"`action` is {entries}{', each' if len(low) > 1 else ''} from {number(low[0])} to {number(high[0])}"
    bounds = ", ".join(f"{number(a)} to {number(b)}" for a, b in zip(low, high, strict=True))
    return f"`action` is {entries} from {bounds}"


def number(value: float) -> str:
    """Three significant digits, without a negative zero or a needless exponent."""
    if value == 0 or abs(value) < 1e-9:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        text = f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
        return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
    return f"{value:.2e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")


def _lines(signals: Sequence[Signal]) -> Iterator[str]:
    families = _families(signals)
    for family in sorted(families, key=lambda family: len(family.members) > 1):
        shape = ", ".join(["N", *map(str, family.shape)]) + ("," if not family.shape else "")
        kind = "" if family.dtype == "float64" else f" {family.dtype}"
        unit = f" [{family.unit}]" if family.unit else ""
        head = f"({shape}){kind}{unit}  {family.meaning}"
        if len(family.members) == 1:
            yield f"{family.members[0].name}  {head}"
            yield f"    {_measured(family.members[0])}"
            continue
        yield head
        alike: dict[str, list[str]] = {}
        for member in family.members:
            alike.setdefault(_measured(member), []).append(member.name)
        for measured, names in alike.items():
            yield f"    {', '.join(names)}: {measured}"


def _families(signals: Sequence[Signal]) -> list[_Family]:
    grouped: dict[tuple[str, tuple[str, ...], str, tuple[int, ...], str], list[Signal]] = {}
    for signal in signals:
        meaning = shared_meaning(signal)
        about = (signal.name,) if meaning == signal.meaning else quantity(signal)
        grouped.setdefault((meaning, about, signal.unit, signal.shape, signal.dtype), []).append(signal)
    families = []
    for (meaning, *_), members in grouped.items():
        first = members[0]
        said = first.meaning if len(members) == 1 else meaning
        families.append(_Family(said, first.unit, first.shape, first.dtype, tuple(members)))
    return families


def quantity(signal: Signal) -> tuple[str, str]:
    """Kind and field of an address such as `body:torso:position`; ("", "") where it has no subject."""
    kind, _, rest = signal.reader.partition(":")
    subject, _, field = rest.rpartition(":")
    return (kind, field) if subject else ("", "")


def shared_meaning(signal: Signal) -> str:
    """The meaning with `*` for the body, joint or site that it is about, so that relatives read the same."""
    _, field = quantity(signal)
    if not field:
        return signal.meaning
    subject = signal.reader.partition(":")[2].rpartition(":")[0]
    for name in (signal.name.removesuffix(f"_{field}"), subject):
        shared = re.sub(rf"(?<![\w#]){re.escape(name)}(?!\w)", "*", signal.meaning)
        if shared != signal.meaning:
            return shared
    return signal.meaning


def _measured(signal: Signal) -> str:
    """`mean (least to greatest)` per entry, or one range for a long vector."""
    entries = list(zip(signal.mean, signal.low, signal.high, strict=False))
    if not entries:
        return "not measured"
    if all(low == high for _, low, high in entries):
        values = [number(low) for _, low, _ in entries]
        return "always " + (values[0] if len(set(values)) == 1 else ", ".join(values[:MOST_ENTRIES]))
    if signal.dtype == "bool":
        return f"true in {number(100 * entries[0][0])} % of steps"
    if len(entries) > MOST_ENTRIES:
        lowest, highest = min(low for _, low, _ in entries), max(high for _, _, high in entries)
        means = [mean for mean, _, _ in entries]
        return "entries {2} to {3}, their means {0} to {1}".format(*_like(min(means), max(means), lowest, highest))
    return ", ".join("{} ({} to {})".format(*_like(*entry)) for entry in entries)


def _like(*values: float) -> list[str]:
    """The values with as many decimals as the largest of them deserves."""
    size = max(abs(value) for value in values)
    decimals = 2 if 0.1 <= size < 10 else 1 if 10 <= size < 100 else 0
    if size < 0.1 or size >= 1e5:
        return [number(value) for value in values]
    return [f"{round(value, decimals) + 0.0:.{decimals}f}" for value in values]
