"""What is damaged is caught by the cheapest tier that can, with the right words; what is harmless raises no alarm."""

from __future__ import annotations

import re
from typing import Any

import pytest

from benchmarks.damages import DAMAGE, ENVIRONMENTS, HARMLESS, UNHARMED, Elsewhere, edited
from rewardsmith.domain.regression import CheckResult, Tier


def caught(result: CheckResult) -> tuple[Tier | None, str]:
    """The first tier that regressed, and all that was found."""
    bad = [tier for tier in result.tiers if tier.verdict == "regressed"]
    words = "\n".join(f"{finding.what}: {finding.words}" for tier in bad for finding in tier.findings)
    return (bad[0].tier if bad else None), words


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_reward_is_caught(bench: Any, name: str) -> None:
    damage = DAMAGE[name]
    result = bench.check(edited(bench.kept.source, damage.edits))
    assert result.verdict == "regressed"
    assert caught(result)[0] == damage.tier
    assert damage.words in caught(result)[1]
    assert [change.what for change in result.changes] == ["reward"]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_raises_no_alarm(bench: Any, name: str) -> None:
    result = bench.check(edited(bench.kept.source, HARMLESS[name]))
    assert caught(result) == (None, "")
    assert result.verdict == "passed"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_damaged_environment_is_caught(bench: Any, elsewhere: Any, name: str) -> None:
    tier, words = caught(bench.check(seen=elsewhere(ENVIRONMENTS[name])))
    assert tier == "replay"
    assert ENVIRONMENTS[name].words in words


@pytest.mark.parametrize("name", UNHARMED)
def test_what_does_an_environment_no_harm_raises_no_alarm(bench: Any, elsewhere: Any, name: str) -> None:
    result = bench.check(seen=elsewhere(UNHARMED[name]))
    assert caught(result) == (None, "")
    assert "signals" not in [change.what for change in result.changes]


def test_what_a_signal_ranged_over_is_told_beside_what_it_ranges_over(bench: Any, elsewhere: Any) -> None:
    changes = bench.check(seen=elsewhere(ENVIRONMENTS["gravity"])).changes
    (told,) = [change for change in changes if change.what == "signals"]
    assert re.fullmatch(r"\d+ signals? that it reads went elsewhere under the same random actions", told.words)
    assert [line[0] for line in told.diff] == ["-", "+"] * (len(told.diff) // 2)
    assert re.fullmatch(r"-\w+(\[\d+\])?: \S+ to \S+( \S+)?", told.diff[0])


def test_an_observation_of_another_shape_is_caught_by_the_first_tier(bench: Any, elsewhere: Any) -> None:
    tier, words = caught(bench.check(seen=elsewhere(Elsewhere({"exclude_current_positions_from_observation": False}))))
    assert (tier, words) == ("static", "signal observation: its shape is (12,), and was (11,)")


def test_a_signal_of_another_unit_is_caught(bench: Any) -> None:
    signals = tuple(
        signal.model_copy(update={"unit": "deg"}) if signal.name == "thigh_joint_angle" else signal
        for signal in bench.survey.signals
    )
    seen = (bench.kept.lock.task, bench.survey.model_copy(update={"signals": signals}), bench.probe)
    assert caught(bench.check(seen=seen)) == ("static", "signal thigh_joint_angle: its unit is deg, and was rad")


def test_a_signal_that_is_gone_is_named_with_its_like(bench: Any) -> None:
    signals = tuple(
        signal.model_copy(update={"name": "x_velocities"}) if signal.name == "x_velocity" else signal
        for signal in bench.survey.signals
    )
    arrays = dict(bench.probe.arrays)
    arrays["x_velocities"] = arrays.pop("x_velocity")
    probe = type(bench.probe)(arrays, bench.probe.starts)
    tier, words = caught(
        bench.check(seen=(bench.kept.lock.task, bench.survey.model_copy(update={"signals": signals}), probe))
    )
    assert tier == "static"
    assert "signal x_velocity: the environment has it no longer; did you mean " in words
    assert "x_velocities" in words
