"""`rewardsmith prompts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import env_option, json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop

_RUN = "A later generation"


@command("prompts")
@env_option(required=False)
@option("--recipe", metavar="NAME", help="Method: a recipe's name; default: the run's own, else smith.")
@option("--from", "run", metavar="RUN", heading=_RUN, help="A run, whose next prompt is shown; its task need no --env.")
@option(
    "--generation",
    type=click.IntRange(min=1),
    metavar="N",
    heading=_RUN,
    help="Of that run: which generation; default: the next.",
)
@option(
    "--slot",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    show_default=True,
    heading=_RUN,
    help="Of that generation: which slot, since slots may have different parents.",
)
@workshop_options(trains=True)
@json_option
def prompts(
    *,
    workshop: Workshop,
    env: str | None,
    recipe: str | None,
    run: str | None,
    generation: int | None,
    slot: int,
    as_json: bool,
) -> None:
    """Show what a model would be asked, and about how many tokens that is. Nobody is called.

    Without --from these are the first messages for a task; with it those that a generation of that run is told, read
    from its events, by the run's own recipe or another one.
    """
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.result import PromptResult
    from rewardsmith.errors import UsageError
    from rewardsmith.prompting.messages import estimate_tokens

    if run is not None:
        spec = workshop.run(run).spec
        assert spec is not None
        if env is not None and workshop.task(env).name != spec.task.name:
            raise UsageError(f"run {run} is about {spec.task.name}, not {env}", hint="leave --env out")
        task, asked = spec.task.name, recipe or spec.recipe
        messages = workshop.told(run, recipe, generation=generation, slot=slot)
    elif env is None:
        raise UsageError("there is no task to ask about", hint="name one with --env, or a run with --from")
    elif (generation or 1) > 1 or slot:
        raise UsageError(
            "what a later generation is told depends on what the earlier ones gave", hint="name a run with --from"
        )
    else:
        task, asked = workshop.task(env).name, recipe or "smith"
        messages = workshop.prompts(env, asked)
    tokens = estimate_tokens(messages)
    if as_json:
        emit_json(PromptResult(task=task, recipe=asked, messages=messages, tokens=tokens))
        return
    shown = [f"--- {message.role} ---\n\n{message.content.strip()}" for message in messages]
    emit_text("\n\n".join([*shown, f"--- about {tokens:,} tokens per call, at four characters each ---"]))
