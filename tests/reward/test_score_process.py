import os
import signal
import threading
from typing import Any

import numpy as np
import pytest

from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.survey import Signal
from rewardsmith.errors import RewardProcessError, ScoreRuleError
from rewardsmith.reward.process import RewardProcess, ScoreAnswer, ScoreProcess

SIGNALS = {
    "x_velocity": Signal(name="x_velocity", shape=(), meaning="m", reader="r"),
    "torso_up": Signal(name="torso_up", shape=(3,), meaning="m", reader="r"),
    "terminated": Signal(name="terminated", shape=(), dtype="bool", meaning="m", reader="r"),
}
SOURCE = """
import numpy as np


def score(x_velocity, dt, horizon, terminated):
    return x_velocity.sum() * dt / horizon - 10.0 * terminated


def success(torso_up):
    return torso_up.shape[1:] == (3,) and bool(torso_up[-1, 2] > 0.5)


def sparse(x_velocity):
    return x_velocity, {"forward": x_velocity}
"""
EPISODE: dict[str, Any] = {"x_velocity": np.arange(5.0), "torso_up": np.tile([0.0, 0.0, 1.0], (5, 1))}


def process(source: str = SOURCE, **more: Any) -> ScoreProcess:
    return ScoreProcess(source, SIGNALS, dt=0.05, horizon=100, namespaces=False, **more)


def test_an_episode_gets_its_score_and_verdict() -> None:
    with process() as rule:
        assert rule.reads == ("x_velocity", "torso_up")
        first = rule.ask(EPISODE, terminated=False)
        fallen = rule.ask({**EPISODE, "torso_up": -EPISODE["torso_up"]}, terminated=True)
        long = rule.ask({name: np.repeat(array, 40_000, axis=0) for name, array in EPISODE.items()}, terminated=False)
    assert first == ScoreAnswer(score=pytest.approx(10.0 * 0.05 / 100), success=True)
    assert fallen == ScoreAnswer(score=pytest.approx(10.0 * 0.05 / 100 - 10.0), success=False)
    assert long.score == pytest.approx(40_000 * 10.0 * 0.05 / 100)


def test_without_success_there_is_no_verdict() -> None:
    with process(SOURCE.split("def success")[0]) as rule:
        assert rule.reads == ("x_velocity",)
        assert rule.ask({"x_velocity": EPISODE["x_velocity"]}, terminated=False).success is None


def test_a_rule_may_read_nothing_but_the_end() -> None:
    with process("def score(terminated, horizon):\n    return -1 if terminated else horizon\n") as rule:
        assert rule.reads == ()
        assert rule.ask({}, terminated=True).score == -1.0
        assert rule.ask(EPISODE, terminated=False).score == 100.0


def test_its_sparse_reward_runs_as_a_reward() -> None:
    with RewardProcess(SOURCE, SIGNALS, namespaces=False, function="sparse") as reward:
        answer = reward.ask({"x_velocity": np.ones((2, 3))}, np.ones((2, 3), dtype=bool))
    assert answer.components["forward"].sum() == 6.0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return x_velocity[99]", "IndexError in line 2: index 99"),
        ("return float('nan') * x_velocity[0]", "finite"),
        ("return x_velocity", "one number, not ndarray"),
        ("return x_velocity[0] > 0.0", "one number"),
        ("x_velocity[0] = 1.0\n    return 1.0", "read-only"),
        ("return None if terminated else 1.0", "one number, not NoneType"),
        ("for i in range(10 ** 12): pass", "no answer within 0.5 s"),
        ("return float(len([0.0] * 10 ** 11))", "memory"),
    ],
)
def test_a_rule_that_fails_is_an_error_of_the_task(body: str, words: str) -> None:
    source = f"def score(x_velocity, terminated):\n    {body}\n"
    limits = RewardLimits(seconds=0.5) if "no answer" in words else RewardLimits()
    with process(source, limits=limits) as rule:
        with pytest.raises(ScoreRuleError) as caught:
            rule.ask(EPISODE, terminated=True)
        assert words in caught.value.message
        assert caught.value.hint
        with pytest.raises(RewardProcessError, match="closed"):
            rule.ask(EPISODE, terminated=True)


def test_a_rule_may_be_told_how_long_all_its_episodes_may_take() -> None:
    source = "def score(x_velocity):\n    for i in range(10 ** 5):\n        pass\n    return 1.0\n"
    with process(source, limits=RewardLimits(total_seconds=1e-4)) as rule:
        with pytest.raises(ScoreRuleError, match="too slow"):
            rule.ask(EPISODE, terminated=True)
        with pytest.raises(RewardProcessError, match="closed"):
            rule.ask(EPISODE, terminated=True)
    with process(source, limits=RewardLimits(total_seconds=60)) as rule:
        assert rule.ask(EPISODE, terminated=True).score == rule.ask(EPISODE, terminated=True).score == 1.0


def test_a_verdict_is_true_or_false() -> None:
    with (
        process(SOURCE.replace("bool(torso_up[-1, 2] > 0.5)", "1.0")) as rule,
        pytest.raises(ScoreRuleError, match="True"),
    ):
        rule.ask(EPISODE, terminated=False)


def test_a_module_body_that_fails() -> None:
    with pytest.raises(ScoreRuleError, match="ZeroDivisionError in line 2"):
        process(SOURCE.replace("import numpy as np", "A = 1 / 0"))


def test_a_kill_from_outside_is_the_machines() -> None:
    loops = "def score(x_velocity):\n    for i in range(10 ** 12): pass\n"
    with process(loops.replace("pass\n", "pass\n    return 1.0\n")) as rule:
        killer = threading.Thread(target=os.kill, args=(rule.pid, signal.SIGKILL))
        killer.start()
        with pytest.raises(RewardProcessError, match="from outside"):
            rule.ask(EPISODE, terminated=False)
        killer.join()


def test_requests_that_are_wrong_in_themselves() -> None:
    with process() as rule:
        with pytest.raises(ValueError, match="'torso_up' is missing"):
            rule.ask({"x_velocity": np.ones(3)}, terminated=False)
        with pytest.raises(ValueError, match="at least one step"):
            rule.ask({name: array[:0] for name, array in EPISODE.items()}, terminated=False)
        assert rule.ask(EPISODE, terminated=False).success


def test_a_score_whose_square_is_infinite_is_refused() -> None:
    with process("def score(x_velocity):\n    return 1e200\n") as rule, pytest.raises(ScoreRuleError, match="1e\\+200"):
        rule.ask({"x_velocity": np.arange(5.0)}, terminated=False)
