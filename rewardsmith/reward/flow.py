"""Which names a statement reads and writes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from rewardsmith.reward.policy import MUTATORS


@dataclass(frozen=True)
class Flow:
    """Names of one statement; `memory["x"]` counts as the name `memory[x]`."""

    reads: frozenset[str]
    writes: frozenset[str]


def flow(statement: ast.stmt) -> Flow:
    """Names that a statement reads and those that it binds or changes in place; too many rather than too few.

    Of a function only what it reads from outside counts, beside its own name.
    """
    if isinstance(statement, ast.FunctionDef):
        return Flow(reads=frozenset(names(statement) - local(statement)), writes=frozenset({statement.name}))
    writes: set[str] = set()
    for node in within(statement):
        if isinstance(node, ast.FunctionDef):
            writes.add(node.name)
        elif isinstance(node, ast.alias):
            writes.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Name | ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            writes.add(_written(node))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
            writes.add(_written(node.func.value))
        elif isinstance(node, ast.keyword) and node.arg == "out":
            writes.add(_written(node.value))
    writes.discard("")
    return Flow(reads=frozenset(names(statement)), writes=frozenset(writes))


def local(function: ast.FunctionDef | ast.Lambda) -> set[str]:
    """Names that a function binds for itself: its arguments, and what it assigns."""
    inside = [each for child in ast.iter_child_nodes(function) for each in ast.walk(child)]
    bound = {each.id for each in inside if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)}
    return bound | {each.arg for each in inside if isinstance(each, ast.arg)}


def names(node: ast.AST) -> set[str]:
    """Every name that stands under `node`, bound or read."""
    found = set()
    for each in within(node):
        if key := memory_key(each):
            found.add(key)
        elif isinstance(each, ast.Name):
            found.add(each.id)
    return found


def within(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and all below it; `memory["x"]` is one node, whose parts are not looked at."""
    yield node
    if memory_key(node):
        return
    for child in ast.iter_child_nodes(node):
        yield from within(child)


def memory_key(node: ast.AST) -> str:
    """`memory[x]` for the node `memory["x"]`, else nothing."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "memory":
        key = node.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            return f"memory[{key.value}]"
    return ""


def _written(node: ast.expr) -> str:
    """The name at the start of `a`, `a[i]`, `a.b[i].c`; of an entry of memory that entry."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        if key := memory_key(node):
            return key
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
