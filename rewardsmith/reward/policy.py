"""The gate `policy`: which constructs, imports and names a reward may use.

This is lint, so that a fault is told early and in words. The boundary is the locked process.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection

from rewardsmith.domain.report import FailureKind
from rewardsmith.reward.parsing import FunctionNode, Module, own_nodes
from rewardsmith.reward.rejection import RewardRejected, rejection

IMPORTS = {"numpy", "math"}
BUILTINS = {
    "abs", "all", "any", "bool", "complex", "dict", "divmod", "enumerate", "filter", "float", "frozenset", "int",
    "isinstance", "iter", "len", "list", "map", "max", "min", "next", "pow", "range", "repr", "reversed", "round",
    "set", "slice", "sorted", "str", "sum", "tuple", "zip", "Ellipsis", "NotImplemented", "__name__",
}  # fmt: skip
NUMPY = {
    "random": "random numbers make the reward differ between equal calls: leave the noise out",
    "f2py": "only array functions of numpy are allowed",
    "ctypeslib": "only array functions of numpy are allowed",
    "distutils": "only array functions of numpy are allowed",
    "lib": "only array functions of numpy are allowed",
    "core": "only array functions of numpy are allowed",
    "testing": "only array functions of numpy are allowed",
    "typing": "type annotations are not needed: leave them out",
    "ma": "masked arrays are not loaded: use np.where",
    "polynomial": "numpy.polynomial is not loaded: use np.polyval",
    "rec": "only plain arrays are allowed",
    "char": "only arrays of numbers are allowed",
    "strings": "only arrays of numbers are allowed",
    "matlib": "matrices are not allowed: use arrays",
    "matrix": "matrices are not allowed: use arrays",
    **dict.fromkeys(
        ("load", "loadtxt", "genfromtxt", "fromfile", "fromregex", "memmap", "DataSource", "save", "savez", "savetxt",
         "savez_compressed"),
        "a reward may not touch files: write constants into the source",
    ),
    **dict.fromkeys(
        ("seterr", "seterrcall", "setbufsize", "set_printoptions", "show_config", "show_runtime", "info", "test",
         "get_include", "source", "lookfor"),
        "it changes or reads settings of numpy: leave it out",
    ),
}  # fmt: skip
"""Attributes of numpy that a reward may not use, with the reason that its author is told."""

ATTRIBUTES = {"tofile", "dump", "dumps", "ctypes", "setflags", "f_globals", "gi_frame", "tb_frame"}
MUTATORS = {
    "append", "extend", "insert", "update", "setdefault", "pop", "popitem", "clear", "remove", "discard", "add", "sort",
    "reverse", "fill", "put", "itemset", "resize", "partition",
}  # fmt: skip
CONSTRUCTS: dict[type[ast.AST], str] = {
    ast.ClassDef: "classes are not allowed: write functions",
    ast.Global: "`global` is not allowed: a reward keeps no state between calls; per-episode state goes into `memory`",
    ast.Nonlocal: "`nonlocal` is not allowed: pass values as arguments and return them",
    ast.While: "`while` is not allowed: use whole-array numpy operations, or `for ... in range(...)`",
    ast.AsyncFunctionDef: "async functions are not allowed: write `def`",
    ast.AsyncFor: "async loops are not allowed",
    ast.AsyncWith: "async blocks are not allowed",
    ast.Await: "`await` is not allowed",
    ast.Yield: "generator functions are not allowed: return arrays",
    ast.YieldFrom: "generator functions are not allowed: return arrays",
}
CATCH_ALL = {"Exception", "BaseException"}
MODULE_LEVEL = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.Assign, ast.AnnAssign, ast.Pass)


def check(module: Module) -> None:
    """Raise RewardRejected (gate `policy`) for the first construct, in order of lines, that is not allowed."""
    aliases = _aliases(module.tree)
    shared = _shared(module)
    assigned = {symbol.get_name() for symbol in module.table.get_symbols() if symbol.is_assigned()}
    found: list[RewardRejected] = []
    for node in ast.walk(module.tree):
        fault = _imports(node) or _constructs(node) or _names(node, assigned) or _attributes(node, aliases)
        if fault is not None:
            found.append(fault)
    for function in (n for n in ast.walk(module.tree) if isinstance(n, ast.FunctionDef | ast.Lambda)):
        found.extend(_state(function, shared, aliases))
    found.extend(_module_level(module.tree, aliases))
    if found:
        raise min(found, key=lambda fault: fault.failure.line or 0)


def check_signals_unwritten(node: FunctionNode, names: Collection[str]) -> None:
    """Raise RewardRejected where the function plainly writes into one of the arrays that it is given."""
    own = own_nodes(node)
    rebound = {n.id for n in own if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    augmented = {n.target.id for n in own if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
    plain = {
        target.id
        for n in own
        if isinstance(n, ast.Assign)
        for target in ast.walk(ast.Tuple(elts=n.targets))
        if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
    }
    signals = set(names) - plain - (rebound - augmented)
    for inner in own:
        written: ast.AST | None = None
        if isinstance(inner, ast.AugAssign):
            written = inner.target
        elif isinstance(inner, ast.Subscript) and isinstance(inner.ctx, (ast.Store, ast.Del)):
            written = inner
        elif isinstance(inner, ast.keyword) and inner.arg == "out":
            written = inner.value
        name = _root(written) if written is not None else None
        if name in signals:
            text = f"it writes into the signal {name!r}; signals are read-only: compute a new array instead"
            raise _fault("mutates_input", text, inner)


def _imports(node: ast.AST) -> RewardRejected | None:
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        if node.module == "__future__" and not node.level:
            return None
        if any(alias.name == "*" for alias in node.names):
            return _fault("forbidden_import", "`import *` is not allowed: write `import numpy as np`", node)
        base = "." * node.level + (node.module or "")
        names = [f"{base}.{alias.name}" for alias in node.names]
    for name in names:
        root, *rest = name.split(".")
        if root not in IMPORTS:
            shown = name.rsplit(".", 1)[0] if isinstance(node, ast.ImportFrom) else name
            return _fault("forbidden_import", f"import of {shown!r} is not allowed: only numpy and math are", node)
        if root == "numpy" and rest and (reason := _numpy(rest[0])):
            return _fault("forbidden_name", f"{name!r} is not allowed: {reason}", node)
    return None


def _constructs(node: ast.AST) -> RewardRejected | None:
    text = CONSTRUCTS.get(type(node))
    if text is not None:
        return _fault("forbidden_construct", text, node)
    if isinstance(node, ast.comprehension) and node.is_async:
        return _fault("forbidden_construct", "async loops are not allowed", node.target)
    if isinstance(node, ast.ExceptHandler):
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        if any(kind is None or (isinstance(kind, ast.Name) and kind.id in CATCH_ALL) for kind in caught):
            text = "catching every exception hides faults: leave the `try` out, or name the exception"
            return _fault("forbidden_construct", text, node)
    if isinstance(node, ast.FunctionDef):
        if node.decorator_list:
            return _fault("forbidden_construct", "decorators are not allowed: call functions directly", node)
        defaults = [*node.args.defaults, *(default for default in node.args.kw_defaults if default is not None)]
        if any(isinstance(default, (ast.List, ast.Dict, ast.Set, ast.Call)) for default in defaults):
            text = f"a default of {node.name} could keep state between calls: use None or a number"
            return _fault("forbidden_construct", text, node)
    return None


def _names(node: ast.AST, assigned: set[str]) -> RewardRejected | None:
    if not isinstance(node, ast.Name):
        return None
    name = node.id
    if name.startswith("__") and name.endswith("__") and name != "__name__":
        return _fault("forbidden_name", f"{name!r} is not allowed: a reward is plain arithmetic on its arguments", node)
    if isinstance(node.ctx, ast.Load) and name not in BUILTINS and hasattr(builtins, name):
        value = getattr(builtins, name)
        if isinstance(value, type) and issubclass(value, BaseException):
            return None
        if name not in assigned:
            if name == "print":
                return _fault(
                    "forbidden_name", "`print` is not allowed: return what you want to see as a component", node
                )
            return _fault("forbidden_name", f"`{name}` is not allowed: a reward only computes with its arguments", node)
    return None


def _attributes(node: ast.AST, aliases: set[str]) -> RewardRejected | None:
    if not isinstance(node, ast.Attribute):
        return None
    if node.attr.startswith("_"):
        return _fault("forbidden_name", f"the attribute {node.attr!r} is not allowed: names with _ are internal", node)
    if node.attr in ATTRIBUTES:
        return _fault("forbidden_name", f"the attribute {node.attr!r} is not allowed: a reward only computes", node)
    if isinstance(node.value, ast.Name) and node.value.id in aliases and (reason := _numpy(node.attr)):
        return _fault("forbidden_name", f"`{node.value.id}.{node.attr}` is not allowed: {reason}", node)
    return None


def _numpy(name: str) -> str | None:
    return "names with _ are internal" if name.startswith("_") else NUMPY.get(name)


def _state(function: ast.FunctionDef | ast.Lambda, shared: set[str], aliases: set[str]) -> list[RewardRejected]:
    """Writes of one function into what the module holds."""
    given = function.args
    bound = {a.arg for a in [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg] if a}
    own = own_nodes(function)
    bound |= {n.id for n in own if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    outer = shared - bound
    found = []
    for node in own:
        written: ast.AST | None = None
        if isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, (ast.Store, ast.Del)):
            written = node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
            written = None if _root(node.func.value) in aliases else node.func.value
        elif isinstance(node, ast.keyword) and node.arg == "out":
            written = node.value
        name = _root(written) if written is not None else None
        if name in outer:
            text = f"it changes {name!r}, which lives between calls; per-episode state goes into `memory`"
            found.append(_fault("forbidden_construct", text, node))
    return found


def _module_level(tree: ast.Module, aliases: set[str]) -> list[RewardRejected]:
    """Statements at the top level that are neither imports, functions nor constants."""
    found = []
    for statement in tree.body:
        if isinstance(statement, tuple(CONSTRUCTS)):
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        if not isinstance(statement, MODULE_LEVEL):
            text = "at the top level only imports, constants and functions may stand: move it into the function"
            found.append(_fault("forbidden_construct", text, statement))
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
            for call in (node for node in ast.walk(statement.value) if isinstance(node, ast.Call)):
                root = _root(call.func)
                if root not in aliases and root not in BUILTINS:
                    text = "a constant may be computed with numpy and math only: move the call into the function"
                    found.append(_fault("forbidden_construct", text, call))
    return found


def _aliases(tree: ast.Module) -> set[str]:
    """Names under which numpy and math, or what comes from them, are known."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def _shared(module: Module) -> set[str]:
    return {symbol.get_name() for symbol in module.table.get_symbols()}


def _root(node: ast.AST) -> str | None:
    """The name at the start of `a`, `a[i]`, `a.b[i].c`."""
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _fault(kind: FailureKind, message: str, node: ast.AST) -> RewardRejected:
    return rejection("policy", kind, message, getattr(node, "lineno", None))
