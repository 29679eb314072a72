"""Where a value lives: a local of a function, or an attribute of the environment."""

from __future__ import annotations

import ast
from typing import Literal, TypeAlias

from rewardsmith.worker.slicing.program import Function, Program

Place: TypeAlias = tuple[Literal["local", "attribute"], str]


def base_place(node: ast.expr, function: Function, program: Program) -> Place | None:
    """Find the place that changes when `node` is assigned to or changed in place; None for a global or a temporary."""
    while True:
        if isinstance(node, ast.Name):
            return ("local", node.id) if node.id in function.local_names and node.id not in function.selfs else None
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id in function.selfs:
                return ("attribute", _behind(program, node.attr))
            node = node.value
        elif isinstance(node, ast.Subscript | ast.Starred):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return None


def aliases(function: Function, program: Program) -> dict[str, set[Place]]:
    """Find the places that each local may share memory with: assigned without a call, or looped over."""
    found: dict[str, set[Place]] = {}
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for node in function.nodes:
        if isinstance(node, ast.Assign):
            pairs += [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.For):
            pairs.append((node.target, node.iter))
    while pairs:
        target, value = pairs.pop()
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            pairs += list(zip(target.elts, value.elts, strict=True))
        elif isinstance(target, ast.Name) and not any(isinstance(part, ast.Call) for part in ast.walk(value)):
            place = base_place(value, function, program)
            if place is not None:
                found.setdefault(target.id, set()).add(place)
    return found


def _behind(program: Program, name: str) -> str:
    """The attribute that a property of the form `return self.x` gives, or the name itself."""
    function = program.find(name)
    if function is None or not function.is_property:
        return name
    last = function.node.body[-1]
    if (
        isinstance(last, ast.Return)
        and isinstance(last.value, ast.Attribute)
        and isinstance(last.value.value, ast.Name)
    ):
        return last.value.attr if last.value.value.id in function.selfs else name
    return name
