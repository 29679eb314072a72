"""Python's parser, for processes with many threads."""

from __future__ import annotations

import ast
import threading

_ONE = threading.Lock()


def syntax_tree(source: str) -> ast.Module:
    """The syntax tree of a source, as `ast.parse`, by one thread at a time.

    Before Python 3.11.8 and 3.12.2 two threads that build a tree count the depth of both together, and one of them is
    told `SystemError: AST constructor recursion depth mismatch` (python/cpython#106905).

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: It is none, or is nested too deeply.
    """
    with _ONE:
        return ast.parse(source)  # noqa: TID251 - here alone
