"""Where the values of a function live, what of them is needed, and whether a change would be noticed."""

from __future__ import annotations

import ast
from typing import Protocol

from rewardsmith.worker.slicing.need import Need, join
from rewardsmith.worker.slicing.places import Place, base_place
from rewardsmith.worker.slicing.program import Function, Program

Live = dict[str, Need]


class Whole(Protocol):
    """What the walks through all functions share."""

    program: Program
    attributes: dict[str, Need]
    """Attributes of the environment that are needed, and how much of them."""
    left_out: set[ast.AST]
    """Names that were unpacked from something needed, and are not needed themselves."""
    grew: bool
    """Whether something was added since the last round."""

    def attribute(self, name: str, need: Need) -> None:
        """Note that an attribute of the environment is needed."""

    def alias_map(self, function: Function) -> dict[str, set[Place]]:
        """What the locals of a function may share memory with."""


class Changes:
    """What is known while one function is read from its end to its start."""

    def __init__(self, whole: Whole, function: Function) -> None:
        self.whole = whole
        self.program = whole.program
        self.function = function
        self.aliases = whole.alias_map(function)
        self.live: Live = {}

    def is_self(self, node: ast.expr) -> bool:
        """Whether an expression is the environment itself."""
        return isinstance(node, ast.Name) and node.id in self.function.selfs

    def place(self, node: ast.expr) -> Place | None:
        """Find where a value lives."""
        return base_place(node, self.function, self.program)

    def changed(self, place: Place) -> Need | None:
        """How much of a place, or of what shares memory with it, is needed after a change."""
        need: Need | None = None
        for kind, name in {place, *self._shared(place)}:
            if kind == "attribute":
                need = join(need, self.whole.attributes.get(name))
            else:
                need = join(need, self.live.get(name))
                if name in self.function.outer:
                    need = True
        return need

    def _shared(self, place: Place) -> set[Place]:
        found: set[Place] = set()
        todo = [place]
        while todo:
            kind, name = todo.pop()
            for other in self.aliases.get(name, ()) if kind == "local" else ():
                if other not in found:
                    found.add(other)
                    todo.append(other)
        return found

    def note_change(self, place: Place) -> None:
        """A kept change of something that outlives the call makes the function effective."""
        for kind, name in {place, *self._shared(place)}:
            if (kind == "attribute" and name in self.whole.attributes) or name in self.function.outer:
                self.function.effective = self.mark(self.function.effective)

    def mark(self, before: bool) -> bool:
        """Turn a flag on, and note whether that is news."""
        self.whole.grew |= not before
        return True


def union(first: Live, second: Live) -> Live:
    """Combine what is live on two paths."""
    result = dict(first)
    for name, need in second.items():
        result[name] = joined(result.get(name), need)
    return result


def joined(first: Need | None, second: Need) -> Need:
    """Combine two needs of which one is certain."""
    result = join(first, second)
    assert result is not None
    return result
