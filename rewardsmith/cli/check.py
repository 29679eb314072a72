"""`rewardsmith check`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import env_option, json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.domain.regression import CheckResult, Tier


_PROMPTS = "Prompts in place of rewards"


@command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@option(
    "--tier",
    "tiers",
    multiple=True,
    type=click.Choice(["static", "replay", "ranking", "exploit", "smoke", "full"]),
    metavar="NAME",
    help="static, replay, ranking, exploit, smoke or full; may stand several times; default: those that train nothing.",
)
@option(
    "--tolerance",
    type=click.FloatRange(min=0, max=1),
    metavar="X",
    default=1e-9,
    show_default=True,
    help="Of a component's greatest magnitude, up to which it counts as unchanged.",
)
@option(
    "--seeds",
    type=click.IntRange(1, 100),
    metavar="N",
    default=3,
    show_default=True,
    help="Trainings of the tier full.",
)
@option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    show_default=True,
    help="First seed of trainings; those that a lock holds are passed over.",
)
@option(
    "--score-tolerance",
    type=click.FloatRange(min=0, max=1),
    metavar="X",
    default=0.1,
    show_default=True,
    help="Of what the locked score is above an untrained policy's: the drop that is let pass.",
)
@option("--recipe", metavar="NAME", heading=_PROMPTS, help="Check prompts: the files are recordings of what it says.")
@option("--update", is_flag=True, heading=_PROMPTS, help="With --recipe: write the recordings anew.")
@env_option(required=False, heading=_PROMPTS)
@option("--from", "run", metavar="RUN", heading=_PROMPTS, help="Of a new recording: a run whose prompts it holds, too.")
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
    seeds: int,
    seed: int,
    score_tolerance: float,
    junit: Path | None,
    markdown: Path | None,
    github: bool,
    recipe: str | None,
    update: bool,
    env: str | None,
    run: str | None,
    as_json: bool,
) -> None:
    """Compare kept rewards with their locks (`export --lock`), in the environment as it is here.

    Tiers, cheapest first: static (contract, signals), replay (what it pays recorded rows, how the environment begins),
    ranking (episodes by pay as by score), exploit (what need not be trained earns less). Two train, when named: smoke
    (a short training gets into the band of the lock's), full (the score of several seeds has not dropped). Exit code 1
    for a regression, 3 where this machine failed, 4 where full cannot tell. With --recipe
    the files are recordings of prompts, which are rendered again; --update writes them, a new one for --env.
    """
    from rewardsmith.checking import formats
    from rewardsmith.checking.kept import read_kept
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.regression import TIERS, Trials
    from rewardsmith.errors import BelowThreshold, Undecided
    from rewardsmith.store.artifacts import write_durably

    trials = Trials(seeds=seeds, seed=seed, drop=score_tolerance)
    note = partial(print, file=sys.stderr, flush=True)
    if recipe is not None:
        results = [_prompts(workshop, file, recipe, env, run, update=update) for file in files]
    else:
        kept = [read_kept(file) for file in files]
        results = [workshop.keeper.check(each, tiers or TIERS, tolerance, trials, note) for each in kept]
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
        raise BelowThreshold(f"{regressed} of {len(results)} files are not what they were")
    if undecided := sum(result.verdict == "undecided" for result in results):
        words = f"{undecided} of {len(results)} kept rewards: these seeds cannot tell whether the score dropped"
        raise Undecided(words, hint="ask more of them: --seeds; or keep the reward with more: confirm_seeds")


def _prompts(
    workshop: Workshop, file: Path, recipe: str, env: str | None, run: str | None, *, update: bool
) -> CheckResult:
    """Compare a recording with its prompts as they are now; with `update` write it, and find nothing."""
    from rewardsmith.checking.prompts import compare, read_recording, recording_text
    from rewardsmith.errors import UsageError
    from rewardsmith.store.artifacts import write_durably

    if not update or file.exists():
        before = read_recording(file)
        now = workshop.prompter.record(recipe, before.task, before.run, before.generations)
    else:
        if env is None:
            raise UsageError(f"{file} does not exist, and nobody says of which task", hint="name one with --env")
        done = len(workshop.run(run).generations) if run else 0
        before = now = workshop.prompter.record(recipe, env, run, done)
    if update:
        write_durably(file, recording_text(now).encode())
        before = now
    return compare(str(file), before, now)
