"""Which statements compute terms of the reward, as against quantities that the reward merely reads.

From the reward, sums are followed down to their terms: what is added up is a term of the reward, whatever it is called
and wherever it is computed. Below a product, a power or a function stand quantities that the reward reads; they count
as the reward's own only where they are shaped for it: by a weight that nothing else uses, or by a number in a function.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Protocol

from rewardsmith.worker.slicing.calls import bind, called_function
from rewardsmith.worker.slicing.need import Need
from rewardsmith.worker.slicing.places import aliases, base_place
from rewardsmith.worker.slicing.program import Function, Program, is_own_attribute

SUMS = frozenset({"sum", "mean", "float", "int", "float32", "float64", "item", "values", "nansum", "array", "asarray"})
"""Functions and methods that add up, or hand on, their terms."""


class Entangled(Exception):
    """The reward comes out of a table that holds physics too: the source cannot show the one without the other."""


def reward_terms(program: Program, step: Function, physics: Physics, weights: set[str]) -> set[ast.AST]:
    """Find the statements that compute the reward or a term of it.

    Args:
        program: the environment's functions.
        step: its `step`; the reward is the second entry of what it returns.
        physics: the slice for observation, termination and reset: that is physics, whatever the reward makes of it.
        weights: attributes of the environment that nothing but the reward uses.

    Raises:
        Entangled: the reward is stored among the physics.
    """
    walk = _Walk(program, physics, weights)
    walk.result(step, 1, summed=True)
    return walk.terms


class Physics(Protocol):
    """What a slice found out; it is not asked for more after it was made."""

    kept: set[ast.AST]
    """Statements that are needed."""
    left_out: set[ast.AST]
    """Names unpacked from something needed that are not needed themselves."""
    attributes: dict[str, Need]
    """Attributes that are needed."""


class _Walk:
    """A walk from the reward up to its terms."""

    def __init__(self, program: Program, physics: Physics, weights: set[str]) -> None:
        self.program = program
        self.needed = set(physics.kept)
        self.left_out = set(physics.left_out)
        self.tables = _tables(program) & set(physics.attributes)
        self.weights = weights
        self.terms: set[ast.AST] = set()
        self._seen: set[object] = set()

    def result(self, function: Function, index: int | None, *, summed: bool) -> None:
        """Follow what a function returns, or one entry of it."""
        if (function, index, summed) in self._seen:
            return
        self._seen.add((function, index, summed))
        for node in function.nodes:
            if not isinstance(node, ast.Return) or node.value is None:
                continue
            value = node.value
            if index is None:
                if node not in self.needed and (summed or self._tuned(value)):
                    self.terms.add(node)
            elif isinstance(value, ast.Tuple) and len(value.elts) > index:
                value = value.elts[index]
            elif isinstance(value, ast.Call) and (known := called_function(self.program, function, value)) is not None:
                self.result(known, index, summed=summed)
                continue
            elif isinstance(value, ast.Name):
                self._entry(function, value.id, index, summed=summed)
                continue
            self._follow(function, value, summed=summed)

    def _entry(self, function: Function, name: str, index: int, *, summed: bool) -> None:
        """Follow one entry of a tuple that a local holds."""
        for _, target, value in _assignments(function):
            if isinstance(target, ast.Name) and target.id == name:
                if isinstance(value, ast.Tuple) and len(value.elts) > index:
                    self._follow(function, value.elts[index], summed=summed)
                elif isinstance(value, ast.Call):
                    known = called_function(self.program, function, value)
                    if known is not None:
                        self.result(known, index, summed=summed)

    def _follow(self, function: Function, node: ast.expr, *, summed: bool) -> None:
        """Follow an expression down its sum (`summed`), or below a product or function."""
        match node:
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                self._follow(function, node.left, summed=summed)
                self._follow(function, node.right, summed=summed)
            case ast.BinOp():
                self._follow(function, node.left, summed=False)
                self._follow(function, node.right, summed=False)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                self._follow(function, node.operand, summed=summed)
            case ast.IfExp():
                self._follow(function, node.body, summed=summed)
                self._follow(function, node.orelse, summed=summed)
            case ast.Name():
                self._local(function, node.id, summed=summed)
            case ast.Attribute(value=ast.Name(id=name)) if name in function.selfs:
                self._attribute(node.attr, summed=summed)
            case ast.Call():
                self._call(function, node, summed=summed)
            case ast.Subscript():
                if summed and self._in_table(function, node):
                    raise Entangled
                self._follow(function, node.value, summed=summed)
            case ast.Dict() | ast.Tuple() | ast.List():
                for value in node.values if isinstance(node, ast.Dict) else node.elts:
                    self._follow(function, value, summed=summed)
            case ast.ListComp() | ast.GeneratorExp():
                self._follow(function, node.elt, summed=summed)
                for part in node.generators:
                    self._follow(function, part.iter, summed=summed)

    def _call(self, function: Function, call: ast.Call, *, summed: bool) -> None:
        known = called_function(self.program, function, call)
        if known is not None:
            self.result(known, None, summed=summed)
            return
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        summed = summed and name in SUMS
        if isinstance(call.func, ast.Attribute):
            self._follow(function, call.func.value, summed=summed)
        for argument in call.args:
            self._follow(function, argument, summed=summed)

    def _local(self, function: Function, name: str, *, summed: bool) -> None:
        """Follow every assignment to a local; a parameter is followed to the arguments of all calls."""
        if (function, name, summed) in self._seen:
            return
        self._seen.add((function, name, summed))
        for statement, target, value in _assignments(function):
            own = isinstance(target, ast.Name) and target.id == name
            part = isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and target.value.id == name
            if own or part:
                self._definition(function, statement, value, summed=summed)
            elif isinstance(target, ast.Tuple):
                for index, element in enumerate(target.elts):
                    if isinstance(element, ast.Name) and element.id == name:
                        if summed and element in self.left_out and self._in_table(function, value):
                            raise Entangled
                        self._unpacked(function, statement, value, index, summed=summed)
        if name in function.local_names:
            for caller, call in _calls(self.program, function):
                for parameter, argument in bind(function, call, caller):
                    if parameter == name:
                        self._follow(caller, argument, summed=summed)

    def _unpacked(self, function: Function, statement: ast.stmt, value: ast.expr, index: int, *, summed: bool) -> None:
        known = called_function(self.program, function, value) if isinstance(value, ast.Call) else None
        if known is not None:
            self.result(known, index, summed=summed)
        elif isinstance(value, ast.Tuple) and len(value.elts) > index:
            self._definition(function, statement, value.elts[index], summed=summed)
        else:
            self._definition(function, statement, value, summed=summed)

    def _in_table(self, function: Function, node: ast.expr) -> bool:
        """Whether an expression is an entry of a table that physics needs."""
        place = base_place(node, function, self.program)
        if place is None:
            return False
        places = {place} | (aliases(function, self.program).get(place[1], set()) if place[0] == "local" else set())
        return any(kind == "attribute" and name in self.tables for kind, name in places)

    def _attribute(self, name: str, *, summed: bool) -> None:
        """Follow a property, or every assignment to an attribute outside the constructor."""
        function = self.program.find(name)
        if function is not None:
            self.result(function, None, summed=summed)
            return
        if (name, summed) in self._seen:
            return
        self._seen.add((name, summed))
        for other in self.program.functions():
            if other.node.name == "__init__":
                continue
            for statement, target, value in _assignments(other):
                if is_own_attribute(target, other) and target.attr == name:
                    self._definition(other, statement, value, summed=summed)

    def _definition(self, function: Function, statement: ast.stmt, value: ast.expr, *, summed: bool) -> None:
        if statement in self.needed:
            return
        if summed or self._tuned(value):
            self.terms.add(statement)
        self._follow(function, value, summed=summed)

    def _tuned(self, node: ast.expr) -> bool:
        """Whether a weight enters an expression, or a number written out beside a function or a power.

        `exp(-5 * distance)` is shaped for the reward, `(after - before) / 0.05` is a velocity.
        """
        operands = [
            side
            for part in ast.walk(node)
            if isinstance(part, ast.BinOp)
            for side in ((part.left,) if isinstance(part.op, ast.Pow) else (part.left, part.right))
        ]
        if any(isinstance(side, ast.Attribute) and side.attr in self.weights for side in operands):
            return True
        shaped = any(
            isinstance(part, ast.Call) or (isinstance(part, ast.BinOp) and isinstance(part.op, ast.Pow))
            for part in ast.walk(node)
        )
        return shaped and any(isinstance(s, ast.Constant) and isinstance(s.value, int | float) for s in operands)


def _assignments(function: Function) -> Iterator[tuple[ast.stmt, ast.expr, ast.expr]]:
    for node in function.nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield node, target, node.value
        elif isinstance(node, ast.AugAssign | ast.AnnAssign) and node.value is not None:
            yield node, node.target, node.value


def _tables(program: Program) -> set[str]:
    """Attributes whose entries the environment's own source fills in, one by one."""
    found: set[str] = set()
    for function in program.functions():
        shared = aliases(function, program)
        for node in function.nodes:
            entry: ast.expr | None = None
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                entry = node.value
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append":
                entry = node.func.value
            while isinstance(entry, ast.Subscript):
                entry = entry.value
            if isinstance(entry, ast.Name):
                found |= {name for kind, name in shared.get(entry.id, ()) if kind == "attribute"}
            elif entry is not None and is_own_attribute(entry, function):
                found.add(entry.attr)
    return found


def _calls(program: Program, function: Function) -> Iterator[tuple[Function, ast.Call]]:
    """Every call of a function in the environment's source."""
    for caller in program.functions():
        for node in caller.nodes:
            if isinstance(node, ast.Call) and called_function(program, caller, node) is function:
                yield caller, node
