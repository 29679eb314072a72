import jax
import mujoco
import numpy as np

from mujoco_playground._src import mjx_env

MODEL = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <body name="cart"><joint name="slider" type="slide" axis="1 0 0"/><geom size="0.1" mass="1"/>
      <body name="pole" pos="0 0 0.1"><joint name="hinge" axis="0 1 0"/>
        <geom type="capsule" fromto="0 0 0 0 0 1" size="0.04" mass="0.1"/><site name="tip" pos="0 0 1"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor joint="slider" gear="10"/></actuator>
  <sensor><subtreelinvel name="drift" body="cart"/><jointvel name="spin" joint="hinge"/></sensor>
</mujoco>
"""
BONUS = 0.125


class Balance(mjx_env.MjxEnv):
    """Keep the pole upright; pays 1 per step and a bonus."""

    def __init__(self, config):
        self.config = config
        self.mj_model = mujoco.MjModel.from_xml_string(MODEL)
        self.action_size, self.dt = 1, 0.02

    def reset(self, rng):
        qpos = jax.random.uniform(rng, (2,), -0.05, 0.05)
        data = self.simulate(qpos, np.zeros(2), np.zeros(1), 0)
        metrics = {"reward/upright": np.zeros(()), "closeness": np.zeros(())}
        info = {"rng": rng, "command": np.ones(2), "reached": np.zeros(())}
        reward, done = np.zeros(2)
        return mjx_env.State(data, self._get_obs(data, info), reward, done, metrics, info)

    def step(self, state, action):
        data = self.simulate(state.data.qpos, state.data.qvel, action * self.config.push, 2)
        reward = self._get_reward(data, state.info, state.metrics)
        obs = self._get_obs(data, state.info)
        done = self._get_termination(data)
        return state.replace(data=data, obs=obs, reward=reward, done=done)

    def _get_obs(self, data, info):
        seen = np.concatenate([data.qpos, data.qvel])
        return {"state": seen, "privileged_state": np.concatenate([seen, info["command"]])}

    def _get_termination(self, data):
        return np.float64(abs(data.qpos[1]) > 0.3)

    def _get_reward(self, data, info, metrics):
        upright = np.cos(data.qpos[1])
        info["reached"] = np.maximum(info["reached"], upright)
        metrics["reward/upright"], metrics["closeness"] = upright, BONUS * upright
        return upright + BONUS
