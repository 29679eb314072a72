"""The identity of a reward, and its parameters rewritten in place."""

from __future__ import annotations

import ast
import hashlib
import math
import re
from collections.abc import Mapping

from rewardsmith.errors import UnknownName
from rewardsmith.reward.parsing import number, parse


def normalise(source: str) -> str:
    """The source without comments, docstrings and formatting. Raises RewardRejected where it does not parse."""
    tree = parse(source).tree
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if isinstance(body, list):
                kept = [statement for statement in body if not _is_text(statement)]
                setattr(node, field, kept or [ast.Pass()] if body else kept)
    return ast.unparse(tree)


def reward_id(source: str) -> str:
    """Hash of the normalised source, 12 hex digits: the name of a reward everywhere. Parameters' values count."""
    return hashlib.sha256(normalise(source).encode(errors="surrogatepass")).hexdigest()[:12]


def set_parameters(source: str, values: Mapping[str, float], *, function: str = "compute_reward") -> str:
    """The source with the defaults of keyword-only arguments replaced; every other byte stays.

    Args:
        source: A module in the reward contract.
        values: New value by parameter. A value that equals the present one changes nothing.
        function: Function whose parameters they are.

    Raises:
        UnknownName: There is no parameter of that name.
        ValueError: A value is not finite.
        RewardRejected: The source does not parse.
    """
    node = parse(source).functions.get(function)
    defaults = {}
    if node is not None:
        pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        defaults = {argument.arg: default for argument, default in pairs if default is not None}
    lines = re.split(rb"(?<=\n)|(?<=\r)(?!\n)", source.encode())
    edits = []
    for name, value in values.items():
        if name not in defaults:
            raise UnknownName("parameter", name, defaults, where=function)
        if not math.isfinite(value):
            raise ValueError(f"parameter {name!r} cannot be {value}: it must be finite")
        default = defaults[name]
        if number(default) != value:
            edits.append((default, _text(default, float(value))))
    for default, text in sorted(edits, key=lambda edit: (edit[0].lineno, edit[0].col_offset), reverse=True):
        first, last = default.lineno - 1, (default.end_lineno or default.lineno) - 1
        head, tail = lines[first][: default.col_offset], lines[last][default.end_col_offset :]
        lines[first : last + 1] = [head + text.encode() + tail]
    return b"".join(lines).decode()


def _text(default: ast.expr, value: float) -> str:
    """The number as text: whole numbers stay integers where the source has an integer."""
    while isinstance(default, ast.UnaryOp):
        default = default.operand
    whole = isinstance(default, ast.Constant) and type(default.value) is int and value.is_integer()
    return str(int(value)) if whole else repr(value)


def _is_text(statement: object) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, (str, bytes))
    )
