"""Every failure of a command, on standard error: readable, or one JSON object."""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback

import click

from rewardsmith.errors import RewardsmithError

EXIT_USAGE, EXIT_INFRASTRUCTURE, EXIT_INTERRUPTED = 2, 3, 130

_KINDS = {"integer range": "whole number", "float range": "number", "integer": "whole number", "float": "number"}
"""What click calls a value, and what people do."""


def describe(error: BaseException) -> tuple[str, str, str, int]:
    """Type, message, hint and exit code of an error."""
    if isinstance(error, RewardsmithError):
        return type(error).__name__, error.message, error.hint, error.exit_code
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return "Interrupted", "interrupted", "", EXIT_INTERRUPTED
    if isinstance(error, click.ClickException):
        return _describe_usage(error)
    if isinstance(error, OSError):
        return _describe_os(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    hint = "this is a fault of rewardsmith itself; nothing that was finished is lost, and `rewardsmith resume` goes on"
    return "InternalError", f"{type(error).__name__}: {error}{place}", hint, EXIT_INFRASTRUCTURE


def _describe_usage(error: click.ClickException) -> tuple[str, str, str, int]:
    unknown = isinstance(error, (click.exceptions.NoSuchCommand, click.NoSuchOption))
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "rewardsmith"
    hint = f"see `{path} --help`"
    if isinstance(error, click.exceptions.NoSuchCommand) and context is not None and _shows(context.command):
        hint = f"`{path} show {error.command_name}` shows one of that name; {hint}"
    message = error.format_message()
    for kind, words in _KINDS.items():
        message = message.replace(f"is not a valid {kind}", f"is not a {words}")
    return "UnknownName" if unknown else "UsageError", message, hint, EXIT_USAGE


def _shows(command: click.Command) -> bool:
    return isinstance(command, click.Group) and "show" in command.commands


def _describe_os(error: OSError) -> tuple[str, str, str, int]:
    place = f": {error.filename}" if error.filename else ""
    message = f"{error.strerror or error}{place}"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        hint = "make room on the disk, then `rewardsmith resume` goes on with everything that was finished"
        return "StoreError", message, hint, EXIT_INFRASTRUCTURE
    if error.errno in {errno.EACCES, errno.EROFS, errno.EPERM}:
        hint = "name a place that can be written, by the option that names it, such as --runs-dir or -o"
        return "StoreError", message, hint, EXIT_INFRASTRUCTURE
    if error.errno == errno.EISDIR:
        return "UsageError", message, "name a file in it", EXIT_USAGE
    return "InfrastructureError", message, "", EXIT_INFRASTRUCTURE


def complain(error: BaseException, *, as_json: bool) -> int:
    """Print an error on standard error and return the exit code of its class."""
    kind, message, hint, code = describe(error)
    if as_json:
        body = {"error": {"type": kind, "message": message, "hint": hint}}
        print(json.dumps(body, ensure_ascii=False), file=sys.stderr)
        return code
    if kind == "InternalError" or os.environ.get("REWARDSMITH_TRACEBACK"):
        traceback.print_exception(error)
    first, *more = message.splitlines() or [""]
    print("\n".join([f"error: {first}", *(f"  {line}" for line in more)]), file=sys.stderr)
    if hint:
        print(
            "\n".join(f"  hint: {line}" if i == 0 else f"        {line}" for i, line in enumerate(hint.splitlines())),
            file=sys.stderr,
        )
    return code
