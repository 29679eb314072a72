"""Two recipes side by side: the keys that differ, and the templates."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from rewardsmith.domain.difference import RecipeDiff, SettingDiff, TemplateDiff
from rewardsmith.domain.recipe import Recipe
from rewardsmith.reports.words import ABSENT, table

_WORDS = {"name", "title", "description", "sources", "templates"}
"""Fields of a recipe that say nothing of what it does."""


def compare(a: Recipe, b: Recipe) -> RecipeDiff:
    """What differs: settings, defaults included, and templates line by line."""
    old, new = (dict(_settings(each.model_dump(mode="json", exclude=_WORDS))) for each in (a, b))
    keys = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    names = sorted(name for name in {*a.templates, *b.templates} if a.templates.get(name) != b.templates.get(name))
    return RecipeDiff(
        a=a.name,
        b=b.name,
        settings=tuple(SettingDiff(key=key, a=_said(old.get(key)), b=_said(new.get(key))) for key in keys),
        templates=tuple(_template(name, a, b) for name in names),
    )


def told(found: RecipeDiff, *, lines: bool = False) -> str:
    """The same as text: a table of keys, and one of templates or, with `lines`, each template's diff."""
    if not found.settings and not found.templates:
        return f"{found.a} and {found.b} are the same method"
    parts = [table(["key", found.a, found.b], [[each.key, each.a, each.b] for each in found.settings])]
    if lines:
        parts += [
            f"{each.template}.md.j2: only in {each.only_in}" if each.only_in else each.diff for each in found.templates
        ]
    elif found.templates:
        header = ["template", f"lines only in {found.a}", f"lines only in {found.b}"]
        parts.append(table(header, [_counted(each, found) for each in found.templates]))
    return "\n\n".join(parts)


def _counted(template: TemplateDiff, found: RecipeDiff) -> list[str]:
    name = f"{template.template}.md.j2"
    if template.only_in:
        return [name, *("whole" if template.only_in == recipe else ABSENT for recipe in (found.a, found.b))]
    lines = template.diff.splitlines()[2:]
    return [name, *(str(sum(line.startswith(sign) for line in lines)) for sign in "-+")]


def _settings(data: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _settings(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _said(value: Any) -> str:
    """A value as `recipe.toml` writes it; `-` where it is not there."""
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_said, value))}]"
        case _:
            return str(value)


def _template(name: str, a: Recipe, b: Recipe) -> TemplateDiff:
    if name not in a.templates or name not in b.templates:
        return TemplateDiff(template=name, only_in=a.name if name in a.templates else b.name)
    old, new = a.templates[name].splitlines(), b.templates[name].splitlines()
    before, after = f"{a.name}/{name}.md.j2", f"{b.name}/{name}.md.j2"
    return TemplateDiff(template=name, diff="\n".join(difflib.unified_diff(old, new, before, after, lineterm="", n=1)))
