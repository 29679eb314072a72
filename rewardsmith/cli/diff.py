"""`rewardsmith diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command
from rewardsmith.cli.options import json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop


@command("diff")
@click.argument("run")
@click.argument("a")
@click.argument("b")
@workshop_options()
@json_option
def diff(*, workshop: Workshop, run: str, a: str, b: str, as_json: bool) -> None:
    """Compare two candidates of a run: a unified diff of their sources, with their scores."""
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.result import DiffResult, DiffSide
    from rewardsmith.reports.code import unified
    from rewardsmith.reports.outcomes import value
    from rewardsmith.reports.words import score
    from rewardsmith.search.chosen import find_candidate

    told = workshop.run(run)
    old, new = find_candidate(told, a), find_candidate(told, b)
    sides = [DiffSide(candidate=each.id, score=value(told, each)) for each in (old, new)]
    text = unified(told, old, new)
    if as_json:
        emit_json(DiffResult(run=run, a=sides[0], b=sides[1], diff=text))
    else:
        emit_text(text or f"{old.id} (score {score(sides[0].score)}) and {new.id} have the same source")
