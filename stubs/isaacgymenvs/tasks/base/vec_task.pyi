from typing import Any

import torch
from isaacgym import gymapi

class VecTask:
    """What the backend uses of IsaacGymEnvs' base class."""

    gym: gymapi.Gym
    envs: list[gymapi.Env]
    num_envs: int
    control_freq_inv: int
    max_episode_length: float
    reset_buf: torch.Tensor
    observation_space: Any
    action_space: Any

    def __init__(
        self,
        cfg: dict[str, Any],
        rl_device: str,
        sim_device: str,
        graphics_device_id: int,
        headless: bool,
        virtual_screen_capture: bool = ...,
        force_render: bool = ...,
    ) -> None: ...
    def zero_actions(self) -> torch.Tensor: ...
    def step(
        self, actions: torch.Tensor
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor, dict[str, Any]]: ...
