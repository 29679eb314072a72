"""`rewardsmith recipes`, `recipes show`, `recipes diff`."""

from __future__ import annotations

from textwrap import wrap

import click
from click.core import ParameterSource

from rewardsmith.cli.command import CONTEXT, Command, option
from rewardsmith.cli.options import json_option, server_option

_WIDTH = 70
"""Characters of what a recipe is, on a line."""


@click.group("recipes", invoke_without_command=True, context_settings=CONTEXT)
@server_option
@json_option
@click.pass_context
def recipes(context: click.Context, *, server: str | None, as_json: bool) -> None:
    """List the recipes: published methods as files, yours in ./prompts first, or those of a server."""
    if context.invoked_subcommand is not None:
        if server is not None and context.get_parameter_source("server") is ParameterSource.COMMANDLINE:
            raise click.UsageError("recipes are shown and compared here, not at a server; leave out --server")
        context.default_map = {name: {"as_json": as_json} for name in ("show", "diff")}
        return
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.cli.options import open_workshop
    from rewardsmith.reports.words import table
    from rewardsmith.settings import Settings

    found = open_workshop(server, Settings()).recipe_lines()
    if as_json:
        emit_json(found)
        return
    rows = []
    for each in found:
        said = each.description or each.title or f"cannot be read: {each.fault}"
        first, *more = wrap(said, _WIDTH)
        rows += [[each.recipe, str(each.k), str(each.iterations), first], *(["", "", "", line] for line in more)]
    emit_text(table(["recipe", "K", "generations", "what it is"], rows))


@recipes.command("show", cls=Command)
@click.argument("recipe")
@json_option
def show(*, recipe: str, as_json: bool) -> None:
    """Show one recipe: its file with what it says of paper and code, and its templates."""
    from rewardsmith.app import Settings, Workshop
    from rewardsmith.catalogue.recipes import recipe_files
    from rewardsmith.cli.emit import emit_json, emit_text

    workshop = Workshop(Settings())
    found = workshop.recipe(recipe)
    if as_json:
        emit_json(found)
        return
    files = recipe_files(recipe, workshop.folders)
    texts = [f"--- {name} ---\n\n{text.strip()}" for name, text in sorted(files.items()) if name != "recipe.toml"]
    emit_text("\n\n".join([f"{found.name}: {found.title}", files["recipe.toml"].strip(), *texts]))


@recipes.command("diff", cls=Command)
@click.argument("a")
@click.argument("b")
@option("--lines", is_flag=True, help="The lines of each template, as a unified diff.")
@json_option
def diff(*, a: str, b: str, lines: bool, as_json: bool) -> None:
    """Compare two recipes: the keys that differ, defaults included, and how much of each template."""
    from rewardsmith.app import Settings, Workshop
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.reports.recipes import compare, told

    workshop = Workshop(Settings())
    found = compare(workshop.recipe(a), workshop.recipe(b))
    if as_json:
        emit_json(found)
    else:
        emit_text(told(found, lines=lines))
