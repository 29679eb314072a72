"""One self-contained Python file: a reward, where it comes from, and a Gymnasium wrapper that pays it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from rewardsmith.export.paying import base_name
from rewardsmith.export.sections import REWARD, SIGNALS
from rewardsmith.syntax import syntax_tree

__all__ = ["render"]

PASTED = ("signals.py", "paying.py")
"""Modules of this room that the file carries, in this order."""


def render(
    source: str,
    provenance: Mapping[str, Any],
    readers: Mapping[str, str],
    env_id: str,
    kwargs: Mapping[str, Any],
    *,
    horizon: int | None = None,
    parameters: Mapping[str, float] | None = None,
    module: str | None = None,
) -> str:
    """Write the file; it needs numpy, gymnasium and the environment's simulator only.

    Args:
        source: the reward, in the reward contract.
        provenance: where it comes from: what the file's docstring lists, one line each.
        readers: address of every signal of the task, by name (`Signal.reader`).
        env_id: Gymnasium id of the environment.
        kwargs: keyword arguments of `gymnasium.make`.
        horizon: steps after which an episode is truncated.
        parameters: values of the reward's parameters, in place of the defaults in the source.
        module: Python file that registers the environment, to be imported first.

    Raises:
        SyntaxError: the source does not parse.
        KeyError: it has no `compute_reward`.
    """
    tree = syntax_tree(source)
    arguments = _arguments(tree)
    reads = dict.fromkeys(base_name(name, readers) for name in arguments if name != "memory")
    taken = _bound(tree)
    pasted = [_clear_of(taken, _body(name)) for name in PASTED]
    make = {**kwargs, **({} if horizon is None else {"max_episode_steps": horizon})}
    names = {
        name: _free(name, taken) for name in ("ENV_ID", "KWARGS", "READERS", "PARAMETERS", "RewardWrapper", "make")
    }
    paying = _free("PayingWrapper", taken)
    memory = "MEMORY" if "MEMORY" in taken else "{}"
    parts = [
        _docstring(provenance, module),
        "from __future__ import annotations",
        _imports(taken),
        REWARD,
        _without_future(source),
        SIGNALS,
        f"{names['ENV_ID']} = {env_id!r}\n{names['KWARGS']} = {make!r}\n"
        f"{names['READERS']} = {_lines({name: readers[name] for name in reads})}\n"
        f"{names['PARAMETERS']} = {dict(parameters or {})!r}",
        *pasted,
        f"class {names['RewardWrapper']}({paying}):\n"
        f'    """Pays the reward above in {env_id}; it runs in this process."""\n\n'
        f"    def __init__(self, env):\n"
        f"        super().__init__(env, compute_reward, {names['READERS']}, {memory}, {names['PARAMETERS']})",
        f"def {names['make']}(**kwargs):\n"
        f'    """Make {env_id} with the reward above."""\n'
        f"    return {names['RewardWrapper']}(gymnasium.make({names['ENV_ID']}, **{{**{names['KWARGS']}, **kwargs}}))",
    ]
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def _docstring(provenance: Mapping[str, Any], module: str | None) -> str:
    lines = ["A reward and a Gymnasium wrapper that pays it.", ""]
    lines += [f"{key}: {value}" for key, value in provenance.items()]
    lines += ["", "    env = make()                      # or: RewardWrapper(gymnasium.make(...))"]
    if module is not None:
        lines += ["", f"Import {module} first: it registers the environment."]
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")
    return f'"""{text}\n"""'


def _imports(taken: set[str]) -> str:
    """Write the import lines of the pasted modules, one for each module; those between the modules are left out."""
    lines: set[str] = set()
    drawn: dict[str, set[str]] = {}
    for name in PASTED:
        for node in _import_nodes(name):
            for alias in node.names:
                bound = alias.asname or alias.name
                if bound in taken:
                    alias.asname = _free(bound, taken)
            if isinstance(node, ast.ImportFrom):
                drawn.setdefault(node.module or "", set()).update(ast.unparse(alias) for alias in node.names)
            else:
                lines.add(ast.unparse(node))
    lines |= {f"from {module} import {', '.join(sorted(names))}" for module, names in drawn.items()}
    return "\n".join(sorted(lines, key=lambda line: (line.startswith("from"), line)))


def _import_nodes(name: str) -> list[ast.Import | ast.ImportFrom]:
    nodes = [node for node in syntax_tree(_read(name)).body if isinstance(node, ast.Import | ast.ImportFrom)]
    own = ("rewardsmith", "__future__")
    return [n for n in nodes if not (isinstance(n, ast.ImportFrom) and (n.module or "").startswith(own))]


def _body(name: str) -> str:
    """A module from behind its imports to its end, with its name as a heading."""
    text = _read(name)
    tree = syntax_tree(text)
    last = max(node.end_lineno or 0 for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    summary = (ast.get_docstring(tree) or "").partition("\n")[0]
    return f"# ---- {summary}\n\n" + "\n".join(text.splitlines()[last:]).strip("\n")


def _read(name: str) -> str:
    return resources.files("rewardsmith.export").joinpath(name).read_text(encoding="utf-8")


def _arguments(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "compute_reward":
            return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    raise KeyError("compute_reward")


def _bound(tree: ast.Module) -> set[str]:
    """Names that a module binds at its top, numpy as `np` apart."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names} - {"np"}
        else:
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names


def _clear_of(taken: set[str], text: str) -> str:
    """Rename what the pasted modules bind at their top, or import, where the reward has taken the name."""
    for name in sorted(taken & _top()):
        text = re.sub(rf"(?<![\w.]){re.escape(name)}(?!\w)", _free(name, taken), text)
    return text


def _top() -> set[str]:
    """Names that the pasted modules bind at their top."""
    names: set[str] = set()
    for module in PASTED:
        names |= _bound(syntax_tree(_read(module)))
        names |= {alias.asname or alias.name for node in _import_nodes(module) for alias in node.names}
    return names - {"np"}


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _without_future(source: str) -> str:
    return re.sub(r"^from __future__ import [^\n]*\n", "", source, flags=re.MULTILINE)


def _lines(mapping: Mapping[str, str]) -> str:
    """A dict, one entry to a line."""
    return "{\n" + "".join(f"    {key!r}: {value!r},\n" for key, value in mapping.items()) + "}"
