"""Tasks of IsaacGymEnvs, thousands of worlds of one. Far side: Python 3.8, Isaac Gym Preview 4, IsaacGymEnvs.

A world whose episode has ended is reset by the task itself in its next step, as everywhere in IsaacGymEnvs: with the
end comes the last observation, also where a fresh one is meant, and the next step is the first of the new episode.
"""

from __future__ import annotations

import isaacgym  # isort: skip - before torch, or it refuses
from isaacgym import gymapi  # isort: skip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import isaacgymenvs
import numpy as np
import torch
from hydra import compose, initialize_config_dir
from isaacgymenvs.tasks import isaacgym_task_map
from isaacgymenvs.utils.reformat import omegaconf_to_dict

from rewardsmith.worker.backends.foreign.channel import Fault
from rewardsmith.worker.backends.foreign.recording import Shared
from rewardsmith.worker.backends.foreign.spaces import describe
from rewardsmith.worker.backends.tensors import LEAST_WORLDS, Quantity, TensorTask, choose_device, own_tensors, seed_all

__all__ = ["IsaacGymTask"]


class IsaacGymTask(TensorTask):
    """One task, headless, its worlds on one device."""

    base = "isaacgymenvs.tasks.base"

    def open(
        self,
        *,
        id: str,  # noqa: A002 - as in the task file
        kwargs: dict[str, Any],
        horizon: int,
        count: int,
        specs: dict[str, Any],
        **_: Any,
    ) -> dict[str, Any]:
        """Make the task, step it once, and tell what is there. `kwargs` change its configuration: `env.clipActions`."""
        if id not in isaacgym_task_map:
            known = sorted(map(str, isaacgym_task_map))
            raise Fault(f"IsaacGymEnvs has no task {id!r}", "its tasks: " + ", ".join(known))
        worlds, device = max(count, LEAST_WORLDS), choose_device()
        config = _config(id, worlds, device, kwargs)
        task = isaacgym_task_map[id](
            cfg=config,
            rl_device=device,
            sim_device=device,
            graphics_device_id=-1,
            headless=True,
            virtual_screen_capture=False,
            force_render=False,
        )
        task.max_episode_length = horizon
        self._task = task
        spaces = describe(task.observation_space), describe(task.action_space)
        self.shared = Shared(self._memory, count, *spaces)
        self._advance(task.zero_actions())
        quantities = _with_joints(own_tensors(task, worlds, f"task {id}"), task)
        return {
            "observation_space": spaces[0],
            "action_space": spaces[1],
            "signals": self._found(task, quantities, specs, spaces, f"{id} of IsaacGymEnvs"),
            "dt": float(config["sim"]["dt"]) * int(task.control_freq_inv),
            "fps": None,
            "versions": {
                "isaacgym": str(getattr(isaacgym, "__version__", "preview 4")),
                "torch": str(torch.__version__),
            },
        }

    def reset(self, *, seeds: Sequence[int | None]) -> None:
        """Start an episode in all worlds: one step without action, in which the task resets them.

        The seeds together seed the generators; what PhysX does on a GPU is not repeatable.
        """
        seed_all(seeds)
        self._task.reset_buf[:] = 1
        self._advance(self._task.zero_actions())
        self._show()

    def step(self, *, resets: bool) -> dict[str, Any]:
        """Step all worlds."""
        arrays, count = self.shared.arrays, self.shared.count
        actions = self._task.zero_actions()
        actions[:count] = torch.from_numpy(arrays["action"].copy()).to(actions.device)
        rewards, ended, cut = self._advance(actions)
        arrays["terminated"][:], arrays["truncated"][:] = (ended & ~cut)[:count], (ended & cut)[:count]
        arrays["stock"][:] = rewards[:count].cpu().numpy()
        self.shared.put("last", slice(None), self._show())
        self._spread(self._rows())
        return {"ended": np.flatnonzero(ended[:count]).tolist() if resets else []}

    def _advance(self, actions: Any) -> tuple[Any, Any, Any]:
        """One step; rewards on the device, and which worlds ended and were cut."""
        observations, rewards, ends, extras = self._task.step(actions)
        ended = ends.cpu().numpy() != 0
        cut = extras["time_outs"].cpu().numpy() != 0 if "time_outs" in extras else np.zeros_like(ended)
        terminated = torch.from_numpy(ended & ~cut).to(actions.device)
        self.latest.update(observation=observations["obs"], action=actions, terminated=terminated)
        return rewards, ended, cut

    def _show(self) -> Any:
        seen = self.latest["observation"][: self.shared.count].cpu().numpy()
        self.shared.put("observation", slice(None), seen)
        return seen


def _config(name: str, worlds: int, device: str, changes: dict[str, Any]) -> dict[str, Any]:
    """The task's configuration, composed by IsaacGymEnvs' own hydra files. Raises Fault."""
    settings = {
        "num_envs": worlds,
        "sim_device": device,
        "rl_device": device,
        "pipeline": "gpu" if device.startswith("cuda") else "cpu",
        "headless": True,
        **{f"task.{key}": value for key, value in changes.items()},
    }
    folder = Path(isaacgymenvs.__file__).resolve().parent / "cfg"
    try:
        with initialize_config_dir(config_dir=str(folder)):
            chosen = compose("config", overrides=[f"task={name}", *(f"{k}={v}" for k, v in settings.items())])
        return dict(omegaconf_to_dict(chosen.task))
    except Exception as error:
        raise Fault(f"{name}: its configuration cannot be composed: {error}", f"see {folder / 'task'}") from error


def _with_joints(quantities: dict[str, Quantity], task: Any) -> dict[str, Quantity]:
    """Name the joints in the meaning of what has one number for each."""
    gym: gymapi.Gym = task.gym
    world = task.envs[0]
    handles = [gym.get_actor_handle(world, i) for i in range(gym.get_actor_count(world))]
    joints = [name for handle in handles for name in gym.get_actor_dof_names(world, handle)]
    told = dict(quantities)
    for name, quantity in quantities.items():
        if joints and list(quantity.read().shape[1:]) == [len(joints)]:
            told[name] = quantity._replace(meaning=f"{quantity.meaning}, by joint: {', '.join(joints)}")
    return told
