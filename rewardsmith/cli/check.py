"""`rewardsmith check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.domain.regression import Tier


@command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@option(
    "--tier",
    "tiers",
    multiple=True,
    type=click.Choice(["static", "replay", "ranking", "exploit"]),
    metavar="NAME",
    help="static, replay, ranking or exploit; may stand several times; default: all of them.",
)
@option(
    "--tolerance",
    type=click.FloatRange(min=0, max=1),
    metavar="X",
    default=1e-9,
    show_default=True,
    help="Of a component's greatest magnitude, up to which it counts as unchanged.",
)
@option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit's XML, too.")
@option("--markdown", type=click.Path(path_type=Path), metavar="FILE", help="Append a summary in Markdown to a file.")
@option("--github", is_flag=True, help="Print annotations for GitHub Actions, too.")
@workshop_options(trains=True)
@json_option
def check(
    *,
    workshop: Workshop,
    files: tuple[Path, ...],
    tiers: tuple[Tier, ...],
    tolerance: float,
    junit: Path | None,
    markdown: Path | None,
    github: bool,
    as_json: bool,
) -> None:
    """Compare kept rewards with their locks (`export --lock`), in the environment as it is here.

    Tiers, cheapest first: static (contract, signals), replay (what it pays recorded rows, how the environment begins),
    ranking (episodes by pay as by score), exploit (what need not be trained earns less). Exit code 1 for a regression,
    3 where this machine failed.
    """
    from rewardsmith.checking import formats
    from rewardsmith.checking.kept import read_kept
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.regression import TIERS
    from rewardsmith.errors import BelowThreshold
    from rewardsmith.store.artifacts import write_durably

    kept = [read_kept(file) for file in files]
    results = [workshop.keeper.check(each, tiers or TIERS, tolerance) for each in kept]
    if junit:
        write_durably(junit, formats.junit(results))
    if markdown:
        with markdown.open("a", encoding="utf-8") as summary:
            summary.write(formats.markdown(results))
    if as_json:
        emit_json(results)
    else:
        emit_text(formats.text(results))
        if github and (annotations := formats.github(results)):
            emit_text(annotations)
    regressed = sum(result.verdict == "regressed" for result in results)
    if regressed:
        raise BelowThreshold(f"{regressed} of {len(results)} kept rewards are not what they were")
