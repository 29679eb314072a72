"""What `benchmarks.record_curves` recorded: learning curves, and what each reward pays the others' episodes."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rewardsmith.domain.judgement import Judgement
from rewardsmith.domain.run import Run
from rewardsmith.search.agreement import EARLY, TRAINED, Episodes, FloatArray, learnt, one_sided, traits
from rewardsmith.search.doubting import judge
from rewardsmith.search.judging import MOST_TRAINED

CURVES = Path(__file__).parent / "curves"


@dataclass(frozen=True)
class Curve:
    """One recorded training: after each rung the steps, the mean score and the steps of scoring it."""

    steps: tuple[int, ...]
    scores: tuple[float, ...]
    scoring: tuple[int, ...]

    @property
    def score(self) -> float:
        """That of the best rung, as a search counts it."""
        return max(self.scores)


@dataclass(frozen=True)
class Curves:
    """What was recorded for one task."""

    task: str
    rungs: int
    steps: int
    episodes: int
    seeds: tuple[str, ...]
    candidates: dict[str, dict[str, Curve]]
    """By reward and training seed; those that failed are left out."""
    baselines: dict[str, dict[str, Curve]]

    def quality(self, name: str, seeds: tuple[str, ...]) -> float:
        """Mean score of a candidate over some training seeds."""
        return sum(self.candidates[name][seed].score for seed in seeds) / len(seeds)


def read(task: str) -> Curves:
    """The recorded curves of a task."""
    data = json.loads((CURVES / f"{task}.json").read_text())
    found = {
        name: {
            seed: Curve(tuple(c["steps"]), tuple(c["scores"]), tuple(c["scoring_steps"]))
            for seed, c in reward["curves"].items()
            if c["failure"] is None
        }
        for name, reward in data["rewards"].items()
    }
    seeds = tuple(next(iter(data["rewards"].values()))["curves"])
    whole = {name: curves for name, curves in found.items() if len(curves) == len(seeds)}
    rungs = max(len(curve.steps) for curves in whole.values() for curve in curves.values())
    return Curves(
        task=task,
        rungs=rungs,
        steps=data["steps"],
        episodes=data["episodes"],
        seeds=seeds,
        candidates={name: curves for name, curves in whole.items() if data["rewards"][name]["source"]},
        baselines={name: curves for name, curves in whole.items() if not data["rewards"][name]["source"]},
    )


class Archive:
    """The episodes that were recorded for one task, and what each reward pays them.

    They are of the trainings of the first recorded seed, on whichever seed a replay searches.
    """

    def __init__(self, task: str, horizon: int) -> None:
        self._data: dict[str, Any] = json.loads((CURVES / f"{task}.json").read_text())["archive"]
        self._horizon = horizon

    def judgement(self, run: Run, generation: int, name: str) -> Judgement:
        """What the episodes of the survey and of earlier generations say about a reward of this generation."""
        turns = [turn for turn in run.turns() if turn.candidate.generation < generation and turn.score is not None]
        owners = {"random": 0, "extremes": 0} | {t.candidate.reward_id or "": t.candidate.generation for t in turns}
        episodes = self._episodes(owners)
        if without := one_sided(episodes):
            return Judgement(without=without)
        measured = [
            (traits(self._paid(turn.candidate.reward_id or "", owners), episodes, but=turn.candidate.reward_id), score)
            for turn in turns[-MOST_TRAINED:]
            if (score := turn.score) is not None
        ]
        return judge(self._paid(name, owners), episodes, learnt(measured))

    def _paid(self, name: str, owners: dict[str, int]) -> FloatArray:
        return np.concatenate([self._data[owner]["returns"][name] for owner in owners])

    def _episodes(self, owners: dict[str, int]) -> Episodes:
        parts = [self._data[owner] for owner in owners]
        lengths = np.concatenate([part["lengths"] for part in parts])
        return Episodes(
            scores=np.concatenate([np.asarray(part["scores"], dtype=np.float64) for part in parts]),
            lengths=lengths,
            early=lengths < EARLY * self._horizon,
            generations=np.concatenate([np.full(len(self._data[o]["scores"]), g) for o, g in owners.items()]),
            players=tuple(
                player for owner, part in zip(owners, parts, strict=True) for player in _players(owner, part)
            ),
            owners=tuple("" if o in ("random", "extremes") else o for o in owners for _ in self._data[o]["scores"]),
        )


@functools.cache
def archive(task: str, horizon: int) -> Archive:
    """The recorded episodes of a task, read once."""
    return Archive(task, horizon)


def _players(owner: str, part: dict[str, Any]) -> list[str]:
    if owner == "extremes":
        return list(part["policies"])
    return ["random" if owner == "random" else TRAINED] * len(part["scores"])
