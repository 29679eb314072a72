from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.domain.job import RewardSpec, TrainJob
from rewardsmith.domain.report import Report
from rewardsmith.domain.survey import Signal
from rewardsmith.domain.task import EnvironmentSpec, ScoreRule, Task, Trainer

PPO = {
    "n_steps": 64,
    "batch_size": 64,
    "n_epochs": 2,
    "learning_rate": "linear:0.001",
    "policy_kwargs": {"net_arch": [16]},
}
SAC = {
    "learning_starts": 64,
    "train_freq": 4,
    "gradient_steps": 2,
    "batch_size": 32,
    "buffer_size": 400,
    "policy_kwargs": {"net_arch": [16]},
}

SIGNALS = {
    "Pendulum-v1": (
        Signal(name="observation", shape=(3,), meaning="cosine, sine and speed", reader="observation"),
        Signal(name="action", shape=(1,), meaning="torque", reader="action"),
        Signal(name="terminated", shape=(), dtype="bool", meaning="ended by itself", reader="terminated"),
    ),
    "CartPole-v1": (
        Signal(name="observation", shape=(4,), meaning="cart and pole", reader="observation"),
        Signal(name="action", shape=(), dtype="int64", meaning="left or right", reader="action"),
        Signal(name="terminated", shape=(), dtype="bool", meaning="ended by itself", reader="terminated"),
    ),
    "InvertedPendulum-v5": (
        Signal(name="observation", shape=(4,), meaning="cart and pole", reader="observation"),
        Signal(name="action", shape=(1,), meaning="push", reader="action"),
        Signal(name="terminated", shape=(), dtype="bool", meaning="ended by itself", reader="terminated"),
    ),
}

UPRIGHT = """
import numpy as np


def compute_reward(observation, action, prev_observation):
    upright = observation[:, 0]
    effort = -0.01 * np.square(action).sum(axis=1)
    return upright + effort, {"upright": upright, "effort": effort}
"""

HEIGHT = "def score(observation, horizon):\n    return float(observation[:, 0].sum() / horizon)\n"


def make_task(env_id: str = "Pendulum-v1", **changes: Any) -> Task:
    trainer = {
        "algorithm": "stable_baselines3.PPO",
        "environments": 2,
        "settings": PPO,
        "source": "chosen for a quick test",
    }
    trainer |= changes.pop("trainer", {})
    fields: dict[str, Any] = {
        "name": "test",
        "title": "test",
        "description": "Hold the pendulum upright.",
        "environment": EnvironmentSpec(id=env_id, horizon=changes.pop("horizon", 50)),
        "score": ScoreRule(source=changes.pop("score", HEIGHT), meaning="mean height"),
        "budgets": {},
    }
    return Task(trainer=Trainer(**trainer), **(fields | changes))


def make_job(task: Task | None = None, source: str | None = UPRIGHT, **changes: Any) -> TrainJob:
    task = task or make_task()
    kind = changes.pop("kind", "candidate")
    fields: dict[str, Any] = {
        "task": task,
        "signals": SIGNALS[task.environment.id],
        "reward": RewardSpec(kind=kind, reward_id=kind, source=source if kind == "candidate" else None),
        "seed": 7,
        "steps": 512,
        "rungs": 2,
        "episodes": 3,
        "tensorboard": False,
    }
    return TrainJob(**(fields | changes))


Train = Callable[..., tuple[Report, Path]]


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Run a job in a folder of its own; gives the report and the output folder."""
    from rewardsmith.worker import train as room

    def run(job: TrainJob, name: str = "job", resume: Path | None = None) -> tuple[Report, Path]:
        out = tmp_path / name / "out"
        out.mkdir(parents=True)
        (out.parent / "job.json").write_text(job.model_dump_json())
        room.run(job, out, resume)
        return Report.model_validate_json((out / "report.json").read_text()), out

    return run
