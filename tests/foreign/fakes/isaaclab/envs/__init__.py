"""A fake: see README.md. The order within a step is that of Isaac Lab: ends, rewards, resets, observations."""

import math
from types import SimpleNamespace

import gymnasium
import numpy as np
import torch


class DirectRLEnv(gymnasium.Env):
    def __init__(self, cfg):
        self.cfg, self.num_envs, self.device = cfg, cfg.scene.num_envs, "cpu"
        self.step_dt = cfg.decimation * cfg.sim.dt
        self.max_episode_length = math.ceil(cfg.episode_length_s / self.step_dt)
        infinite = np.inf
        self.single_observation_space = gymnasium.spaces.Dict(
            {"policy": gymnasium.spaces.Box(-infinite, infinite, (4,))}
        )
        self.single_action_space = gymnasium.spaces.Box(-infinite, infinite, (1,))
        self.episode_length_buf = torch.zeros(self.num_envs, dtype=torch.long)
        self.reset_terminated = torch.zeros(self.num_envs, dtype=torch.bool)
        self.reset_time_outs = torch.zeros_like(self.reset_terminated)
        data = SimpleNamespace(joint_pos=torch.zeros(self.num_envs, 2), joint_vel=torch.zeros(self.num_envs, 2))
        self.robot = SimpleNamespace(data=data, joint_names=["slider_to_cart", "cart_to_pole"], body_names=["cart"])
        self.scene = SimpleNamespace(articulations={"cartpole": self.robot}, rigid_objects={}, sensors={})

    def reset(self, seed=None, options=None):
        self._reset_idx(torch.arange(self.num_envs))
        return self._get_observations(), {}

    def step(self, action):
        self._pre_physics_step(action)
        data = self.robot.data
        push = 10.0 * self.actions[:, 0]
        data.joint_vel += 0.02 * torch.stack([push, 9.0 * data.joint_pos[:, 1] - push], dim=1)
        data.joint_pos += 0.02 * data.joint_vel
        self.episode_length_buf += 1
        self.reset_terminated[:], self.reset_time_outs[:] = self._get_dones()
        self.reset_buf = self.reset_terminated | self.reset_time_outs
        self.reward_buf = self._get_rewards()
        ids = self.reset_buf.nonzero().squeeze(-1)
        if len(ids):
            self._reset_idx(ids)
        return self._get_observations(), self.reward_buf, self.reset_terminated, self.reset_time_outs, {}

    def _reset_idx(self, env_ids):
        self.robot.data.joint_pos[env_ids] = 0.2 * (torch.rand((len(env_ids), 2)) - 0.5)
        self.robot.data.joint_vel[env_ids] = 0.5 * (torch.rand((len(env_ids), 2)) - 0.5)
        self.episode_length_buf[env_ids] = 0
        if len(env_ids) == self.num_envs:  # as the quadcopter of Isaac Lab has it, and others
            self.episode_length_buf = torch.randint_like(self.episode_length_buf, high=self.max_episode_length)


class ManagerBasedRLEnv(DirectRLEnv):
    """Its managers do what a direct task's methods do."""

    def __init__(self, cfg):
        super().__init__(cfg)
        self.observation_manager = SimpleNamespace(
            compute=self._get_observations, active_terms={"policy": ["joint_pos_rel", "joint_vel_rel"]}
        )
        self.command_manager = SimpleNamespace(
            active_terms=["target"], get_command=lambda name: torch.ones(self.num_envs, 3)
        )
