from __future__ import annotations

from dataclasses import replace

import pytest

from rewardsmith.catalogue.recipes import load_recipe
from rewardsmith.domain.example import Example
from rewardsmith.prompting.messages import compose, compose_repair, estimate_tokens
from rewardsmith.prompting.window import MARGIN, fitted

VIEW = "\n".join(f"def source_{i}(): return {i}" for i in range(400))


ANSWER = 100


def brief(recipe):
    """The recipe with room for a short answer."""
    return recipe.model_copy(update={"write": recipe.write.model_copy(update={"max_tokens": ANSWER})})


@pytest.fixture
def smith(folders):
    return brief(load_recipe("smith", folders))


@pytest.fixture
def text2reward(folders):
    return brief(load_recipe("text2reward", folders))


@pytest.fixture
def long(context, make):
    """A context with history of three generations, a source of 400 lines, and two examples."""
    turns = [make.turn(g, s, 0.1 * g + 0.01 * s, idea=f"Idea {s} of {g}." * 8) for g in (1, 2, 3) for s in range(4)]
    survey = make.survey().model_copy(update={"view": VIEW})
    return context(turns, [turns[-1]], survey=survey)


def example(name: str) -> Example:
    return Example(
        run=name, candidate="g1c00", task=name, description=f"Do {name}.", source="#" * 2000, score=1.0, signals=()
    )


def size(recipe, found) -> int:
    return estimate_tokens(compose(recipe, found))


def window(tokens: float) -> int:
    """The window in which that many estimated tokens are just let through."""
    return round(tokens * MARGIN) + ANSWER + 1


def told(recipe, found) -> str:
    return "\n".join(message.content for message in compose(recipe, found))


def test_what_fits_stays_whole(smith, long):
    assert fitted(smith, long, None) is long
    assert fitted(smith, long, window(size(smith, long))) is long
    assert "To fit your window" not in told(smith, long)


def test_the_oldest_history_goes_first_and_no_more_than_must(smith, long):
    whole = size(smith, long)
    less = fitted(smith, long, window(whole - 1))
    assert less.cut == ("what was tried before generation 2",)
    text = told(smith, less)
    assert "Idea 0 of 1." not in text
    assert "Idea 0 of 2." in text
    assert "source_399" in text
    assert compose(smith, less)[1].content.endswith(
        "To fit your window, this is left out: what was tried before generation 2.\n"
    )
    assert less.history == long.history, "whoever reads the context and not the messages loses nothing"


def test_the_source_goes_after_the_history_by_halves_from_its_end(smith, long):
    less = fitted(smith, long, window(size(smith, long) - len(VIEW) // 4 // 3))
    assert less.cut == (
        "what was tried before generation 3",
        "200 of 400 lines of the environment's source",
    )
    text = told(smith, less)
    assert "source_199()" in text
    assert "source_200()" not in text
    assert "# 200 further lines are left out" in text
    assert "Idea 0 of 3." in text
    assert size(smith, less) <= size(smith, long) - len(VIEW) // 4 // 3


def test_examples_go_before_the_source_the_least_similar_first(text2reward, context):
    examples = (example("walk"), example("hop"), example("swim"))
    found = replace(context(), examples=examples)
    less = fitted(text2reward, found, window(size(text2reward, found) - 600))
    assert less.cut == ("2 of 3 examples",)
    assert "Do walk." in told(text2reward, less)
    assert "Do hop." not in told(text2reward, less)


def test_what_a_recipe_does_not_show_is_not_said_to_be_cut(eureka, long):
    less = fitted(eureka, long, 1)
    assert less.cut == ("400 of 400 lines of the environment's source",)
    assert "source_0" not in told(eureka, less)
    assert long.task.description in told(eureka, less)


def test_repairs_are_told_the_same(smith, long, make):
    less = fitted(smith, long, window(size(smith, long) - 1))
    rejected = replace(less, rejected=(make.source(), make.unknown_signal()))
    assert "To fit your window" in compose_repair(smith, rejected)[1].content


def test_the_same_context_is_cut_in_the_same_way(smith, long):
    tokens = window(size(smith, long) // 2)
    assert compose(smith, fitted(smith, long, tokens)) == compose(smith, fitted(smith, long, tokens))
