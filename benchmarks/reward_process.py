"""Start-up of a reward process, and the overhead of one request beyond the numpy work itself.

    python -m benchmarks.reward_process

Both sides of the overhead are measured in turn, in one run: the same function on the same arrays, called in this
process and asked for in a locked one. The reward has ten terms over twelve signals; a request has 2,048 rows, as of 16
environments, or 98,304, as of a simulator's 4,096 worlds: those once through shared memory and once through the pipes.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.survey import Signal
from rewardsmith.isolation.namespaces import unavailable
from rewardsmith.reward import frames
from rewardsmith.reward.process import RewardProcess

FEW, MANY = (128, 16), (24, 4096)
"""Steps and environments of a request."""
STARTS, REQUESTS, LARGE_REQUESTS = 30, 300, 30
VECTORS = ("torso_position", "torso_up", "torso_linear_velocity", "torso_angular_velocity", "center_of_mass_velocity")
NUMBERS = ("x_velocity", "y_velocity", "hip_1_velocity", "hip_2_velocity", "ankle_1_angle")

SOURCE = """
import numpy as np


def compute_reward(torso_position, torso_up, torso_linear_velocity, torso_angular_velocity, center_of_mass_velocity,
                   x_velocity, y_velocity, hip_1_velocity, hip_2_velocity, ankle_1_angle, action, prev_action,
                   terminated, *, w=1.0, temperature=0.5):
    terms = {
        "forward": w * torso_linear_velocity[:, 0],
        "mass": 0.5 * center_of_mass_velocity[:, 0],
        "x": 0.1 * np.tanh(x_velocity),
        "straight": 0.2 * np.exp(-np.abs(y_velocity) / temperature),
        "upright": 0.2 * np.exp(-(1.0 - torso_up[:, 2]) / temperature),
        "height": 0.1 * np.clip(torso_position[:, 2], 0.2, 1.0),
        "spin": -0.01 * np.square(torso_angular_velocity).sum(axis=1),
        "effort": -0.02 * np.square(action).sum(axis=1),
        "smooth": -0.02 * np.square(action - prev_action).sum(axis=1),
        "gait": 0.05 * np.where(terminated, 0.0, np.abs(hip_1_velocity - hip_2_velocity) + ankle_1_angle),
    }
    return sum(terms.values()), terms
"""


def signals() -> dict[str, Signal]:
    """The signals of the benchmark's reward."""
    made = [Signal(name=name, shape=(3,), meaning="benchmark", reader="benchmark") for name in VECTORS]
    made += [Signal(name=name, shape=(), meaning="benchmark", reader="benchmark") for name in NUMBERS]
    made.append(Signal(name="action", shape=(8,), meaning="benchmark", reader="benchmark"))
    made.append(Signal(name="terminated", shape=(), dtype="bool", meaning="benchmark", reader="benchmark"))
    return {signal.name: signal for signal in made}


def start_up(namespaces: bool) -> list[float]:
    """Milliseconds from asking for a process to its being locked, with the reward loaded."""
    taken = []
    for _ in range(STARTS):
        begun = time.perf_counter()
        process = RewardProcess(SOURCE, signals(), namespaces=namespaces)
        taken.append((time.perf_counter() - begun) * 1e3)
        process.close()
    return taken


def overhead(shape: tuple[int, int], requests: int, *, namespaces: bool) -> tuple[list[float], list[float]]:
    """Milliseconds of one request, and of the same function on the same arrays in this process, in turn."""
    rng = np.random.default_rng(0)
    arrays: dict[str, npt.NDArray[Any]] = {
        signal.name: rng.normal(size=(*shape, *signal.shape)).astype(signal.dtype) for signal in signals().values()
    }
    starts = rng.random(shape) < 0.01
    module: dict[str, Any] = {}
    exec(SOURCE, module)
    names = module["compute_reward"].__code__.co_varnames[: module["compute_reward"].__code__.co_argcount]
    flat = {name: array.reshape((math.prod(shape), *array.shape[2:])) for name, array in arrays.items()}
    flat["prev_action"] = flat["action"].copy()
    arguments = [flat[name] for name in names]
    asked, called = [], []
    with RewardProcess(SOURCE, signals(), namespaces=namespaces) as process:
        for _ in range(requests):
            asked.append(_milliseconds(lambda: process.ask(arrays, starts)))
            called.append(_milliseconds(lambda: module["compute_reward"](*arguments)))
    return asked, called


def _milliseconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return (time.perf_counter() - begun) * 1e3


def told(asked: list[float], called: list[float]) -> dict[str, float]:
    """Medians in ms."""
    request, work = statistics.median(asked), statistics.median(called)
    return {"request_ms": round(request, 3), "numpy_ms": round(work, 3), "overhead_ms": round(request - work, 3)}


def main() -> None:
    """Print one JSON object: medians, with the least value beside them since other work disturbs both."""
    result: dict[str, object] = {"rows": math.prod(FEW), "terms": 10}
    for label, namespaces in (("landlock_seccomp", False), ("with_bubblewrap", True)):
        if namespaces and unavailable() is not None:
            continue
        ready = start_up(namespaces)
        result[label] = {
            "ready_ms": {"median": round(statistics.median(ready), 1), "least": round(min(ready), 1)},
            **told(*overhead(FEW, REQUESTS, namespaces=namespaces)),
        }
    large = {"shared_memory": told(*overhead(MANY, LARGE_REQUESTS, namespaces=False))}
    frames.REQUEST_ROOM = frames.ANSWER_ROOM = 1
    large["pipes"] = told(*overhead(MANY, LARGE_REQUESTS, namespaces=False))
    result["of_many_worlds"] = {"rows": math.prod(MANY), **large}
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
