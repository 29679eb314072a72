"""Names that nothing defines, found in the compiler's own scopes."""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Collection

from rewardsmith.errors import near_misses
from rewardsmith.reward.parsing import Module
from rewardsmith.reward.rejection import rejection


def undefined(module: Module, signals: Collection[str]) -> None:
    """Reject (gate `contract`) the first name that is read but neither bound in the module nor a builtin."""
    if any(_opens(node) for node in ast.walk(module.tree)):
        return  # what they define cannot be told here; the policy refuses them
    bound = {symbol.get_name() for symbol in module.table.get_symbols() if _binds(symbol)}
    bound |= {name for scope in _below(module.table) for name in _declared_global(scope)}
    known = bound | set(dir(builtins))
    missing = {
        symbol.get_name()
        for scope in [module.table, *_below(module.table)]
        for symbol in scope.get_symbols()
        if symbol.is_referenced()
        and symbol.is_global()
        and symbol.get_name() not in known
        and not symbol.get_name().startswith("__")
    }
    if not missing:
        return
    first = min(
        (n for n in ast.walk(module.tree) if isinstance(n, ast.Name) and n.id in missing), key=lambda n: n.lineno
    )
    name = first.id
    if name == "self":
        text = "`self` does not exist here: there is no object, only signals, parameters and constants"
    elif name in signals or name.removeprefix("prev_") in signals:
        text = f"{name!r} is a signal: add it to the function's arguments"
    elif name == "memory":
        text = "'memory' is not an argument: add it to the arguments and declare MEMORY"
    elif name in {"np", "numpy", "math"}:
        text = f"{name!r} is not imported: add `import numpy as np`" if name != "math" else "add `import math`"
    else:
        near = near_misses(name, {*bound, *(symbol for scope in _below(module.table) for symbol in _local(scope))}, 1)
        text = f"nothing defines the name {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    raise rejection("contract", "unknown_name", text, first.lineno)


def _opens(node: ast.AST) -> bool:
    """Whether a node can define names unseen: `import *`, exec, globals."""
    if isinstance(node, ast.ImportFrom):
        return any(alias.name == "*" for alias in node.names)
    return isinstance(node, ast.Name) and node.id in {"exec", "eval", "globals", "vars", "locals"}


def _below(table: symtable.SymbolTable) -> list[symtable.SymbolTable]:
    found: list[symtable.SymbolTable] = []
    queue = list(table.get_children())
    while queue:
        scope = queue.pop()
        found.append(scope)
        queue.extend(scope.get_children())
    return found


def _binds(symbol: symtable.Symbol) -> bool:
    return symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()


def _declared_global(scope: symtable.SymbolTable) -> list[str]:
    return [s.get_name() for s in scope.get_symbols() if s.is_declared_global() and s.is_assigned()]


def _local(scope: symtable.SymbolTable) -> list[str]:
    return [s.get_name() for s in scope.get_symbols() if s.is_local() or s.is_parameter()]
