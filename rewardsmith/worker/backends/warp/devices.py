"""Which device the worlds are put on: the one that was asked for, or none."""

from __future__ import annotations

import os
from typing import Literal

import torch

from rewardsmith.errors import UsageError

__all__ = ["find_device"]


def find_device(wanted: Literal["cpu", "cuda"]) -> str:
    """The device as torch names it. Raises UsageError where there is no GPU, or one that torch cannot use."""
    if wanted == "cpu" or torch.cuda.is_available():
        return wanted
    if torch.version.cuda is None:
        why, hint = f"torch {torch.__version__} is built without CUDA", "install torch with CUDA (see pytorch.org)"
    elif os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        why, hint = "CUDA_VISIBLE_DEVICES is empty", "set it to the number of a GPU"
    else:
        why, hint = "CUDA finds no GPU here", "see `nvidia-smi` and `rewardsmith doctor`, which asks a worker too"
    raise UsageError(
        f"the backend warp was asked to run on a GPU, and cannot: {why}; there is the processor",
        hint=f"{hint}, or say --device cpu",
    )
