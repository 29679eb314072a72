"""The mark of an attacking reward is what its numbers are worth, to the digit; weights included.

A real task (a pole on a cart, a few hundred steps) is trained and scored by the real worker. Trainings are functions of
their seed and of the numbers that they are paid, so a reward that pays what the honest one pays must get its report and
its weights, whatever else it does. One that pays numbers of its own must get what those numbers get without it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from arena import SIGNALS, Canaries
from attack import HERE, HONEST, LONGEST_S, NUMPY, Attack, attacks

from rewardsmith.domain.job import RewardSpec, TrainJob
from rewardsmith.domain.task import EnvironmentSpec, ScoreRule, Task, Trainer

TASK = Task(
    name="cart",
    title="Cart",
    description="Keep the pole upright.",
    environment=EnvironmentSpec(id="CartPole-v1", horizon=40),
    score=ScoreRule(source="def score(observation, horizon):\n    return len(observation) / horizon\n", meaning="time"),
    trainer=Trainer(
        algorithm="stable_baselines3.PPO",
        environments=2,
        settings={"n_steps": 64, "batch_size": 64, "n_epochs": 2, "policy_kwargs": {"net_arch": [8]}},
        source="chosen for a quick test",
    ),
    budgets={},
)
FORGING = attacks("forging")


@dataclass(frozen=True)
class Mark:
    """What a worker left behind."""

    status: int
    """Exit status."""
    report: dict[str, Any] | None
    """But for how long it took; `overlong` instead: whether that is longer than a training may run here."""
    weights: str
    """Hash of the policy's file."""
    curve: str
    """Text of the learning curve."""


def job(source: str) -> TrainJob:
    return TrainJob(
        task=TASK,
        signals=tuple(SIGNALS.values()),
        reward=RewardSpec(kind="candidate", reward_id="0" * 12, source=source),
        seed=3,
        steps=256,
        rungs=2,
        episodes=2,
        tensorboard=False,
    )


def mark_of(folder: Path, status: int) -> Mark:
    """Read what a worker left; a forged report may hold anything."""
    found = {name: (folder / "out" / name) for name in ("report.json", "policy.safetensors", "learning_curve.csv")}
    data = {name: path.read_bytes() if path.exists() else b"" for name, path in found.items()}
    report = json.loads(data["report.json"] or "null")
    if report is not None:
        timings = {"wall_s", "steps_per_second"}
        overlong = report.get("wall_s", 0.0) > LONGEST_S
        report = {key: value for key, value in report.items() if key not in timings} | {"overlong": overlong}
    weights = hashlib.sha256(data["policy.safetensors"]).hexdigest()
    return Mark(status, report, weights, data["learning_curve.csv"].decode())


class Trainings:
    """Jobs for `trainings.py`, and their marks by name and backend."""

    def __init__(self, folder: Path, canaries: Canaries) -> None:
        self._folder, self._canaries = folder, canaries
        self._jobs: list[dict[str, str]] = []

    def add(self, name: str, source: str, backend: str) -> None:
        """One more training; the numbers to be replayed are those of its `locked` one."""
        folder = self.folder(name, backend)
        folder.mkdir()
        source = f"{self._canaries.constants(name)}OUT = {str(folder / 'out')!r}\n{source}"
        (folder / "job.json").write_text(job(source).model_dump_json())
        numbers = str(self.folder(name, "locked") / "numbers.npz")
        self._jobs.append({"folder": str(folder), "backend": backend, "source": source, "numbers": numbers})

    def folder(self, name: str, backend: str) -> Path:
        return self._folder / f"{name}-{backend}"

    def run(self) -> dict[tuple[str, str], Mark]:
        """Run them all."""
        (self._folder / "jobs.json").write_text(json.dumps(self._jobs))
        subprocess.run([sys.executable, str(HERE / "trainings.py"), str(self._folder / "jobs.json")], check=True)
        folders = [Path(told["folder"]) for told in self._jobs]
        marks = [mark_of(folder, int((folder / "status").read_text())) for folder in folders]
        return {tuple(folder.name.rsplit("-", 1)): mark for folder, mark in zip(folders, marks, strict=True)}  # type: ignore[misc]


@pytest.fixture
def canaries(tmp_path: Path) -> Iterator[Canaries]:
    with Canaries(tmp_path, [attack.name for attack in FORGING]) as canaries:
        yield canaries


def test_the_mark_is_what_the_numbers_are_worth(tmp_path: Path, canaries: Canaries) -> None:
    trainings = Trainings(tmp_path, canaries)
    trainings.add("honest", NUMPY + HONEST, "locked")
    for attack in FORGING:
        trainings.add(attack.name, attack.source, "locked")
        if attack.locked == "paid":
            trainings.add(attack.name, attack.source, "replayed")
    marks = trainings.run()
    honest = marks["honest", "locked"]
    assert honest.status == 0
    assert honest.report is not None
    assert honest.report["failure"] is None
    assert 0.0 < honest.report["rungs"][-1]["mean"] < 0.9
    assert honest == alone(tmp_path / "alone"), "the forks leave something else than a worker of its own"
    wrong = {attack.name: marks[attack.name, "locked"] for attack in FORGING if not _deserved(attack, marks)}
    assert wrong == {}
    assert canaries.alarms() == []


def alone(folder: Path) -> Mark:
    """The honest reward's mark by `python -m rewardsmith.worker`."""
    folder.mkdir()
    (folder / "job.json").write_text(job(NUMPY + HONEST).model_dump_json())
    worker = subprocess.run([sys.executable, "-m", "rewardsmith.worker", str(folder)], capture_output=True, check=False)
    return mark_of(folder, worker.returncode)


def _deserved(attack: Attack, marks: Mapping[tuple[str, str], Mark]) -> bool:
    """Whether the mark of an attack is what `expected.md` says: the honest one's, its own numbers', or a failure."""
    mark = marks[attack.name, "locked"]
    if attack.locked == "contained":
        return mark == marks["honest", "locked"]
    if attack.locked == "paid":
        return mark == marks[attack.name, "replayed"] and mark.report is not None and mark.report["failure"] is None
    failure = (mark.report or {}).get("failure") or {}
    scores = [rung["mean"] for rung in (mark.report or {"rungs": [1.0]})["rungs"]]
    return mark.status == 0 and f"failed: {failure.get('kind')}" == attack.locked and scores == []


def test_inside_a_trainer_nearly_every_mark_is_forged(tmp_path: Path, canaries: Canaries) -> None:
    """The negative control: one interpreter for candidate, trainer and score."""
    trainings = Trainings(tmp_path, canaries)
    trainings.add("honest", NUMPY + HONEST, "in_trainer")
    for attack in FORGING:
        trainings.add(attack.name, attack.source, "in_trainer")
    marks = trainings.run()
    honest = marks["honest", "in_trainer"]
    assert honest.status == 0
    seen = {
        a.name: "holds" if marks[a.name, "in_trainer"] == honest or a.locked == "paid" else "breaks" for a in FORGING
    }
    assert seen == {attack.name: attack.plain for attack in FORGING}
