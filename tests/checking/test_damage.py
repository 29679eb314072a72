"""What is damaged is caught by the cheapest tier that can, with the right words; what is harmless raises no alarm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rewardsmith.domain.regression import CheckResult, Tier

Edit = tuple[str, str]

DAMAGE: dict[str, tuple[list[Edit], Tier, str]] = {
    "sign": ([("= speed_weight", "= -speed_weight")], "replay", "component speed: it pays -1 times"),
    "weight": ([("0.1 * np.abs", "1.0 * np.abs")], "replay", "component smooth: it pays 10 times"),
    "parameter": ([("speed_weight=2.0", "speed_weight=20.0")], "replay", "component speed: it pays 10 times"),
    "term gone": ([('"smooth": smooth, ', "")], "replay", "component smooth: it is gone"),
    "term not added": ([(" + smooth", "")], "replay", "total: differs in"),
    "term renamed": ([('"smooth": smooth', '"calm": smooth')], "replay", "component smooth: it is called calm now"),
    "stale signal": ([("x_velocity", "x_speed")], "static", "x_speed"),
    "degrees within": ([("np.cos(thigh", "np.cos(np.pi / 180 * thigh")], "replay", "component height: differs in"),
    "degrees": (
        [("0.1 * np.abs(", "0.1 * 180 / np.pi * np.abs(")],
        "replay",
        "57.2958 times what it paid: degrees for",
    ),
    "float32": ([("* x_velocity", "* np.float32(1.1 * x_velocity) / 1.1")], "replay", "speed: it is the same to about"),
    "no prev": ([("abs(thigh_joint", "abs(prev_thigh_joint")], "replay", "component smooth: it pays nothing any more"),
    "memory not reset": ([("torso_position[:, 2])", "2.0)")], "replay", "component height: differs in"),
    "offset": ([("terminated, 0.0, 1.0", "terminated, 0.5, 1.5")], "replay", "alive: it pays +0.5 on every row"),
    "import": ([("import numpy as np", "import numpy as np\nimport os")], "static", "os"),
    "not finite": ([("0.3 * memory", "np.log(-1.0) + 0.3 * memory")], "replay", "NaN"),
}
HARMLESS: dict[str, list[Edit]] = {
    "nothing": [],
    "names of locals": [("    speed =", "    pace ="), ("speed + ", "pace + "), ('"speed": speed', '"speed": pace')],
    "comments": [("    speed =", "    # forward\n    speed =")],
    "docstring": [("    speed =", '    """Hop."""\n    speed =')],
    "layout": [(", action, ", ",\n    action,\n    "), (" + alive", "  +  alive")],
    "order of components": [('"speed": speed, "effort": effort, ', '"effort": effort, "speed": speed, ')],
    "order of the sum": [("speed + effort + height", "height + effort + speed")],
    "algebra": [("-effort_weight * np.square(action).sum(axis=1)", "-(effort_weight * (action * action)).sum(axis=1)")],
    "factored": [("0.3 * memory", "0.1 * 3.0 * memory")],
    "helper": [
        ("def comp", "def twice(x):\n    return 2 * x\n\n\ndef comp"),
        ("* x_velocity", "* 0.5 * twice(x_velocity)"),
    ],
    "order of arguments": [("x_velocity, torso_position,", "torso_position, x_velocity,")],
    "constant": [("MEMORY =", "SCALE = 0.1\nMEMORY ="), ("-0.1 * np.abs", "-SCALE * np.abs")],
}


def edited(source: str, edits: list[Edit]) -> str:
    for old, new in edits:
        assert old in source
        source = source.replace(old, new)
    return source


def caught(result: CheckResult) -> tuple[Tier | None, str]:
    """The first tier that regressed, and all that was found."""
    bad = [tier for tier in result.tiers if tier.verdict == "regressed"]
    words = "\n".join(f"{finding.what}: {finding.words}" for tier in bad for finding in tier.findings)
    return (bad[0].tier if bad else None), words


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_reward_is_caught(bench: Any, name: str) -> None:
    edits, tier, words = DAMAGE[name]
    result = bench.check(edited(bench.kept.source, edits))
    assert result.verdict == "regressed"
    assert caught(result)[0] == tier
    assert words in caught(result)[1]
    assert [change.what for change in result.changes] == ["reward"]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_raises_no_alarm(bench: Any, name: str) -> None:
    result = bench.check(edited(bench.kept.source, HARMLESS[name]))
    assert caught(result) == (None, "")
    assert result.verdict == "passed"


def test_another_frame_skip_is_caught(bench: Any, elsewhere: Any) -> None:
    tier, words = caught(bench.check(seen=elsewhere(frame_skip=5)))
    assert tier == "replay"
    assert "environment: a step takes 0.01 s, and took 0.008 s" in words
    assert "signal x_velocity: differs in" in words


def test_another_gravity_is_caught(bench: Any, elsewhere: Any, lighter: Path) -> None:
    tier, words = caught(bench.check(seen=elsewhere(xml_file=str(lighter))))
    assert tier == "replay"
    assert "steps from stored states, at the earliest in step 1" in words
    assert "signal torso_position: differs in" in words


def test_episodes_that_do_not_end_any_more_are_caught(bench: Any, elsewhere: Any) -> None:
    tier, words = caught(bench.check(seen=elsewhere(terminate_when_unhealthy=False)))
    assert tier == "replay"
    assert (
        "environment: random episodes end after" in words or "opening steps" in words or "steps of the random" in words
    )


def test_an_observation_of_another_shape_is_no_matter_to_a_reward_that_does_not_read_it(
    bench: Any, elsewhere: Any
) -> None:
    seen = elsewhere(exclude_current_positions_from_observation=False)
    assert caught(bench.check(seen=seen)) == (None, "")


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
