"""Two rewards crossed component by component, by `ast` alone.

A component is taken with all that its value rests on: statements, helper functions, constants, parameters and memory.
Components as units of crossover follow R* (Li et al., 2025). What the second reward brings is renamed where the first
has the name already; what both say in the same words is said once.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from rewardsmith.reward import contract
from rewardsmith.reward.flow import Flow, flow, names
from rewardsmith.reward.joining import Part, disjoint, write
from rewardsmith.reward.parsing import FunctionNode, Module, number, own_nodes, parse

__all__ = ["CrossingRefused", "components", "cross"]

Reason = Literal["returns", "components", "total", "signals", "memory"]


class CrossingRefused(Exception):
    """A reward is written in a way that cannot be taken apart; `reason` says in which respect."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def components(source: str) -> tuple[str, ...]:
    """Names of the components that the total is the sum of, in their order.

    Args:
        source: A module in the reward contract.

    Raises:
        CrossingRefused: The reward cannot be taken apart.
        RewardRejected: The source does not parse.
    """
    return tuple(_Reward(source).paid)


def cross(one: str, other: str, *, first: Collection[str], second: Collection[str]) -> str:
    """A reward whose total is the sum of some components of `one` and some of `other`.

    Args:
        one: A module in the reward contract.
        other: Another one.
        first: Names of the components taken from `one`.
        second: Names of those taken from `other`; none of them in `first`.

    Returns:
        A module in the reward contract; each component pays what it paid in its parent.

    Raises:
        CrossingRefused: One of the two cannot be taken apart.
        RewardRejected: One of the two does not parse.
        ValueError: A name stands in both, or is no component that is paid.
    """
    if twice := sorted(set(first) & set(second)):
        raise ValueError(f"component {twice[0]!r} cannot be taken from both")
    parts = disjoint(_Reward(one).part(first), _Reward(other).part(second))
    return write(parts, f"{_listed(first)} of one reward, {_listed(second)} of another.")


class _Reward:
    """One reward, taken apart."""

    def __init__(self, source: str) -> None:
        self.module: Module = parse(source)
        self.node: FunctionNode = contract.find(self.module, "compute_reward")
        *body, last = self.node.body
        if [n for n in own_nodes(self.node) if isinstance(n, ast.Return)] != [last] or not isinstance(last, ast.Return):
            raise CrossingRefused("returns", "it returns in several places")
        if not isinstance(last.value, ast.Tuple) or len(last.value.elts) != 2:
            raise CrossingRefused("returns", "it does not return a total and components as a pair")
        total, self.returned = last.value.elts
        self.body = [statement for statement in body if not _is_docstring(statement)]
        self.flows = [flow(statement) for statement in self.body]
        given = self.node.args
        self.signals = [a.arg for a in (*given.posonlyargs, *given.args) if a.arg != "memory"]
        written = set().union(*(each.writes for each in self.flows))
        if rebound := sorted(written & {*self.signals, "memory"}):
            raise CrossingRefused("signals", f"it changes what the name {rebound[0]!r} means")
        if any("memory" in each.reads for each in self.flows):
            raise CrossingRefused("memory", "it hands its memory on as a whole")
        self.values = self._values()
        self.paid = self._paid(total)

    def part(self, chosen: Iterable[str]) -> Part:
        """What the components called `chosen` rest on."""
        paid = {name: self.paid[name] for name in self.paid if name in set(chosen)}
        if missing := sorted(set(chosen) - set(paid)):
            raise ValueError(f"{missing[0]!r} is no component that is paid")
        needed = set().union(*(names(value) for value in paid.values()))
        kept = _needed(self.flows, needed)
        tops = [each for each in self.module.tree.body if each is not self.node and "MEMORY" not in flow(each).writes]
        kept_tops = _needed([flow(each) for each in tops], set(needed))
        declared = contract.memory(self.module, self.node)
        pairs = zip(self.node.args.kwonlyargs, self.node.args.kw_defaults, strict=True)
        return Part(
            tops=[tops[i] for i in kept_tops],
            statements=[self.body[i] for i in kept],
            signals=[name for name in self.signals if name in needed],
            parameters=[(a, default) for a, default in pairs if a.arg in needed and default is not None],
            memory={key: value for key, value in declared.items() if f"memory[{key}]" in needed},
            paid=paid,
        )

    def _values(self) -> dict[str, ast.expr]:
        """The components' values by name."""
        value = contract.resolve(self.returned, self.node)
        if isinstance(self.returned, ast.Name) and sum(self.returned.id in each.writes for each in self.flows) != 1:
            raise CrossingRefused("components", "its dict of components is changed after it was made")
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "dict":
            if not value.args and all(keyword.arg for keyword in value.keywords):
                return {str(keyword.arg): keyword.value for keyword in value.keywords}
        elif isinstance(value, ast.Dict):
            keys = [k.value if isinstance(k, ast.Constant) and isinstance(k.value, str) else None for k in value.keys]
            found = dict(zip(keys, value.values, strict=True))
            if None not in found:
                return {str(key): each for key, each in found.items()}
        raise CrossingRefused("components", "its components are no dict that is written out")

    def _paid(self, total: ast.expr) -> dict[str, ast.expr]:
        """What each component adds to the total; one that adds nothing is left out."""
        found: dict[str, list[ast.expr]] = {}
        for sign, term in self._terms(total, 1):
            for name in self._component(term):
                value = self.values[name] if _is_sum_of_values(term) else term
                found.setdefault(name, []).append(value if sign > 0 else ast.UnaryOp(ast.USub(), value))
        paid = {}
        for name in self.values:
            if name in found:
                first, *rest = found[name]
                for each in rest:
                    first = ast.BinOp(first, ast.Add(), each)
                paid[name] = first
        if not paid:
            raise CrossingRefused("total", "its total is no sum of its components")
        return paid

    def _component(self, term: ast.expr) -> list[str]:
        """The component that a term of the total belongs to; all of them for `sum(components.values())`."""
        if _is_sum_of_values(term):
            assert isinstance(term, ast.Call)
            inner = term.args[0]
            assert isinstance(inner, ast.Call)
            assert isinstance(inner.func, ast.Attribute)
            if isinstance(self.returned, ast.Name) and ast.dump(inner.func.value) == ast.dump(self.returned):
                return list(self.values)
        same = [name for name, value in self.values.items() if ast.dump(value) == ast.dump(term)]
        read = names(term)
        holds = [name for name, value in self.values.items() if isinstance(value, ast.Name) and value.id in read]
        for found in (same, holds):
            if len(found) == 1:
                return found
        raise CrossingRefused("total", "its total is no sum of its components")

    def _terms(self, value: ast.expr, sign: int) -> list[tuple[int, ast.expr]]:
        """The signed terms of a sum, through names that stand for one."""
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add | ast.Sub):
            right = sign if isinstance(value.op, ast.Add) else -sign
            return [*self._terms(value.left, sign), *self._terms(value.right, right)]
        if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
            return self._terms(value.operand, -sign)
        if isinstance(value, ast.Name) and not any(ast.dump(value) == ast.dump(v) for v in self.values.values()):
            behind = contract.resolve(value, self.node)
            if behind is not value and behind is not None:
                return self._terms(behind, sign)
            return self._added_up(value, sign)
        return [] if number(value) == 0.0 else [(sign, value)]

    def _added_up(self, name: ast.Name, sign: int) -> list[tuple[int, ast.expr]]:
        """The terms of a name that is assigned once and then only added to."""
        writers = [s for s, each in zip(self.body, self.flows, strict=True) if name.id in each.writes]
        if not writers:
            return [(sign, name)]
        found: list[tuple[int, ast.expr]] = []
        for statement in writers:
            if isinstance(statement, ast.Assign) and statement is writers[0]:
                found += self._terms(statement.value, sign)
            elif isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add | ast.Sub):
                found += self._terms(statement.value, sign if isinstance(statement.op, ast.Add) else -sign)
            else:
                raise CrossingRefused("total", "its total is no sum of its components")
        return found


def _needed(flows: Sequence[Flow], needed: set[str]) -> list[int]:
    """Which statements bear on the names in `needed`, which grows by all that these read.

    Whatever changes a name counts, before and after its use: memory written last is read at the next step.
    """
    kept: set[int] = set()
    while more := {i for i, each in enumerate(flows) if i not in kept and each.writes & needed}:
        kept |= more
        for i in more:
            needed |= flows[i].reads | flows[i].writes
    return sorted(kept)


def _is_sum_of_values(term: ast.expr) -> bool:
    """Whether it reads `sum(<name>.values())`."""
    if not (isinstance(term, ast.Call) and isinstance(term.func, ast.Name) and term.func.id == "sum"):
        return False
    inner = term.args[0] if len(term.args) == 1 and not term.keywords else None
    return isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "values"


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _listed(chosen: Collection[str]) -> str:
    *most, last = sorted(chosen)
    return f"{', '.join(most)} and {last}" if most else last
