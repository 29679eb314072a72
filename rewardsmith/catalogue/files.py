"""Reads a TOML file into a record; what is wrong with it is said in terms of the file."""

from __future__ import annotations

import tomllib
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from rewardsmith.errors import UsageError, near_misses

R = TypeVar("R", bound=BaseModel)


def read_text(path: Path, error: type[UsageError]) -> str:
    """Read a text file of a data folder.

    Raises:
        UsageError: Of class `error`; the file cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as fault:
        raise error(f"{path}: not UTF-8 text (byte {fault.start})") from fault
    except OSError as fault:
        raise error(f"{path}: cannot be read: {fault.strerror}") from fault


def parse_record(model: type[R], text: str, file: str, error: type[UsageError]) -> R:
    """Read the TOML `text` of `file` into a `model`; see `read_toml` and `validated`."""
    return validated(model, read_toml(text, file, error), file, error)


def read_toml(text: str, file: str, error: type[UsageError]) -> dict[str, Any]:
    """Read the TOML `text` of `file`.

    Raises:
        UsageError: Of class `error`; it is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise error(f"{file}: not TOML: {fault}", hint="see https://toml.io for the syntax") from fault


def validated(model: type[R], data: Mapping[str, Any], file: str, error: type[UsageError]) -> R:
    """Make a `model` of what was read from `file`.

    Raises:
        UsageError: Of class `error`, with one line per fault: file, TOML path, what is expected, near misses.
    """
    try:
        return model.model_validate(data)
    except ValidationError as fault:
        lines: list[str] = []
        hints: list[str] = []
        for detail in fault.errors(include_url=False):
            line, hint = _explain(model, detail["loc"], detail["type"], detail["msg"], detail["input"])
            lines.append(f"{file}: {line}")
            if hint and hint not in hints:
                hints.append(hint)
        raise error("\n".join(lines), hint="\n".join(hints)) from None


def toml_path(location: Sequence[int | str]) -> str:
    """Write `("budgets", "quick", "steps")` as a reader of the file finds it: `[budgets.quick] steps`."""
    parts = [str(part) for part in location]
    return f"[{'.'.join(parts[:-1])}] {parts[-1]}" if len(parts) > 1 else parts[-1]


def _explain(
    model: type[BaseModel], location: tuple[int | str, ...], kind: str, message: str, given: object
) -> tuple[str, str]:
    where = toml_path(location)
    if kind == "extra_forbidden":
        allowed = _keys(model, location[:-1])
        near = near_misses(str(location[-1]), allowed)
        guess = "; did you mean " + " or ".join(repr(key) for key in near) + "?" if near else ""
        table = f"[{'.'.join(map(str, location[:-1]))}]" if len(location) > 1 else "the top of the file"
        return f"unknown key {where}{guess}", f"keys of {table}: {', '.join(allowed)}"
    if kind == "missing":
        return f"{where} is missing", ""
    return f"{where} = {given!r}: {message[0].lower()}{message[1:]}", ""


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """List the keys that are allowed in the table at `location`."""
    here: Any = model
    for part in location:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(part)].annotation
        else:
            here = next(option for option in reversed(get_args(here)) if option is not Ellipsis)
        if get_origin(here) in (Union, types.UnionType):
            here = next(option for option in get_args(here) if option is not type(None))
    return sorted(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []
