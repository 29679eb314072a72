"""How much of a value is needed: all of it, or some of its entries."""

from __future__ import annotations

from typing import Literal, TypeAlias

Need: TypeAlias = "Literal[True] | dict[str | int, Need]"
"""True for the whole value; else by position (of a tuple) or by key (of a dict) how much of that entry is needed. An
empty dict means the container itself, without any entry."""


def join(first: Need | None, second: Need | None) -> Need | None:
    """Combine two needs of the same value; None is no need."""
    if first is None or second is None:
        return second if first is None else first
    if first is True or second is True:
        return True
    result: dict[str | int, Need] = dict(first)
    for key, need in second.items():
        joined = join(result.get(key), need)
        assert joined is not None
        result[key] = joined
    return result


def entry(need: Need, key: str | int) -> Need | None:
    """How much of the entry `key` is needed, given the need of its container."""
    return True if need is True else need.get(key)


def join_into(needs: dict[str, Need], name: str, need: Need) -> bool:
    """Add `need` to that of `name`; says whether anything grew."""
    before = needs.get(name)
    after = join(before, need)
    assert after is not None
    needs[name] = after
    return after != before
