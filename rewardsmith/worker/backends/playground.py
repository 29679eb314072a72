"""Tasks of MuJoCo Playground, N worlds of one as one program of JAX. Far side: JAX, mujoco_playground, gymnasium.

Episodes start by the task's own reset, from a key that the world's seed and the number of its episode make.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import platform
import re
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from gymnasium import spaces
from mujoco_playground import dm_control_suite, registry
from mujoco_playground._src.mjx_env import MENAGERIE_PATH, MjxEnv

from rewardsmith.export.discovery import FoundSignal, discover
from rewardsmith.export.signals import split_index
from rewardsmith.worker.backends.foreign.channel import Fault
from rewardsmith.worker.backends.foreign.recording import Shared
from rewardsmith.worker.backends.foreign.sources import sources_of
from rewardsmith.worker.backends.foreign.spaces import describe
from rewardsmith.worker.backends.readers import Read, simulated

__all__ = ["PlaygroundTask"]

SHOWN = ("reset", "step", "_get_obs", "_get_termination")
"""Methods that a model may read, without what they say of the reward."""
UNREAD = re.compile(r":contact_force$|^model:center_of_mass_velocity$")
"""Quantities that MJX computes only where a sensor asks for them."""
NOT_SIGNALS = re.compile(r"rng|rew|success|time_out")
"""Entries of `info` that say nothing of the world, or judge it. `metrics` are no signals: most are terms of rewards."""
LEAST_WORLDS = 16
"""So many worlds are compiled at least: a survey, a score and a small training then run the same program."""
SETTINGS = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "NPROC": "1"}
"""Of XLA: trainings share a GPU, and a worker has one thread for each library."""
ROOMS = ("naconmax", "naccdmax")
"""Room for the contacts of all worlds together; Playground's own is for thousands."""


class PlaygroundTask:
    """One task, its worlds on the device that JAX chooses."""

    def __init__(self, memory: int, frame: int) -> None:
        self._memory, self._frame = memory, frame
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        _keep_programs()
        self._renderer: mujoco.Renderer | None = None

    def open(
        self,
        *,
        id: str,  # noqa: A002 - as in the task file
        kwargs: dict[str, Any],
        horizon: int,
        count: int,
        specs: dict[str, dict[str, Any]],
        **_: Any,
    ) -> dict[str, Any]:
        """Compile the task, step it once, and tell what is there. `kwargs` change its configuration: `sim_dt`."""
        self._worlds = max(count, LEAST_WORLDS)
        self._env = env = _load(id, kwargs, self._worlds)
        self._horizon, self._count = horizon, count
        self._start = jax.jit(lambda keys: _settled(jax.vmap(env.reset)(keys)))
        self._advance = jax.jit(lambda state, actions: _settled(jax.vmap(env.step)(state, actions)))
        self._seeds = self._episodes = self._ages = np.zeros(self._worlds, np.int64)
        self._state = self._start(self._keys())
        seen = spaces.Box(-np.inf, np.inf, _seen(self._state).shape[1:], np.float32)
        done = spaces.Box(-1.0, 1.0, (env.action_size,), np.float32)
        told = describe(seen), describe(done)
        self._shared = Shared(self._memory, count, *told)
        self._state = self._advance(self._state, np.zeros((self._worlds, env.action_size), np.float32))
        self._found = self._discover(seen, done, specs)
        return {
            "observation_space": told[0],
            "action_space": told[1],
            "signals": [list(signal) for signal in self._found.values()],
            "dt": float(env.dt),
            "fps": 1.0 / float(env.dt),
            "versions": _versions(),
        }

    def record(self, *, signals: Sequence[str], also: Sequence[str], first: int) -> dict[str, Any]:
        """What is read after each step, of every world. Raises Fault for a signal that is not there."""
        del first
        names = list(dict.fromkeys([*signals, *also]))
        for name in names:
            if name not in self._found:
                raise Fault(f"there is no signal {name!r} any more", "survey again: rewardsmith survey --fresh")
        reads = [self._bound(self._found[name].reader) for name in names]

        def look(state: Any, actions: Any) -> Any:
            state = state.replace(info={**state.info, "action": actions})
            rows = [read(state) for read in (*reads, _seen)] + [state.reward, state.done]
            return jnp.concatenate([jnp.nan_to_num(row.reshape(self._worlds, -1)) * 1.0 for row in rows], axis=1)

        self._look = jax.jit(look)
        return self._shared.allot([(name, "float32", self._found[name].shape) for name in names])

    def reset(self, *, seeds: Sequence[int | None]) -> None:
        """Start an episode in every world, in the first ones from these seeds."""
        drawn = np.random.default_rng().integers(2**31, size=self._worlds)
        given = [*seeds, *(None for _ in range(self._worlds - len(seeds)))]
        self._seeds = np.array([int(new) if seed is None else seed for seed, new in zip(given, drawn, strict=True)])
        self._episodes, self._ages = np.zeros(self._worlds, np.int64), np.zeros(self._worlds, np.int64)
        self._state = self._start(self._keys())
        self._show()

    def step(self, *, resets: bool) -> dict[str, Any]:
        """Step all worlds; with `resets` start anew where an episode has ended."""
        arrays, count = self._shared.arrays, self._count
        actions = np.zeros((self._worlds, *arrays["action"].shape[1:]), np.float32)
        actions[:count] = arrays["action"]
        self._state = self._advance(self._state, actions)
        table = np.asarray(self._look(self._state, actions))
        self._shared.spread(table[:count])
        terminated = table[:, -1] != 0
        self._ages += 1
        truncated = (self._ages >= self._horizon) & ~terminated
        arrays["stock"][:], seen = table[:count, -2], table[:count, -2 - arrays["observation"].shape[1] : -2]
        arrays["terminated"][:], arrays["truncated"][:] = terminated[:count], truncated[:count]
        arrays["last"][:], arrays["observation"][:] = seen, seen
        ended = np.flatnonzero(terminated | truncated)
        if resets and len(ended):
            self._episodes[ended] += 1
            self._ages[ended] = 0
            self._state = _exchanged(self._start(self._keys()), self._state, terminated | truncated)
            self._show()
        return {"ended": ended[ended < count].tolist() if resets else []}

    def view(self) -> dict[str, Any]:
        """The sources of the task's classes; the worker cuts the reward out."""
        return {"sources": sources_of(self._env, MjxEnv.__module__)["sources"], "shown": SHOWN}

    def origins(self) -> dict[str, Any]:
        """Hashes of the files of the task's classes."""
        return {"origins": sources_of(self._env, MjxEnv.__module__)["origins"]}

    def render(self) -> dict[str, Any]:
        """Draw the first world by MuJoCo itself, shape (480, 640, 3), into its own shared file."""
        model, state = self._env.mj_model, self._state.data
        if self._renderer is None:
            self._renderer = mujoco.Renderer(model, 480, 640)
        data = mujoco.MjData(model)
        for name in ("qpos", "qvel", "mocap_pos", "mocap_quat"):
            getattr(data, name)[:] = np.asarray(getattr(state, name)[0]).reshape(getattr(data, name).shape)
        mujoco.mj_forward(model, data)
        self._renderer.update_scene(data, camera=0 if model.ncam else -1)
        frame = self._renderer.render()
        os.ftruncate(self._frame, frame.nbytes)
        os.pwrite(self._frame, frame.tobytes(), 0)
        return {"shape": list(frame.shape)}

    def _show(self) -> None:
        self._shared.put("observation", slice(None), np.nan_to_num(np.asarray(_seen(self._state))[: self._count]))

    def _keys(self) -> Any:
        """A key for the present episode of each world."""
        return _keys(self._seeds.astype(np.uint32), self._episodes.astype(np.uint32))

    def _discover(self, seen: Any, done: Any, specs: dict[str, dict[str, Any]]) -> dict[str, FoundSignal]:
        """Signals by MuJoCo's names and by those of `info`. Raises Fault for one that the task file names wrongly."""
        model = self._env.mj_model
        here: Any = SimpleNamespace(model=model, data=mujoco.MjData(model), observation_space=seen, action_space=done)
        here.unwrapped = here
        info = {
            name: np.asarray(value)[0]
            for name, value in self._state.info.items()
            if hasattr(value, "dtype") and not NOT_SIGNALS.search(name)
        }
        try:
            found = discover(here, {name: SimpleNamespace(**spec) for name, spec in specs.items()}, info=info)
        except ValueError as error:
            raise Fault(str(error), "correct [signals] in task.toml: they must name data of the environment") from error
        return {name: signal for name, signal in found.items() if not UNREAD.search(signal.reader)}

    def _bound(self, address: str) -> Read:
        """What reads a signal of every world out of a state whose `info` holds the action."""
        base, index = split_index(address)
        kind, _, rest = base.partition(":")
        plain: dict[str, Read] = {
            "observation": _seen,
            "action": lambda state: state.info["action"],
            "terminated": lambda state: state.done,
            "info": lambda state: state.info[rest],
        }
        read = plain.get(kind)
        if read is None:
            at = simulated(self._env.mj_model, kind, rest, jnp.cross)
            read = lambda state: at(state.data)  # noqa: E731
        if index is None:
            return read
        entries = index if isinstance(index, int) else np.array(index)
        return lambda state: read(state).reshape(self._worlds, -1)[:, entries]


def _keep_programs() -> None:
    """Let compiled programs lie beside Warp's kernels, for workers of every user."""
    if "WARP_CACHE_PATH" in os.environ:
        place = Path(os.environ["WARP_CACHE_PATH"], "jax")
        place.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):  # another worker's
            place.chmod(0o777)  # without a sticky bit: two may compile the same, and the later one replaces it
        jax.config.update("jax_compilation_cache_dir", str(place))


def _load(name: str, changes: dict[str, Any], count: int) -> MjxEnv:
    """Make the task. Raises Fault."""
    if name not in registry.ALL_ENVS:
        near = difflib.get_close_matches(name, registry.ALL_ENVS, 3, 0.5)
        raise Fault(
            f"MuJoCo Playground has no task {name!r}"
            + ("; did you mean {}?".format(" or ".join(map(repr, near))) if near else ""),
            "its tasks: " + ", ".join(registry.ALL_ENVS),
        )
    if name not in dm_control_suite.ALL_ENVS and not MENAGERIE_PATH.exists():
        raise Fault(
            f"the robot of {name} is not there: Playground fetches all robots when one is first loaded, which needs "
            "git, a network, and the right to write beside its own files",
            f"load it once by hand: python -c \"from mujoco_playground import registry; registry.load('{name}')\"",
        )
    config = registry.get_default_config(name)
    try:
        if jax.default_backend() == "cpu":
            config.impl = "jax"  # on a processor it steps several times as fast as Warp does
        config.update_from_flattened_dict(changes)
        for room in ROOMS:  # a contact takes a row of constraints at least
            if room in config and room not in changes:
                config[room] = min(config[room], config.njmax * count)
        return registry.load(name, config)
    except Exception as error:
        raise Fault(
            f"{name} could not be made: {type(error).__name__}: {error}",
            "correct [environment] in task.toml; kwargs are entries of its configuration: " + ", ".join(config),
        ) from error


@jax.jit  # type: ignore[untyped-decorator]
def _keys(seeds: Any, episodes: Any) -> Any:
    return jax.vmap(lambda seed, episode: jax.random.fold_in(jax.random.PRNGKey(seed), episode))(seeds, episodes)


@jax.jit  # type: ignore[untyped-decorator]
def _exchanged(fresh: Any, state: Any, ended: Any) -> Any:
    """The state with the fresh worlds where an episode has ended; what all worlds share stays."""

    def choose(new: Any, old: Any) -> Any:
        if old.shape[:1] != ended.shape:
            return old
        return jnp.where(ended.reshape(-1, *[1] * (old.ndim - 1)), new, old)

    return jax.tree.map(choose, fresh, state)


def _settled(state: Any) -> Any:
    """The state with types that no arithmetic has left open: those of a step would compile anew for each mixture."""
    return jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, leaf.dtype), state)


def _seen(state: Any) -> Any:
    """What the policy sees, (N, numbers); the entry `state` where a critic would see more."""
    return state.obs["state"] if isinstance(state.obs, dict) else state.obs


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "numpy": np.__version__}
    for name in ("playground", "mujoco", "mujoco-mjx", "jax"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
