"""`learning_curve.csv`: one row per rung."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from rewardsmith.domain.report import Rung
from rewardsmith.worker.files import write_text

__all__ = ["LearningCurve"]


class LearningCurve:
    """One row per rung, rewritten whole.

    Columns: steps, score_mean, score_std, episode_length, success, and the latest training mean per step of the total
    and each component as `mean_<name>`; a cell without a value is empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: list[dict[str, float | None]] = []

    def add(self, steps: int, rung: Rung, means: Mapping[str, float]) -> None:
        """Add a row and replace the file."""
        row = {
            "steps": steps,
            "score_mean": rung.mean,
            "score_std": float(np.std(rung.scores)),
            "episode_length": float(np.mean(rung.lengths)),
            "success": rung.success,
        }
        self.rows.append(row | {f"mean_{name}": value for name, value in means.items()})
        self._write()

    def load(self, rows: Iterable[Mapping[str, float | None]]) -> None:
        """Continue from earlier rows."""
        self.rows = [dict(row) for row in rows]
        self._write()

    def _write(self) -> None:
        text = io.StringIO()
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self._path, text.getvalue())
