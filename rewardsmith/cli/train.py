"""`rewardsmith train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import Count, backend_options, display_option, env_option, json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.domain.result import TrainResult


@command("train")
@click.argument("reward", metavar="FILE|human|sparse")
@env_option()
@option("--budget", metavar="NAME", default="standard", show_default=True, help="quick, standard or full.")
@option("--steps", type=Count(), metavar="N", help="Environment steps, such as 200k; default: the budget's.")
@backend_options()
@option("--seed", type=click.IntRange(min=0), metavar="N", default=0, show_default=True, help="Seed of the training.")
@option("--video", is_flag=True, help="Record one episode of the trained policy.")
@workshop_options(trains=True)
@display_option
@json_option
def train(
    *,
    workshop: Workshop,
    reward: str,
    env: str,
    budget: str,
    steps: int | None,
    backend: str | None,
    device: Literal["cpu", "cuda"] | None,
    worlds: int | None,
    seed: int,
    video: bool,
    display: str,
    as_json: bool,
) -> None:
    r"""Train and score one reward: a file in the contract, the environment's own (human), or the score (sparse).

    \b
    rewardsmith train reward.py --env ant --steps 200k --seed 1
    rewardsmith train human --env ant --budget quick
    """
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.cli.trainbar import open_bar
    from rewardsmith.errors import BelowThreshold

    with open_bar(display, as_json=as_json) as observe:
        result = workshop.train(
            reward,
            env,
            steps=steps,
            backend=backend,
            device=device,
            worlds=worlds,
            seed=seed,
            budget=budget,
            video=video,
            observe=observe,
        )
    if as_json:
        emit_json(result)
    else:
        emit_text(_told(result))
    if result.failure is not None:
        where = f" (line {result.failure.line})" if result.failure.line else ""
        raise BelowThreshold(f"{reward} did not train: {result.failure.message}{where}", hint=f"see {result.folder}")


def _told(result: TrainResult) -> str:
    from rewardsmith.reports.words import ABSENT, count, duration, interval, number, table

    spent = f"{count(result.steps)} steps, {result.steps_per_s:.0f} steps/s, {duration(result.wall_s)}"
    if result.score is None:
        return f"reward {result.candidate}: no score; {spent}\nfiles in {result.folder}"
    ordered = sorted(result.components.items(), key=lambda each: (each[0] == "total", -each[1].share))
    rows = [
        [
            name,
            number(c.mean),
            ABSENT if name == "total" else f"{c.share:.0%}",
            ABSENT if c.correlation is None else f"{c.correlation:+.2f}",
        ]
        for name, c in ordered
    ]
    lines = [
        f"reward {result.candidate}: score {interval(result.score)} over {result.score.n} held-out episodes, "
        "mean with 95 % interval",
        spent,
    ]
    if rows:
        lines += ["", table(["component", "mean at last", "share", "correlation with score"], rows), ""]
    lines += [f"Warning: {warning.sentence}" for warning in result.warnings]
    return "\n".join([*lines, f"files in {result.folder}"])
