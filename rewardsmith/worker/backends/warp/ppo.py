"""PPO that learns where the worlds are: skrl's update, on a network and in the clothes of Stable-Baselines3.

Observations, actions and advantages never leave the device; rewards are asked for once per rollout. The network is
Stable-Baselines3's, so that checkpoints, exported policies and scoring are the same whatever has trained it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from skrl.agents.torch.ppo import PPO
from skrl.memories.torch import RandomMemory
from skrl.models.torch import Model
from skrl.resources.schedulers.torch import KLAdaptiveLR
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor

from rewardsmith.errors import TaskError
from rewardsmith.worker.backends.warp.running import RunningMoments
from rewardsmith.worker.backends.warp.worlds import WarpWorlds
from rewardsmith.worker.feed import RewardFeed

__all__ = ["DevicePPO"]


class _Network(Model):  # type: ignore[misc]
    """Actor and critic of Stable-Baselines3 as skrl asks for them."""

    def __init__(self, policy: ActorCriticPolicy) -> None:
        super().__init__(
            observation_space=policy.observation_space, action_space=policy.action_space, device=policy.device
        )
        self.policy = policy
        self._drawn: Any = None

    def act(self, inputs: dict[str, Any], *, role: str = "") -> tuple[Tensor, dict[str, Any]]:
        observations = inputs["observations"]
        if role == "value":
            return self.policy.predict_values(observations), {}
        self._drawn = self.policy.get_distribution(observations)
        actions = inputs.get("taken_actions")
        actions = self._drawn.sample() if actions is None else actions
        return actions, {"log_prob": self._drawn.log_prob(actions)[:, None]}

    def compute(self, inputs: dict[str, Any], *, role: str = "") -> tuple[Tensor, dict[str, Any]]:
        return self.act(inputs, role=role)

    def get_entropy(self, *, role: str = "") -> Tensor:  # noqa: ARG002 - skrl's signature
        return self._drawn.entropy()[:, None]

    def distribution(self, *, role: str = "") -> Any:  # noqa: ARG002 - skrl's signature
        return self._drawn.distribution


class DevicePPO(BaseAlgorithm):
    """See the module. Settings have the names that they have in Stable-Baselines3's PPO.

    Args:
        target_kl: Divergence of an update that the learning rate is steered to; absent: its schedule alone.
    """

    policy_aliases = {"MlpPolicy": ActorCriticPolicy}  # noqa: RUF012 - as Stable-Baselines3 has it
    feed: RewardFeed | None = None

    def __init__(
        self,
        policy: str,
        env: Any,
        n_steps: int = 16,
        batch_size: int = 32768,
        n_epochs: int = 4,
        learning_rate: Any = 3e-4,
        gamma: float = 0.99,
        gae_lambda: float = 0.95,
        clip_range: float = 0.2,
        ent_coef: float = 0.0,
        vf_coef: float = 1.0,
        max_grad_norm: float = 1.0,
        target_kl: float | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        **rest: Any,
    ) -> None:
        self.n_steps, self.gamma = n_steps, gamma
        self._settings = {
            "rollouts": n_steps,
            "learning_epochs": n_epochs,
            "mini_batches": max(1, n_steps * env.num_envs // batch_size),
            "discount_factor": gamma,
            "gae_lambda": gae_lambda,
            "ratio_clip": clip_range,
            "value_clip": 0.0,
            "entropy_loss_scale": ent_coef,
            "value_loss_scale": vf_coef,
            "grad_norm_clip": max_grad_norm,
            "time_limit_bootstrap": True,
            "experiment": {"write_interval": 0, "checkpoint_interval": 0},
        }
        self._target_kl = target_kl
        super().__init__(
            policy,
            env,
            learning_rate,
            policy_kwargs=policy_kwargs,
            support_multi_env=True,
            supported_action_spaces=(spaces.Box,),
            **rest,
        )
        self._setup_model()

    def _setup_model(self) -> None:
        self._setup_lr_schedule()
        self.set_random_seed(self.seed)
        self.policy = self.policy_class(
            self.observation_space, self.action_space, self.lr_schedule, **self.policy_kwargs
        ).to(self.device)
        network = _Network(self.policy)  # type: ignore[arg-type]
        adaptive = {}
        if self._target_kl is not None:
            adaptive = {
                "learning_rate_scheduler": KLAdaptiveLR,
                "learning_rate_scheduler_kwargs": {"kl_threshold": self._target_kl},
            }
        memory = RandomMemory(memory_size=self.n_steps, num_envs=self.n_envs, device=self.device, replacement=False)
        self.agent = PPO(
            models={"policy": network, "value": network},
            memory=memory,
            observation_space=self.observation_space,
            action_space=self.action_space,
            device=self.device,
            cfg=self._settings | adaptive | {"learning_rate": self.lr_schedule(1.0)},
        )
        self.agent.init()
        self.agent.enable_training_mode(True)
        self._low, self._high = (torch.as_tensor(b, device=self.device) for b in self._bounds())

    def _bounds(self) -> tuple[Any, Any]:
        space: Any = self.action_space
        return space.low, space.high

    def learn(
        self,
        total_timesteps: int,
        callback: Any = None,
        log_interval: int = 1,
        tb_log_name: str = "",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> DevicePPO:
        """Roll out, ask for the rewards, update; until so many further steps. Raises TaskError off the device."""
        worlds = self._worlds()
        total, watch = self._setup_learn(total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar)
        moments = RunningMoments(self.env, self.device) if isinstance(self.env, VecNormalize) else None
        seen = worlds.observations
        watch.on_training_start(locals(), globals())
        while self.num_timesteps < total:
            watch.on_rollout_start()
            for _ in range(self.n_steps):
                seen = self._step(worlds, seen, moments)
                watch.on_step()
            if moments is not None:
                moments.hand_back()
            self._update_current_progress_remaining(self.num_timesteps, total)
            watch.on_rollout_end()
            self._update(log=not self._n_updates % log_interval)
        watch.on_training_end()
        return self

    def _step(self, worlds: WarpWorlds, seen: Tensor, moments: RunningMoments | None) -> Tensor:
        agent = self.agent
        now = seen if moments is None else moments.normalise(seen)
        with torch.no_grad():
            actions, _ = agent.act(now, None, timestep=0, timesteps=0)
            moved = worlds.advance(actions.clamp(self._low, self._high))
            if moments is not None:
                moments.add(moved.observations)
            agent.record_transition(
                observations=now,
                states=None,
                actions=actions,
                rewards=torch.zeros(self.n_envs, 1, device=self.device),
                next_observations=moved.last if moments is None else moments.normalise(moved.last),
                next_states=None,
                terminated=moved.terminated[:, None],
                truncated=(moved.truncated & ~moved.terminated)[:, None],
                infos={},
                timestep=0,
                timesteps=0,
            )
        self.num_timesteps += self.n_envs
        return moved.observations

    def _update(self, *, log: bool) -> None:
        assert self.feed is not None
        agent = self.agent
        rewards = torch.as_tensor(self.feed.draw()[1].astype(np.float32), device=self.device)
        # added, not stored: the buffer already holds what truncated ends are worth
        agent.memory.get_tensor_by_name("rewards").add_(rewards[:, :, None])
        if self._target_kl is None:
            self._update_learning_rate(agent.optimizer)
        agent.enable_models_training_mode(True)
        agent.update(timestep=0, timesteps=0)
        agent.enable_models_training_mode(False)
        self._n_updates += self._settings["learning_epochs"]
        if log:
            for name, values in agent.tracking_data.items():
                self.logger.record(f"train/{name.rpartition(' / ')[2].lower()}", values[-1])
            self.logger.dump(self.num_timesteps)
        agent.tracking_data.clear()

    def _worlds(self) -> WarpWorlds:
        inner: Any = self.env.venv if isinstance(self.env, VecNormalize) else self.env
        worlds = getattr(inner, "worlds", None)
        if not isinstance(worlds, WarpWorlds):
            raise TaskError(
                "trainer.algorithm: skrl.PPO learns where the worlds are, and Gymnasium's are on no device",
                hint="train with --backend warp, or name stable_baselines3.PPO",
            )
        return worlds

    def _get_torch_save_params(self) -> tuple[list[str], list[str]]:
        return ["policy", "agent.optimizer"], []
