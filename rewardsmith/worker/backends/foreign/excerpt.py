"""What a model may read of the source of an Isaac or Playground task: how it observes and acts, never what it pays."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewardsmith.syntax import syntax_tree
from rewardsmith.worker.view import View

__all__ = ["excerpt"]

SHOWN = (
    "compute_observations",
    "pre_physics_step",
    "_get_observations",
    "_get_dones",
    "_pre_physics_step",
    "_apply_action",
)
"""Methods from which the excerpt of an Isaac task starts; it goes on with what they call of the same source."""
PAYING = re.compile(r"rew|success|gt_|episode_sums", re.I)
HEADER = "# How the task observes and acts. Left out: its reward, and how it is set up.\n"
NOTHING = """\
# The source of this task cannot be shown without its reward.
# What is known of it are the signals and their ranges.
"""


def excerpt(sources: Sequence[Mapping[str, Any]], terms: Sequence[str] = (), shown: Sequence[str] = SHOWN) -> View:
    """Cut the observation out of the sources, the most derived class's first.

    Args:
        sources: By module: its name, the names of the task's classes in it, its text.
        terms: Names of the observation's terms, where managers compute it.
        shown: Methods from which it starts.

    Returns:
        The excerpt, and the attributes and entries of `info` that the reward computes, which are no signals.
    """
    methods: dict[str, ast.FunctionDef] = {}
    functions: dict[str, ast.FunctionDef] = {}
    for source in sources:
        try:
            tree = syntax_tree(source["text"])
        except SyntaxError:
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                functions.setdefault(node.name, node)
            elif isinstance(node, ast.ClassDef) and node.name in source["classes"]:
                for each in node.body:
                    if isinstance(each, ast.FunctionDef):
                        methods.setdefault(each.name, each)
    taken: dict[str, ast.FunctionDef] = {}
    queue = [name for name in shown if name in methods]
    while queue:
        name = queue.pop(0)
        found = methods.get(name) or functions.get(name)
        if found is None or name in taken or PAYING.search(name):
            continue
        taken[name] = _without_payment(found)
        queue += _called(taken[name])
    parts = [f"# observed, term by term: {', '.join(terms)}\n"] if terms else []
    parts += [ast.unparse(node) + "\n" for node in taken.values()]
    return View(HEADER + "\n" + "\n".join(parts) if parts else NOTHING, tuple(sorted(_paid(methods))))


def _without_payment(node: ast.FunctionDef) -> ast.FunctionDef:
    """The function without docstring and decorators, and without the statements that speak of the reward."""
    body = [statement for statement in map(_cleaned, node.body) if statement is not None]
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        del body[0]
    return ast.FunctionDef(node.name, node.args, body or [ast.Pass()], [], None, None, lineno=0, col_offset=0)


def _cleaned(statement: ast.stmt) -> ast.stmt | None:
    if not PAYING.search(ast.unparse(statement)):
        return statement
    if not isinstance(statement, ast.If | ast.For | ast.While | ast.With):
        return None
    head = next(_heads(statement))
    if PAYING.search(ast.unparse(head)):
        return None
    statement.body = [each for each in map(_cleaned, statement.body) if each is not None] or [ast.Pass()]
    if isinstance(statement, ast.If | ast.For | ast.While):
        statement.orelse = [each for each in map(_cleaned, statement.orelse) if each is not None]
    return statement


def _heads(statement: ast.If | ast.For | ast.While | ast.With) -> Iterator[ast.AST]:
    match statement:
        case ast.If(test=test) | ast.While(test=test):
            yield test
        case ast.For(iter=over):
            yield over
        case ast.With(items=items):
            yield from items


def _called(node: ast.FunctionDef) -> list[str]:
    """Names of functions and of own methods that it calls."""
    names = []
    for call in (each for each in ast.walk(node) if isinstance(each, ast.Call)):
        target = call.func
        if isinstance(target, ast.Name):
            names.append(target.id)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
            names.append(target.attr)
    return names


def _paid(methods: Mapping[str, ast.FunctionDef]) -> set[str]:
    """Attributes, and entries of `info`, that a method which speaks of rewards in its name assigns."""
    found: set[str] = set()
    for node in (node for name, node in methods.items() if re.search("reward", name)):
        for statement in ast.walk(node):
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            targets = [statement.target] if isinstance(statement, ast.AugAssign) else targets
            for target in targets:
                for part in ast.walk(target):
                    if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "self":
                        found.add(part.attr.strip("_"))
                    elif isinstance(part, ast.Subscript) and ast.unparse(part.value).endswith("info"):
                        found.add(ast.unparse(part.slice).strip("'"))
    return found
