"""Leaves out of a worker what torch loads for its compiler, which compiles nothing: 1.8 s of every start."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

__all__ = ["leave_compiler_out"]

_COMPILER = "torch._dynamo"
_SHAPES = "torch._meta_registrations"
"""How operators written in Python act on tensors without data, which the compiler traces with."""


def leave_compiler_out() -> None:
    """Put something in the compiler's place that answers what torch's optimisers ask it at every step.

    They ask for a break in the graph that is being compiled, and to be left out of it. Whoever asks for anything else
    gets the compiler itself, and what it needs.
    """
    sys.modules.setdefault(_COMPILER, _Absent(_COMPILER))
    sys.modules.setdefault(_SHAPES, _Absent(_SHAPES))


class _Absent(ModuleType):
    def graph_break(self, msg: str = "") -> None:
        """Nothing is being compiled."""

    def disable(self, fn: Any = None, *_: Any, **__: Any) -> Any:
        """Nothing is being compiled."""
        return fn if fn is not None else lambda function: function

    def __getattr__(self, name: str) -> Any:
        if name in ("__spec__", "__file__"):
            raise AttributeError(name)
        for each in (_SHAPES, _COMPILER):
            if isinstance(sys.modules.get(each), _Absent):
                del sys.modules[each]
                importlib.import_module(each)
        return getattr(sys.modules[self.__name__], name)
