"""Leaves torch's compiler out of a worker, which compiles nothing: loading it costs every training a second."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

__all__ = ["leave_compiler_out"]

_NAME = "torch._dynamo"


def leave_compiler_out() -> None:
    """Put something in the compiler's place that answers what torch's optimisers ask it at every step.

    They ask for a break in the graph that is being compiled, and to be left out of it. Whoever asks for anything else
    gets the compiler itself.
    """
    sys.modules.setdefault(_NAME, _Absent(_NAME))


class _Absent(ModuleType):
    def graph_break(self, msg: str = "") -> None:
        """Nothing is being compiled."""

    def disable(self, fn: Any = None, *_: Any, **__: Any) -> Any:
        """Nothing is being compiled."""
        return fn if fn is not None else lambda function: function

    def __getattr__(self, name: str) -> Any:
        if name in ("__spec__", "__file__"):
            raise AttributeError(name)
        if sys.modules.get(_NAME) is self:
            del sys.modules[_NAME]
        return getattr(importlib.import_module(_NAME), name)
