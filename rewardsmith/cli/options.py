"""Options that several commands share, and the workshop that they open."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rewardsmith.cli.command import option

if TYPE_CHECKING:
    from rewardsmith.app import Workshop


class Count(click.ParamType[int]):
    """A whole number that may be written 100000, 100_000, 100k, 1e5 or 1M."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number; anything else is a usage error."""
        if isinstance(value, int):
            return value
        text = str(value).strip().replace("_", "")
        scale = {"k": 1e3, "m": 1e6}.get(text[-1:].lower(), 1)
        try:
            number = float(text[:-1] if scale > 1 else text) * scale
        except ValueError:
            self.fail(f"{value!r} is no number such as 100000, 100k or 1M", param, ctx)
        if not 1 <= number <= 1e15 or number != int(number):
            self.fail(f"{value!r} is no whole number above 0", param, ctx)
        return int(number)


json_option = option("--json", "as_json", is_flag=True, help="Print one JSON object (see `rewardsmith schema`).")
display_option = option(
    "--display",
    type=click.Choice(["auto", "rich", "plain", "none"]),
    metavar="HOW",
    default="auto",
    show_default=True,
    help="Progress on standard error: rich, plain, none, or auto (rich on a terminal, none beside --json).",
)
runs_at_once_option = option(
    "--runs-at-once",
    type=click.IntRange(min=1),
    metavar="N",
    default=1,
    show_default=True,
    help="Runs of the queue that are driven side by side, each with --workers trainings.",
)


def env_option(**settings: Any) -> Callable[[Any], Any]:
    """`--env`: name of a task, or the path of a task folder."""
    text = "Name of a task, or path of a task folder."
    return option("--env", "-e", metavar="TASK", help=text, **{"required": True, **settings})


_WHERE = "Where"
_PLACE = [
    option(
        "--runs-dir",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        default=Path("runs"),
        show_default=True,
        heading=_WHERE,
        help="Folder of all runs.",
    ),
    option(
        "--database", metavar="URL", heading=_WHERE, help="Database of the runs; default: a file in the runs' folder."
    ),
]
_MACHINE = [
    option(
        "--sandbox",
        metavar="NAME",
        heading=_WHERE,
        help="What the workers run in: bubblewrap or process; default: bubblewrap, or what a resumed run has.",
    ),
    option(
        "--unsafe-no-sandbox",
        is_flag=True,
        heading=_WHERE,
        help="Run rewards without isolation where this machine cannot enforce it.",
    ),
    option(
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        heading=_WHERE,
        help="Trainings side by side; default: one per core.",
    ),
]


def workshop_options(*, trains: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that say where it works; it receives the opened `workshop` instead of them.

    Args:
        trains: Whether it starts workers, and so has the options of the sandbox.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def opened(
            *,
            runs_dir: Path,
            database: str | None,
            sandbox: str | None = None,
            unsafe_no_sandbox: bool = False,
            workers: int | None = None,
            **rest: Any,
        ) -> None:
            from rewardsmith.app import Settings, Workshop

            settings = Settings(
                runs=runs_dir, database=database, sandbox=sandbox, unsafe=unsafe_no_sandbox, workers=workers
            )
            workshop: Workshop = Workshop(settings)
            function(workshop=workshop, **rest)

        decorated: Callable[..., None] = opened
        for each in reversed([*_PLACE, *(_MACHINE if trains else [])]):
            decorated = each(decorated)
        return decorated

    return decorate
