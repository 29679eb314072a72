"""What a call means: which known function it runs, and what a foreign one may change."""

from __future__ import annotations

import ast
from types import ModuleType

from rewardsmith.worker.slicing.program import Function, Program

PURE_MODULES = ("numpy", "math", "warnings", "logging", "gymnasium", "time", "os", "pygame", "matplotlib", "random")
"""Modules whose functions change none of their arguments, those in `IN_PLACE` apart."""

IN_PLACE = frozenset({"copyto", "put", "place", "putmask", "fill_diagonal", "shuffle"})
"""Functions that change their first argument."""

PURE_METHODS = frozenset(
    {
        "copy",
        "flatten",
        "ravel",
        "reshape",
        "sum",
        "mean",
        "min",
        "max",
        "std",
        "dot",
        "any",
        "all",
        "astype",
        "tolist",
        "item",
        "items",
        "keys",
        "values",
        "get",
        "index",
        "count",
        "format",
        "join",
        "split",
        "strip",
        "startswith",
        "endswith",
        "sample",
        "contains",
        "uniform",
        "normal",
        "standard_normal",
        "integers",
        "choice",
        "random",
        "nonzero",
        "argmax",
        "argmin",
        "clip",
        "round",
        "squeeze",
        "transpose",
    }
)
"""Methods that leave their object as it is."""

CHANGING_METHODS = frozenset(
    {
        "pop",
        "append",
        "appendleft",
        "popleft",
        "popitem",
        "update",
        "setdefault",
        "remove",
        "extend",
        "insert",
        "clear",
        "add",
        "discard",
        "sort",
        "reverse",
        "fill",
        "put",
        "step",
        "reset",
        "push",
        "set",
        "shuffle",
    }
)
"""Methods that change their object even where their result is taken."""

RENDERING = frozenset({"render", "close", "_render_frame", "vis"})
"""Names whose calls and parts only draw."""


def called_function(program: Program, caller: Function, call: ast.Call) -> Function | None:
    """Find the environment's own function that a call runs; None for a foreign one."""
    key = (caller, call, len(caller.selfs))
    if key not in program.calls:
        program.calls[key] = _called(program, caller, call)
    return program.calls[key]


def _called(program: Program, caller: Function, call: ast.Call) -> Function | None:
    target = call.func
    if isinstance(target, ast.Attribute):
        if isinstance(target.value, ast.Name) and target.value.id in caller.selfs:
            found = program.find(target.attr)
            return None if found is not None and found.is_property else found
        if _is_super(target.value):
            return program.find(target.attr, after=caller.owner)
    if _root_name(target) in caller.local_names:
        return None
    resolved = program.resolve(target, caller.module)
    if isinstance(target, ast.Attribute):
        owner = program.resolve(target.value, caller.module)
        if isinstance(owner, type):
            return program.find(target.attr, within=owner) if owner in program.classes else None
    return program.free(resolved, caller.module)


def is_explicit(function: Function, call: ast.Call, caller: Function) -> bool:
    """Whether a call gives the environment as its first argument: `Base.method(self, ...)`."""
    if function.owner is None or function.is_static or not isinstance(call.func, ast.Attribute):
        return False
    base = call.func.value
    return not _is_super(base) and not (isinstance(base, ast.Name) and base.id in caller.selfs)


def bind(function: Function, call: ast.Call, caller: Function) -> list[tuple[str, ast.expr]]:
    """Pair the parameters of a known function with the arguments of a call, as far as they are written out."""
    args = call.args[1:] if is_explicit(function, call, caller) else call.args
    pairs: list[tuple[str, ast.expr]] = []
    for name, argument in zip(function.parameters, args, strict=False):
        if isinstance(argument, ast.Starred):
            break
        pairs.append((name, argument))
    pairs += [(keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg is not None]
    return pairs


def changed_roots(program: Program, caller: Function, call: ast.Call, *, statement: bool) -> list[ast.expr]:
    """Find the expressions whose objects a foreign call may change; `statement`: its result is thrown away."""
    target = call.func
    out = [keyword.value for keyword in call.keywords if keyword.arg == "out"]
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    if isinstance(target, ast.Attribute):
        if _is_super(target.value):
            return _reset_generator(caller) if target.attr == "reset" else []
        root = _root_name(target)
        if root is None or root in caller.local_names:
            if target.attr in PURE_METHODS or _is_generator(target.value):
                return out
            changes = statement or target.attr in CHANGING_METHODS
            return [*out, target.value] if changes else out
        owner = program.resolve(target.value, caller.module)
        if isinstance(owner, type):
            return []
        if isinstance(owner, ModuleType) and owner.__name__.split(".")[0] in PURE_MODULES:
            return [*out, *call.args[:1]] if target.attr in IN_PLACE else out
        return arguments if statement else out
    if isinstance(target, ast.Name):
        resolved = program.resolve(target, caller.module)
        foreign = getattr(resolved, "__module__", None) or ""
        if isinstance(resolved, type) or foreign.split(".")[0] in (*PURE_MODULES, "builtins"):
            return out
        return arguments if statement else out
    return []


def is_rendering(node: ast.expr) -> bool:
    """Whether a place or a called function is about drawing."""
    return any(isinstance(part, ast.Attribute) and part.attr in RENDERING for part in ast.walk(node))


def is_update(call: ast.Call) -> bool:
    """Whether a call is `x.update(...)`."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "update"


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def _is_generator(node: ast.expr) -> bool:
    """Whether an expression is a random generator; drawing from it counts as changing nothing."""
    return isinstance(node, ast.Attribute) and node.attr in ("np_random", "_np_random", "rng", "_rng")


def _reset_generator(caller: Function) -> list[ast.expr]:
    """`gymnasium.Env.reset` seeds the generator."""
    name = next(iter(caller.selfs), "self")
    return [ast.Attribute(value=ast.Name(name, ast.Load()), attr="np_random", ctx=ast.Load())]


def _root_name(node: ast.expr) -> str | None:
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return None
    return node.id
