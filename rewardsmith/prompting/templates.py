"""The Jinja templates of a recipe: sandboxed, strict, and never rendering what comes from data."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateError, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rewardsmith.domain.recipe import Recipe
from rewardsmith.errors import RecipeError, near_misses, one_line

SUFFIX = ".md.j2"
REQUIRED = ("system", "task")
"""Templates of every recipe."""


def fenced(text: str, tag: str = "") -> str:
    """`text` as a fenced block, with a fence that nothing inside it closes."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{tag}\n{text.rstrip()}\n{fence}"


def plain(text: str, most: int = 300) -> str:
    """`text` on one line, in printable characters without backticks, cut at `most` characters."""
    return one_line(text.replace("`", "'"), most)


class Templates:
    """The compiled templates of one recipe."""

    def __init__(self, recipe: str, sources: Mapping[str, str]) -> None:
        self._recipe = recipe
        self._sources = dict(sources)
        self._environment = ImmutableSandboxedEnvironment(
            loader=DictLoader({name + SUFFIX: source for name, source in sources.items()}),
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["fenced"] = fenced
        self._environment.filters["plain"] = plain

    def check(self, known: frozenset[str], required: Collection[str] = REQUIRED) -> None:
        """Compile every template and look for those that are missing, and for variables that nobody gives.

        Raises:
            RecipeError: Names the template, the line and the near misses.
        """
        for name in required:
            if name not in self._sources:
                raise RecipeError(
                    f"recipe {self._recipe}: {name}{SUFFIX} is missing",
                    hint=f"this recipe needs {', '.join(n + SUFFIX for n in required)}",
                )
        for name, source in sorted(self._sources.items()):
            try:
                tree = self._environment.parse(source)
            except TemplateSyntaxError as fault:
                raise RecipeError(f"{self._place(name, fault.lineno)}: {fault.message}") from fault
            for variable in sorted(meta.find_undeclared_variables(tree) - known):
                near = near_misses(variable, known)
                guess = "; did you mean " + " or ".join(map(repr, near)) + "?" if near else ""
                raise RecipeError(
                    f"{self._place(name, _line_of(source, variable))}: unknown variable {variable!r}{guess}",
                    hint="known variables: " + ", ".join(sorted(known)),
                )

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Render one template with `values`.

        Raises:
            RecipeError: The template is missing, or raised.
        """
        if name not in self._sources:
            raise RecipeError(f"recipe {self._recipe}: {name}{SUFFIX} is missing")
        try:
            text = self._environment.get_template(name + SUFFIX).render(values)
        except TemplateError as fault:
            raise RecipeError(f"{self._place(name, None)}: {fault.message}") from fault
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as fault:
            raise RecipeError(f"{self._place(name, None)}: {type(fault).__name__}: {fault}") from fault
        return text.strip() + "\n"

    def _place(self, name: str, line: int | None) -> str:
        return f"recipe {self._recipe}: {name}{SUFFIX}" + (f", line {line}" if line else "")


def templates_of(recipe: Recipe, known: frozenset[str]) -> Templates:
    """The compiled and checked templates of `recipe`.

    Raises:
        RecipeError: A template is missing, does not parse, or names a variable that nobody gives.
    """
    return _compiled(recipe.name, tuple(sorted(recipe.templates.items())), known, _required(recipe))


@functools.lru_cache(maxsize=16)
def _compiled(
    name: str, sources: tuple[tuple[str, str], ...], known: frozenset[str], required: tuple[str, ...]
) -> Templates:
    templates = Templates(name, dict(sources))
    templates.check(known, required)
    return templates


def _required(recipe: Recipe) -> tuple[str, ...]:
    """The templates that the recipe's stages cannot do without."""
    repair = ("repair",) if recipe.screen.repairs else ()
    critique = ("critic", "revise") if recipe.critique.rounds else ()
    analyse = ("analyser",) if recipe.analyse.episodes else ()
    told = ("describer", "describe", "correct", "unfilled") if recipe.describe.calls else ("feedback",)
    return (*REQUIRED, *told, *repair, *critique, *analyse)


def _line_of(source: str, variable: str) -> int | None:
    for number, line in enumerate(source.splitlines(), 1):
        if re.search(rf"\b{re.escape(variable)}\b", line):
            return number
    return None
