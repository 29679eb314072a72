"""The slice holds for environments written in other ways than Gymnasium's own."""

import re
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from rewardsmith.domain.task import Budget, EnvironmentSpec, ScoreRule, Task, Trainer
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.view import View, without_reward

HEAD = """
import gymnasium, math
import numpy as np

SECRET_WEIGHTS = {"secret_run": 3.25, "secret_up": 1.75}
LIMIT = 9


class Cart(gymnasium.Env):
    '''Pays secret things.'''

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), dtype=np.float64)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), dtype=np.float64)

    def __init__(self, drag=0.1, secret_weight=2.5):
        self.drag = drag
        self.secret_weight = secret_weight
        assert secret_weight > 0, "secret"
        self.x = 0.0
        self.v = 0.0
        self.count = 0
        self.log = {}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x, self.v, self.count = self.np_random.normal(), 0.0, 0
        self.secret_sum = 0.0
        return np.array([self.x, self.v]), {}
"""

STEPS = {
    "all in step": """
    def step(self, action):
        before = self.x
        self.v += float(action[0]) - self.drag * self.v
        self.x += 0.05 * self.v
        self.count += 1
        speed = (self.x - before) / 0.05
        secret_run = self.secret_weight * speed
        secret_effort = 0.75 * np.square(action).sum()
        reward = secret_run - secret_effort
        self.secret_sum += reward
        info = {"speed": speed, "secret_run": secret_run, "secret_effort": -secret_effort}
        info["secret_total"] = self.secret_sum
        info["height"] = self.x ** 2
        return np.array([self.x, self.v]), reward, bool(abs(self.x) > 3), self.count >= LIMIT, info
""",
    "terms in a table": """
    def step(self, action):
        speed = self._move(action)
        secret_terms = {"secret_run": speed * 2.0, "secret_up": math.exp(-self.x)}
        reward = 0.0
        for secret_name, secret_w in SECRET_WEIGHTS.items():
            reward += secret_w * secret_terms[secret_name]
        info = {"speed": speed}
        info.update(secret_terms)
        return np.array([self.x, self.v]), reward, bool(abs(self.x) > 3), self.count >= LIMIT, info

    def _move(self, action):
        before = self.x
        self.v += float(action[0]) - self.drag * self.v
        self.x += 0.05 * self.v
        self.count += 1
        return (self.x - before) / 0.05
""",
    "the reward moves the counter": """
    def step(self, action):
        self.v += float(action[0]) - self.drag * self.v
        self.x += 0.05 * self.v
        reward = self.settle(action)
        return np.array([self.x, self.v]), reward, bool(abs(self.x) > 3), self.count >= LIMIT, self.log

    def settle(self, action):
        secret = self.secret_weight * self.v
        if secret > 12.5:
            secret = 12.5
        self.count += 1
        self.log = {"speed": self.v, "secret_pay": secret}
        return secret - 0.25
""",
    "result in one tuple": """
    def step(self, action):
        result = self._simulate(action)
        return result

    def _simulate(self, action):
        self.v += float(action[0]) - self.drag * self.v
        self.x += 0.05 * self.v
        self.count += 1
        secret = self._secret()
        return np.array([self.x, self.v]), secret, bool(abs(self.x) > 3), self.count >= LIMIT, dict(
            speed=self.v, secret=secret
        )

    def _secret(self):
        total = 0.0
        while total < self.secret_weight:
            total += 0.125
        return total * self.v
""",
}

CHILD = """

class Child(Cart):
    def __init__(self, secret_gain=4.5, **kwargs):
        super().__init__(secret_weight=1.5, **kwargs)
        self.secret_gain = secret_gain

    def step(self, action):
        obs, reward, terminated, truncated, info = super().step(action)
        secret_bonus = self.secret_gain * info["speed"]
        info["secret_bonus"] = secret_bonus
        return obs, reward + secret_bonus, terminated, truncated, info
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MuJoCo writes a log of its warnings into the working folder."""
    monkeypatch.chdir(tmp_path)


def made(step: str, cls: str = "Cart") -> gymnasium.Env[Any, Any]:
    number = abs(hash((step, cls)))
    source = HEAD + step + CHILD + f"\n\ngymnasium.register('Slice{number}-v0', entry_point={cls})\n"
    return make(
        Task(
            name="slices",
            title="Slices",
            description="Slice it.",
            environment=EnvironmentSpec(id=f"Slice{number}-v0", horizon=50, module="environment.py"),
            score=ScoreRule(source="def score(observation):\n    return 0.0\n", meaning="nothing"),
            trainer=Trainer(algorithm="stable_baselines3.PPO", source="test"),
            budgets={"quick": Budget(steps=1)},
            module_source=source,
        )
    )


def view(env: gymnasium.Env[Any, Any]) -> View:
    env.reset(seed=0)
    info = env.step(np.array([0.5]))[4]
    return without_reward(env, info)


@pytest.mark.parametrize("way", STEPS)
@pytest.mark.parametrize("cls", ["Cart", "Child"])
def test_nothing_secret_shows_and_the_physics_does(way: str, cls: str) -> None:
    found = view(made(STEPS[way], cls))
    body = found.text.partition("\n")[2]
    assert "secret" not in body.lower(), body
    for number in ("3.25", "1.75", "2.5", "0.75", "12.5", "0.25", "0.125", "4.5", "1.5"):
        assert not re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", body), (number, body)
    for piece in ("self.v += float(action[0]) - self.drag * self.v", "drag=0.1", "LIMIT = 9", "self.count += 1", "> 3"):
        assert piece in body
    assert all(name.startswith("secret") for name in found.dropped_info)
    assert "'speed'" in body or "speed=" in body
    compile(body, "view", "exec")


def test_physical_info_stays_beside_the_reward() -> None:
    found = view(made(STEPS["all in step"]))
    assert set(found.dropped_info) == {"secret_run", "secret_effort", "secret_total"}
    assert "'height'" in found.text


@pytest.mark.parametrize("env_id", ["Taxi-v4", "FrozenLake-v1", "CliffWalking-v1"])
def test_a_reward_stored_among_the_physics_hides_the_source(env_id: str) -> None:
    env = gymnasium.make(env_id, disable_env_checker=True)
    env.reset(seed=0)
    found = without_reward(env, env.step(0)[4])
    assert "same table" in found.text
    assert "def " not in found.text


@pytest.mark.filterwarnings("ignore:.*out of date:DeprecationWarning")
@pytest.mark.parametrize("env_id", ["Acrobot-v1", "MountainCar-v0", "Blackjack-v1", "Ant-v4", "Humanoid-v4"])
def test_other_environments_have_a_view(env_id: str) -> None:
    env = gymnasium.make(env_id, disable_env_checker=True)
    env.reset(seed=0)
    body = without_reward(env, env.step(env.action_space.sample())[4]).text.partition("\n")[2]
    assert "def step(self" in body
    assert "reward" not in body


class _Shown(gymnasium.Env[Any, Any]):
    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, gain: float = 1.0, weight: float = 2.0) -> None:
        self.gain = gain
        self.weight = weight
        self.x = 0.0

    def reset(self, **kwargs: Any) -> Any:
        self.x = 0.0
        return np.array([self.x]), {}

    def step(self, action: int) -> Any:
        self.x += self.gain * action
        return np.array([self.x]), self.weight * self.x, False, False, {}


def test_only_arguments_that_the_slice_knows_are_told() -> None:
    env = _Shown(gain=3.0, weight=7.0)
    env.spec = gymnasium.envs.registration.EnvSpec("Shown-v0", kwargs={"gain": 3.0, "weight": 7.0})
    text = without_reward(env).text
    assert "gain=3.0" in text
    assert "weight" not in text
