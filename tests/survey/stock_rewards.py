"""What only the stock reward of each environment uses, and environments in which it is renamed and renumbered.

The table is an oracle, written by reading the source of each environment: the names that stand in the reward's
computation and nowhere else, and the lines whose numbers belong to the reward alone. It knows nothing of how the view
is made. A change of Gymnasium that moves a line is noticed, since every entry must match.
"""

import hashlib
import importlib
import inspect
import linecache
import re
import sys
from types import ModuleType

import gymnasium

MUJOCO = "gymnasium.envs.mujoco"
CLASSIC = "gymnasium.envs.classic_control"

RUNNER = ["forward_reward", "reward_info", "_get_rew", "rewards", "costs", "reward"]
HEALTHY = ["healthy_reward", "_healthy_reward"]
CONTROL = ["control_cost", "ctrl_cost", "_ctrl_cost_weight", "ctrl_cost_weight"]
FORWARD = ["_forward_reward_weight", "forward_reward_weight"]
CONTACT = ["contact_cost", "_contact_cost_weight", "contact_cost_weight"]
KEYS = ["reward_forward", "reward_ctrl", "reward_contact", "reward_survive"]

# environment: module, names that only the reward uses, (line, line with other numbers) that only the reward uses
TABLE: dict[str, tuple[str, list[str], list[tuple[str, str]]]] = {
    "Ant-v5": (
        f"{MUJOCO}.ant_v5",
        [*RUNNER, *HEALTHY, *CONTROL, *FORWARD, *CONTACT, *KEYS],
        [
            ("forward_reward_weight: float = 1,", "forward_reward_weight: float = 7,"),
            ("ctrl_cost_weight: float = 0.5,", "ctrl_cost_weight: float = 0.75,"),
            ("contact_cost_weight: float = 5e-4,", "contact_cost_weight: float = 6e-3,"),
            ("healthy_reward: float = 1.0,", "healthy_reward: float = 3.5,"),
            ("reward = rewards - costs", "reward = 3 * rewards - 0.125 * costs + 11"),
        ],
    ),
    "HalfCheetah-v5": (
        f"{MUJOCO}.half_cheetah_v5",
        ["forward_reward", "reward_info", "_get_rew", "reward", *CONTROL, *FORWARD, "reward_forward", "reward_ctrl"],
        [
            ("forward_reward_weight: float = 1.0,", "forward_reward_weight: float = 7.5,"),
            ("ctrl_cost_weight: float = 0.1,", "ctrl_cost_weight: float = 0.75,"),
            ("np.sum(np.square(action))", "np.sum(np.power(action, 4)) * 1.25"),
        ],
    ),
    "Hopper-v5": (
        f"{MUJOCO}.hopper_v5",
        [*RUNNER, *HEALTHY, *CONTROL, *FORWARD, "reward_forward", "reward_ctrl", "reward_survive"],
        [
            ("forward_reward_weight: float = 1.0,", "forward_reward_weight: float = 7.5,"),
            ("ctrl_cost_weight: float = 1e-3,", "ctrl_cost_weight: float = 0.75,"),
            ("healthy_reward: float = 1.0,", "healthy_reward: float = 3.5,"),
        ],
    ),
    "Walker2d-v5": (
        f"{MUJOCO}.walker2d_v5",
        [*RUNNER, *HEALTHY, *CONTROL, *FORWARD, "reward_forward", "reward_ctrl", "reward_survive"],
        [
            ("forward_reward_weight: float = 1.0,", "forward_reward_weight: float = 7.5,"),
            ("ctrl_cost_weight: float = 1e-3,", "ctrl_cost_weight: float = 0.75,"),
            ("healthy_reward: float = 1.0,", "healthy_reward: float = 3.5,"),
        ],
    ),
    "Humanoid-v5": (
        f"{MUJOCO}.humanoid_v5",
        [
            *[*RUNNER, *HEALTHY, *CONTROL, *FORWARD, *CONTACT, *KEYS],
            *["_contact_cost_range", "contact_cost_range", "contact_forces", "min_cost", "max_cost"],
        ],
        [
            ("forward_reward_weight: float = 1.25,", "forward_reward_weight: float = 7.5,"),
            ("ctrl_cost_weight: float = 0.1,", "ctrl_cost_weight: float = 0.75,"),
            ("contact_cost_weight: float = 5e-7,", "contact_cost_weight: float = 6e-3,"),
            ("contact_cost_range: tuple[float, float] = (-np.inf, 10.0),", "contact_cost_range: Any = (-3.0, 4.0),"),
            ("healthy_reward: float = 5.0,", "healthy_reward: float = 3.5,"),
        ],
    ),
    "HumanoidStandup-v5": (
        f"{MUJOCO}.humanoidstandup_v5",
        [
            *["uph_cost", "uph_cost_weight", "_uph_cost_weight", "pos_after", "reward", "reward_info", "_get_rew"],
            *["quad_ctrl_cost", "ctrl_cost_weight", "_ctrl_cost_weight", "quad_impact_cost", "_impact_cost_weight"],
            *["impact_cost_weight", "_impact_cost_range", "impact_cost_range", "min_impact_cost", "max_impact_cost"],
            *["reward_linup", "reward_quadctrl", "reward_impact"],
        ],
        [
            ("uph_cost_weight: float = 1,", "uph_cost_weight: float = 7,"),
            ("ctrl_cost_weight: float = 0.1,", "ctrl_cost_weight: float = 0.75,"),
            ("(pos_after - 0)", "(pos_after - 0.25)"),
            ("pos_after = self.data.qpos[2]", "pos_after = self.data.qpos[3]"),
            ("quad_impact_cost + 1", "quad_impact_cost + 9"),
            ("impact_cost_range: tuple[float, float] = (-np.inf, 10.0),", "impact_cost_range: Any = (-3.0, 4.0),"),
        ],
    ),
    "Swimmer-v5": (
        f"{MUJOCO}.swimmer_v5",
        ["forward_reward", "reward_info", "_get_rew", "reward", *CONTROL, *FORWARD, "reward_forward", "reward_ctrl"],
        [
            ("forward_reward_weight: float = 1.0,", "forward_reward_weight: float = 7.5,"),
            ("ctrl_cost_weight: float = 1e-4,", "ctrl_cost_weight: float = 0.75,"),
        ],
    ),
    "Reacher-v5": (
        f"{MUJOCO}.reacher_v5",
        [
            *["reward_dist", "reward_ctrl", "reward", "reward_info", "_get_rew", "vec", "reward_dist_weight"],
            *["_reward_dist_weight", "reward_control_weight", "_reward_control_weight"],
        ],
        [
            ("reward_dist_weight: float = 1,", "reward_dist_weight: float = 7,"),
            ("reward_control_weight: float = 1,", "reward_control_weight: float = 7,"),
            ('vec = self.get_body_com("fingertip")', 'vec = 3 * self.get_body_com("target")'),
        ],
    ),
    "Pusher-v5": (
        f"{MUJOCO}.pusher_v5",
        [
            *["reward_dist", "reward_ctrl", "reward_near", "reward", "reward_info", "_get_rew", "vec_1", "vec_2"],
            *["reward_near_weight", "_reward_near_weight", "reward_dist_weight", "_reward_dist_weight"],
            *["reward_control_weight", "_reward_control_weight"],
        ],
        [
            ("reward_near_weight: float = 0.5,", "reward_near_weight: float = 7.5,"),
            ("reward_dist_weight: float = 1,", "reward_dist_weight: float = 7,"),
            ("reward_control_weight: float = 0.1,", "reward_control_weight: float = 7,"),
            ('vec_1 = self.get_body_com("object")', 'vec_1 = 3 * self.get_body_com("goal")'),
        ],
    ),
    "InvertedPendulum-v5": (
        f"{MUJOCO}.inverted_pendulum_v5",
        ["reward", "reward_survive"],
        [("reward = int(not terminated)", "reward = 5 * int(not terminated) - 0.25")],
    ),
    "InvertedDoublePendulum-v5": (
        f"{MUJOCO}.inverted_double_pendulum_v5",
        [
            *["reward", "reward_info", "_get_rew", *HEALTHY, "alive_bonus", "dist_penalty", "vel_penalty"],
            *["reward_survive", "distance_penalty", "velocity_penalty", "v1", "v2"],
        ],
        [
            ("healthy_reward: float = 10.0,", "healthy_reward: float = 3.5,"),
            ("0.01 * x**2 + (y - 2) ** 2", "0.07 * x**4 + (y - 3) ** 6"),
            ("1e-3 * v1**2 + 5e-3 * v2**2", "7e-3 * v1**4 + 9e-3 * v2**4"),
        ],
    ),
    "CartPole-v1": (
        f"{CLASSIC}.cartpole",
        ["_sutton_barto_reward", "sutton_barto_reward", "reward", "steps_beyond_terminated"],
        [
            ("reward = 0.0 if", "reward = 0.7 if"),
            ("reward = -1.0 if", "reward = -7.0 if"),
            ("self.steps_beyond_terminated = 0", "self.steps_beyond_terminated = 5"),
        ],
    ),
    "Pendulum-v1": (
        f"{CLASSIC}.pendulum",
        ["costs", "angle_normalize"],
        [
            ("** 2 + 0.1 * thdot**2 + 0.001 * (u**2)", "** 4 + 0.7 * thdot**6 + 0.007 * (u**4)"),
            ("((x + np.pi) % (2 * np.pi)) - np.pi", "((x + 3) % 7) - 3"),
        ],
    ),
    "MountainCarContinuous-v0": (
        f"{CLASSIC}.continuous_mountain_car",
        ["reward"],
        [
            ("reward = 0\n", "reward = 3\n"),
            ("reward = 100.0", "reward = 77.0"),
            ("math.pow(action[0], 2) * 0.1", "math.pow(action[0], 4) * 0.7"),
        ],
    ),
}


def class_name(env_id: str) -> str:
    entry_point = gymnasium.spec(env_id).entry_point
    assert isinstance(entry_point, str)
    return entry_point.rpartition(":")[2]


def load(original: ModuleType, source: str) -> ModuleType:
    """The module with another source, findable by `inspect`, in the package of the original."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:8]
    module = ModuleType(f"{original.__name__}_{digest}")
    # the assets of the original are found by its path
    module.__file__ = f"{original.__file__}.{digest}"
    module.__package__ = original.__package__
    module.__loader__ = original.__loader__
    source = "from typing import Any\n" + source
    linecache.cache[module.__file__] = (len(source), None, source.splitlines(keepends=True), module.__file__)
    sys.modules[module.__name__] = module
    exec(compile(source, module.__file__, "exec"), module.__dict__)
    return module


def renamed(source: str, names: list[str]) -> str:
    """Every one of the names replaced by another, in code and in strings."""
    for number, name in enumerate(sorted(names, key=len, reverse=True)):
        pattern = rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])"
        assert re.search(pattern, source), f"{name} is not in the source any more"
        source = re.sub(pattern, f"zz{number}", source)
    return source


def renumbered(source: str, lines: list[tuple[str, str]]) -> str:
    """Every one of the lines replaced by one with other numbers."""
    for line, other in lines:
        assert line in source, f"{line!r} is not in the source any more"
        source = source.replace(line, other)
    return source


def changed(env_id: str, change: str) -> ModuleType:
    """The environment's module with its reward `renamed`, `renumbered` or `both`."""
    name, names, lines = TABLE[env_id]
    original = importlib.import_module(name)
    source = inspect.getsource(original)
    source = source if change == "renamed" else renumbered(source, lines)
    return load(original, source if change == "renumbered" else renamed(source, names))
