"""How rewards and episodes go over a training: running moments at about ten points, nothing else kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.report import ComponentPoint, ComponentStatistics, EpisodePoint
from rewardsmith.reward.process import Answer
from rewardsmith.worker.recording import Recording

__all__ = ["POINTS", "TOTAL", "TrainingStatistics"]

POINTS = 10
"""Stretches into which a training is cut (EUREKA's reflection shows about ten snapshots per component)."""
TOTAL = "total"


class _Moments:
    """Count, mean, squared deviations, extremes and magnitude of one quantity."""

    def __init__(self, state: Sequence[float] = (0.0, 0.0, 0.0, math.inf, -math.inf, 0.0)) -> None:
        self.count, self.mean, self.squares, self.low, self.high, self.magnitude = state

    def add(self, values: npt.NDArray[np.float64]) -> None:
        count, mean = values.size, float(values.mean())
        if count == 0:
            return
        delta, total = mean - self.mean, self.count + count
        self.squares += float(np.square(values - mean).sum()) + delta * delta * self.count * count / total
        self.mean += delta * count / total
        self.magnitude += (float(np.abs(values).mean()) - self.magnitude) * count / total
        self.count = total
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))

    def state(self) -> list[float]:
        return [self.count, self.mean, self.squares, self.low, self.high, self.magnitude]

    def point(self, steps: int, magnitudes: float) -> ComponentPoint:
        return ComponentPoint(
            steps=steps,
            mean=self.mean,
            std=math.sqrt(self.squares / self.count),
            low=self.low,
            high=self.high,
            share=min(1.0, self.magnitude / magnitudes) if magnitudes > 0 else 0.0,
        )


class TrainingStatistics:
    """Collects over a training of `steps` environment steps in `environments` environments."""

    def __init__(self, steps: int, environments: int) -> None:
        self._stretch = max(1, math.ceil(steps / POINTS))
        self._steps = 0
        self._open: dict[str, _Moments] = {}
        self._ended, self._lengths = 0, 0
        self._running = np.zeros(environments, dtype=np.int64)
        self._points: dict[str, list[ComponentPoint]] = {}
        self._episodes: list[EpisodePoint] = []
        self._held_out: dict[str, list[float]] = {}
        self._scores: list[float] = []

    def add(self, recording: Recording, answer: Answer) -> None:
        """Take in a recording with its raw rewards."""
        for name, values in ((TOTAL, answer.total), *answer.components.items()):
            self._open.setdefault(name, _Moments()).add(values)
        for ends in recording.ends:
            self._running += 1
            if ends.any():
                self._ended += int(ends.sum())
                self._lengths += int(self._running[ends].sum())
                self._running[ends] = 0
        before = self._steps // self._stretch
        self._steps += recording.ends.size
        if self._steps // self._stretch > before:
            self._close()

    def add_held_out(self, scores: Sequence[float], sums: Mapping[str, Sequence[float]]) -> None:
        """Take in the held-out episodes of one rung: scores, and the episode sums of the total and each component."""
        self._scores.extend(scores)
        for name, values in sums.items():
            self._held_out.setdefault(name, []).extend(values)

    def restart(self) -> None:
        """Every environment was reset: episodes that were cut count for nothing."""
        self._running[:] = 0

    def means(self) -> dict[str, float]:
        """Latest mean per step of the total and each component."""
        found = {name: points[-1].mean for name, points in self._points.items()}
        return found | {name: moments.mean for name, moments in self._open.items() if moments.count}

    def components(self) -> tuple[ComponentStatistics, ...]:
        """Statistics so far, the total first."""
        self._close()
        return tuple(
            ComponentStatistics(name=name, points=tuple(points), correlation=self._correlation(name))
            for name, points in self._points.items()
        )

    def episodes(self) -> tuple[EpisodePoint, ...]:
        """Training episodes so far."""
        self._close()
        return tuple(self._episodes)

    def _close(self) -> None:
        if not any(moments.count for moments in self._open.values()):
            return
        magnitudes = sum(moments.magnitude for name, moments in self._open.items() if name != TOTAL)
        for name, moments in self._open.items():
            whole = magnitudes or moments.magnitude
            self._points.setdefault(name, []).append(moments.point(self._steps, whole))
        mean = self._lengths / self._ended if self._ended else None
        self._episodes.append(EpisodePoint(steps=self._steps, episodes=self._ended, mean_length=mean))
        self._open.clear()
        self._ended, self._lengths = 0, 0

    def _correlation(self, name: str) -> float | None:
        sums = self._held_out.get(name, [])
        if len(sums) != len(self._scores) or len(sums) < 2:
            return None
        pair = np.array([sums, self._scores])
        if not np.isfinite(pair).all() or (np.ptp(pair, axis=1) <= 1e-12 * np.abs(pair).max(axis=1)).any():
            return None
        pair /= np.abs(pair).max(axis=1, keepdims=True)  # squares of very small sums would be 0
        return float(np.clip(np.corrcoef(pair)[0, 1], -1.0, 1.0))

    def dump(self) -> dict[str, Any]:
        """Everything known, as JSON; `load` continues exactly from it."""
        return {
            "steps": self._steps,
            "open": {name: moments.state() for name, moments in self._open.items()},
            "ended": self._ended,
            "lengths": self._lengths,
            "points": {name: [p.model_dump() for p in points] for name, points in self._points.items()},
            "episodes": [point.model_dump() for point in self._episodes],
            "held_out": self._held_out,
            "scores": self._scores,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from what `dump` gave."""
        self._steps, self._ended, self._lengths = state["steps"], state["ended"], state["lengths"]
        self._open = {name: _Moments(values) for name, values in state["open"].items()}
        self._points = {name: [ComponentPoint(**p) for p in points] for name, points in state["points"].items()}
        self._episodes = [EpisodePoint(**point) for point in state["episodes"]]
        self._held_out = {name: list(values) for name, values in state["held_out"].items()}
        self._scores = list(state["scores"])
