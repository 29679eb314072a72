"""`rewardsmith db`, `db migrate`, `db check`, `db copy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import CONTEXT, Command
from rewardsmith.cli.options import json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop


@click.group("db", invoke_without_command=True, context_settings=CONTEXT)
@workshop_options()
@json_option
@click.pass_context
def db(context: click.Context, *, workshop: Workshop, as_json: bool) -> None:
    """Say which database the runs are in, and whether it can be used; it is left as it is."""
    if context.invoked_subcommand is not None:
        context.default_map = {name: {"as_json": as_json} for name in ("migrate", "check", "copy")}
        return
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.upkeep import DatabaseState
    from rewardsmith.store.soundness import look

    found = look(workshop.database)
    if as_json:
        emit_json(DatabaseState(place=found.place, revision=found.revision, damage=found.damage))
    else:
        has = f"has the schema {found.revision}" if found.revision else "is not there yet"
        emit_text(f"{found.place} {has}" + (f", and is damaged: {found.damage}" if found.damage else ""))


@db.command("migrate", cls=Command)
@workshop_options()
@json_option
def migrate(*, workshop: Workshop, as_json: bool) -> None:
    """Bring the database to the present schema, making it where there is none; every command does so at its start.

    Make a copy of it before an upgrade: there is no way back to an older schema.
    """
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.upkeep import DatabaseMigration
    from rewardsmith.store.schema import HEAD
    from rewardsmith.store.soundness import look

    before = look(workshop.database)
    workshop.store.close()
    done = DatabaseMigration(place=before.place, was=before.revision, revision=HEAD)
    if as_json:
        emit_json(done)
    elif done.was == done.revision:
        emit_text(f"{done.place} has the present schema ({done.revision}) already")
    else:
        emit_text(f"{done.place} has the schema {done.revision} now; it had {done.was or 'none'}")


@db.command("check", cls=Command)
@workshop_options()
@json_option
def check(*, workshop: Workshop, as_json: bool) -> None:
    """Read the whole database, changing nothing: every event is read, every run folds, every reference leads somewhere.

    Exit code 3 where something is wrong, each fault with its row.
    """
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.errors import StoreError
    from rewardsmith.reports.words import table
    from rewardsmith.store.checking import check as read_all

    found = read_all(workshop.database)
    if as_json:
        emit_json(found)
    else:
        emit_text(table(["table", "rows"], [[name, f"{count:,}"] for name, count in found.rows.items()]))
        for fault in found.faults:
            emit_text(f"{fault.row or fault.table}: {fault.message}")
    if found.faults:
        hint = "restore a copy of the database; the folders beside it keep every reward and report"
        raise StoreError(f"{found.place} has {len(found.faults)} faults", hint=hint)
    if not as_json:
        emit_text(f"{found.place} is sound (schema {found.revision})")


@db.command("copy", cls=Command)
@click.argument("source", metavar="SOURCE")
@click.argument("target", metavar="TARGET")
@json_option
def copy(*, source: str, target: str, as_json: bool) -> None:
    """Copy every row of one database into an empty one, such as runs/rewardsmith.db into postgresql://...

    Refused while a run is driven. The folders of the runs stay where they are: servers go on with the same --runs-dir.
    """
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.reports.words import table
    from rewardsmith.store.copying import copy as copy_all

    done = copy_all(source, target)
    if as_json:
        emit_json(done)
        return
    emit_text(table(["table", "rows"], [[name, f"{count:,}"] for name, count in done.rows.items()]))
    emit_text(f"copied {done.source} to {done.target}")
