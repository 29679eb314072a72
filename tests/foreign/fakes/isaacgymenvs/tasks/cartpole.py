"""A fake: see README.md."""

import torch

from isaacgymenvs.tasks.base.vec_task import VecTask


class Cartpole(VecTask):
    def __init__(self, cfg, rl_device, sim_device, graphics_device_id, headless, virtual_screen_capture, force_render):
        assert (headless, graphics_device_id) == (True, -1)
        self.fault = cfg["env"].get("fault", 0.0)
        cfg["env"].update(numObservations=4, numActions=1)
        self.reset_dist, self.max_push_effort = 3.0, 10.0
        super().__init__(cfg, rl_device)
        self.dof_state = torch.zeros(self.num_envs * 2, 2)
        self.dof_pos = self.dof_state.view(self.num_envs, 2, 2)[..., 0]
        self.dof_vel = self.dof_state.view(self.num_envs, 2, 2)[..., 1]
        self.consecutive_successes = torch.zeros(1)
        self._push = torch.zeros(self.num_envs)
        self.steps = 0

    def compute_reward(self):
        pole_angle, cart_pos = self.obs_buf[:, 2], self.obs_buf[:, 0]
        self.rew_buf[:], self.reset_buf[:] = compute_cartpole_reward(
            pole_angle, cart_pos, self.reset_dist, self.progress_buf, self.max_episode_length
        )
        self.tilt_penalty = 0.25 * pole_angle.abs()

    def compute_observations(self, env_ids=None):
        self.obs_buf[:] = gathered(self.dof_pos, self.dof_vel)
        self.rew_scale = 0.125
        return self.obs_buf

    def reset_idx(self, env_ids):
        self.dof_pos[env_ids, :] = 0.2 * (torch.rand((len(env_ids), 2)) - 0.5)
        self.dof_vel[env_ids, :] = 0.5 * (torch.rand((len(env_ids), 2)) - 0.5)
        self.reset_buf[env_ids] = 0
        self.progress_buf[env_ids] = 0

    def pre_physics_step(self, actions):
        self._push = actions[:, 0] * self.max_push_effort

    def simulate(self):
        self.steps += 1
        if self.fault and self.steps > self.fault:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        accelerations = torch.stack([self._push, 9.0 * self.dof_pos[:, 1] - self._push], dim=1)
        self.dof_vel += 0.02 * accelerations
        self.dof_pos += 0.02 * self.dof_vel

    def post_physics_step(self):
        self.progress_buf += 1
        env_ids = self.reset_buf.nonzero().squeeze(-1)
        if len(env_ids) > 0:
            self.reset_idx(env_ids)
        self.compute_observations()
        self.compute_reward()


def gathered(dof_pos, dof_vel):
    return torch.stack([dof_pos[:, 0], dof_vel[:, 0], dof_pos[:, 1], dof_vel[:, 1]], dim=1)


def compute_cartpole_reward(pole_angle, cart_pos, reset_dist, progress_buf, max_episode_length):
    reward = 1.0 - pole_angle * pole_angle
    failed = (cart_pos.abs() > reset_dist) | (pole_angle.abs() > 0.6)
    return torch.where(failed, -2.0, reward), (failed | (progress_buf >= max_episode_length - 1)).long()
