"""The source of a task's classes, on the far side. Python 3.8, standard library only."""

from __future__ import annotations

import hashlib
import inspect
import sys
from pathlib import Path
from typing import Any

__all__ = ["sources_of"]


def sources_of(task: Any, last: str) -> dict[str, Any]:
    """The source of the task's class and its bases, up to the module `last`: module, classes of it, text."""
    modules: dict[str, list[str]] = {}
    for cls in type(task).__mro__:
        if cls.__module__.startswith(last) or cls is object:
            break
        modules.setdefault(cls.__module__, []).append(cls.__name__)
    told: list[dict[str, Any]] = []
    hashes: dict[str, str] = {}
    for name, classes in modules.items():
        file = getattr(sys.modules[name], "__file__", None)
        try:
            told.append({"module": name, "classes": classes, "text": inspect.getsource(sys.modules[name])})
        except (OSError, TypeError):
            continue
        if file:
            hashes[str(Path(file).resolve())] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return {"sources": told, "origins": hashes}
