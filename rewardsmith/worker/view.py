"""The source of an environment without its reward: what a model may read about how the environment works."""

from __future__ import annotations

import ast
import builtins
import copy
import inspect
import sys
import textwrap
from collections.abc import Iterable
from typing import Any, NamedTuple

import gymnasium

from rewardsmith.syntax import syntax_tree
from rewardsmith.worker.slicing.need import Need
from rewardsmith.worker.slicing.program import Function, Program, SourceUnavailable, is_own_attribute
from rewardsmith.worker.slicing.slicer import Slice
from rewardsmith.worker.slicing.suite import suite_source
from rewardsmith.worker.slicing.terms import Entangled, reward_terms

__all__ = ["View", "without_reward"]

UNAVAILABLE = (
    "# The source of this environment cannot be shown without its reward: it is not available as Python source,\n"
    "# or not written as a class with reset and step. What is known of it are the signals and their ranges.\n"
)

ENTANGLED = (
    "# The source of this environment cannot be shown without its reward: both come out of the same table.\n"
    "# What is known of it are the signals and their ranges.\n"
)

VERDICTS = {"success", "is_success"}
"""Entries of `info` that say whether the task is done: that is for the score to say."""

HEADER = "# Left out: the reward and what only it needs (an underscore stands in its place), rendering, checks.\n"


class View(NamedTuple):
    """What the source tells about an environment without its reward."""

    text: str
    """Python source, or a sentence that says why there is none."""
    dropped_info: tuple[str, ...]
    """Entries of `info` that the reward computed, that the source does not explain, or that judge the task."""


def without_reward(env: gymnasium.Env[Any, Any], info: Iterable[str] = ()) -> View:
    """Slice the source of an environment for observation, terminated, truncated and reset.

    The slice goes through the class of the innermost environment and its bases up to `gymnasium.Env`; wrappers,
    comments, docstrings and rendering are left out. Of `info` it keeps the entries that the reward did not compute and
    that do not say whether the task is done.

    Args:
        env: the environment; it is not stepped.
        info: names of the entries of `info` that its steps give.
    """
    names = sorted({str(name) for name in info})
    control: Any = getattr(env.unwrapped, "control", None)
    if hasattr(control, "task") and hasattr(control, "physics"):
        return _of_suite(type(control.task), type(control.physics), names)
    try:
        program = Program(type(env.unwrapped))
    except SourceUnavailable:
        return View(UNAVAILABLE, tuple(names))
    step, reset, init = program.find("step"), program.find("reset"), program.find("__init__")
    if step is None or reset is None:
        return View(UNAVAILABLE, tuple(names))
    fixed: dict[Function, Need | None] = {reset: {0: True}}
    if init is not None:
        fixed[init] = None
    physics = Slice(program, {**fixed, step: {0: True, 2: True, 3: True}})
    reward = Slice(program, {**fixed, step: {1: True}})
    weights = {name for name in reward.attributes if name not in physics.attributes} & _arithmetic(reward)
    try:
        terms = reward_terms(program, step, physics, weights)
    except Entangled:
        return View(ENTANGLED, tuple(names))
    kept = []
    for name in (each for each in names if each not in VERDICTS):
        part = Slice(program, {**fixed, step: {4: {name: True}}})
        if not (part.kept & terms or set(part.attributes) & weights):
            kept.append(name)
    entries: dict[str | int, Need] = {4: dict.fromkeys(kept, True)} if kept else {}
    whole = Slice(program, {**fixed, step: {0: True, 2: True, 3: True, **entries}})
    return View(_text(whole, env), tuple(name for name in names if name not in kept))


def _of_suite(task: type, physics: type, names: Iterable[str]) -> View:
    try:
        return View(f"{HEADER}\n{suite_source(task, physics)}", tuple(names))
    except SourceUnavailable:
        return View(UNAVAILABLE, tuple(names))


def _arithmetic(part: Slice) -> set[str]:
    """Attributes that stand as an operand somewhere in the slice: weights do, names of bodies do not."""
    found: set[str] = set()
    for function, body in part.bodies.items():
        for statement in body:
            for node in ast.walk(statement):
                if isinstance(node, ast.BinOp):
                    found |= {side.attr for side in (node.left, node.right) if is_own_attribute(side, function)}
    return found


def _text(part: Slice, env: gymnasium.Env[Any, Any]) -> str:
    """Write the slice as source: constants, functions, then classes with the bases first."""
    blocks: list[str] = []
    used: list[ast.AST] = []
    for function in part.program.free_functions():
        if part.bodies.get(function):
            definition = _definition(part, function)
            used.append(definition)
            blocks.append(ast.unparse(definition))
    for cls in reversed(part.program.classes):
        node = _class(part, cls)
        if node.body:
            used.append(node)
            blocks.append(ast.unparse(node))
    constants = _constants(part, used)
    if constants:
        blocks.insert(0, "\n".join(constants))
    return HEADER + _made_with(part, env) + "\n" + "\n\n\n".join(blocks) + "\n"


def _class(part: Slice, cls: type) -> ast.ClassDef:
    body: list[ast.stmt] = []
    for constant in part.program.constants[cls]:
        names = [target.id for target in constant.targets if isinstance(target, ast.Name)]
        if any(name in part.attributes for name in names):
            body.append(constant)
    for function in part.program.functions():
        if function.owner is cls and part.bodies.get(function):
            body.append(_definition(part, function))
    bases: list[ast.expr] = [ast.Name(name, ast.Load()) for name in _bases(part.program, cls)]
    return ast.fix_missing_locations(
        ast.ClassDef(name=cls.__name__, bases=bases, keywords=[], body=body, decorator_list=[])
    )


def _bases(program: Program, cls: type) -> list[str]:
    shown = [base.__name__ for base in cls.__bases__ if base in program.classes]
    return shown or ["gymnasium.Env"]


def _definition(part: Slice, function: Function) -> ast.FunctionDef:
    """One function with the parameters that the slice needs, without annotations."""
    arguments = copy.deepcopy(function.node.args)
    wanted = set(function.entry) | function.selfs
    paired = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(paired) - len(arguments.defaults))
    defaults += arguments.defaults
    kept = [(a, d) for a, d in zip(paired, defaults, strict=True) if a.arg in wanted or function.node.name == "step"]
    keywords = [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if a.arg in wanted]
    for argument, _ in (*kept, *keywords):
        argument.annotation = None
    vararg, kwarg = arguments.vararg, arguments.kwarg
    result = ast.arguments(
        posonlyargs=[],
        args=[argument for argument, _ in kept],
        vararg=ast.arg(vararg.arg) if vararg is not None and vararg.arg in wanted else None,
        kwonlyargs=[argument for argument, _ in keywords],
        kw_defaults=[default for _, default in keywords],
        kwarg=ast.arg(kwarg.arg) if kwarg is not None and kwarg.arg in wanted else None,
        defaults=[default for _, default in kept if default is not None],
    )
    return ast.fix_missing_locations(
        ast.FunctionDef(
            name=function.node.name,
            args=result,
            body=[copy.deepcopy(statement) for statement in part.bodies[function]],
            decorator_list=function.node.decorator_list,
        )
    )


def _constants(part: Slice, used: list[ast.AST]) -> list[str]:
    """Assignments of module constants that the slice reads."""
    names = {n.id for node in used for n in ast.walk(node) if isinstance(n, ast.Name)} - set(dir(builtins))
    lines: dict[str, None] = {}
    for module in dict.fromkeys(sys.modules[cls.__module__] for cls in reversed(part.program.classes)):
        try:
            tree = syntax_tree(textwrap.dedent(inspect.getsource(module)))
        except (OSError, TypeError, SyntaxError):
            continue
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id in names for target in statement.targets
            ):
                lines[ast.unparse(statement)] = None
    return list(lines)


def _made_with(part: Slice, env: gymnasium.Env[Any, Any]) -> str:
    """The arguments with which the environment was made, as far as the slice knows them."""
    init = part.program.find("__init__")
    spec = env.unwrapped.spec
    if init is None or spec is None:
        return ""
    given = {name: value for name, value in (spec.kwargs or {}).items() if name in init.entry}
    return f"# Made with {', '.join(f'{name}={value!r}' for name, value in given.items())}.\n" if given else ""
