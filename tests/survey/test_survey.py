"""A survey runs the real environment, and everything it says is true of its probe."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Budget, EnvironmentSpec, ScoreRule, SignalSpec, Task, Trainer
from rewardsmith.errors import ScoreRuleError, TaskError
from rewardsmith.export.discovery import FoundSignal
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.survey import _signal as described
from rewardsmith.worker.survey import run, seconds_per_step

FORWARD = "def score(x_velocity, horizon, dt, terminated):\n    return float(x_velocity.sum() / horizon)\n"


def task(env_id: str, score: str, horizon: int = 60, **changes: Any) -> Task:
    return Task(
        name="mine",
        title="Mine",
        description="Do it.",
        environment=EnvironmentSpec(id=env_id, horizon=horizon, module=changes.pop("module", None)),
        score=ScoreRule(source=score, meaning="test"),
        trainer=Trainer(algorithm="stable_baselines3.PPO", source="test"),
        budgets={"quick": Budget(steps=1)},
        **changes,
    )


def surveyed(job: SurveyJob, out: Path) -> tuple[Survey, dict[str, Any]]:
    run(job, out)
    with np.load(out / "probe.npz", allow_pickle=False) as file:
        probe = dict(file)
    return Survey.model_validate_json((out / "survey.json").read_text()), probe


@pytest.fixture(scope="module")
def ant(tmp_path_factory: pytest.TempPathFactory) -> tuple[Survey, dict[str, Any]]:
    job = SurveyJob(task=task("Ant-v5", FORWARD), episodes=5, max_steps=400, seed=3)
    return surveyed(job, tmp_path_factory.mktemp("ant"))


def test_the_probe_holds_whole_episodes_of_every_signal(ant: tuple[Survey, dict[str, Any]]) -> None:
    survey, probe = ant
    starts = probe.pop("__starts__")
    assert set(probe) == set(survey.names())
    lengths = [episode.length for episode in survey.episodes]
    assert sum(lengths) == len(starts)
    assert list(np.flatnonzero(starts)) == list(np.cumsum([0, *lengths[:-1]]))
    assert len(lengths) >= 5
    for signal in survey.signals:
        assert probe[signal.name].shape == (len(starts), *signal.shape)
        assert probe[signal.name].dtype == signal.dtype


def test_statistics_and_scores_are_those_of_the_probe(ant: tuple[Survey, dict[str, Any]]) -> None:
    survey, probe = ant
    signal = survey.signal("torso_linear_velocity")
    np.testing.assert_allclose(signal.mean, probe["torso_linear_velocity"].mean(axis=0))
    np.testing.assert_allclose(signal.high, probe["torso_linear_velocity"].max(axis=0))
    assert min(signal.std) > 0.01
    first = survey.episodes[0]
    assert first.score == pytest.approx(probe["x_velocity"][: first.length].sum() / 60)
    ends = np.cumsum([episode.length for episode in survey.episodes]) - 1
    assert list(probe["terminated"][ends]) == [episode.terminated for episode in survey.episodes]


def test_what_the_reward_computed_is_no_signal(ant: tuple[Survey, dict[str, Any]]) -> None:
    survey, _ = ant
    assert "x_velocity" in survey.names()
    assert not [name for name in survey.names() if name.startswith("reward")]
    assert set(survey.dropped_info) == {"reward_forward", "reward_ctrl", "reward_contact", "reward_survive"}
    assert "class AntEnv" in survey.view
    assert survey.dt == pytest.approx(0.05)
    assert survey.action_high == (1.0,) * 8
    assert survey.sparse_kind == "terminal"
    assert set(survey.versions) >= {"gymnasium", "mujoco"}
    assert survey.steps_per_second > 10


def test_the_same_seed_gives_the_same_probe(tmp_path: Path) -> None:
    job = SurveyJob(task=task("Pendulum-v1", "def score(observation):\n    return 1.0\n"), episodes=2, max_steps=120)
    one, two = surveyed(job, tmp_path / "1")[1], surveyed(job, tmp_path / "2")[1]
    other = surveyed(job.model_copy(update={"seed": 1}), tmp_path / "3")[1]
    np.testing.assert_array_equal(one["observation"], two["observation"])
    assert not np.array_equal(one["observation"], other["observation"])


def test_short_episodes_go_on_until_there_is_variety(tmp_path: Path) -> None:
    rule = "def score(observation):\n    return float(len(observation))\n\ndef success(terminated):\n    return False\n"
    survey, probe = surveyed(SurveyJob(task=task("CartPole-v1", rule, 500), episodes=3, max_steps=1000), tmp_path)
    assert len(probe["__starts__"]) >= 1000
    assert survey.random_score() == pytest.approx(np.mean([e.length for e in survey.episodes]))
    assert survey.episodes[0].success is False
    assert survey.action_low == ()
    assert probe["action"].dtype == np.int64


def test_a_tasks_own_view_and_signals_are_used(tmp_path: Path) -> None:
    specs = {"height": SignalSpec(source="observation", index=0, unit="m", meaning="height of the tip")}
    rule = "def score(height):\n    return float(height.mean())\n"
    job = SurveyJob(task=task("Pendulum-v1", rule, view="my own words", signals=specs), episodes=1, max_steps=60)
    survey, probe = surveyed(job, tmp_path)
    assert survey.view == "my own words"
    assert survey.signal("height").unit == "m"
    np.testing.assert_array_equal(probe["height"], probe["observation"][:, 0])


def extremes(survey: Survey, out: Path, policy: str) -> list[dict[str, Any]]:
    """The rows of each episode of one policy."""
    with np.load(out / "extremes.npz", allow_pickle=False) as file:
        arrays = dict(file)
    ends = np.cumsum([episode.length for episode in survey.extremes])
    assert list(np.flatnonzero(arrays.pop("__starts__"))) == [0, *ends[:-1]]
    assert set(arrays) == set(survey.names())
    return [
        {name: array[end - episode.length : end] for name, array in arrays.items()}
        for episode, end in zip(survey.extremes, ends, strict=True)
        if episode.policy == policy
    ]


def test_an_idle_and_a_reckless_policy_are_played_from_the_same_states(tmp_path: Path) -> None:
    rule = "def score(action):\n    return float(abs(action).mean())\n"
    survey, _ = surveyed(SurveyJob(task=task("Pendulum-v1", rule), max_steps=300), tmp_path)
    idle, reckless = (extremes(survey, tmp_path, policy) for policy in ("idle", "reckless"))
    assert len(idle) == len(reckless) == 2
    assert all((episode["action"] == 0).all() for episode in idle)
    forces = np.concatenate([episode["action"][:, 0] for episode in reckless])
    assert set(forces) == {-2.0, 2.0}
    held = forces[:60].reshape(6, 10)
    assert (held == held[:, :1]).all(), "each force is held for ten steps"
    assert [episode.score for episode in survey.extremes] == [0.0, 0.0, 2.0, 2.0]
    for one, other in zip(idle, reckless, strict=True):
        np.testing.assert_allclose(one["observation"][0], other["observation"][0], atol=0.5)


def test_a_discrete_idle_policy_repeats_the_first_action(tmp_path: Path) -> None:
    rule = "def score(observation):\n    return float(len(observation))\n"
    survey, _ = surveyed(SurveyJob(task=task("CartPole-v1", rule), max_steps=400), tmp_path)
    assert len(survey.extremes) == 6
    assert all((episode["action"] == 0).all() for episode in extremes(survey, tmp_path, "idle"))
    assert {int(a) for episode in extremes(survey, tmp_path, "reckless") for a in episode["action"]} == {0, 1}


def test_the_random_episodes_do_not_depend_on_the_extremes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = "def score(observation):\n    return float(observation[:, 0].mean())\n"
    job = SurveyJob(task=task("Pendulum-v1", rule), episodes=2, max_steps=120)
    with_them, probe = surveyed(job, tmp_path / "with")
    monkeypatch.setattr("rewardsmith.worker.survey.play_extremes", lambda *_, **__: {})
    without, same = surveyed(job, tmp_path / "without")
    assert with_them.extremes
    assert without.extremes == ()
    assert not (tmp_path / "without" / "extremes.npz").exists()
    assert with_them.signals == without.signals
    assert with_them.episodes == without.episodes
    for name, array in probe.items():
        np.testing.assert_array_equal(array, same[name])


def test_a_policy_that_the_score_rule_cannot_score_is_left_out(tmp_path: Path) -> None:
    rule = "def score(action):\n    return 1.0 / float(abs(action).sum())\n"
    survey, _ = surveyed(SurveyJob(task=task("Pendulum-v1", rule), max_steps=300), tmp_path)
    assert {episode.policy for episode in survey.extremes} == {"reckless"}
    assert len(extremes(survey, tmp_path, "reckless")) == 2


def test_seconds_of_a_step() -> None:
    rule = "def score(observation):\n    return 1.0\n"
    seconds = {
        name: seconds_per_step(make(task(name, rule)))
        for name in ("CartPole-v1", "Pendulum-v1", "MountainCarContinuous-v0", "Hopper-v5")
    }
    assert seconds == {
        "CartPole-v1": 0.02,
        "Pendulum-v1": 0.05,
        "MountainCarContinuous-v0": 1.0,
        "Hopper-v5": pytest.approx(0.008),
    }


@pytest.mark.parametrize(
    "rule",
    ["def score(observation):\n    return float('nan')\n", "def score(observation):\n    return observation[99999]\n"],
)
def test_a_bad_score_rule_is_an_error_of_the_task(rule: str, tmp_path: Path) -> None:
    with pytest.raises(ScoreRuleError):
        run(SurveyJob(task=task("Pendulum-v1", rule), episodes=1, max_steps=60), tmp_path)


def test_a_wrong_signal_is_an_error_of_the_task(tmp_path: Path) -> None:
    rule = "def score(observation):\n    return 1.0\n"
    wrong = {
        "there": SignalSpec(source="qpos", index=0, meaning="no MuJoCo"),
        "far": SignalSpec(source="observation", index=7, meaning="beyond the end"),
        "absent": SignalSpec(source="info", key="speed", meaning="not in info"),
    }
    for name, spec in wrong.items():
        with pytest.raises(TaskError, match=name):
            run(SurveyJob(task=task("Pendulum-v1", rule, signals={name: spec}), episodes=1, max_steps=60), tmp_path)
    paid = {"paid": SignalSpec(source="info", key="reward_ctrl", meaning="a term of the stock reward")}
    with pytest.raises(TaskError, match="own reward"):
        run(SurveyJob(task=task("HalfCheetah-v5", rule, signals=paid), episodes=1, max_steps=60), tmp_path)


def test_a_task_leaves_out_signals_by_pattern(tmp_path: Path) -> None:
    rule = "def score(observation):\n    return 1.0\n"
    pole = task("InvertedPendulum-v5", rule)
    whole = surveyed(SurveyJob(task=pole, episodes=1, max_steps=60), tmp_path / "whole")[0]
    left = pole.model_copy(update={"leave_out": ("pole_*", "center_of_mass")})
    survey = surveyed(SurveyJob(task=left, episodes=1, max_steps=60), tmp_path / "left")[0]
    gone = set(whole.names()) - set(survey.names())
    assert {"pole_position", "pole_up", "center_of_mass"} <= gone
    assert {name.partition("_")[0] for name in gone} == {"pole", "center"}
    assert "center_of_mass_velocity" in survey.names()
    assert survey.fingerprint != whole.fingerprint
    wrong = pole.model_copy(update={"leave_out": ("center_of_mas",)})
    with pytest.raises(TaskError, match=r"leave_out.*'center_of_mas'; did you mean 'center_of_mass'"):
        run(SurveyJob(task=wrong, episodes=1, max_steps=60), tmp_path)


MOODY = """
import gymnasium, numpy as np

class Moody(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
    action_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.n = 0
        return np.zeros(1, dtype=np.float32), {}

    def step(self, action):
        self.n += 1
        info = {"always": self.n, "is_success": self.n > 2, "grows": np.zeros(self.n), "text": "x"}
        if self.n < 3:
            info["early"] = 1.0
        return np.zeros(1, dtype=np.float32), 0.0, False, False, info

gymnasium.register("Moody-v0", entry_point=Moody)
"""


def test_info_that_is_not_in_every_step_is_no_signal(tmp_path: Path) -> None:
    rule = "def score(always):\n    return float(always.max())\n"
    job = SurveyJob(
        task=task("Moody-v0", rule, 5, module="environment.py", module_source=MOODY), episodes=2, max_steps=10
    )
    survey, _ = surveyed(job, tmp_path)
    assert set(survey.names()) == {"observation", "action", "terminated", "always"}
    assert "is_success" in survey.dropped_info, "whether the task is done is for the score to say"
    assert survey.episodes[0].score == 5.0
    assert survey.action_low == ()
    named = {"early": SignalSpec(source="info", key="early", meaning="only at first")}
    job = job.model_copy(update={"task": job.task.model_copy(update={"signals": named})})
    with pytest.raises(TaskError, match="early"):
        run(job, tmp_path)


def test_statistics_of_odd_values_are_finite() -> None:
    rows = np.array([[1.0, np.nan], [3.0, 1e200], [2.0, -np.inf], [2.0, 4.0]])
    found = FoundSignal(name="x", shape=(2,), dtype="float64", unit="", meaning="odd", reader="info:x")
    signal = described(found, rows)
    assert signal.mean == (2.0, 1.0)
    assert (signal.low, signal.high) == ((1.0, 0.0), (3.0, 4.0))
    assert np.isfinite(signal.std).all()
