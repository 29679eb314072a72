"""A known good reward, what may be done to it or to its environment, and the cheapest tier that can tell.

Shared by `tests/checking` and by `python -m benchmarks.regression`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, NamedTuple

import gymnasium

from rewardsmith.domain.regression import Tier
from rewardsmith.domain.task import Task

GOOD = """import numpy as np

MEMORY = {"highest": 0.0}


def compute_reward(x_velocity, torso_position, thigh_joint_angle, prev_thigh_joint_angle, observation, action,
                   terminated, memory, *, speed_weight=2.0, effort_weight=0.001):
    speed = speed_weight * x_velocity
    effort = -effort_weight * np.square(action).sum(axis=1)
    memory["highest"] = np.maximum(memory["highest"], torso_position[:, 2])
    height = 0.3 * memory["highest"] + 0.1 * np.cos(thigh_joint_angle)
    smooth = -0.1 * np.abs(thigh_joint_angle - prev_thigh_joint_angle)
    lean = -0.05 * np.abs(observation[:, 1])
    alive = np.where(terminated, 0.0, 1.0)
    total = speed + effort + height + smooth + lean + alive
    return total, {"speed": speed, "effort": effort, "height": height, "smooth": smooth, "lean": lean, "alive": alive}
"""
"""A reward with everything that the contract has: `prev_`, memory, parameters, several components."""

Edit = tuple[str, str]


class Damage(NamedTuple):
    """What is done to the reward, and who tells what of it."""

    edits: list[Edit]
    tier: Tier
    """The cheapest that can tell."""
    words: str
    """Part of what it says."""


DAMAGE: dict[str, Damage] = {
    "sign turned": Damage([("= speed_weight", "= -speed_weight")], "replay", "component speed: it pays -1 times"),
    "weight times 10": Damage([("0.1 * np.abs(t", "1.0 * np.abs(t")], "replay", "component smooth: it pays 10 times"),
    "parameter times 10": Damage(
        [("speed_weight=2.0", "speed_weight=20.0")], "replay", "component speed: it pays 10 times"
    ),
    "term dropped": Damage([('"smooth": smooth, ', "")], "replay", "component smooth: it is gone"),
    "term not added": Damage([(" + smooth", "")], "replay", "total: differs in"),
    "term renamed": Damage([('"smooth": smooth', '"calm": smooth')], "replay", "smooth: it is called calm now"),
    "stale signal name": Damage([("x_velocity", "x_speed")], "static", "x_speed"),
    "radians as degrees": Damage(
        [("np.cos(thigh", "np.cos(np.pi / 180 * thigh")], "replay", "component height: differs in"
    ),
    "degrees for radians": Damage(
        [("0.1 * np.abs(t", "0.1 * 180 / np.pi * np.abs(t")], "replay", "57.2958 times what it paid: degrees for"
    ),
    "cast to float32": Damage(
        [("* x_velocity", "* np.float32(1.1 * x_velocity) / 1.1")], "replay", "speed: it is the same to about"
    ),
    "off-by-one prev_": Damage(
        [("compute_reward(x_velocity,", "compute_reward(prev_x_velocity,"), ("* x_velocity", "* prev_x_velocity")],
        "replay",
        "component speed: differs in",
    ),
    "prev_ for the present": Damage(
        [("abs(thigh_joint", "abs(prev_thigh_joint")], "replay", "component smooth: it pays nothing any more"
    ),
    "observation read in another order": Damage(
        [("observation[:, 1]", "observation[:, ::-1][:, 1]")], "replay", "component lean: differs in"
    ),
    "memory never reset": Damage(
        [("memory[", "KEPT["), ("MEMORY = ", 'KEPT = {"highest": 0.0}\nMEMORY = ')], "static", "KEPT"
    ),
    "memory overwritten": Damage([("torso_position[:, 2])", "2.0)")], "replay", "component height: differs in"),
    "offset": Damage([("terminated, 0.0, 1.0", "terminated, 0.5, 1.5")], "replay", "alive: it pays +0.5 on every row"),
    "import": Damage([("import numpy as np", "import numpy as np\nimport os")], "static", "os"),
    "not finite": Damage([("0.3 * memory", "np.log(-1.0) + 0.3 * memory")], "replay", "NaN"),
}
HARMLESS: dict[str, list[Edit]] = {
    "nothing": [],
    "locals renamed": [("    speed =", "    pace ="), ("speed + ", "pace + "), ('"speed": speed', '"speed": pace')],
    "comments": [("    speed =", "    # forward\n    speed =")],
    "docstring": [("    speed =", '    """Hop."""\n    speed =')],
    "layout": [(", action,", ",\n    action,\n    "), (" + alive", "  +  alive")],
    "order of components": [('"speed": speed, "effort": effort, ', '"effort": effort, "speed": speed, ')],
    "order of the sum": [("speed + effort + height", "height + effort + speed")],
    "equal algebra": [
        ("-effort_weight * np.square(action).sum(axis=1)", "-(effort_weight * (action * action)).sum(axis=1)")
    ],
    "factored": [("0.3 * memory", "0.1 * 3.0 * memory")],
    "helper function": [
        ("def comp", "def twice(x):\n    return 2 * x\n\n\ndef comp"),
        ("* x_velocity", "* 0.5 * twice(x_velocity)"),
    ],
    "order of arguments": [("x_velocity, torso_position,", "torso_position, x_velocity,")],
    "named constant": [("MEMORY =", "SCALE = 0.1\nMEMORY ="), ("-0.1 * np.abs", "-SCALE * np.abs")],
}


class Elsewhere(NamedTuple):
    """What is done to the environment: other keyword arguments, or a class that overrides it."""

    kwargs: dict[str, Any]
    body: str = ""
    """Methods of the class; `Base` is the environment's own."""
    words: str = ""
    """Part of what `replay` says; empty where nothing is to be said."""


ENVIRONMENTS: dict[str, Elsewhere] = {
    "frame skip": Elsewhere({"frame_skip": 5}, words="environment: a step takes"),
    "gravity": Elsewhere(
        {},
        """
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.model.opt.gravity[2] += 1.0
""",
        "steps from stored states, at the earliest in step 1",
    ),
    "termination removed": Elsewhere(
        {"terminate_when_unhealthy": False}, words="stored states its episode ends sooner or later"
    ),
    "observation reordered": Elsewhere(
        {},
        """
    def _get_obs(self):
        return super()._get_obs()[::-1].copy()
""",
        "signal observation: differs in",
    ),
    "stronger actuators": Elsewhere(
        {},
        """
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.model.actuator_gear[:, 0] *= 1.01
""",
        "steps from stored states, at the earliest in step 1",
    ),
}
UNHARMED: dict[str, Elsewhere] = {
    "a further signal": Elsewhere(
        {},
        """
    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, reward, terminated, truncated, {**info, "battery": 1.0}
""",
    ),
    "another stock reward": Elsewhere({"forward_reward_weight": 3.0}),
}


def edited(source: str, edits: list[Edit]) -> str:
    """The source after the edits, every one of which must find its place."""
    for old, new in edits:
        assert old in source, old
        source = source.replace(old, new)
    return source


def moved(task: Task, to: Elsewhere) -> Task:
    """The same task where its environment is another."""
    environment = task.environment.model_copy(update={"kwargs": task.environment.kwargs | to.kwargs})
    if not to.body:
        return task.model_copy(update={"environment": environment})
    module, _, name = str(gymnasium.spec(environment.id).entry_point).partition(":")
    there = f"Elsewhere{sha256((name + to.body).encode()).hexdigest()[:8]}-v0"
    source = f"""import gymnasium
from {module} import {name} as Base


class Elsewhere(Base):{to.body}

gymnasium.register("{there}", Elsewhere)
"""
    environment = environment.model_copy(update={"id": there, "module": "environment.py"})
    return task.model_copy(update={"environment": environment, "module_source": source})
