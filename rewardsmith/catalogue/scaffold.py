"""Writes the folder of a new task, which runs as it stands and says what to change."""

from __future__ import annotations

import json
import re
from pathlib import Path

from rewardsmith.catalogue.folders import NAME
from rewardsmith.errors import TaskError

_GYM_ID = re.compile(r"([\w.]+:)?([\w.-]+/)?[\w.-]+")

_TASK = """\
title = {title}
# One sentence that says what the agent should do. It is shown to models; say nothing of how to reward it.
description = {description}

[environment]
id = {gym_id}
horizon = 1000            # steps after which an episode is cut off
# kwargs = {{ }}            # keyword arguments of gymnasium.make
# stock_reward = false    # when the environment's own reward is about something else: then it is no baseline
# module = "environment.py"   # a file in this folder that registers the environment

[score]
unit = "share"
# What score.py measures, in one line. It is shown to models.
meaning = "share of the horizon for which the episode goes on"
# target = 0.95           # a score at which the task counts as solved

[trainer]
algorithm = "stable_baselines3.PPO"   # PPO takes any action space; any class of Stable-Baselines3 or sb3-contrib
policy = "MlpPolicy"                  # "MultiInputPolicy" for observations that are a dictionary
environments = 16                     # stepped side by side
source = "general-purpose settings, not tuned for this task"

[trainer.settings]        # keyword arguments of the class; "linear:0.001" falls to zero over the training
n_steps = 64
batch_size = 256
n_epochs = 10
learning_rate = "linear:0.001"
gamma = 0.99
gae_lambda = 0.95

# A signal that the environment does not name can be cut from its observation or its info:
# [signals.height]
# source = "observation"
# index = 0
# unit = "m"
# meaning = "height of the body"

[budgets.quick]           # enough to see whether it works
steps = 50_000            # of each training
rungs = 3                 # scores on the way
k = 4                     # candidates per generation
episodes = 10             # held-out episodes per score
leaders = 2
compare_seeds = 1
confirm_seeds = 3
baseline_seeds = 1

[budgets.standard]
steps = 1_000_000

[budgets.full]
steps = 3_000_000
rungs = 6
k = 16
episodes = 20
"""

_SCORE = '''\
"""How well an episode went. Higher is better; this alone decides which reward is kept.

`rewardsmith survey --env {name}` lists the signals. Each that is named as an argument arrives as an array of one
episode, shape (T, ...); `horizon` is the number of steps after which an episode is cut off, `dt` the seconds per
step, `terminated` whether the environment ended the episode itself. All three are optional.
"""


def score(action, horizon):
    # Change this. It measures how long the episode goes on, which suits a task in which ending early is a failure.
    # Divide by the horizon and not by T, so that an episode that ends early gets less:
    #     def score(x_velocity, horizon):
    #         return float(x_velocity.sum() / horizon)
    return float(action.shape[0] / horizon)


# Optional: whether the episode was a success.
# def success(observation, terminated):
#     return not terminated

# Optional: the score as a reward per step, in the reward contract: signals of shape (N, ...), the total and its
# components of shape (N,). Without it the sparse baseline pays the score at the end of the episode.
# def sparse(x_velocity):
#     return x_velocity, {{"x_velocity": x_velocity}}
'''


def new_task(path: Path, gym_id: str) -> tuple[Path, ...]:
    """Write a task folder for a Gymnasium environment, with a score that any environment has: how long it lasts.

    Whether the environment exists is found out by the task's survey, which runs it.

    Args:
        path: Folder to make; its name is the task's name.
        gym_id: Gymnasium id such as `MyEnv-v0`, or `my_module:MyEnv-v0` to import `my_module` first.

    Returns:
        The files written.

    Raises:
        TaskError: The folder exists and is not empty, cannot be made, or a name is not usable.
    """
    name = path.resolve().name
    if not NAME.fullmatch(name):
        raise TaskError(f"{name!r} cannot name a task", hint="use letters, digits, '_', '-' and '.'")
    if not _GYM_ID.fullmatch(gym_id):
        raise TaskError(f"{gym_id!r} is no Gymnasium id", hint="write it as MyEnv-v0, or my_module:MyEnv-v0")
    texts = {
        "task.toml": _TASK.format(
            title=json.dumps(name.replace("_", " ").capitalize()),
            description=json.dumps(f"Keep the episode of {gym_id} going for as long as possible."),
            gym_id=json.dumps(gym_id),
        ),
        "score.py": _SCORE.format(name=name),
    }
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise TaskError(f"{path} exists already", hint="name a new folder; nothing was written")
        path.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            (path / file).write_text(text, encoding="utf-8")
    except OSError as fault:
        raise TaskError(
            f"{path} cannot be written: {fault.strerror}", hint="name a folder that can be written"
        ) from fault
    return tuple(path / file for file in texts)
