"""Parts of two rewards as one module."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from rewardsmith.reward.flow import flow, local, memory_key

_WIDE = 100
"""Columns from which on a line of the signature or of the answer is broken up."""


@dataclass(frozen=True)
class Part:
    """Some components of one reward with all that they rest on. Renaming changes the trees in place."""

    tops: list[ast.stmt]
    """Imports, constants and helper functions."""
    statements: list[ast.stmt]
    """Of the function's body, without its last line."""
    signals: list[str]
    parameters: list[tuple[ast.arg, ast.expr]]
    """Each with its default."""
    memory: dict[str, float]
    """Entries of MEMORY that are used."""
    paid: dict[str, ast.expr]
    """What each component adds to the total."""

    @property
    def bound(self) -> set[str]:
        """Names that it gives a meaning to, signals left out."""
        written = set().union(*(flow(statement).writes for statement in (*self.tops, *self.statements)))
        return {name for name in written if "[" not in name} | {argument.arg for argument, _ in self.parameters}

    @property
    def trees(self) -> list[ast.AST]:
        """Everything that names can stand in."""
        defaults = [node for pair in self.parameters for node in pair]
        return [*self.tops, *self.statements, *defaults, *self.paid.values()]


def disjoint(one: Part, other: Part) -> tuple[Part, Part]:
    """Both parts, with what they share taken out of the second, and names that mean two things told apart."""
    taken = {*one.signals, *other.signals, "memory", "MEMORY", "total", "compute_reward"}
    for part in (one, other):
        taken |= {node.id for tree in part.trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
        taken |= part.bound
    one = _renamed(one, one.bound & {*other.signals, "total"}, taken)
    other, shared = _without(other, one)
    other = _renamed(other, other.bound & {*one.bound - shared, *one.signals, "total"}, taken)
    return one, _renamed_memory(other, set(one.memory))


def write(parts: Iterable[Part], idea: str) -> str:
    """One module in the reward contract that pays the sum of all components.

    Args:
        parts: Without a name in common that means two things.
        idea: Docstring of the function.
    """
    parts = tuple(parts)
    tops = [statement for part in parts for statement in part.tops]
    imports = [each for each in tops if isinstance(each, ast.Import | ast.ImportFrom)]
    constants = [each for each in tops if not isinstance(each, ast.Import | ast.ImportFrom | ast.FunctionDef)]
    helpers = [each for each in tops if isinstance(each, ast.FunctionDef)]
    memory = {key: value for part in parts for key, value in part.memory.items()}
    body, paid = _components(parts)
    blocks = ["\n".join(map(ast.unparse, imports))]
    if constants or memory:
        declared = [f"MEMORY = {memory!r}"] if memory else []
        blocks.append("\n".join([*map(ast.unparse, constants), *declared]))
    blocks += ["\n" + ast.unparse(helper) for helper in helpers]
    lines = [docstring(idea), *(line for each in body for line in ast.unparse(each).splitlines())]
    lines.append("total = " + " + ".join(paid.values()))
    lines += broken("return total, {", [f"{name!r}: {value}" for name, value in paid.items()], "}")
    header = broken("def compute_reward(", _arguments(parts, memory), "):")
    blocks.append("\n".join(["", *header, *("    " + line for line in lines)]))
    return "\n\n".join(block for block in blocks if block.strip()) + "\n"


def docstring(idea: str) -> str:
    """The words as a docstring on one line."""
    text = ast.unparse(ast.Expr(ast.Constant(idea)))
    return '""' + text.replace("'", '"') + '""' if text.startswith("'") and '"' not in text else text


def _arguments(parts: Iterable[Part], memory: Collection[str]) -> list[str]:
    signals = list(dict.fromkeys(name for part in parts for name in part.signals))
    given = [f"{ast.unparse(a)}={ast.unparse(default)}" for part in parts for a, default in part.parameters]
    return [*signals, *(["memory"] if memory else []), *(["*", *given] if given else [])]


def _components(parts: Iterable[Part]) -> tuple[list[ast.stmt], dict[str, str]]:
    """The statements of the body, and by component the name that holds what it adds to the total."""
    body: list[ast.stmt] = []
    paid: dict[str, str] = {}
    parts = tuple(parts)
    taken = {name for part in parts for name in (*part.bound, *part.signals)} | {"total", "memory"}
    for part in parts:
        body += part.statements
        for name, value in part.paid.items():
            if isinstance(value, ast.Name):
                paid[name] = value.id
                continue
            paid[name] = _fresh(name if name.isidentifier() and not keyword.iskeyword(name) else "term", taken)
            taken.add(paid[name])
            body.append(ast.fix_missing_locations(ast.Assign([ast.Name(paid[name], ast.Store())], value, lineno=0)))
    return body, paid


def broken(head: str, items: list[str], tail: str) -> list[str]:
    """`head`, the items, `tail`: on one line where that is short enough."""
    line = head + ", ".join(items) + tail
    return (
        [line] if len(line) <= _WIDE else [head, *(f"    {item}," if item != "*" else "    *," for item in items), tail]
    )


def _without(part: Part, other: Part) -> tuple[Part, set[str]]:
    """The part without what `other` says in the same words, and the names that both mean the same by."""
    shared: set[str] = set()

    def kept(mine: list[ast.stmt], theirs: list[ast.stmt], own: set[str]) -> list[ast.stmt]:
        known = {ast.dump(statement) for statement in theirs}
        rest = []
        for statement in mine:
            each = flow(statement)
            once = all(_bindings(part, name) == _bindings(other, name) == 1 for name in each.writes)
            apart = (each.reads & own) - shared - each.writes
            if ast.dump(statement) in known and once and not apart:
                shared.update(each.writes)
            else:
                rest.append(statement)
        return rest

    own = part.bound | {f"memory[{key}]" for key in part.memory}
    tops = kept(part.tops, other.tops, own)
    statements = kept(part.statements, other.statements, own)
    return Part(tops, statements, part.signals, part.parameters, part.memory, part.paid), shared


def _bindings(part: Part, name: str) -> int:
    return sum(name in flow(statement).writes for statement in (*part.tops, *part.statements))


def _renamed(part: Part, clashing: Iterable[str], taken: set[str]) -> Part:
    mapping = {}
    for name in sorted(clashing):
        mapping[name] = _fresh(name, taken)
        taken.add(mapping[name])
    for argument, _ in part.parameters:
        argument.arg = mapping.get(argument.arg, argument.arg)
    renamer = _Renamer(mapping)
    for tree in part.trees:
        renamer.visit(tree)
    return part


def _renamed_memory(part: Part, taken: set[str]) -> Part:
    """The part with entries of memory renamed that stand in `taken`."""
    mapping: dict[str, str] = {}
    for key in part.memory:
        mapping[key] = _fresh(key, {*taken, *mapping.values()}) if key in taken else key
    for tree in part.trees:
        for node in ast.walk(tree):
            if memory_key(node):
                assert isinstance(node, ast.Subscript)
                assert isinstance(node.slice, ast.Constant)
                node.slice = ast.Constant(mapping.get(str(node.slice.value), node.slice.value))
    memory = {mapping[key]: value for key, value in part.memory.items()}
    return Part(part.tops, part.statements, part.signals, part.parameters, memory, part.paid)


def _fresh(name: str, taken: Collection[str]) -> str:
    """The name itself if it is free, else with the first number that makes it so."""
    number, found = 2, name
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


class _Renamer(ast.NodeTransformer):
    """Gives names other names wherever they stand, but where a function means something of its own by them."""

    def __init__(self, mapping: Mapping[str, str]) -> None:
        self._mapping = mapping

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._mapping.get(node.id, node.id)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.name = self._mapping.get(node.name, node.name)
        self._outer(node).generic_visit(node)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        self._outer(node).generic_visit(node)
        return node

    def visit_alias(self, node: ast.alias) -> ast.alias:
        bound = node.asname or node.name
        if bound in self._mapping:
            node.asname = self._mapping[bound]
        return node

    def _outer(self, function: ast.FunctionDef | ast.Lambda) -> _Renamer:
        own = local(function)
        return _Renamer({old: new for old, new in self._mapping.items() if old not in own})
