"""The gate `contract`: the function, its arguments, its parameters, its memory, and what it plainly returns."""

from __future__ import annotations

import ast
from collections.abc import Collection

from rewardsmith.domain.report import FailureKind
from rewardsmith.errors import near_misses
from rewardsmith.reward.parsing import FunctionNode, Module, number, own_nodes
from rewardsmith.reward.rejection import RewardRejected, rejection

PREVIOUS = "prev_"


def find(module: Module, name: str) -> FunctionNode:
    """The function called `name` in the module body."""
    node = module.functions.get(name)
    if node is not None:
        return node
    for other in module.tree.body:
        if isinstance(other, ast.AsyncFunctionDef) and other.name == name:
            raise _fault("no_function", f"{name} is async: write `def {name}(...)`", other.lineno)
        if isinstance(other, ast.ClassDef):
            raise _fault(
                "no_function", f"there is a class but no function {name}: write a plain function", other.lineno
            )
    if module.functions:
        near = near_misses(name, module.functions) or [list(module.functions)[-1]]
        wrong = module.functions[near[0]]
        raise _fault("no_function", f"there is no function {name}: rename {wrong.name!r} to {name!r}", wrong.lineno)
    raise _fault("no_function", f"there is no function {name} at the module's top level", None)


def arguments(node: FunctionNode, signals: Collection[str], *, previous: bool = True) -> tuple[str, ...]:
    """Names of the positional arguments; each must be a signal, a `prev_` form, or `memory`.

    Args:
        node: The function.
        signals: Known names.
        previous: Whether `prev_` forms and `memory` exist here.
    """
    given = node.args
    for star in (given.vararg, given.kwarg):
        if star is not None:
            raise _fault("signature", f"{node.name} takes *{star.arg}: name each signal as an argument", star.lineno)
    names = []
    positional = [*given.posonlyargs, *given.args]
    with_default = {argument.arg for argument in positional[len(positional) - len(given.defaults) :]}
    for argument in positional:
        name = argument.arg
        base = name.removeprefix(PREVIOUS)
        if name in signals or (previous and (name == "memory" or base in signals)):
            if name in with_default:
                text = f"{name!r} is a signal and cannot have a default: write it without one"
                raise _fault("signature", text, argument.lineno)
            names.append(name)
            continue
        if name in with_default:
            text = f"{name!r} is no signal; if it is a number to tune, write it after `*`: f(signals, *, {name}=1.0)"
            raise _fault("signature", text, argument.lineno)
        if name == "self":
            raise _fault(
                "unknown_name", "there is no object: leave `self` out and take signals by name", argument.lineno
            )
        near = near_misses(base if previous else name, signals)
        prefix = PREVIOUS if previous and name != base else ""
        asked = " or ".join(repr(prefix + candidate) for candidate in near)
        text = f"{name!r} is no signal of this task" + (f"; did you mean {asked}?" if near else _some(signals))
        raise _fault("unknown_signal", text, argument.lineno)
    return tuple(names)


def parameters(node: FunctionNode) -> dict[str, float]:
    """Keyword-only arguments with their defaults, which must be plain numbers."""
    values: dict[str, float] = {}
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        name = argument.arg
        if default is None:
            raise _fault("signature", f"parameter {name!r} has no default: write {name}=1.0", argument.lineno)
        value = number(default)
        if value is None:
            text = f"the default of parameter {name!r} must be a plain finite number such as 0.5, no expression"
            raise _fault("signature", text, default.lineno)
        values[name] = value
    return values


def memory(module: Module, node: FunctionNode) -> dict[str, float]:
    """What `MEMORY` declares; it must be there exactly if the function takes `memory`."""
    declared: dict[str, float] = {}
    statement = _memory_statement(module)
    if statement is not None:
        declared = _declared(statement)
    takes = any(argument.arg == "memory" for argument in [*node.args.posonlyargs, *node.args.args])
    if takes and statement is None:
        text = f"{node.name} takes `memory` but MEMORY is not declared: add MEMORY = {{'name': 0.0}} above it"
        raise _fault("memory", text, node.lineno)
    if not takes:
        if statement is not None and any(arg.arg == "memory" for f in module.functions.values() for arg in f.args.args):
            return {}  # another function of the module takes it
        if statement is not None:
            text = f"MEMORY is declared but {node.name} does not take `memory`: add the argument, or drop MEMORY"
            raise _fault("memory", text, statement.lineno)
        return {}
    for used in ast.walk(node):
        key = _memory_key(used)
        if key is not None and key[0] not in declared:
            near = near_misses(key[0], declared)
            asked = f"; did you mean {near[0]!r}?" if near else ""
            text = f"memory[{key[0]!r}] is not declared in MEMORY: add it with its value at an episode's start{asked}"
            raise _fault("memory", text, key[1])
    return declared


def returns(node: FunctionNode) -> None:
    """Refuse what is plainly no pair of a total and a dict of components; what cannot be told is left to the probe."""
    found = [inner for inner in own_nodes(node) if isinstance(inner, ast.Return)]
    if not found:
        raise _fault("return_value", f"{node.name} returns nothing: return total, components", node.lineno)
    for statement in found:
        value = resolve(statement.value, node)
        if isinstance(value, ast.Tuple) and not any(isinstance(item, ast.Starred) for item in value.elts):
            if len(value.elts) != 2:
                text = f"{node.name} returns {len(value.elts)} values: return two, the total and a dict of components"
                raise _fault("return_value", text, statement.lineno)
            first, second = (resolve(item, node) for item in value.elts)
            if isinstance(first, _NO_TOTAL):
                raise _fault(
                    "return_value", "the first value returned is no array: return total, components", value.lineno
                )
            if isinstance(second, _NO_DICT):
                text = "the second value returned is no dict: return components as {'name': array of shape (N,)}"
                raise _fault("return_value", text, second.lineno)
        elif value is None or isinstance(value, _NO_PAIR):
            text = f"{node.name} returns one value: return total, components (a dict of arrays by name)"
            raise _fault("return_value", text, statement.lineno)


_NO_PAIR = (
    ast.Constant, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Dict, ast.DictComp, ast.List, ast.ListComp, ast.Set,
    ast.SetComp, ast.GeneratorExp, ast.JoinedStr, ast.Lambda,
)  # fmt: skip
_NO_TOTAL = (ast.Constant, ast.Dict, ast.DictComp, ast.Set, ast.SetComp, ast.JoinedStr, ast.Lambda, ast.GeneratorExp)
_NO_DICT = (
    ast.Constant, ast.Tuple, ast.UnaryOp, ast.Compare, ast.List, ast.ListComp, ast.Set, ast.SetComp, ast.GeneratorExp,
    ast.JoinedStr, ast.Lambda,
)  # fmt: skip


def resolve(value: ast.expr | None, node: FunctionNode) -> ast.expr | None:
    """The expression behind a name that the function binds exactly once, by a plain assignment; else `value`."""
    if not isinstance(value, ast.Name):
        return value
    bindings = [
        inner
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and inner.id == value.id and not isinstance(inner.ctx, ast.Load)
    ]
    for inner in own_nodes(node):
        if isinstance(inner, ast.Assign) and len(inner.targets) == 1 and bindings == inner.targets:
            return inner.value
    return value


def _memory_statement(module: Module) -> ast.Assign | ast.AnnAssign | None:
    found: ast.Assign | ast.AnnAssign | None = None
    for statement in module.tree.body:
        targets: list[ast.expr] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets = [statement.target]
        if any(isinstance(target, ast.Name) and target.id == "MEMORY" for target in targets):
            assert isinstance(statement, (ast.Assign, ast.AnnAssign))
            found = statement
    return found


def _declared(statement: ast.Assign | ast.AnnAssign) -> dict[str, float]:
    value = statement.value
    if not isinstance(value, ast.Dict) or not value.keys:
        text = "MEMORY must be a dict of starting values written out: MEMORY = {'best_height': 0.0}"
        raise _fault("memory", text, statement.lineno)
    declared: dict[str, float] = {}
    for key, item in zip(value.keys, value.values, strict=True):
        start = number(item)
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str)) or start is None:
            raise _fault("memory", "every entry of MEMORY must be a name in quotes and a plain number", item.lineno)
        declared[key.value] = start
    return declared


def _memory_key(node: ast.AST) -> tuple[str, int] | None:
    """The literal key in `memory["key"]` or `memory.get("key", ...)`, with its line."""
    key: ast.expr | None = None
    if isinstance(node, ast.Subscript) and _is_memory(node.value):
        key = node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_memory(node.func.value):
        key = node.args[0] if node.args else None
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        return key.value, key.lineno
    return None


def _is_memory(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "memory"


def _some(signals: Collection[str]) -> str:
    names = sorted(signals)
    return f"; signals are {', '.join(names[:6])}" + (", ..." if len(names) > 6 else "")


def _fault(kind: FailureKind, message: str, line: int | None) -> RewardRejected:
    return rejection("contract", kind, message, line)
