"""The source of a task of the DeepMind Control Suite without its reward.

There the reward is a method of its own, `get_reward`, so that following names is enough: what starts an episode, what
the policy sees and what ends an episode stays, with what these call; what only the reward calls or reads goes.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping

from rewardsmith.syntax import syntax_tree
from rewardsmith.worker.slicing.program import SourceUnavailable

__all__ = ["suite_source"]

KEPT = ("initialize_episode", "before_step", "after_step", "get_observation", "get_termination")
"""Methods of a task that say how it works."""

FOREIGN = ("dm_control.suite.base", "dm_control.rl", "dm_control.mujoco", "abc", "builtins")

_Methods = dict[str, ast.FunctionDef]


def suite_source(task: type, physics: type) -> str:
    """The classes of a task and of its physics as Python source, bases first, with the constants that they read.

    Raises:
        SourceUnavailable: a class is not there as source.
    """
    tasks, bodies = _classes(task), _classes(physics)
    own = {name: node for cls in reversed(tasks) for name, node in _methods(cls).items()}
    helpers = {name: node for cls in reversed(bodies) for name, node in _methods(cls).items()}
    kept = _reached([name for name in KEPT if name in own], own, "self")
    free = _called((*tasks, *bodies), kept.values())
    asked = [name for node in (*kept.values(), *free) for name in _attributes(node, "physics")]
    helping = _reached([name for name in asked if name in helpers], helpers, "self")
    read = {name for node in kept.values() for name in _attributes(node, "self")}
    init = _init(own.get("__init__"), read)
    shown = [*_written(bodies, helping), *_written(tasks, kept if init is None else {"__init__": init, **kept})]
    constants = _constants((*tasks, *bodies), (*free, *shown))
    blocks = ["\n".join(ast.unparse(each) for each in constants)] * bool(constants)
    return "\n\n\n".join([*blocks, *(ast.unparse(node) for node in (*free, *shown))]) + "\n"


def _classes(cls: type) -> list[type]:
    """The class and its bases up to what every task shares."""
    return [base for base in cls.__mro__ if base is not object and not base.__module__.startswith(FOREIGN)]


def _methods(cls: type) -> _Methods:
    try:
        tree = syntax_tree(textwrap.dedent(inspect.getsource(cls))).body[0]
    except (OSError, TypeError, SyntaxError) as error:
        raise SourceUnavailable(cls.__qualname__) from error
    found = {node.name: node for node in getattr(tree, "body", ()) if isinstance(node, ast.FunctionDef)}
    for node in found.values():
        _without_docstring(node)
    return found


def _without_docstring(node: ast.FunctionDef) -> None:
    if ast.get_docstring(node) is not None:
        node.body = node.body[1:] or [ast.Pass()]


def _called(classes: Iterable[type], nodes: Iterable[ast.AST]) -> list[ast.FunctionDef]:
    """Functions of the classes' modules that are named in the nodes, and what these name."""
    modules = dict.fromkeys(sys.modules[cls.__module__] for cls in classes)
    known = {
        node.name: node
        for module in modules
        for node in syntax_tree(inspect.getsource(module)).body
        if isinstance(node, ast.FunctionDef)
    }
    found: _Methods = {}
    waiting = list(nodes)
    while waiting:
        names = {part.id for part in ast.walk(waiting.pop()) if isinstance(part, ast.Name)}
        for name in sorted(names & known.keys() - found.keys()):
            _without_docstring(known[name])
            found[name] = known[name]
            waiting.append(known[name])
    return list(found.values())


def _attributes(node: ast.AST, of: str) -> Iterator[str]:
    """Names that are read or called as `of.name`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == of:
            yield part.attr


def _reached(names: Iterable[str], methods: Mapping[str, ast.FunctionDef], of: str) -> _Methods:
    """The methods of these names and what they call, in the order of `methods`."""
    wanted, waiting = set(names), list(names)
    while waiting:
        more = {name for name in _attributes(methods[waiting.pop()], of) if name in methods} - wanted
        wanted |= more
        waiting += more
    return {name: node for name, node in methods.items() if name in wanted and name != "get_reward"}


def _init(node: ast.FunctionDef | None, read: set[str]) -> ast.FunctionDef | None:
    """The constructor without what is kept for the reward alone."""
    if node is None:
        return None
    node.body = [
        line
        for line in node.body
        if not isinstance(line, ast.Assign)
        or not isinstance(line.targets[0], ast.Attribute)
        or line.targets[0].attr in read
    ]
    used = {part.id for line in node.body for part in ast.walk(line) if isinstance(part, ast.Name)}
    arguments = node.args
    defaults = dict(zip(reversed(arguments.args), reversed(arguments.defaults), strict=False))
    arguments.args = [each for each in arguments.args if each.arg == "self" or each.arg in used]
    arguments.defaults = [defaults[each] for each in arguments.args if each in defaults]
    return node


def _written(classes: list[type], methods: Mapping[str, ast.FunctionDef]) -> list[ast.ClassDef]:
    """The classes, bases first, with those of their methods that stay."""
    written = []
    for cls in reversed(classes):
        body: list[ast.stmt] = [node for name, node in methods.items() if name in vars(cls)]
        if body:
            bases = [f"{base.__module__.split('.')[1]}.{base.__name__}" for base in cls.__bases__]
            names: list[ast.expr] = [ast.Name(base, ast.Load()) for base in bases]
            node = ast.ClassDef(name=cls.__name__, bases=names, keywords=[], body=body, decorator_list=[])
            written.append(ast.fix_missing_locations(node))
    return written


def _constants(classes: Iterable[type], shown: Iterable[ast.AST]) -> list[ast.Assign]:
    """Assignments of the classes' modules that they read."""
    names = {part.id for node in shown for part in ast.walk(node) if isinstance(part, ast.Name)}
    found: dict[str, ast.Assign] = {}
    for module in dict.fromkeys(sys.modules[cls.__module__] for cls in classes):
        for node in syntax_tree(inspect.getsource(module)).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in names:
                found[node.targets[0].id] = node
    return list(found.values())
