"""`rewardsmith bench-model`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import Amount, Count, json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop

_LIMITS = "Limits"


@command("bench-model")
@option("--model", metavar="NAME", required=True, help="Who is asked: offline, openai:NAME, litellm:NAME, folder:DIR.")
@option("--base-url", metavar="URL", help="Address of an OpenAI-compatible server.")
@option(
    "--samples", type=click.IntRange(1, 64), metavar="N", default=4, show_default=True, help="Answers to each prompt."
)
@option("--task", "tasks", multiple=True, metavar="TASK", help="In place of the suite's; may stand several times.")
@option("--train", is_flag=True, help="Train each valid answer, on one seed, and score it.")
@option("--steps", type=Count(), metavar="N", default=50_000, show_default=True, help="Steps of each training.")
@option("--again", is_flag=True, help="Ask anew where there is a result: what answers to a name may change.")
@option("--against", metavar="RESULT", help="Compare with that result; default: the last one of the same suite.")
@option("--max-dollars", type=Amount(min=0), metavar="X", heading=_LIMITS, help="Money, as far as prices are known.")
@option("--max-tokens", type=Count(), metavar="N", heading=_LIMITS, help="Tokens of prompts and answers.")
@workshop_options(trains=True)
@json_option
def bench_model(
    *,
    workshop: Workshop,
    model: str,
    base_url: str | None,
    samples: int,
    tasks: tuple[str, ...],
    train: bool,
    steps: int,
    again: bool,
    against: str | None,
    max_dollars: float | None,
    max_tokens: int | None,
    as_json: bool,
) -> None:
    r"""Ask a model a fixed suite of tasks, and compare it with the last one that was asked.

    Counted are answers that get through the gates, at once or after a repair; whether they pay recorded episodes as the
    score ranks them; with --train what they score. Answers are kept: whatever ends the command, it goes on from there.

    \b
    rewardsmith bench-model --model openai:gpt-5 --max-dollars 2
    rewardsmith bench-model --model offline --task pendulum --train --steps 20k
    """
    from rewardsmith.checking.bench_words import text
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.plan import StopSpec
    from rewardsmith.reports.words import dollars

    def planned(calls: int, most: float | None) -> None:
        cost = "their price is not known" if most is None else f"at most {dollars(most)}"
        click.echo(f"{model}: at most {calls} calls, {cost}", err=True)

    result = workshop.benches.measure(
        model,
        samples=samples,
        planned=planned,
        tasks=tasks,
        base_url=base_url,
        steps=steps if train else None,
        stop=StopSpec(dollars=max_dollars, tokens=max_tokens),
        again=again,
    )
    report = workshop.benches.report(result, against)
    if as_json:
        emit_json(report)
    else:
        emit_text(text(report))
