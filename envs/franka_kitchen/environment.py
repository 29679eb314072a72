"""The kitchen with its observation as one array: the goal, which is always the same, is left out of it."""

import gymnasium
from gymnasium.wrappers import TransformObservation

import rewardsmith.environments.robotics  # noqa: F401 - lets Gymnasium-Robotics know its joints


def kitchen(**kwargs):
    env = gymnasium.make("FrankaKitchen-v1", disable_env_checker=True, max_episode_steps=-1, **kwargs)
    env.unwrapped.dt = env.unwrapped.robot_env.dt
    return TransformObservation(env, lambda seen: seen["observation"], env.observation_space["observation"])


gymnasium.register("Kitchen-v1", entry_point=kitchen)
