"""TensorBoard files, through the logger of Stable-Baselines3."""

from __future__ import annotations

from pathlib import Path

from stable_baselines3.common.logger import Logger, TensorBoardOutputFormat

__all__ = ["open_board"]


def open_board(folder: Path | None) -> Logger:
    """A logger that writes TensorBoard files into `folder`, or nothing at all."""
    return Logger(None, [] if folder is None else [TensorBoardOutputFormat(str(folder))])
