"""Between a reward that reads `env.torso.position` and one of the contract that reads `torso_position`, by `ast`.

Into the contract only names change, each in its line, so that a line of the one is the same line of the other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rewardsmith.domain.report import FailureKind
from rewardsmith.domain.survey import Survey
from rewardsmith.errors import near_misses
from rewardsmith.prompting.abstraction import PREVIOUS, Attribute, attributes, offered
from rewardsmith.reward.contract import PREVIOUS as PREFIX
from rewardsmith.reward.contract import find
from rewardsmith.reward.parsing import FunctionNode, Module, parse
from rewardsmith.reward.rejection import RewardRejected, rejection

ENV = "env"
"""The argument that stands for the environment."""

Path = tuple[str, ...]


class _Edit(NamedTuple):
    """Text in place of a stretch of the source, given in lines and, as `ast` has them, bytes of a line."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


def to_contract(source: str, survey: Survey) -> str:
    """The reward of the contract that `source` means, with the source of every helper that it calls.

    One that takes no `env` but plain signals is one already.

    Raises:
        RewardRejected: It does not parse, reads what the environment does not have, or uses `env` in another way.
    """
    module = parse(source)
    node = find(module, "compute_reward")
    given = [*node.args.posonlyargs, *node.args.args]
    known = {*survey.names(), "memory"}
    if given and all(argument.arg in known or argument.arg.removeprefix(PREFIX) in known for argument in given):
        return source
    for argument in given:
        if argument.arg not in (ENV, "memory"):
            text = f"{argument.arg!r} is no argument: take `{ENV}` alone, and numbers to tune after `*`"
            raise _fault("signature", text, argument)
    reader = _Reader(survey, node)
    reader.read(node)
    if not reader.names:
        text = f"it reads nothing: write `def compute_reward({ENV}, *, weight=1.0)` and use the attributes of {ENV}"
        raise _fault("signature", text, node)
    arguments = [_over(each, ", ".join(reader.names)) for each in given if each.arg == ENV]
    edits = [*reader.edits, *arguments, *_renamed(module, node, reader.names)]
    return _edited(source, edits) + _carried(module, survey)


def to_abstraction(source: str, survey: Survey) -> str:
    """A reward of the contract as one that reads from `env`; the source itself where that cannot be told."""
    try:
        module = parse(source)
        node = find(module, "compute_reward")
    except RewardRejected:
        return source
    paths = {each.signal.name: path for path, each in attributes(survey).items()}
    chains = {argument.arg: _chain(argument.arg, paths) for argument in node.args.args if argument.arg != "memory"}
    inner = [each for each in _named(node) if each not in node.args.args]
    used = [each for each in inner if _name(each) in chains]
    rebound = any(isinstance(each, ast.arg) or not isinstance(each.ctx, ast.Load) for each in used)
    if not chains or None in chains.values() or rebound or ENV in map(_name, inner) or node.args.posonlyargs:
        return source
    first, last = node.args.args[0], node.args.args[-1]
    given = ENV if len(chains) == len(node.args.args) else f"{ENV}, memory"
    signature = _over(first, given)._replace(end_line=_end(last)[0], end_column=_end(last)[1])
    edits = [signature, *(_over(each, str(chains[_name(each)])) for each in used)]
    known = {name: ast.unparse(helper) for name, helper in offered(survey).items()}
    carried = [helper for name, helper in module.functions.items() if known.get(name) == ast.unparse(helper)]
    return _edited(source, [*edits, *(_over(each, "") for each in carried)], lines=False).rstrip() + "\n"


class _Reader:
    """Finds what a function reads from `env`: the names of signals in their order, and the edits that put them in."""

    def __init__(self, survey: Survey, node: FunctionNode) -> None:
        self.names: dict[str, None] = {}
        self.edits: list[_Edit] = []
        self._known: Mapping[str, Attribute] = attributes(survey)
        self._owners = {each.owner for each in self._known.values() if each.owner}
        self._instances: dict[str, Path] = {ENV: ()}
        self._bound = [_name(each) for each in _named(node) if not isinstance(getattr(each, "ctx", None), ast.Load)]

    def read(self, node: ast.AST) -> None:
        """Go through everything under `node`. Raises RewardRejected."""
        for child in ast.iter_child_nodes(node):
            path = self._path(child)
            if self._keeps_instance(child):
                self.edits.append(_over(child, "pass"))
            elif path is None:
                self.read(child)
            else:
                self._resolve(child, path)

    def _path(self, node: ast.AST) -> Path | None:
        """`("torso", "position")` for `env.torso.position`; None for what does not begin with an instance."""
        if isinstance(node, ast.Name):
            return self._instances.get(node.id)
        path = self._path(node.value) if isinstance(node, ast.Attribute) else None
        return None if path is None else (*path, node.attr)  # type: ignore[attr-defined]

    def _keeps_instance(self, node: ast.AST) -> bool:
        """Whether a statement only gives an instance another name, `torso = env.torso`, which is known from then on."""
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            return False
        name, path = node.targets[0].id, self._path(node.value)
        if path is None or path[path[:1] == (PREVIOUS,) :] not in ((), *((owner,) for owner in self._owners)):
            return False
        if self._bound.count(name) > 1:
            return False
        self._instances[name] = path
        return True

    def _resolve(self, node: ast.AST, path: Path) -> None:
        """Put in the signal that a path leads to; what follows it must be something that arrays have."""
        before = path[:1] == (PREVIOUS,)
        rest = path[before:]
        for length in (1, 2):
            found = self._known.get(".".join(rest[:length])) if len(rest) >= length else None
            if found is None:
                continue
            for after in reversed(rest[length:]):
                if not hasattr(np.ndarray, after):
                    shape = ", ".join(["N", *map(str, found.signal.shape)]) + "," * (not found.signal.shape)
                    text = f"{ENV}.{found.path} is an array of shape ({shape}) and has no {after!r}: index it, [:, 0]"
                    raise _fault("unknown_signal", text, node)
                node = node.value  # type: ignore[attr-defined]
            name = PREFIX * before + found.signal.name
            self.names[name] = None
            self.edits.append(_over(node, name))
            return
        raise self._unknown(node, f"{ENV}.{PREVIOUS}" if before else ENV, rest)

    def _unknown(self, node: ast.AST, root: str, rest: Path) -> RewardRejected:
        said, owner = ".".join((root, *rest)), rest[0] if rest and rest[0] in self._owners else ""
        mine = [path for path, each in self._known.items() if not owner or each.owner == owner]
        if rest in ((), (owner,)):
            text = f"{said} is no value: write out what is read of it where it is used, such as {root}.{mine[0]}"
            return _fault("unknown_signal", text, node)
        near = [f"{root}.{path}" for path in near_misses(".".join(rest), mine)]
        asked = f"; did you mean {' or '.join(near)}?" if near else ": read what the classes list"
        return _fault("unknown_signal", f"there is no {said}{asked}", node)


def _renamed(module: Module, node: FunctionNode, names: Mapping[str, None]) -> Iterator[_Edit]:
    """Other names for variables that are called as the reward's arguments now are."""
    for name in names:
        if name in module.table.get_identifiers():
            raise _fault("signature", f"{name!r} at the top level is what the environment uses: rename it", node)
    for argument in node.args.kwonlyargs:
        if argument.arg in names:
            text = f"the parameter {argument.arg!r} is called as what is read: call it {argument.arg}_weight"
            raise _fault("signature", text, argument)
    there = {_name(each) for each in _named(module.tree)}
    for each in _named(node):
        if (name := _name(each)) in names:
            other = next(new for new in (f"own_{'_' * n}{name}" for n in range(len(there) + 1)) if new not in there)
            yield _over(each, other)._replace(end_line=each.lineno, end_column=each.col_offset + len(name.encode()))


def _carried(module: Module, survey: Survey) -> str:
    """The source of the helpers that are called, with what they call in turn; not of what the author defines."""
    known, names = offered(survey), _named(module.tree)
    own = {*module.functions, *(_name(each) for each in names if not isinstance(getattr(each, "ctx", None), ast.Load))}
    wanted: dict[str, ast.FunctionDef] = {}
    queue: list[ast.AST] = [module.tree]
    while queue:
        for each in ast.walk(queue.pop(0)):
            name = each.func.id if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) else ""
            if name in known and name not in {*wanted, *own}:
                wanted[name] = known[name]
                queue.append(known[name])
    if not wanted:
        return ""
    imported = {alias.asname for each in module.tree.body if isinstance(each, ast.Import) for alias in each.names}
    parts = [*(["import numpy as np"] if "np" not in imported else []), *map(ast.unparse, wanted.values())]
    return "".join(f"\n\n{part}\n" for part in parts)


def _chain(argument: str, paths: Mapping[str, str]) -> str | None:
    """`env.previous.torso.position` for `prev_torso_position`; None for what is no signal."""
    if argument in paths:
        return f"{ENV}.{paths[argument]}"
    path = paths.get(argument.removeprefix(PREFIX))
    return None if path is None else f"{ENV}.{PREVIOUS}.{path}"


def _named(node: ast.AST) -> list[ast.Name | ast.arg]:
    return [each for each in ast.walk(node) if isinstance(each, ast.Name | ast.arg)]


def _name(node: ast.Name | ast.arg) -> str:
    return node.id if isinstance(node, ast.Name) else node.arg


def _end(node: ast.AST) -> tuple[int, int]:
    return node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]


def _over(node: ast.AST, text: str) -> _Edit:
    """`text` in place of a node."""
    return _Edit(node.lineno, node.col_offset, *_end(node), text)  # type: ignore[attr-defined]


def _edited(source: str, edits: Sequence[_Edit], *, lines: bool = True) -> str:
    """The source with the edits made; with `lines` the ends of lines within a stretch stay, behind its text."""
    data = source.encode()
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for edit in sorted(edits, reverse=True):
        begin, end = starts[edit.line - 1] + edit.column, starts[edit.end_line - 1] + edit.end_column
        ends = b"\n" * (edit.end_line - edit.line) if lines else b""
        data = data[:begin] + edit.text.encode() + ends + data[end:]
    return data.decode()


def _fault(kind: FailureKind, message: str, node: ast.AST) -> RewardRejected:
    return rejection("contract", kind, message, getattr(node, "lineno", None))
