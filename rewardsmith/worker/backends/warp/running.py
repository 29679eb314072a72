"""Running statistics of observations on the device; `VecNormalize` knows them again after every rollout."""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor

__all__ = ["RunningMoments"]


class RunningMoments:
    """Normalises as `VecNormalize` does and learns as it does: `clip((x - mean) / sqrt(var + epsilon), -c, c)`.

    Args:
        normaliser: What is known so far, and what `hand_back` tells.
        device: Where the observations are.
    """

    def __init__(self, normaliser: VecNormalize, device: torch.device) -> None:
        self._normaliser = normaliser
        known: Any = normaliser.obs_rms
        self._mean = torch.as_tensor(known.mean, dtype=torch.float64, device=device).clone()
        self._var = torch.as_tensor(known.var, dtype=torch.float64, device=device).clone()
        self._count = float(known.count)
        self._tell()

    def normalise(self, observations: Tensor) -> Tensor:
        """(N, n) float32, by what is known now."""
        clip = self._normaliser.clip_obs
        return ((observations - self._shift) * self._factor).clamp(-clip, clip)

    def add(self, observations: Tensor) -> None:
        """Learn from (N, n) observations (Chan et al., parallel variance)."""
        fresh, rows = observations.double(), len(observations)
        delta, total = fresh.mean(dim=0) - self._mean, self._count + rows
        self._mean += delta * rows / total
        spread = fresh.var(dim=0, unbiased=False) * rows + self._var * self._count
        self._var = (spread + delta.square() * self._count * rows / total) / total
        self._count = total
        self._tell()

    def hand_back(self) -> None:
        """Let `VecNormalize` know."""
        known: Any = self._normaliser.obs_rms
        known.mean, known.var, known.count = self._mean.cpu().numpy(), self._var.cpu().numpy(), self._count

    def _tell(self) -> None:
        self._shift = self._mean.float()
        self._factor = (self._var + self._normaliser.epsilon).rsqrt().float()
