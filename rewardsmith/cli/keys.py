"""`rewardsmith keys`, `keys add`, `keys renew`, `keys limit`, `keys revoke`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from rewardsmith.cli.command import CONTEXT, Command, option
from rewardsmith.cli.options import Amount, Count, json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.domain.key import Key, NewKey, Scope

_VARIABLES = "--runs-dir and --database are variables too: REWARDSMITH_RUNS_DIR, REWARDSMITH_DATABASE."


def _limits(function: Callable[..., None]) -> Callable[..., None]:
    """The limits of a key as options; none is a variable: `REWARDSMITH_RUNS_AT_ONCE` is the server's own."""
    for name, kind, text in (
        ("steps-per-run", Count(), "Environment steps that one run may take, in place of what the server allows."),
        ("trainings-per-run", Count(), "Trainings that one run may take, in place of what the server allows."),
        ("requests-per-minute", click.IntRange(min=1), "Requests to one server."),
        ("dollars-per-day", Amount(min=0), "Money that the runs submitted within 24 hours may spend."),
        ("trainings-per-day", click.IntRange(min=1), "Trainings that the runs submitted within 24 hours may take."),
        ("runs-at-once", click.IntRange(min=1), "Runs that are driven side by side; further ones wait."),
    ):
        function = option(f"--{name}", envvar=None, type=kind, metavar="N", heading="Limits", help=text)(function)
    return function


@click.group("keys", invoke_without_command=True, context_settings=CONTEXT)
@workshop_options()
@json_option
@click.pass_context
def keys(context: click.Context, *, workshop: Workshop, as_json: bool) -> None:
    """List the keys of the service, the oldest first. Where there are none, it serves its own machine alone."""
    if context.invoked_subcommand is not None:
        if any(context.get_parameter_source(name) == ParameterSource.COMMANDLINE for name in ("runs_dir", "database")):
            raise click.UsageError(f"--runs-dir and --database stand behind `keys {context.invoked_subcommand}`")
        context.default_map = {name: {"as_json": as_json} for name in ("add", "renew", "limit", "revoke")}
        return
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.reports.words import table

    found = workshop.store.keys.list()
    if as_json:
        emit_json(found)
    elif found:
        rows = [[key.name, key.scope, _allowance(key), _day(key.created), _day(key.revoked)] for key in found]
        emit_text(table(["key", "scope", "limits", "made", "revoked"], rows))
    else:
        emit_text("no keys yet; `rewardsmith keys add NAME` makes one")


@keys.command("add", cls=Command, epilog=_VARIABLES)
@click.argument("name")
@option(
    "--scope",
    envvar=None,
    type=click.Choice(["read", "submit", "admin"]),
    metavar="WHAT",
    default="submit",
    show_default=True,
    help="read: look at its own runs; submit: make and change them too; admin: everything with everyone's.",
)
@_limits
@workshop_options()
@json_option
def add(*, workshop: Workshop, name: str, scope: Scope, as_json: bool, **limits: Any) -> None:
    """Make a key, and show its secret: this once, as only a hash is kept.

    A server that is up serves it at once, and from the first key on nobody without one.
    """
    from rewardsmith.domain.key import KeyLimits

    _show(workshop.store.keys.add(name, scope, KeyLimits(**limits)), as_json=as_json)


@keys.command("renew", cls=Command)
@click.argument("name")
@workshop_options()
@json_option
def renew(*, workshop: Workshop, name: str, as_json: bool) -> None:
    """Give a key a new secret, a revoked one too; the old secret is worth nothing from now on."""
    _show(workshop.store.keys.renew(name), as_json=as_json)


@keys.command("limit", cls=Command, epilog=_VARIABLES)
@click.argument("name")
@_limits
@workshop_options()
@json_option
def limit(*, workshop: Workshop, name: str, as_json: bool, **limits: Any) -> None:
    """Set the limits of a key; what is not named here is not limited any more."""
    from rewardsmith.domain.key import KeyLimits

    _tell(workshop.store.keys.limit(name, KeyLimits(**limits)), as_json=as_json)


@keys.command("revoke", cls=Command)
@click.argument("name")
@workshop_options()
@json_option
def revoke(*, workshop: Workshop, name: str, as_json: bool) -> None:
    """Make a key worth nothing from now on. Its runs go on; an admin may cancel them."""
    _tell(workshop.store.keys.revoke(name), as_json=as_json)


def _show(made: NewKey, *, as_json: bool) -> None:
    from rewardsmith.cli.emit import emit_json, emit_text

    if as_json:
        emit_json(made)
        return
    emit_text(made.secret)
    click.echo(f"the key {made.key.name} ({made.key.scope}); it is shown this once", err=True)


def _tell(key: Key, *, as_json: bool) -> None:
    from rewardsmith.cli.emit import emit_json, emit_text

    if as_json:
        emit_json(key)
    elif key.revoked:
        emit_text(f"the key {key.name} is revoked")
    else:
        emit_text(f"the key {key.name} ({key.scope}): {_allowance(key)}")


def _allowance(key: Key) -> str:
    """Its limits in words."""
    given = key.limits.model_dump(exclude_none=True)
    return ", ".join(f"{value:g} {name.replace('_', ' ')}" for name, value in given.items()) or "none"


def _day(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
