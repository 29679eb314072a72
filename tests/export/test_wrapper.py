"""The wrapper and the exported file pay what the locked reward process pays, step for step."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from rewardsmith.domain.survey import Signal
from rewardsmith.errors import UnknownName, UsageError
from rewardsmith.export.discovery import discover
from rewardsmith.export.file import render
from rewardsmith.export.signals import SignalReader
from rewardsmith.export.wrapper import RewardWrapper
from rewardsmith.reward.process import RewardProcess

REWARD = '''"""Run \\\\ forward."""
import numpy as np

MEMORY = {"best": 0.0, "steps": 0.0}
STEP = 1.0
re = 0.0
dtype = 0.0


def _entries(values):
    return values[:, 0]


def compute_reward(torso_linear_velocity, prev_torso_up, torso_up, x_velocity, action, prev_action, terminated, memory,
                   *, speed=1.0, effort=0.05):
    forward = speed * _entries(torso_linear_velocity) + 0.1 * x_velocity
    tilt = (STEP + re + dtype) * (torso_up - prev_torso_up)[:, 2]
    smooth = -effort * np.square(action - prev_action).sum(axis=1)
    memory["steps"] = memory["steps"] + 1.0
    memory["best"] = np.maximum(memory["best"], x_velocity)
    alive = np.where(terminated, -memory["steps"], memory["best"])
    return forward + tilt + smooth + alive, {"forward": forward, "tilt": tilt, "smooth": smooth, "alive": alive}
'''


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MuJoCo writes a log of its warnings into the working folder."""
    monkeypatch.chdir(tmp_path)


def ant() -> gymnasium.Env[Any, Any]:
    return gymnasium.make("Ant-v5", max_episode_steps=40, disable_env_checker=True)


def walk(env: gymnasium.Env[Any, Any], steps: int = 150) -> list[tuple[float, dict[str, float]]]:
    """Rewards and components of seeded random steps over several episodes."""
    paid = []
    env.action_space.seed(3)
    env.reset(seed=3)
    for _ in range(steps):
        _, reward, terminated, truncated, info = env.step(env.action_space.sample())
        paid.append((float(reward), info["reward_components"]))
        if terminated or truncated:
            env.reset()
    return paid


def processed(steps: int = 150) -> list[tuple[float, dict[str, float]]]:
    """The same steps, paid by the locked process in one request."""
    env = ant()
    env.action_space.seed(3)
    env.reset(seed=3)
    rows, starts, info = [], [], {"x_velocity": 0.0}
    found = discover(env, info=info)
    signals = {name: Signal.model_validate(signal._asdict()) for name, signal in found.items()}
    with RewardProcess(REWARD, signals, namespaces=False, parameters={"speed": 2.0}) as process:
        reader = SignalReader(env, {name: found[name].reader for name in process.reads})
        start = True
        for _ in range(steps):
            action = env.action_space.sample()
            observation, _, terminated, truncated, info = env.step(action)
            rows.append(reader.read(observation, action, bool(terminated), info))
            starts.append([start])
            start = bool(terminated or truncated)
            if start:
                env.reset()
        arrays = {name: np.stack([row[name] for row in rows])[:, None] for name in process.reads}
        answer = process.ask(arrays, np.array(starts))
    return [
        (float(answer.total[t, 0]), {name: float(value[t, 0]) for name, value in answer.components.items()})
        for t in range(steps)
    ]


def test_the_wrapper_pays_what_the_reward_process_pays() -> None:
    paid = walk(RewardWrapper(ant(), REWARD, parameters={"speed": 2.0}))
    assert paid == processed()


def test_the_exported_file_stands_alone_and_pays_the_same(tmp_path: Path) -> None:
    found = discover(ant(), info={"x_velocity": 0.0})
    readers = {name: signal.reader for name, signal in found.items()}
    provenance = {"run": "r1", "score": '3.2 """ m/s', "path": "a\\b"}
    text = render(REWARD, provenance, readers, "Ant-v5", {}, horizon=40, parameters={"speed": 2.0})
    assert "rewardsmith" not in text.replace("`rewardsmith.export.discovery`", "")
    imported = [line.split()[1] for line in text.splitlines() if line.startswith("from ")]
    assert len(imported) == len(set(imported)), imported
    (tmp_path / "ant_reward.py").write_text(text)
    (tmp_path / "check.py").write_text(
        "import json, sys, ant_reward\n"
        "env = ant_reward.make()\n"
        "env.action_space.seed(3); env.reset(seed=3); paid = []\n"
        "for _ in range(150):\n"
        "    _, reward, terminated, truncated, info = env.step(env.action_space.sample())\n"
        "    paid.append((reward, info['reward_components']))\n"
        "    if terminated or truncated: env.reset()\n"
        "print(json.dumps([paid, [name for name in sys.modules if name.startswith(('rewardsmith', 'torch'))]]))\n"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-P", "-c", "import sys; sys.path.insert(0, '.'); import check"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    paid, foreign = json.loads(result.stdout)
    assert foreign == []
    assert [(reward, components) for reward, components in paid] == processed()


def test_a_function_and_a_path_serve_as_well(tmp_path: Path) -> None:
    file = tmp_path / "reward.py"
    file.write_text(REWARD)

    def compute_reward(observation: Any, *, weight: float = 2.0) -> Any:
        return weight * observation[:, 2], {"angle": observation[:, 2]}

    env = RewardWrapper(gymnasium.make("CartPole-v1"), compute_reward, parameters={"weight": 3.0})
    env.reset(seed=0)
    observation, reward, _, _, info = env.step(1)
    assert reward == pytest.approx(3.0 * observation[2])
    assert info["reward_components"] == {"angle": pytest.approx(observation[2])}
    assert walk(RewardWrapper(ant(), file), 20) == walk(RewardWrapper(ant(), REWARD), 20)


def test_what_is_wrong_is_named() -> None:
    env = gymnasium.make("CartPole-v1")
    with pytest.raises(UnknownName, match=r"'observatoin'.*'observation'"):
        RewardWrapper(env, "def compute_reward(observatoin):\n    return observatoin, {}\n")
    with pytest.raises(UsageError, match="no parameter 'w'"):
        RewardWrapper(env, "def compute_reward(observation, *, v=1.0):\n    return v, {}\n", parameters={"w": 1.0})
    with pytest.raises(UsageError, match="no compute_reward"):
        RewardWrapper(env, "x = 1\ny = 2\n")
    with pytest.raises(UsageError, match=r"nothing\.py"):
        RewardWrapper(env, Path("nothing.py"))
    paying = RewardWrapper(env, "def compute_reward(observation):\n    return observation.sum(), {}\n")
    paying.reset(seed=0)
    with pytest.raises(ValueError, match="shape"):
        paying.step(0)
