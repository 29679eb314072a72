"""`rewardsmith video`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import json_option, workshop_options
from rewardsmith.cli.writing import overwrite_option, refuse_overwriting

if TYPE_CHECKING:
    from rewardsmith.app import Workshop


@command("video")
@click.argument("run")
@option("--candidate", help="Such as g2c05, or a baseline, such as human; default: the run's best.")
@option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write, .mp4 or .gif, the other beside it; default: both into the candidate's folder.",
)
@overwrite_option
@workshop_options(trains=True)
@json_option
def video(
    *, workshop: Workshop, run: str, candidate: str | None, output: Path | None, overwrite: bool, as_json: bool
) -> None:
    """Film an episode of a trained policy, as MP4 and as GIF.

    The policy of the best rung plays the first held-out episode, 20 s of it at most, at the speed of the simulation.
    The GIF has half the size. Drawing needs no display and no graphics card: EGL or OSMesa, whichever is there.
    """
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.search.filming import SUFFIXES

    if output is not None:
        refuse_overwriting([output.with_suffix(suffix) for suffix in SUFFIXES], overwrite=overwrite)
    found = workshop.video(run, candidate, output)
    if as_json:
        emit_json(found)
    else:
        emit_text("\n".join([f"{found.subject}: {found.film.told}", *(f"wrote {file}" for file in found.files)]))
