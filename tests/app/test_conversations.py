"""Whole runs of every shipped recipe, replayed from recorded conversations on real physics, at a tiny budget.

Each folder of `tests/data/conversations/recorded` is a recording of `rewardsmith evolve --record`; the README beside it
says who answered.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rewardsmith.api import evolve
from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import list_recipes
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.events import GenerationEnded
from rewardsmith.domain.run import Run
from rewardsmith.models.recording import Recorded

CONVERSATIONS = Path(__file__).parents[1] / "data" / "conversations" / "recorded"
ROLES = {
    "auto_mc_reward": {"designer", "critic", "analyser"},
    "eureka": {"designer"},
    "language_to_rewards": {"describer", "designer"},
    "smith": {"designer"},
    "text2reward": {"designer"},
}
"""Which models each recipe asks, whatever happens; a repair is asked for where something fails."""
TRIED = {"auto_mc_reward", "language_to_rewards", "text2reward"}
"""Recipes whose whole way the everyday tests go in files of their own."""
TINY = "steps = 100_000", "rungs = 3", "episodes = 5", "leaders = 2", "confirm_seeds = 3"


def recorded(recipe: str) -> list[Recorded]:
    """The completions of one conversation, in order."""
    found = [Recorded.model_validate_json(file.read_text()) for file in (CONVERSATIONS / recipe).glob("*.json")]
    return sorted(found, key=lambda each: (each.key.generation, each.key.role, each.key.slot, each.key.call))


@pytest.fixture
def tiny_ant(tmp_path: Path) -> Path:
    """The shipped ant with the least budget that goes through every stage."""
    found = load_task("ant", find_folders())
    shipped = find_folders().find("envs", "ant")[1]
    folder = tmp_path / "ant"
    folder.mkdir()
    for name, file in shipped.items():
        shutil.copy(file, folder / name)
    text = (folder / "task.toml").read_text()
    head, quick, tail = text.partition("[budgets.quick]")
    mine, rest, others = tail.partition("\n[")
    for line, less in zip(
        TINY, ("steps = 2_048", "rungs = 2", "episodes = 2", "leaders = 1", "confirm_seeds = 1"), strict=True
    ):
        assert line in mine, f"the quick budget of ant has no {line!r} any more"
        mine = mine.replace(line, less)
    (folder / "task.toml").write_text(head + quick + mine + rest + others)
    assert found.environment == load_task(folder, find_folders()).environment
    return folder


def test_every_recipe_has_a_conversation():
    assert {folder.name for folder in CONVERSATIONS.iterdir() if folder.is_dir()} == set(ROLES)
    assert set(list_recipes(find_folders())) >= set(ROLES)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "recipe", [pytest.param(name, marks=pytest.mark.slow if name in TRIED else ()) for name in ROLES]
)
def test_a_recorded_conversation_goes_through_the_whole_method(recipe, tiny_ant, tmp_path):
    conversation = recorded(recipe)
    designed = [each.key for each in conversation if each.key.role == "designer" and each.key.call == 0]
    last: list[Run] = []
    ended: list[GenerationEnded] = []

    def observe(stored, run):
        last[:] = [run]
        if isinstance(stored.event, GenerationEnded):
            ended.append(stored.event)

    result = evolve(
        tiny_ant,
        runs=tmp_path / "runs",
        recipe=recipe,
        model=f"recorded:{CONVERSATIONS / recipe}",
        budget="quick",
        k=1 + max(key.slot for key in designed),
        iterations=2,
        baselines=(),
        observe=observe,
    )
    run = last[0]
    asked = {completed.key for completed in run.completions}
    assert result.status == "done", result.reason
    assert [each.generation for each in ended] == [1, 2]
    assert set(designed) <= asked
    assert {key.role for key in asked} >= ROLES[recipe]
    assert ROLES[recipe] <= {each.key.role for each in conversation}
    trained = [candidate for candidate in run.candidates.values() if run.search_report(candidate)]
    assert {candidate.generation for candidate in trained} == {1, 2}
    assert result.best is not None
    assert result.best.score is not None
