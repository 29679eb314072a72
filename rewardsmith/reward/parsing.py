"""Text to a syntax tree, with every way in which that can fail made a typed fault."""

from __future__ import annotations

import ast
import symtable
import unicodedata
from collections import deque
from dataclasses import dataclass

from rewardsmith.reward.rejection import rejection
from rewardsmith.syntax import syntax_tree

MOST_BYTES = 64 * 1024
FunctionNode = ast.FunctionDef


@dataclass(frozen=True)
class Module:
    """A parsed source."""

    tree: ast.Module
    """Its syntax tree."""
    table: symtable.SymbolTable
    """Its scopes."""
    functions: dict[str, FunctionNode]
    """Functions of the module body by name; the last definition of a name counts."""


def parse(source: str) -> Module:
    """Parse a source of at most 64 KB without control characters; raises RewardRejected at the gate `parse`."""
    size = len(source.encode(errors="surrogatepass"))
    if size > MOST_BYTES:
        raise rejection("parse", "too_large", f"the source has {size} bytes; the limit is {MOST_BYTES}: write less")
    _refuse_control_characters(source)
    try:
        tree = syntax_tree(source)
        ast.unparse(tree)
        table = symtable.symtable(source, "<reward>", "exec")
    except SyntaxError as error:
        reason = (error.msg or "invalid syntax").split("(<")[0].strip()
        line = error.lineno if error.lineno and error.lineno > 0 else None
        raise rejection("parse", "syntax", f"the code does not parse: {reason}", line) from None
    except RecursionError:
        raise rejection("parse", "syntax", "the code is nested too deeply: split it into smaller expressions") from None
    except MemoryError:
        raise rejection("parse", "syntax", "the code is nested too deeply to be parsed: write it flat") from None
    except ValueError:
        raise rejection("parse", "syntax", "the code holds characters or numbers that Python cannot read") from None
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    return Module(tree=tree, table=table, functions=functions)


def _refuse_control_characters(source: str) -> None:
    """Refuse what a terminal would obey; carriage returns pass where they are half of a line's end."""
    for number, line in enumerate(source.replace("\r\n", "\n").split("\n"), 1):
        wrong = next((c for c in line if c != "\t" and unicodedata.category(c) == "Cc"), None)
        if wrong is not None:
            message = (
                f"line {number} holds the control character U+{ord(wrong):04X}: write it as an escape, or not at all"
            )
            raise rejection("parse", "syntax", message, number)


def own_nodes(node: ast.AST) -> list[ast.AST]:
    """Every node under `node` that belongs to its own scope: nested functions, lambdas and classes are left out."""
    found: list[ast.AST] = []
    queue = deque(ast.iter_child_nodes(node))
    while queue:
        child = queue.popleft()
        found.append(child)
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            queue.extend(ast.iter_child_nodes(child))
    return found


def number(node: ast.expr) -> float | None:
    """The value of a plain finite number (`1`, `-0.5`), or None: expressions and booleans are no plain numbers."""
    sign = 1.0
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        sign = -sign if isinstance(node.op, ast.USub) else sign
        node = node.operand
    if not isinstance(node, ast.Constant) or type(node.value) not in (int, float):
        return None
    try:
        value = sign * float(node.value)  # type: ignore[arg-type]
    except OverflowError:
        return None
    return value if abs(value) != float("inf") else None
