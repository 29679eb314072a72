"""Options that several commands share, and the workshop that they open."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from rewardsmith.cli.command import option

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.client.remote import RemoteWorkshop
    from rewardsmith.settings import Settings


class Amount(click.FloatRange):
    """A number in a range; what is not finite is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the number; anything else is a usage error."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number", param, ctx)
        return number


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


class Needs(click.ParamType[dict[str, float]]):
    """Amounts by name, such as `cpus=2,gpus=0.25`."""

    name = "needs"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, float]:
        """Read the amounts; an unknown name, or no number, is a usage error."""
        from rewardsmith.domain.cluster import NEEDS

        if isinstance(value, dict):
            return value
        found = {}
        for each in filter(None, (part.strip() for part in str(value).split(","))):
            name, _, amount = each.partition("=")
            if name not in NEEDS:
                self.fail(f"{name!r} is none of {', '.join(NEEDS)}", param, ctx)
            kind: click.ParamType[Any] = click.INT if name == "memory_mib" else Amount(min=0, min_open=name == "cpus")
            found[name] = kind.convert(amount, param, ctx)
        return found


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


def backend_options(**settings: Any) -> Callable[[Any], Any]:
    """`--backend`, `--device` and `--worlds`: what steps the environments while training, where, and how many."""

    def add(function: Any) -> Any:
        device = option(
            "--device",
            type=click.Choice(["cuda", "cpu"]),
            help="Where a backend runs; default: cuda, which never falls back by itself.",
            **settings,
        )
        worlds = option(
            "--worlds",
            type=click.IntRange(1, 4096),
            metavar="N",
            help="Worlds of a backend; default: the task's.",
            **settings,
        )
        text = "What steps the environments while training, such as warp; default: Gymnasium."
        return option("--backend", metavar="NAME", help=text, **settings)(device(worlds(function)))

    return add


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
    option(
        "--artifacts",
        metavar="URL",
        heading=_WHERE,
        help="Where hosts share finished files, such as s3://bucket/runs; default: in the runs' folder alone.",
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
        help="Trainings side by side; default: one per core, or as many as the cluster holds.",
    ),
    option(
        "--executor",
        metavar="NAME",
        heading=_WHERE,
        help="What trains: local or ray; default: local, ray where its address is given, or what a resumed run has.",
    ),
    option("--ray-address", metavar="URL", heading=_WHERE, help="Dashboard of a Ray cluster, as http://head:8265."),
    option(
        "--ray-python",
        metavar="PATH",
        default="python",
        show_default=True,
        heading=_WHERE,
        help="Interpreter on its nodes that has rewardsmith.",
    ),
    option(
        "--ray-needs",
        metavar="NEEDS",
        type=Needs(),
        default="cpus=1",
        show_default=True,
        heading=_WHERE,
        help="What one training takes of a node, such as cpus=2,gpus=0.25,memory_mib=8192.",
    ),
]


server_option = option(
    "--server",
    metavar="URL",
    heading=_WHERE,
    help="A server whose runs these are, instead of this machine's; its key is in REWARDSMITH_API_KEY.",
)


def open_workshop(server: str | None, settings: Settings) -> Workshop | RemoteWorkshop:
    """The workshop of this machine, or a server in its place."""
    if server is None:
        from rewardsmith.app import Workshop

        return Workshop(settings)
    from rewardsmith.client.client import Client
    from rewardsmith.client.remote import RemoteWorkshop

    return RemoteWorkshop(Client(server, os.environ.get("REWARDSMITH_API_KEY")))


def workshop_options(
    *, trains: bool = False, server: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that say where it works; it receives the opened `workshop` instead of them.

    Args:
        trains: Whether it starts workers, and so has the options of the sandbox.
        server: Whether it works on the runs of a server, too.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def opened(
            *,
            runs_dir: Path,
            database: str | None,
            artifacts: str | None,
            sandbox: str | None = None,
            unsafe_no_sandbox: bool = False,
            workers: int | None = None,
            executor: str | None = None,
            ray_address: str | None = None,
            ray_python: str = "python",
            ray_needs: dict[str, float] | None = None,
            server: str | None = None,
            **rest: Any,
        ) -> None:
            from rewardsmith.domain.cluster import RaySpec
            from rewardsmith.settings import Settings

            if server is not None:
                _refuse_places()
            settings = Settings(
                runs=runs_dir,
                database=database,
                artifacts=artifacts,
                sandbox=sandbox,
                unsafe=unsafe_no_sandbox,
                workers=workers,
                executor=executor or ("ray" if ray_address else None),
                ray=RaySpec(address=ray_address, python=ray_python, **(ray_needs or {})) if ray_address else None,
            )
            function(workshop=open_workshop(server, settings), **rest)

        decorated: Callable[..., None] = opened
        for each in reversed([*([server_option] if server else []), *_PLACE, *(_MACHINE if trains else [])]):
            decorated = each(decorated)
        return decorated

    return decorate


def _refuse_places() -> None:
    """Raise UsageError where the command line names a place or a machine beside a server."""
    from rewardsmith.errors import UsageError

    context = click.get_current_context()
    own = ("runs_dir", "database", "artifacts", "sandbox", "unsafe_no_sandbox", "workers", "executor", "ray_address")
    for name in own:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            given = "--" + name.replace("_", "-")
            raise UsageError(f"{given} makes no sense with --server", hint="where and how runs train, the server says")
