"""MuJoCo Warp behind torch tensors: N worlds of one model, stepped together on one device."""

from __future__ import annotations

import contextlib
import copy
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import mujoco
import mujoco_warp as mjw
import numpy as np
import torch
import warp as wp
from torch import Tensor

from rewardsmith.worker.backends.warp.contacts import align_capsules
from rewardsmith.worker.backends.warp.state import State

__all__ = ["Simulation", "servable"]

logger = logging.getLogger(__name__)

_NO_ROOM = int(
    mjw.OverflowType.NEFC
    | mjw.OverflowType.NJMAX_NNZ
    | mjw.OverflowType.BROADPHASE
    | mjw.OverflowType.NARROWPHASE
    | mjw.OverflowType.CCD
)
"""MuJoCo Warp goes on without what it has no room for."""
_LARGEST = 1e10
"""Beyond it MuJoCo calls a state broken and puts the model back to where it starts (mjMAXVAL)."""


def servable(model: mujoco.MjModel) -> mujoco.MjModel:
    """The model as MuJoCo Warp takes it: it has no PGS, whose optimum Newton's solver finds too."""
    if model.opt.solver != mujoco.mjtSolver.mjSOL_PGS:
        return model
    mine = copy.copy(model)
    mine.opt.solver = mujoco.mjtSolver.mjSOL_NEWTON
    return mine


def _share(cache: Path) -> None:
    """Let workers of other users add to what Warp compiled; started as root, the next one is another user."""
    linked = cache / "lto"
    for folder in (cache, linked):
        with contextlib.suppress(OSError):  # it is theirs, and open already
            folder.mkdir(exist_ok=True)
            folder.chmod(0o777)
    with contextlib.suppress(OSError):
        (linked / "shared").touch()  # Warp puts its own folder in the place of an empty one


class Simulation:
    """N worlds on one device. Physics is float32.

    Args:
        env: A Gymnasium environment of MuJoCo, reset at least once; only its model and frame_skip are used.
        count: N.
        device: `cpu`, or a CUDA device as torch names it.
    """

    def __init__(self, env: Any, count: int, device: str) -> None:
        wp.config.log_level = wp.LOG_WARNING
        wp.init()
        _share(Path(wp.config.kernel_cache_dir))
        self.count = count
        self.device = wp.device_from_torch(torch.device(device))
        self._frames, self._momentum = env.frame_skip, False
        model = servable(env.model)
        self._rest = mujoco.MjData(model)
        mujoco.mj_forward(model, self._rest)
        with wp.ScopedDevice(self.device):
            self._model = mjw.put_model(model)
            self._model.callback.contactfilter = align_capsules
            if self.device.is_cuda:
                self._model.opt.deterministic = int(mjw.DeterminismType.ALL)
            self._model.opt.warn_overflow = 0  # it would print in every step; `crowded` says it once
            self._data = mjw.put_data(model, self._rest, nworld=count)
        self.state = State(**{name: wp.to_torch(getattr(self._data, name)) for name in State.names()})
        self._warmstart = wp.to_torch(self._data.qacc_warmstart)
        self._time = wp.to_torch(self._data.time)
        self._overflow = wp.to_torch(self._data.overflow)
        self._records = self.device.is_cuda and wp.is_mempool_enabled(self.device)
        """Whether a step can be recorded as a graph: it allocates, which a graph can from a pool alone."""
        self._graph: Any = None

    def track_momentum(self, wanted: bool) -> None:
        """Whether velocities of subtrees are brought up to date after a step."""
        if wanted != self._momentum:
            self._momentum, self._graph = wanted, None

    def step(self, ctrl: Tensor, meanwhile: Callable[[Callable[[], bool]], None] | None = None) -> None:
        """Advance every world by one step of its environment; a state that breaks is put back as MuJoCo does it.

        Args:
            ctrl: (N, nu).
            meanwhile: What the host does while a GPU steps; it is given whether that goes on.
        """
        self.state.ctrl.copy_(ctrl)
        if self._records:
            self._launch()
        else:
            self._advance()
        if meanwhile is not None and self.device.is_cuda:
            stepped = cast(Any, torch.cuda).Event()
            stepped.record(torch.cuda.current_stream(self.state.qpos.device))
            meanwhile(lambda: not stepped.query())
        self._mend()

    def put(self, worlds: Tensor, qpos: Tensor, qvel: Tensor, warmstart: Tensor) -> None:
        """Start some worlds anew; what is derived from their states follows with the next step.

        Args:
            worlds: (k,) int64.
            qpos: (k, nq).
            qvel: (k, nv).
            warmstart: (k, nv) accelerations at which the solver begins.
        """
        for held, given in ((self.state.qpos, qpos), (self.state.qvel, qvel), (self._warmstart, warmstart)):
            held[worlds] = given.to(held)
        self.state.ctrl[worlds] = 0.0
        self._time[worlds] = 0.0

    def crowded(self) -> int:
        """In how many worlds there was no room for some contact or constraint since this was last asked."""
        worlds = int((self._overflow & _NO_ROOM != 0).sum())
        self._overflow.zero_()
        return worlds

    @property
    def rows(self) -> int:
        """Constraints that one world has room for: up to four for a contact, one for a joint at its limit."""
        return int(self._data.njmax)

    def _advance(self) -> None:
        with wp.ScopedDevice(self.device):
            for _ in range(self._frames):
                mjw.step(self._model, self._data)
            mjw.rne_postconstraint(self._model, self._data)
            if self._momentum:
                mjw.subtree_vel(self._model, self._data)

    def _launch(self) -> None:
        """Replay what a step launches as one CUDA graph, on torch's stream: no launch waits for Python."""
        if self._graph is None:
            before = [tensor.clone() for tensor in (self.state.qpos, self.state.qvel, self._warmstart, self._time)]
            self._advance()  # compiles and loads every kernel: none may load while a graph is recorded
            with wp.ScopedCapture(self.device) as capture:
                self._advance()
            self._graph = capture.graph
            wp.synchronize_device(self.device)
            for tensor, old in zip(
                (self.state.qpos, self.state.qvel, self._warmstart, self._time), before, strict=True
            ):
                tensor.copy_(old)
        wp.capture_launch(self._graph, wp.stream_from_torch(torch.cuda.current_stream(self.state.qpos.device)))

    def _mend(self) -> None:
        qpos, qvel = self.state.qpos, self.state.qvel
        sound = (qpos.abs() < _LARGEST).all(dim=1) & (qvel.abs() < _LARGEST).all(dim=1)
        broken = torch.nonzero(~sound)[:, 0]
        if len(broken):
            logger.warning("%d of %d worlds became unstable and were put back", len(broken), self.count)
            for name in State.names():
                rest = torch.from_numpy(np.ascontiguousarray(getattr(self._rest, name)))
                field = getattr(self.state, name)
                field[broken] = rest.reshape(field.shape[1:]).to(field)
            self._warmstart[broken] = 0.0
