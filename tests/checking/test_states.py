"""Stored states of a simulator: stepped from again they tell a change that beginnings of episodes do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.damages import Elsewhere
from rewardsmith.checking.episodes import exploit, exploited
from rewardsmith.checking.kept import read_kept, write_kept
from rewardsmith.domain.states import OPENING, STATES


@pytest.fixture
def reward(bench: Any, tmp_path: Path) -> Path:
    path = tmp_path / "hop.py"
    write_kept(path, bench.kept.source, bench.kept.lock, bench.kept.recorded)
    return path


def test_states_come_from_all_over_the_episodes_and_are_read_back(bench: Any, reward: Path) -> None:
    recorded = bench.kept.recorded
    assert len(recorded.states) == STATES
    times = [state.state[0] for state in recorded.states]
    assert min(times) == 0
    assert len({round(time, 4) for time in times}) >= STATES // 2
    assert len({state.seed for state in recorded.states}) >= 4
    again = read_kept(reward).recorded
    assert again.states == recorded.states
    assert again.stepped is not None
    assert again.packed == recorded.packed


def test_episodes_end_within_the_steps_of_some_states(bench: Any) -> None:
    stepped = bench.kept.recorded.stepped
    ended = stepped.arrays["terminated"]
    assert 1 <= ended.sum() < STATES
    assert all(each.stop - each.start <= OPENING for each in stepped.episodes())


def test_the_same_simulator_does_the_same_again(bench: Any, reward: Path) -> None:
    kept = read_kept(reward)
    again = bench.workshop.keeper.simulator.step(kept.lock.task, bench.survey, kept.recorded.states)
    for name, array in kept.recorded.stepped.arrays.items():
        assert np.array_equal(again.arrays[name], array), name
    assert not [*bench.workshop.settings.runs.joinpath("checks").iterdir()]


def test_an_older_lock_without_states_is_checked_by_its_beginnings(bench: Any, tmp_path: Path) -> None:
    older = replace(bench.kept.recorded, states=(), stepped=None)
    result = bench.workshop.keeper.check(replace(bench.kept, recorded=older))
    assert result.verdict == "passed"
    replay = next(tier for tier in result.tiers if tier.tier == "replay")
    assert "the lock has no states of a simulator" in replay.reason
    locked = bench.workshop.keeper.relock(replace(bench.kept, recorded=older))
    assert len(locked.recorded.states) == STATES
    assert bench.workshop.keeper.check(locked).verdict == "passed"


def test_states_that_do_not_fit_any_more_are_told(bench: Any) -> None:
    states = tuple(each.model_copy(update={"state": each.state[:-1]}) for each in bench.kept.recorded.states)
    kept = replace(bench.kept, recorded=replace(bench.kept.recorded, states=states))
    result = bench.workshop.keeper.check(kept)
    words = [finding.words for tier in result.tiers for finding in tier.findings]
    assert words == ["the stored states do not fit: a state of this simulator has 58 numbers, a stored one 57"]
    assert bench.workshop.keeper.check(bench.workshop.keeper.relock(kept)).verdict == "passed"


def test_a_little_stricter_rule_of_termination_is_told(bench: Any, elsewhere: Any) -> None:
    result = bench.check(seen=elsewhere(Elsewhere({"healthy_angle_range": (-0.18, 0.18)})))
    replay = next(tier for tier in result.tiers if tier.tier == "replay")
    assert "stored states its episode ends sooner or later than it did" in replay.findings[0].words


def test_scripted_policies_are_recorded_with_their_scores(bench: Any) -> None:
    recorded = bench.kept.recorded
    assert {"saturate", "oscillate", "die_early"} <= set(recorded.players)
    lengths = np.array([each.stop - each.start for each in recorded.rows.episodes()])
    died = lengths[recorded.played("die_early")]
    assert died.max() <= lengths[recorded.played("random")].min()


def test_a_reward_that_pays_for_an_early_end_is_found(bench: Any) -> None:
    source = """import numpy as np


MEMORY = {"steps": 0.0}


def compute_reward(x_velocity, terminated, memory):
    memory["steps"] = memory["steps"] + 1.0
    over = np.where(terminated, 1000.0 / memory["steps"], 0.0)
    return x_velocity + over, {"speed": x_velocity, "over": over}
"""
    result = bench.workshop.keeper.check(replace(bench.kept, source=source), ("exploit",))
    assert "policy die_early" in [finding.what for tier in result.tiers for finding in tier.findings]


def test_what_paid_them_more_when_it_was_locked_already_is_told_and_no_regression(bench: Any) -> None:
    total = np.where(bench.kept.recorded.rows.starts, 100.0, 0.0)
    died = bench.kept.recorded.played("die_early")
    lengths = np.array([each.stop - each.start for each in bench.kept.recorded.rows.episodes()])
    total = total * np.repeat(np.where(died, 2.0, 1.0), lengths)
    kept = replace(bench.kept, recorded=replace(bench.kept.recorded, paid={"total": total}))
    assert not [*exploit(kept, {"total": total})]
    assert "ends its episode as soon as it can earned more" in exploited(kept)
    found = [*exploit(bench.kept, {"total": total})]
    assert [finding.what for finding in found] == ["policy die_early"]
    assert not exploited(bench.kept)
