"""`rewardsmith recipes`."""

from __future__ import annotations

from rewardsmith.cli.command import command
from rewardsmith.cli.options import json_option


@command("recipes")
@json_option
def recipes(*, as_json: bool) -> None:
    """List the recipes: published methods as files, yours in ./prompts first."""
    from rewardsmith.app import Settings, Workshop
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.result import RecipeSummary
    from rewardsmith.reports.words import table

    found = [
        RecipeSummary(
            recipe=each.name,
            title=each.title,
            description=each.description,
            k=each.write.k,
            iterations=each.write.iterations,
            sources=each.sources,
        )
        for each in Workshop(Settings()).recipes()
    ]
    if as_json:
        emit_json(found)
        return
    rows = [[each.recipe, str(each.k), str(each.iterations), each.title] for each in found]
    emit_text(table(["recipe", "K", "generations", "what it is"], rows))
