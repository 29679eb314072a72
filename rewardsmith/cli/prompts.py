"""`rewardsmith prompts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import env_option, json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop


@command("prompts")
@env_option()
@option("--recipe", metavar="NAME", default="smith", show_default=True, help="Method: a recipe's name.")
@workshop_options(trains=True)
@json_option
def prompts(*, workshop: Workshop, env: str, recipe: str, as_json: bool) -> None:
    """Show the first messages that a model would be asked, and about how many tokens they are. Nobody is called."""
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.result import PromptResult
    from rewardsmith.prompting.messages import estimate_tokens

    messages = workshop.prompts(env, recipe)
    tokens = estimate_tokens(messages)
    if as_json:
        emit_json(PromptResult(task=workshop.task(env).name, recipe=recipe, messages=messages, tokens=tokens))
        return
    for message in messages:
        emit_text(f"--- {message.role} ---\n\n{message.content}\n")
    emit_text(f"--- about {tokens:,} tokens per call, at four characters each ---")
