import dataclasses
from pathlib import Path

import mujoco
import numpy as np

MENAGERIE_PATH = Path(__file__).parent / "no_robots_here"


@dataclasses.dataclass
class Data:
    """Of MJX's names as many as signals are read from."""

    qpos: np.ndarray
    qvel: np.ndarray
    xpos: np.ndarray
    xquat: np.ndarray
    xmat: np.ndarray
    site_xpos: np.ndarray
    cvel: np.ndarray
    subtree_com: np.ndarray
    actuator_force: np.ndarray
    sensordata: np.ndarray
    mocap_pos: np.ndarray
    mocap_quat: np.ndarray


@dataclasses.dataclass
class State:
    data: Data
    obs: dict
    reward: np.ndarray
    done: np.ndarray
    metrics: dict
    info: dict

    def replace(self, **changes):
        return dataclasses.replace(self, **changes)


class MjxEnv:
    def simulate(self, qpos, qvel, ctrl, steps):
        """What MuJoCo makes of it, in float64."""
        data = mujoco.MjData(self.mj_model)
        data.qpos[:], data.qvel[:], data.ctrl[:] = qpos, qvel, ctrl
        mujoco.mj_forward(self.mj_model, data)
        for _ in range(steps):
            mujoco.mj_step(self.mj_model, data)
        parts = {field.name: np.array(getattr(data, field.name)) for field in dataclasses.fields(Data)}
        return Data(**{**parts, "xmat": parts["xmat"].reshape(-1, 3, 3)})
