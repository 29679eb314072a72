"""An environment as compact pseudo-Python, generated from its survey: classes, their instances, and helper functions.

It stands in place of source code (Text2Reward: Xie et al., ICLR 2024, where it was written by hand for each robot).
"""

from __future__ import annotations

import ast
import functools
import inspect
import keyword
import re
import textwrap
from collections.abc import Mapping
from typing import NamedTuple

from rewardsmith.domain.survey import Signal, Survey
from rewardsmith.prompting import geometry
from rewardsmith.prompting.signals import quantity, shared_meaning
from rewardsmith.syntax import syntax_tree

PREVIOUS = "previous"
WIDTH = 100
"""Characters of a line that lists instances."""

_TAKEN = {PREVIOUS, "memory"}
_KINDS = {
    ("joint", "angle"): "Hinge",
    ("joint", "displacement"): "Slide",
    ("joint", ""): "Joint",
    ("body", ""): "Body",
    ("site", ""): "Site",
    ("sensor", ""): "Sensor",
}


class Attribute(NamedTuple):
    """A signal as a reward reads it."""

    owner: str
    """The instance that it belongs to, such as `torso`; empty for one of the environment's own."""
    name: str
    """The last part of its path."""
    signal: Signal

    @property
    def path(self) -> str:
        """What stands after `env.`, such as `torso.linear_velocity`."""
        return f"{self.owner}.{self.name}" if self.owner else self.name


def attributes(survey: Survey) -> dict[str, Attribute]:
    """Every signal by its path. An instance whose name something else has is left flat: `env.previous_position`."""
    found = [_attribute(signal) for signal in survey.signals]
    taken = {each.name for each in found if not each.owner} | _TAKEN
    flat = [
        Attribute("", each.signal.name, each.signal) if each.owner in taken or keyword.iskeyword(each.owner) else each
        for each in found
    ]
    return {each.path: each for each in flat}


def abstraction(survey: Survey) -> str:
    """The environment as pseudo-Python, with a comment of unit and meaning for each attribute."""
    found = attributes(survey)
    classes, types = _classes(found)
    lines = [line for kind in types for line in _instances(kind, types[kind])]
    lines += [_described(each.name, each.signal, each.signal.meaning) for each in found.values() if not each.owner]
    lines += [f"{PREVIOUS}: Environment  # all of it one step earlier; equal to now on the first step of an episode"]
    blocks = [_block(name, members) for name, members in (*classes.items(), ("Environment", lines))]
    return "\n\n\n".join([*blocks, *_signatures(survey)]) + "\n"


@functools.cache
def helpers() -> Mapping[str, ast.FunctionDef]:
    """The functions of `prompting.geometry` by name, without annotations: rewards need none."""
    tree = syntax_tree(inspect.getsource(geometry))
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in found.values():
        node.returns = None
        for argument in node.args.args:
            argument.annotation = None
    return found


def offered(survey: Survey) -> Mapping[str, ast.FunctionDef]:
    """The helpers for one environment: those that it has something for, and whose name none of its signals has."""
    fields = {each.name for each in attributes(survey).values()}
    absent = {"quaternion", "up"} - fields
    return {
        name: node
        for name, node in helpers().items()
        if name not in survey.names() and not absent & {argument.arg for argument in node.args.args}
    }


def _attribute(signal: Signal) -> Attribute:
    _, field = quantity(signal)
    owner = signal.name.removesuffix(f"_{field}")
    return Attribute(owner, field, signal) if field and owner != signal.name else Attribute("", signal.name, signal)


def _classes(found: Mapping[str, Attribute]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Attribute lines by class, and instances by type; one that is several things at once is written `Body & Hinge`."""
    parts: dict[str, dict[str, list[Attribute]]] = {}
    for each in found.values():
        if each.owner:
            kind, _ = quantity(each.signal)
            parts.setdefault(each.owner, {}).setdefault(kind, []).append(each)
    names: dict[tuple[str, ...], str] = {}
    types: dict[str, list[str]] = {}
    for owner, kinds in parts.items():
        said = []
        for kind, members in kinds.items():
            lines = tuple(_described(each.name, each.signal, _of_its_kind(each.signal)) for each in members)
            title = _title(kind, members)
            alike = sum(name.rstrip("0123456789") == title for name in names.values())
            said.append(names.setdefault(lines, f"{title}{alike + 1}" if alike else title))
        types.setdefault(" & ".join(said), []).append(owner)
    return {name: list(lines) for lines, name in names.items()}, types


def _title(kind: str, members: list[Attribute]) -> str:
    fields = {each.name for each in members}
    return next(title for (of, field), title in _KINDS.items() if of == kind and (not field or field in fields))


def _of_its_kind(signal: Signal) -> str:
    """The meaning without the name of the one that it is about: `position of the frame of the body, world axes`."""
    return re.sub(r"\b(body|hinge joint|slide joint|joint|site|sensor) \*", r"the \1", shared_meaning(signal))


def _described(name: str, signal: Signal, meaning: str) -> str:
    shape = ", ".join(["N", *map(str, signal.shape)]) + ("," if not signal.shape else "")
    kind = "" if signal.dtype == "float64" else f" {signal.dtype}"
    return f"{name}: ({shape}){kind}  # {signal.unit}{'; ' if signal.unit else ''}{meaning}"


def _instances(kind: str, owners: list[str]) -> list[str]:
    lines = textwrap.wrap(", ".join(owners), WIDTH, break_long_words=False, break_on_hyphens=False)
    return [f"{line.rstrip(',')}: {kind}" for line in lines]


def _block(name: str, lines: list[str]) -> str:
    return "\n".join([f"class {name}:", *(f"    {line}" for line in lines)])


def _signatures(survey: Survey) -> list[str]:
    """Each helper's first line with what it says of itself."""
    found = []
    for name, node in offered(survey).items():
        said = textwrap.indent(inspect.cleandoc(ast.get_docstring(node) or ""), "    ")
        found.append(f'def {name}({ast.unparse(node.args)}):\n    """{said.strip()}"""')
    return found
