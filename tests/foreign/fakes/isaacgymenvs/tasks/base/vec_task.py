"""A fake: see README.md."""

import torch
from gymnasium import spaces
from isaacgym import gymapi


class VecTask:
    def __init__(self, config, rl_device):
        self.cfg, self.device = config, rl_device
        self.num_envs, self.control_freq_inv = config["env"]["numEnvs"], 1
        self.gym, self.envs = gymapi.Gym(), [gymapi.Env()]
        infinite = float("inf")
        self.observation_space = spaces.Box(-infinite, infinite, (self.cfg["env"]["numObservations"],))
        self.action_space = spaces.Box(-1.0, 1.0, (self.cfg["env"]["numActions"],))
        self.obs_buf = torch.zeros(self.num_envs, self.cfg["env"]["numObservations"])
        self.rew_buf = torch.zeros(self.num_envs)
        self.reset_buf = torch.ones(self.num_envs, dtype=torch.long)
        self.progress_buf = torch.zeros(self.num_envs, dtype=torch.long)

    def zero_actions(self):
        return torch.zeros(self.num_envs, self.cfg["env"]["numActions"])

    def step(self, actions):
        self.pre_physics_step(torch.clamp(actions, -1.0, 1.0))
        self.simulate()
        self.post_physics_step()
        late = (self.progress_buf >= self.max_episode_length - 1) & (self.reset_buf != 0)
        return {"obs": self.obs_buf.clone()}, self.rew_buf.clone(), self.reset_buf.clone(), {"time_outs": late}
