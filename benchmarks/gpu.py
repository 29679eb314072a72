"""How fast trainings are where a backend steps the environments, end to end, and where their time goes.

    python -m benchmarks.gpu --env ant --device cuda --worlds 1024 --worlds 4096
    python -m benchmarks.gpu --env ant --device cpu --worlds 16 --rollouts 2

A training rolls out and updates; the first rollout, in which kernels are compiled, is not counted. The row `gymnasium`
is the processor's: as many trainings side by side as there are cores, two at most, their rates added.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.job import Progress, RewardSpec, TrainJob
from rewardsmith.domain.survey import Signal
from rewardsmith.domain.task import Task

REWARD = """
def compute_reward(x_velocity, torso_position, action):
    forward, effort, upright = x_velocity, -0.05 * (action ** 2).sum(axis=1), 0.1 * torso_position[:, 2]
    return forward + effort + upright, {"forward": forward, "effort": effort, "upright": upright}
"""
"""What is paid: three signals of any robot that runs."""
SIGNALS = ("x_velocity", "torso_position", "action")


@dataclass
class Clock:
    """Seconds by part."""

    parts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("simulation", "reward", "update"), 0.0))

    def of(self, part: str, function: Callable[..., Any], ready: Callable[[], None]) -> Callable[..., Any]:
        """The function, timed; `ready` waits for the device."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            ready()
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                ready()
                self.parts[part] += time.perf_counter() - began

        return timed


@dataclass(frozen=True)
class Rate:
    """One row of the table."""

    name: str
    worlds: int
    steps_per_s: float
    shares: dict[str, float]


class _Silent:
    """A progress file that nobody reads."""

    score: float | None = None

    def begin(self, steps: int) -> None: ...
    def step(self, steps: int) -> None: ...
    def write(self, steps: int) -> Progress | None: ...


def measure(task: Task, rollouts: int) -> Rate:
    """Train for one rollout uncounted, then for `rollouts` more, and see where the time went."""
    import torch

    from rewardsmith.export.discovery import discover
    from rewardsmith.reward.process import RewardProcess
    from rewardsmith.worker.backends.gymnasium import make
    from rewardsmith.worker.backends.opening import open_training_worlds
    from rewardsmith.worker.learner import Learner
    from rewardsmith.worker.rewards import ProcessRewards

    torch.set_num_threads(1)
    env = make(task)
    env.reset(seed=0)
    info = env.step(env.action_space.sample())[4]
    found = discover(env, task.signals, info=info)
    signals = {n: Signal(name=n, shape=f.shape, dtype=f.dtype, meaning="-", reader=f.reader) for n, f in found.items()}
    trainer = task.trainer
    rollout = trainer.environments * int(trainer.settings["n_steps"])
    job = TrainJob(
        task=task, signals=tuple(signals[name] for name in SIGNALS), seed=0, steps=(1 + rollouts) * rollout,
        rungs=1 + rollouts, episodes=1, reward=RewardSpec(kind="candidate", reward_id="-", source=REWARD),
    )  # fmt: skip
    worlds = open_training_worlds(task)
    with RewardProcess(REWARD, signals) as process:
        rewards = ProcessRewards(process)
        learner = Learner(job, worlds, rewards)
        silent: Any = _Silent()
        learner.learn(0, silent)
        clock, ready = Clock(), torch.cuda.synchronize if trainer.device == "cuda" else _nothing
        model: Any = learner.model
        stepped, updater = ("advance", (model, "_update")) if hasattr(model, "agent") else ("step", (model, "train"))
        setattr(worlds, stepped, clock.of("simulation", getattr(worlds, stepped), ready))
        setattr(rewards, "ask", clock.of("reward", rewards.ask, ready))  # noqa: B010 - mypy minds the assignment
        setattr(*updater, clock.of("update", getattr(*updater), ready))
        began = time.perf_counter()
        for rung in range(1, 1 + rollouts):
            learner.learn(rung, silent)
        wall = time.perf_counter() - began
        learner.close()
    if hasattr(model, "agent"):
        clock.parts["update"] -= clock.parts["reward"]  # its update draws the rewards first
    shares = {part: seconds / wall for part, seconds in clock.parts.items()}
    shares["policy and rest"] = 1 - sum(shares.values())
    return Rate(f"{trainer.backend}, {trainer.algorithm}", trainer.environments, rollouts * rollout / wall, shares)


def processor(task: Task, rollouts: int) -> Rate:
    """The rate of trainings side by side, one on each of two cores."""
    cores = min(2, os.cpu_count() or 1)
    with ProcessPoolExecutor(cores) as pool:
        rates = list(pool.map(measure, [task] * cores, [rollouts] * cores))
    first = rates[0]
    return Rate(f"{first.name}, {cores} at once", first.worlds, sum(r.steps_per_s for r in rates), first.shares)


def packed(task: Task, rollouts: int, together: int) -> Rate:
    """The rate of so many trainings at once on one device, their rates added."""
    with ProcessPoolExecutor(together, mp_context=multiprocessing.get_context("spawn")) as pool:
        rates = list(pool.map(measure, [task] * together, [rollouts] * together))
    total, first = sum(rate.steps_per_s for rate in rates), rates[0]
    return Rate(f"{first.name}, {together} at once", first.worlds, total, first.shares)


def table(rates: Sequence[Rate]) -> str:
    """Markdown; times are those of the first row."""
    parts = list(rates[0].shares)
    head = ["trained by", "worlds", "steps/s", "times the processor", *(f"{part}, share" for part in parts)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for rate in rates:
        times = rate.steps_per_s / rates[0].steps_per_s
        cells = [rate.name, str(rate.worlds), f"{rate.steps_per_s:,.0f}", f"{times:.2f}"]
        lines.append("| " + " | ".join([*cells, *(f"{rate.shares[part]:.0%}" for part in parts)]) + " |")
    return "\n".join(lines)


def machine(device: str) -> str:
    """What this ran on."""
    if device == "cuda":
        import torch

        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}"
    return f"the processor ({os.cpu_count()} cores, {platform.machine()}): no GPU was used"


def _nothing() -> None:
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--env", default="ant")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--worlds", type=int, action="append", help="may be repeated")
    parser.add_argument("--rollouts", type=int, default=10)
    parser.add_argument("--packed", type=int, default=0, help="a further row: so many trainings on one device")
    options = parser.parse_args(arguments)
    task = load_task(options.env, find_folders(here=Path(__file__).resolve().parents[1]))
    rates = [processor(task, max(2, options.rollouts))]
    chosen = [task.on("warp", options.device, n) for n in options.worlds or [4096]]
    rates += [measure(each, options.rollouts) for each in chosen]
    if options.packed:
        rates.append(packed(chosen[-1], options.rollouts, options.packed))
    print(f"{options.env} on {machine(options.device)}\n")
    print(table(rates))


if __name__ == "__main__":
    main()
