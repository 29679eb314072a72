"""What the archive says about rewards: measured on made-up episodes, and on a real cart and pole by real processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Attempt, AttemptEnded
from rewardsmith.domain.job import RewardLimits, SurveyJob
from rewardsmith.domain.judgement import Judgement
from rewardsmith.domain.prompt import Context, Turn
from rewardsmith.domain.report import Failure
from rewardsmith.domain.survey import Probe
from rewardsmith.errors import ModelExhausted
from rewardsmith.export.signals import SignalReader
from rewardsmith.models.folder import FolderModel
from rewardsmith.reward.process import RewardProcess
from rewardsmith.screening.screen import Screen
from rewardsmith.search.agreement import Bounds, Episodes, Traits, correlation, learnt, one_sided, traits
from rewardsmith.search.archive import read_archive, returns
from rewardsmith.search.asking import Asking
from rewardsmith.search.calibration import calibration
from rewardsmith.search.doubting import judge
from rewardsmith.search.journal import Journal
from rewardsmith.search.judging import Judge
from rewardsmith.search.placing import Placing
from rewardsmith.search.surveying import load_survey
from rewardsmith.search.writing import Writing
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.leases import Owner
from rewardsmith.store.store import Store
from rewardsmith.worker import survey as survey_room
from rewardsmith.worker.archive import Archive
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.files import write_arrays
from rewardsmith.worker.scoring import ScoredEpisode


def reward(total: str, reads: str = "pole_angle, cart_position") -> str:
    return f"""
import numpy as np


def compute_reward({reads}, *, weight=1.0):
    total = weight * ({total})
    return total, {{"total_of_it": total}}
"""


HONEST = reward("2.0 - np.abs(pole_angle)")
COSTLY = reward("-1.0 - 0.1 * np.abs(cart_position)")
MENDED = reward("2.0 - np.abs(pole_angle) - 0.1 * np.abs(cart_position)")
WORSE = reward("-1.0 - np.abs(cart_position) - np.abs(pole_angle)")
FAILS_LATE = reward("np.sqrt(0.45 - np.abs(cart_position)) + pole_angle")
COUNTS = """
import numpy as np

MEMORY = {"steps": 0.0}


def compute_reward(pole_angle, prev_pole_angle, memory):
    memory["steps"] = memory["steps"] + 1.0
    turned = np.abs(pole_angle - prev_pole_angle)
    return memory["steps"] + turned, {"steps": memory["steps"], "turned": turned}
"""


def episodes(trained: list[float], untrained: tuple[float, ...] = (0.01, 0.02, 0.03), **changes: Any) -> Episodes:
    """Three random and three idle episodes, and those of trained agents of generation 1."""
    players = ("random",) * 3 + ("idle",) * 3 + ("trained",) * len(trained)
    scores = np.array([*untrained, *untrained, *trained])
    values: dict[str, Any] = {
        "scores": scores,
        "lengths": np.full(len(scores), 100),
        "early": np.zeros(len(scores), dtype=bool),
        "generations": np.array([0] * 6 + [1] * len(trained)),
        "players": players,
        "owners": ("",) * 6 + ("g1c00",) * len(trained),
    }
    return Episodes(**(values | changes))


TEN = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


def test_the_order_by_pay_is_compared_with_the_order_by_score() -> None:
    scores = np.array(TEN)
    assert correlation(10 * scores - 3, scores) == pytest.approx(1.0)
    assert correlation(-scores, scores) == pytest.approx(-1.0)
    top, bottom = np.array(TEN), np.array(TEN)
    top[[8, 9]], bottom[[0, 1]] = top[[9, 8]], bottom[[1, 0]]
    assert correlation(top, scores) < correlation(bottom, scores) < 1.0, "the top counts most"
    assert correlation(np.ones(10), scores) == 0.0, "a reward that pays all the same ranks nothing"


def test_the_correlation_is_scipys() -> None:
    from scipy.stats import weightedtau

    generator = np.random.default_rng(0)
    for size in (3, 10, 60, 200):
        for _ in range(10):
            paid, scores = generator.integers(0, size, size).astype(float), generator.integers(0, 8, size) / 8
            if np.ptp(paid) and np.ptp(scores):
                assert correlation(paid, scores) == pytest.approx(weightedtau(paid, scores).statistic, abs=1e-9)


@pytest.mark.parametrize(
    ("recorded", "why"),
    [
        (episodes([]), "have left 0 episodes"),
        (episodes([1.0, 0.9, 0.8]), "there are 9 recorded episodes"),
        (episodes([1.0] * 8), "have 4 different score"),
        (episodes([0.0, 0.01, 0.011, 0.012, 0.013, 0.02]), "no trained agent scores clearly above"),
    ],
)
def test_a_one_sided_archive_judges_nobody(recorded: Episodes, why: str) -> None:
    assert why in one_sided(recorded)
    assert one_sided(episodes(TEN)) == ""


def test_a_reward_is_measured_without_what_its_own_training_left() -> None:
    recorded = episodes([*TEN, *TEN], owners=("",) * 6 + ("g1c00",) * 10 + ("g1c01",) * 10)
    paid = recorded.scores.copy()
    paid[6:16] = -paid[6:16]
    assert traits(paid, recorded).correlation < 0.9
    assert traits(paid, recorded, but="g1c00").correlation == pytest.approx(1.0)


def test_what_idling_is_paid_has_neither_scale_nor_offset() -> None:
    recorded = episodes(TEN)
    paid = np.array([0.0] * 3 + [30.0] * 3 + [100.0] * 10)
    assert traits(paid, recorded).idle == pytest.approx(0.3)
    assert traits(7 * paid - 500, recorded).idle == pytest.approx(0.3)
    assert traits(-paid, recorded).idle is None, "the best are paid less than random actions"


def test_bounds_are_learnt_from_the_better_half_and_leave_it_alone() -> None:
    low = [(Traits(c, 0.9), 0.1) for c in (-0.5, 0.1, 0.2, 0.99)]
    good = [(Traits(0.8, 0.1), 1.0), (Traits(0.9, 0.2), 2.0), (Traits(0.85, 0.1), 3.0), (Traits(0.9, 0.15), 4.0)]
    bounds = learnt([*low, *good])
    assert bounds.correlation == pytest.approx(0.7), "as far below the least of them as they lie apart"
    assert bounds.idle == pytest.approx(0.3)
    assert learnt([*low[1:], *good]) == Bounds(), "seven are too few"
    assert learnt([(found, 1.0) for found, _ in [*low, *good]]) == Bounds(), "none is better"


@pytest.mark.parametrize(
    ("paid", "bounds", "words"),
    [
        ([0.0] * 3 + [90.0] * 3 + [0.0] * 10, Bounds(), "It pays an idle agent more than the best recorded episodes"),
        ([0.0] * 6 + list(range(10, 0, -1)), Bounds(), "of generation 1 it pays the worst more than the best"),
        ([0.0] * 3 + [4.0] * 3 + list(range(1, 11)), Bounds(idle=0.4), "An idle agent gets 44% of the way"),
        ([0.0] * 6 + [1, 3, 2, 5, 4, 7, 6, 9, 10, 8], Bounds(0.95), "above +0.95"),
    ],
)
def test_doubts_are_said_with_their_numbers(paid: list[float], bounds: Bounds, words: str) -> None:
    found = judge(np.array(paid, dtype=float), episodes(TEN), bounds)
    assert found.doubt is not None
    assert (found.doubt.gate, found.doubt.kind) == ("archive", "misranks")
    assert words in found.doubt.message
    assert "Of 16 recorded episodes it pays" in found.doubt.message


def test_early_ends_that_pay_best_are_named() -> None:
    early = np.array([False] * 6 + [True] * 4 + [False] * 6)
    paid = np.array([0.0] * 6 + [50.0] * 4 + [10.0] * 6)
    found = judge(paid, episodes(TEN, early=early), Bounds())
    assert found.doubt is not None
    assert "It pays episodes that end early more than the best" in found.doubt.message


def test_an_honest_reward_is_not_doubted_before_anything_is_learnt() -> None:
    recorded = episodes(TEN)
    found = judge(recorded.scores, recorded, Bounds())
    assert (found.doubtful, found.correlation, found.episodes) == (False, pytest.approx(1.0), 16)
    assert found.separation[1] == 1.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A survey of cart and pole, and what writes an archive of a controller that balances for so many steps each."""
    folder = tmp_path_factory.mktemp("cartpole")
    task = load_task("cartpole", find_folders(here=folder))
    survey_room.run(SurveyJob(task=task, episodes=8, max_steps=400), folder / "out")
    survey, probe = load_survey(folder)

    def leave(out: Path, *lengths: int) -> None:
        archive = Archive(survey.signals, horizon=500, rungs=1, episodes=len(lengths))
        archive.add(0, 100, [balanced(task, survey, seed, steps) for seed, steps in enumerate(lengths)])
        out.mkdir(parents=True)
        write_arrays(out / "archive.npz", archive.dump(), compress=True)

    return task, survey, probe, leave


def balanced(task: Any, survey: Any, seed: int, steps: int) -> ScoredEpisode:
    env = make(task)
    reader = SignalReader(env, {signal.name: signal.reader for signal in survey.signals})
    observation, _ = env.reset(seed=seed)
    rows: list[dict[str, Any]] = []
    for _ in range(steps):
        action = np.int64(observation[2] + 0.3 * observation[3] > 0)
        observation, _, terminated, _, info = env.step(action)
        rows.append(reader.read(observation, action, terminated, info))
    arrays = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return ScoredEpisode(steps, False, steps / 500, None, {}, arrays)


@pytest.fixture
def bench(place: Any, story: Callable[..., Any], tmp_path: Path) -> Any:
    """A run of which generation 1 trained two candidates, its judge, and what asks it."""
    task, survey, probe, leave = place
    told = story(task=task, budget=task.budgets["quick"])
    folder = RunFolder(tmp_path, "run")
    for slot, lengths in enumerate([(130, 150, 170, 190, 210), (90, 260, 280, 300, 320)]):
        candidate = told.candidate(1, slot, lengths[-1] / 500)
        told.run.candidates[candidate.id] = candidate.model_copy(update={"source": HONEST})
        attempt = Attempt(purpose="search", subject=candidate.id, seed=told.spec.seed)
        told.tell(AttemptEnded(attempt=attempt, report=told.run.search_report(candidate)))
        leave(folder.attempt(attempt) / "out", *lengths)
    told.judge = Judge(survey, probe, RewardLimits(), folder)
    told.ask = lambda source, generation=2: asyncio.run(told.judge.judge(told.run, generation, source))
    told.archives = sorted(tmp_path.rglob("archive.npz"))
    return told


def test_rewards_of_a_real_run_are_judged(bench: Any) -> None:
    honest, costly = bench.ask(HONEST), bench.ask(COSTLY)
    assert not honest.doubtful
    assert honest.correlation > 0.9
    assert honest.episodes == 10 + len(bench.judge.survey.episodes) + len(bench.judge.survey.extremes)
    assert costly.doubtful
    assert costly.correlation < -0.5
    assert "more than the best recorded episodes" in costly.doubt.message
    assert f"the rank correlation of pay and score is {costly.correlation:+.2f}." in costly.doubt.message, "all of it"
    assert Judgement.model_validate_json(costly.model_dump_json()) == costly, "it is an event"


def test_nobody_is_judged_by_the_survey_alone(bench: Any) -> None:
    first = bench.ask(COSTLY, generation=1)
    assert (first.doubtful, first.correlation) == (False, None)
    assert "have left 0 episodes" in first.without


def test_a_reward_that_fails_where_random_actions_never_came_is_in_doubt(bench: Any) -> None:
    found = bench.ask(FAILS_LATE)
    assert (found.doubt.gate, found.doubt.kind) == ("archive", "not_finite")
    assert found.doubt.message.startswith("On episodes that trained agents played: component")


def test_archives_that_cannot_be_read_are_left_out_and_counted(bench: Any) -> None:
    with np.load(bench.archives[0], allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if name != "pole_angle"}
    np.savez(bench.archives[0], **arrays)
    found = bench.ask(HONEST)
    assert (found.unread, found.correlation is not None) == (1, True)
    bench.archives[1].unlink()
    found = bench.ask(HONEST, generation=3)
    assert (found.unread, found.correlation) == (2, None)


def test_episodes_side_by_side_are_paid_as_alone(bench: Any) -> None:
    """`prev_` and memory begin anew with each episode, wherever it stands in the request."""
    signals = bench.judge.survey.signals
    archived = read_archive(bench.archives[0].parent, signals)
    with RewardProcess(COUNTS, {signal.name: signal for signal in signals}) as process:
        together = returns(process, archived.rows, stream="together")
        for i, each in enumerate(archived.rows.episodes()):
            arrays = {name: array[each] for name, array in archived.rows.arrays.items()}
            alone = returns(process, Probe(arrays, archived.rows.starts[each]), stream=f"alone {i}")
            assert together[i] == pytest.approx(alone[0], rel=1e-9)
    lengths = np.array([each.stop - each.start for each in archived.rows.episodes()])
    assert np.all(together >= lengths * (lengths + 1) / 2), "the memory counted every step"


@pytest.fixture
def write(bench: Any, smith: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Writes generation 2 from answers in the order in which they are asked for; gives the run and who may train."""
    store = Store.open(tmp_path / "runs.db")
    store.create("story")
    lease = store.claim("story", owner=Owner.current())
    journal = Journal(store, lease, bench.run, lambda event, run: None)
    survey, probe = bench.judge.survey, bench.judge.probe

    def written(*sources: str, k: int = 1, repairs: int = 1) -> tuple[Any, list[str]]:
        answers = tmp_path / "answers"
        answers.mkdir()
        for number, source in enumerate(sources):
            (answers / f"{number:02}.md").write_text(f"```python\n{source}\n```\n")
        recipe = smith.model_copy(update={"screen": smith.screen.model_copy(update={"repairs": repairs})})
        spec, ready = bench.spec.model_copy(update={"k": k}), list[str]()
        folder = RunFolder(tmp_path, "run")
        placing = Placing(journal, Screen(survey, probe), folder, bench.judge)
        writing = Writing(journal, recipe, Asking(journal, FolderModel(answers), recipe.write), placing)
        context = Context(spec.task, survey, probe, history=bench.run.turns(), parents=(), seed=0, k=k)
        asyncio.run(writing.generation(2, [context] * k, lambda candidate: ready.append(candidate.id)))
        return bench.run, ready

    yield written
    store.close()


def test_a_doubtful_reward_gets_one_repair_call_with_the_evidence(write: Any, tmp_path: Path) -> None:
    run, ready = write(COSTLY, MENDED)
    mended = run.candidates["g2c00"]
    assert (mended.origin, mended.judgement.doubtful, ready) == ("repaired", False, ["g2c00"])
    assert [(failure.gate, failure.kind) for failure in mended.repairs] == [("archive", "misranks")]
    prompt = (tmp_path / "run/g2/g2c00/prompt.md").read_text()
    assert "more than the best recorded episodes" in prompt
    assert "cannot be used" not in prompt


def test_without_a_repair_call_it_trains_nevertheless_and_in_doubt(write: Any) -> None:
    run, ready = write(COSTLY, HONEST, repairs=0)
    assert (run.candidates["g2c00"].judgement.doubtful, ready) == (True, ["g2c00"])
    assert run.candidates["g2c00"].failure is None


@pytest.mark.parametrize("answer", ["def compute_reward(nothing): return 1", WORSE, COSTLY])
def test_a_repair_that_is_no_better_is_dropped(write: Any, answer: str) -> None:
    run, ready = write(COSTLY, answer)
    kept = run.candidates["g2c00"]
    assert "cart_position" in kept.source
    assert (kept.judgement.doubtful, kept.failure, ready) == (True, None, ["g2c00"])


def test_what_another_slot_holds_by_now_is_its_duplicate(write: Any) -> None:
    """Both slots are in doubt with the same code; neither repair can be used."""
    run, ready = write(COSTLY, COSTLY, "no code", "no code", k=2)
    assert (run.candidates["g2c01"].twin, run.candidates["g2c01"].judgement, ready) == ("g2c00", None, ["g2c00"])


def test_a_model_that_has_nothing_left_leaves_the_doubtful_one(write: Any) -> None:
    with pytest.raises(ModelExhausted):
        write(COSTLY)


def turn(story: Any, slot: int, generation: int, ranks: float | None, score: float | None, **changes: Any) -> Turn:
    doubt = Failure(gate="archive", kind="misranks", message="no") if changes.pop("doubted", False) else None
    without = "" if ranks is not None else "too early"
    candidate = story.candidate(generation, slot, score)
    judgement = Judgement(correlation=ranks, doubt=doubt, without=without)
    candidate = candidate.model_copy(update={"judgement": judgement, **changes})
    return Turn(candidate=candidate, report=story.run.search_report(candidate))


def test_calibration_compares_within_a_generation(story: Callable[..., Any]) -> None:
    told = story()
    turns = [
        turn(told, 0, 1, None, 9.0),
        turn(told, 0, 2, 0.9, 3.0),
        turn(told, 1, 2, 0.5, 2.0),
        turn(told, 2, 2, 0.1, 2.5, doubted=True),
        turn(told, 0, 3, 0.2, 5.0),
        turn(told, 1, 3, 0.3, None),
    ]
    found = calibration(turns)
    assert found is not None
    assert (found.judged, found.without, found.trained, found.pairs) == (5, 1, 4, 3)
    assert found.correlation == pytest.approx(1 / 3), "two of three pairs are foretold"
    assert (found.doubtful, found.doubtful_trained, found.doubtful_better) == (1, 1, 0)


def test_calibration_tells_wrong_doubts_and_repairs(story: Callable[..., Any]) -> None:
    told = story()
    mended = (Failure(gate="archive", kind="misranks", message="no"),)
    turns = [turn(told, 0, 2, 0.1, 9.0, doubted=True), turn(told, 1, 2, 0.9, 1.0, repairs=mended)]
    found = calibration(turns)
    assert found is not None
    assert (found.doubtful_better, found.repaired, found.correlation) == (1, 1, -1.0)


def test_a_run_without_the_judge_has_no_calibration(story: Callable[..., Any]) -> None:
    told = story()
    assert calibration(Turn(candidate=told.candidate(1, slot, 1.0)) for slot in range(2)) is None
    assert Candidate.model_validate_json(told.candidate(1, 2, 1.0).model_dump_json(exclude={"judgement"})).id == "g1c02"
