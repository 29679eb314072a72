"""What a run is asked to do, from request, task and recipe."""

from __future__ import annotations

from datetime import datetime

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import load_recipe
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.recipe import ConfirmStage
from rewardsmith.domain.report import Report, Rung
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Survey
from rewardsmith.errors import UsageError
from rewardsmith.search.planning import SCORING_S, plan, run_spec
from rewardsmith.settings import EvolveRequest

FOLDERS = find_folders()
TASK, SMITH = load_task("ant", FOLDERS), load_recipe("smith", FOLDERS)


def spec(recipes: int, **asked: object):
    recipe = SMITH.model_copy(update={"write": SMITH.write.model_copy(update={"k": recipes})})
    request = EvolveRequest(env="ant", **asked)
    return run_spec(request, TASK, recipe, {}, model="offline", sandbox="process", workers=2, now=datetime(2026, 1, 1))


@pytest.mark.parametrize(
    ("recipes", "asked", "k"),
    [
        (8, {"budget": "quick"}, 4),
        (1, {"budget": "quick"}, 1),
        (8, {"budget": "standard"}, 8),
        (1, {"budget": "full"}, 1),
        (20, {"budget": "full"}, 16),
        (1, {"budget": "quick", "k": 6}, 6),
        (6, {"budget": "quick", "changes": ("write.k=6",)}, 6),
    ],
)
def test_a_budget_caps_the_candidates_that_a_recipe_asks_for_and_a_person_has_the_last_word(recipes, asked, k):
    assert spec(recipes, **asked).k == k


def test_a_plan_counts_the_whole_rollouts_that_tiny_trainings_are_rounded_up_to():
    told = spec(1, budget="quick", steps=100, iterations=1, baselines=())
    survey = Survey.model_construct(steps_per_second=1000.0)
    recipe = SMITH.model_copy(update={"confirm": ConfirmStage(leaders=1)})
    rollout = TASK.trainer.environments * TASK.trainer.settings["n_steps"]
    trainings, horizon, budget = 1 + told.budget.confirm_seeds, TASK.environment.horizon, told.budget
    found = plan(told, recipe, survey, dollars_per_call=None)
    assert found.trainings == trainings
    scoring = (trainings * budget.rungs + budget.confirm_seeds) * budget.episodes * horizon
    assert found.steps == trainings * budget.rungs * rollout + scoring


def planned_s(told, *earlier: Run, raw: float = 1000.0) -> float:
    survey = Survey.model_construct(steps_per_second=raw)
    return plan(told, SMITH, survey, dollars_per_call=None, earlier=earlier).wall_s


def scored_steps(told) -> int:
    found = plan(told, SMITH, Survey.model_construct(steps_per_second=1.0), dollars_per_call=None)
    final = told.budget.confirm_seeds
    return (found.trainings * told.budget.rungs + final) * told.budget.episodes * told.task.environment.horizon


def test_a_plan_counts_what_scoring_takes_beside_the_simulator():
    told = spec(1, budget="quick", iterations=1, baselines=())
    more = told.model_copy(update={"budget": told.budget.model_copy(update={"episodes": 20})})
    steps = scored_steps(more) - scored_steps(told)
    assert planned_s(more) - planned_s(told) == pytest.approx(steps * (1e-3 + SCORING_S) / 2)


def test_a_plan_rests_on_what_earlier_trainings_took_to_be_scored():
    told = spec(1, budget="quick", iterations=1, baselines=())

    def scored_in(seconds: float) -> Run:
        rung = Rung(steps=1000, scores=(1.0,) * 5, mean=1.0, lengths=(10,) * 5)
        trained = Report(
            reward_id="0123456789ab", seed=0, steps=1000, scoring_steps=50, wall_s=2.0 + seconds,
            steps_per_second=500.0, rungs=(rung, rung), best_rung=0, components=(),
        )  # fmt: skip
        return Run(spec=told, reports={("search", "g1c00", 0): trained})

    each = 1.0 / (2 * 5 * 1000)
    apart = planned_s(told, scored_in(3.0)) - planned_s(told, scored_in(1.0))
    assert apart == pytest.approx(scored_steps(told) * 2 * each / 2)
    assert planned_s(told, *map(scored_in, (1.0, 3.0, 90.0))) == pytest.approx(planned_s(told, scored_in(3.0)))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"name": "a/b"}, "'a/b' cannot name a run"),
        ({"name": "../x"}, "cannot name a run"),
        ({"name": ""}, "cannot name a run"),
        ({"iterations": 0}, "iterations is 0"),
        ({"iterations": 10**20}, "iterations is 1"),
        ({"k": -1}, "k is -1"),
        ({"steps": 0}, "steps is 0"),
        ({"steps": 1e5}, "steps is 100000.0"),
        ({"k": True}, "k is True"),
    ],
)
def test_a_name_that_names_no_folder_and_a_number_that_counts_nothing_are_refused(asked, said):
    with pytest.raises(UsageError, match=said) as refused:
        spec(1, **asked)
    assert refused.value.hint
