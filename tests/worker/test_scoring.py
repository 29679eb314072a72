from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rewardsmith.domain.survey import Signal
from rewardsmith.reward.process import RewardProcess, ScoreProcess
from rewardsmith.worker.archive import Archive
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.opening import open_worlds
from rewardsmith.worker.recording import Recording
from rewardsmith.worker.rewards import ProcessRewards, StockRewards, TerminalScoreRewards
from rewardsmith.worker.scoring import HeldOut, ScoredEpisode
from rewardsmith.worker.seeds import held_out_seeds, rung_seed

from .conftest import HEIGHT, SIGNALS, UPRIGHT, make_task

PENDULUM = {signal.name: signal for signal in SIGNALS["Pendulum-v1"]}
CARTPOLE = {signal.name: signal for signal in SIGNALS["CartPole-v1"]}
LENGTH = "def score(observation, terminated, horizon):\n    return float(len(observation) - 1000 * terminated)\n"


def lean(observations: NDArray[Any], starts: NDArray[np.bool_]) -> NDArray[Any]:
    return (observations[:, 2] > 0).astype(np.int64)


def played(envs: int, seeds: range) -> list[ScoredEpisode]:
    task = make_task("CartPole-v1", horizon=60)
    with ScoreProcess(LENGTH, CARTPOLE, dt=0.02, horizon=60) as score:
        held_out = HeldOut(
            open_worlds(task, envs),
            CARTPOLE,
            horizon=60,
            score=score,
            rewards=StockRewards(),
            archived=1,
        )
        episodes = held_out.play(lean, seeds)
        held_out.close()
    return episodes


def test_how_many_play_side_by_side_does_not_matter() -> None:
    together, in_turns = played(5, range(5)), played(2, range(5))
    assert [e.length for e in together] == [e.length for e in in_turns]
    assert [e.score for e in together] == [e.score for e in in_turns]
    assert len({e.length for e in together}) > 1


def test_an_episode_is_what_its_seed_and_policy_make_of_it() -> None:
    env = make(make_task("CartPole-v1", horizon=60))
    for episode, seed in zip(played(3, range(5)), range(5), strict=True):
        observation, _ = env.reset(seed=seed)
        seen, ended, cut = [], False, False
        while not (ended or cut):
            observation, _, ended, cut, _ = env.step(int(observation[2] > 0))
            seen.append(observation)
        assert episode.length == len(seen)
        assert episode.terminated == ended
        assert episode.score == len(seen) - 1000 * ended
        assert episode.sums == {"total": float(len(seen))}
        assert np.allclose(episode.arrays["observation"], seen)


def test_component_sums_are_those_of_the_whole_episode() -> None:
    task = make_task(horizon=30)
    with ScoreProcess(HEIGHT, PENDULUM, dt=0.05, horizon=30) as score, RewardProcess(UPRIGHT, PENDULUM) as process:
        held_out = HeldOut(
            open_worlds(task, 1), PENDULUM, horizon=30, score=score, rewards=ProcessRewards(process), archived=1
        )
        for episode in held_out.play(
            lambda observations, _: np.full((len(observations), 1), 0.5, dtype=np.float32), range(3)
        ):
            height = episode.arrays["observation"][:, 0]
            assert episode.sums["upright"] == pytest.approx(height.sum())
            assert episode.sums["effort"] == pytest.approx(-0.01 * 30 * 0.25)
            assert episode.sums["total"] == pytest.approx(episode.sums["upright"] + episode.sums["effort"])
            assert episode.score == pytest.approx(height.mean())
        held_out.close()


def test_the_score_is_paid_at_the_last_step_of_episodes_that_span_recordings() -> None:
    counts = np.arange(1.0, 13.0).reshape(6, 2)
    signal = Signal(name="x", shape=(), meaning="", reader="info:x")
    starts = np.zeros((6, 2), dtype=bool)
    ends = np.zeros((6, 2), dtype=bool)
    starts[0], starts[4, 0], starts[2, 1] = True, True, True
    ends[3, 0], ends[1, 1], ends[5, 1] = True, True, True
    none = np.zeros_like(ends)

    def part(rows: slice) -> Recording:
        return Recording({"x": counts[rows]}, starts[rows], ends[rows], none[rows], none[rows].astype(float))

    with ScoreProcess("def score(x):\n    return float(x.sum())\n", {"x": signal}, dt=1.0, horizon=9) as score:
        rewards = TerminalScoreRewards(score)
        paid = np.concatenate([rewards.ask(part(rows), stream="train").total for rows in (slice(0, 3), slice(3, 6))])
    expected = np.zeros((6, 2))
    expected[3, 0] = counts[:4, 0].sum()
    expected[1, 1], expected[5, 1] = counts[:2, 1].sum(), counts[2:, 1].sum()
    assert np.array_equal(paid, expected)


def test_seeds_of_training_search_and_confirmation_never_meet() -> None:
    search, final = held_out_seeds(1000, final=False), held_out_seeds(1000, final=True)
    assert len({*search, *final}) == 2000
    training = [rung_seed(seed, rung) for seed in range(200) for rung in range(5)]
    assert len(set(training)) == 1000
    assert max(training) + 4096 <= min(search)
    assert max(search) < min(final)


def test_an_archive_stays_small_and_keeps_the_last_rung() -> None:
    wide = [Signal(name="wide", shape=(500,), meaning="", reader="qpos")]
    archive = Archive(wide, horizon=1000, rungs=20, episodes=10)
    assert archive.per_rung == 1
    assert archive.rungs == {19, 14, 9, 4}
    for rung in range(20):
        archive.add(rung, rung, [ScoredEpisode(1000, False, 1.0, None, {}, {"wide": np.ones((1000, 500))})] * 10)
    arrays = archive.dump()
    assert arrays["__steps__"].tolist() == [4, 9, 14, 19]
    assert arrays["wide"].dtype == np.float32
    assert sum(array.nbytes for array in arrays.values()) < 8 << 20
    narrow = Archive([Signal(name="x", shape=(), meaning="", reader="qpos")], horizon=100, rungs=4, episodes=10)
    assert narrow.rungs == {0, 1, 2, 3}
    assert narrow.per_rung == 10
