"""A fake: see README.md."""

import torch
from isaaclab.envs import DirectRLEnv, ManagerBasedRLEnv


class CartpoleEnv(DirectRLEnv):
    early = 1

    def _pre_physics_step(self, actions):
        self.actions = actions.clone()

    def _get_observations(self):
        data = self.robot.data
        return {"policy": torch.cat([data.joint_pos, data.joint_vel], dim=1)}

    def _get_rewards(self):
        self._closeness = 1.0 - self.robot.data.joint_pos[:, 1].abs()
        return self._closeness

    def _get_dones(self):
        late = self.episode_length_buf >= self.max_episode_length - self.early
        return (self.robot.data.joint_pos[:, 1].abs() > 0.6), late


class ManagedCartpoleEnv(CartpoleEnv, ManagerBasedRLEnv):
    early = 0
