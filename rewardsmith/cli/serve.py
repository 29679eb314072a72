"""`rewardsmith serve`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import Count, json_option, runs_at_once_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop


@command("serve")
@option("--host", metavar="NAME", default="127.0.0.1", show_default=True, help="Address on this machine.")
@option(
    "--port", type=click.IntRange(0, 65535), metavar="N", default=8080, show_default=True, help="0 takes a free one."
)
@runs_at_once_option
@option(
    "--trainings-per-run",
    type=Count(),
    metavar="N",
    default=500,
    show_default=True,
    heading="Limits",
    help="Trainings that one run may take whose key says nothing else.",
)
@option(
    "--steps-per-run",
    type=Count(),
    metavar="N",
    default="2000M",
    show_default=True,
    heading="Limits",
    help="Environment steps that one run may take, all its trainings together.",
)
@option("--access-log", is_flag=True, help="A line per request on standard error.")
@workshop_options(trains=True)
@json_option
def serve(
    *,
    workshop: Workshop,
    host: str,
    port: int,
    runs_at_once: int,
    trainings_per_run: int,
    steps_per_run: int,
    access_log: bool,
    as_json: bool,
) -> None:
    """Take requests for runs by REST, queue them, and drive each in a process of its own.

    Without keys whoever may use this machine may use the server, and nobody else; see `rewardsmith keys`. Ctrl-C
    pauses what is under way, and the next server goes on with it; killed, the server costs nothing, as its runs go on.
    """
    from rewardsmith.cli.emit import emit_json, flush
    from rewardsmith.domain.key import RunLimits
    from rewardsmith.domain.request import ServeResult
    from rewardsmith.errors import DatabaseAway, MissingExtra

    if any(find_spec(package) is None for package in ("fastapi", "prometheus_client", "uvicorn")):
        hint = "pip install 'rewardsmith[service]'"
        raise MissingExtra("rewardsmith serve needs the packages fastapi, uvicorn and prometheus-client", hint=hint)
    from rewardsmith.service.server import listen
    from rewardsmith.service.server import serve as run_server
    from rewardsmith.store.store import Store

    def announce(url: str) -> None:
        if as_json:
            emit_json(ServeResult(url=url))
            flush()
            return
        try:
            whom = "whoever has a key" if workshop.store.keys.any() else "this machine alone: there are no keys yet"
        except DatabaseAway as error:
            whom = f"nobody yet, and waits: {error.message}"
        click.echo(f"listening on {url} for {whom}", err=True)

    workshop.store = Store.open(workshop.database, patient=True)
    with listen(host, port, workshop.store.keys) as listening:
        most = RunLimits(trainings=trainings_per_run, steps=steps_per_run)
        run_server(workshop, listening, runs_at_once, announce, access_log=access_log, most=most)
