"""Commands that load when they are used, and options that are grouped in the help and have a variable each."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import click

from rewardsmith.errors import InfrastructureError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
VARIABLES = "Every option is also a variable: --runs-dir is REWARDSMITH_RUNS_DIR."


class Option(click.Option):
    """An option with a heading of the help under which it stands."""

    def __init__(self, *names: Any, heading: str = "Options", **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.heading = heading

    def get_help_extra(self, ctx: click.Context) -> click.types.OptionHelpExtra:
        """Default and `required`; ranges are said by the errors."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


def option(*names: str, heading: str = "Options", **settings: Any) -> Callable[[Any], Any]:
    """An option of a command; `--runs-dir` is also read from `REWARDSMITH_RUNS_DIR`.

    Args:
        names: As for `click.option`; the first that starts with `--` names the variable.
        heading: Heading of the help under which it stands.
        settings: As for `click.option`.
    """
    long = next(name for name in names if name.startswith("--"))
    settings.setdefault("envvar", "REWARDSMITH_" + long.removeprefix("--").replace("-", "_").upper())
    return click.option(*names, cls=Option, heading=heading, **settings)


def _write_options(command: click.Command, context: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the options heading by heading, in the order in which the headings first appear; plain ones last."""
    found: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and not isinstance(parameter, click.Argument):
            found.setdefault(getattr(parameter, "heading", "Options"), []).append(record)
    plain = found.pop("Options", [])
    for heading, records in [*found.items(), ("Options", plain)]:
        if records:
            with formatter.section(heading):
                formatter.write_dl(records)


class Command(click.Command):
    """A command whose help lists its options under headings."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        settings.setdefault("context_settings", CONTEXT)
        settings.setdefault("epilog", VARIABLES)
        if settings.get("help"):
            settings["help"] = settings["help"].replace(
                r"\b", "\b"
            )  # docstrings are raw; click's mark is the character
        super().__init__(*args, **settings)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; click would end in silence, as if a reader had left, if a pipe of the work broke."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise InfrastructureError(
                "a process that this command worked with went away (broken pipe)",
                hint="running it again may help; what was finished is kept",
            ) from error

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their headings."""
        _write_options(self, ctx, formatter)


def command(name: str) -> Callable[[Callable[..., Any]], Command]:
    """Make a function the command `name`; its docstring is the help."""
    return click.command(name, cls=Command)


class LazyGroup(click.Group):
    """A group whose commands are `package.<name>.<name>`, imported only when they are run or explained.

    Args:
        package: Package that holds one module per command.
        sections: Heading -> command name -> what it does in a line; the order of the help.
    """

    def __init__(self, *args: Any, package: str, sections: dict[str, dict[str, str]], **settings: Any) -> None:
        settings.setdefault("context_settings", CONTEXT)
        super().__init__(*args, **settings)
        self.package = package
        self.sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Every command, in the order of the help."""
        return [name for section in self.sections.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = cmd_name.replace("-", "_")
        found = getattr(import_module(f"{self.package}.{module}"), module)
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; near misses are listed when there is none."""
        if not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self.list_commands(ctx), ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands under their headings without importing any."""
        width = max(len(name) for name in self.list_commands(ctx))
        for heading, commands in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), line) for name, line in commands.items()])
