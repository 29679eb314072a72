from typing import Any

import torch

class DirectRLEnv:
    """What the backend uses of direct tasks, and of manager-based ones as far as both have it."""

    num_envs: int
    device: str
    scene: Any
    single_observation_space: Any
    single_action_space: Any
    reset_terminated: torch.Tensor
    episode_length_buf: torch.Tensor

    @property
    def step_dt(self) -> float: ...
    def reset(
        self, seed: int | None = ..., options: dict[str, Any] | None = ...
    ) -> tuple[dict[str, Any], dict[str, Any]]: ...
    def step(
        self, action: torch.Tensor
    ) -> tuple[dict[str, Any], torch.Tensor, torch.Tensor, torch.Tensor, dict[str, Any]]: ...
    def _get_observations(self) -> dict[str, Any]: ...
    def _reset_idx(self, env_ids: Any) -> None: ...

class ManagerBasedRLEnv(DirectRLEnv):
    observation_manager: Any
    command_manager: Any
