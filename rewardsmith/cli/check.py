"""`rewardsmith check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.domain.regression import CheckResult, Tier


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
@workshop_options(trains=True)
@json_option
def check(
    *, workshop: Workshop, files: tuple[Path, ...], tiers: tuple[Tier, ...], tolerance: float, as_json: bool
) -> None:
    """Compare kept rewards with their locks (`export --lock`), in the environment as it is here.

    Tiers, cheapest first: static (contract, signals), replay (what it pays recorded rows, how the environment begins),
    ranking (episodes by pay as by score), exploit (what need not be trained earns less). Exit code 1 for a regression,
    3 where this machine failed.
    """
    from rewardsmith.checking.kept import read_kept
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.regression import TIERS
    from rewardsmith.errors import BelowThreshold

    kept = [read_kept(file) for file in files]
    results = [workshop.keeper.check(each, tiers or TIERS, tolerance) for each in kept]
    if as_json:
        emit_json(results)
    else:
        emit_text("\n".join(map(_told, results)))
    regressed = sum(result.verdict == "regressed" for result in results)
    if regressed:
        raise BelowThreshold(f"{regressed} of {len(results)} kept rewards are not what they were")


def _told(result: CheckResult) -> str:
    lines = [f"{result.verdict:9}  {result.reward}"]
    for tier in result.tiers:
        lines.append(f"  {tier.verdict:9}  {tier.tier}" + (f": {tier.reason}" if tier.reason else ""))
        lines += [f"             {finding.what}: {finding.words}" for finding in tier.findings]
    for change in result.changes:
        lines.append(f"  changed    {change.what}: {change.words}")
        lines += [f"             {line}" for line in change.diff]
    return "\n".join(lines)
