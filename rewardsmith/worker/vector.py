"""N Gymnasium environments stepped in one process, recording the signals that the reward reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices, VecEnvObs, VecEnvStepReturn

from rewardsmith.domain.survey import Signal
from rewardsmith.export.signals import SignalReader
from rewardsmith.worker.recording import Recorder, Recording

__all__ = ["ObservationBatch", "RecordingVectorEnv"]


class ObservationBatch:
    """A preallocated batch of observations of a plain or a Dict space."""

    def __init__(self, space: spaces.Space[Any], rows: int) -> None:
        self._dict: dict[str, npt.NDArray[Any]] | None = None
        if isinstance(space, spaces.Dict):
            self._dict = {key: np.zeros((rows, *(part.shape or ())), part.dtype) for key, part in space.items()}
        else:
            self._plain = np.zeros((rows, *(space.shape or ())), space.dtype)

    def put(self, row: int, observation: Any) -> None:
        """Store one environment's observation."""
        if self._dict is None:
            self._plain[row] = observation
        else:
            for key, part in self._dict.items():
                part[row] = observation[key]

    def copy(self) -> Any:
        """The batch as Stable-Baselines3 takes it: an array, or a dict of arrays."""
        return self._plain.copy() if self._dict is None else {key: part.copy() for key, part in self._dict.items()}


class RecordingVectorEnv(VecEnv):
    """Steps N environments one after the other and records, as the simulator leaves them, before any reset.

    The rewards that it returns are zeros: the buffers ask for the real ones once per rollout.

    Args:
        envs: One environment each, none shared.
        signals: What to record, by name.
    """

    def __init__(self, envs: Sequence[gymnasium.Env[Any, Any]], signals: Mapping[str, Signal]) -> None:
        self.envs = list(envs)
        super().__init__(len(self.envs), self.envs[0].observation_space, self.envs[0].action_space)
        self._signals = dict(signals)
        self.allot(1)
        self._actions_as = [name for name, signal in signals.items() if signal.reader == "action"]
        self._ends_as = [name for name, signal in signals.items() if signal.reader == "terminated"]
        whole = {*self._actions_as, *self._ends_as}
        addresses = {name: signal.reader for name, signal in signals.items() if name not in whole}
        self._readers = [SignalReader(env, addresses).read for env in self.envs] if addresses else []
        self._observations = ObservationBatch(self.observation_space, self.num_envs)
        self._fresh = np.ones(self.num_envs, dtype=bool)
        self._actions: npt.NDArray[Any] = np.zeros(0)

    def allot(self, capacity: int) -> None:
        """Make room for `capacity` steps between two calls of `take`."""
        self.recorder = Recorder(self._signals, capacity, self.num_envs)

    def take(self) -> Recording:
        """What happened since the last call."""
        return self.recorder.take()

    def reset(self) -> VecEnvObs:
        """Start an episode in every environment, with the seeds set by `seed()`."""
        for i, env in enumerate(self.envs):
            observation, self.reset_infos[i] = env.reset(seed=self._seeds[i])
            self._observations.put(i, observation)
        self._reset_seeds()
        self._reset_options()
        self._fresh[:] = True
        self.recorder.filled = 0
        return self._observations.copy()  # type: ignore[no-any-return]

    def step_async(self, actions: npt.NDArray[Any]) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Step every environment, record, and reset those whose episode has ended."""
        recorder, batch, actions, readers = self.recorder, self._observations, self._actions, self._readers
        t = recorder.filled
        if t == recorder.capacity:
            raise RuntimeError(f"the recorder holds {t} steps that nobody has taken")
        rows = {name: array[t] for name, array in recorder.arrays.items()}
        all_terminated, all_truncated, stock = recorder.terminated[t], recorder.truncated[t], recorder.stock[t]
        recorder.starts[t] = self._fresh
        self._fresh[:] = False
        infos: list[dict[str, Any]] = [{}] * self.num_envs
        for i, env in enumerate(self.envs):
            action = actions[i]
            observation, reward, terminated, truncated, info = env.step(action)
            stock[i], all_terminated[i], all_truncated[i] = reward, terminated, truncated
            if readers:
                for name, value in readers[i](observation, action, terminated, info).items():
                    rows[name][i] = value
            if terminated or truncated:
                infos[i] = {
                    "terminal_observation": observation,
                    "TimeLimit.truncated": bool(truncated and not terminated),
                }
                observation, self.reset_infos[i] = env.reset()
                self._fresh[i] = True
            batch.put(i, observation)
        for name in self._actions_as:
            rows[name][:] = actions
        for name in self._ends_as:
            rows[name][:] = all_terminated
        recorder.filled = t + 1
        return batch.copy(), np.zeros(self.num_envs, dtype=np.float32), all_terminated | all_truncated, infos

    def close(self) -> None:
        """Close every environment."""
        for env in self.envs:
            env.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute of each environment."""
        return [self.envs[i].get_wrapper_attr(attr_name) for i in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set the attribute of each environment."""
        for i in self._get_indices(indices):
            setattr(self.envs[i], attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call the method of each environment."""
        targets = [self.envs[i] for i in self._get_indices(indices)]
        return [env.get_wrapper_attr(method_name)(*method_args, **method_kwargs) for env in targets]

    def env_is_wrapped(
        self, wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """Whether each environment is wrapped so."""
        from stable_baselines3.common.env_util import is_wrapped

        return [is_wrapped(self.envs[i], wrapper_class) for i in self._get_indices(indices)]
