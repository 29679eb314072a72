"""Runs real worker jobs, one after the other, each in a fork of one process that has loaded torch once.

`python trainings.py JOBS.json`: a list of `{"folder", "backend", "source", "numbers"}`. What runs is the worker's own
`main`; only what pays differs, by backend:

- `locked`: the reward process, as always, but for the static gates; its numbers are kept in `numbers.npz`.
- `replayed`: nobody but a list of numbers, those that `numbers` holds.
- `in_trainer`: the candidate runs in the trainer, as in most projects. The negative control.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import sb3_contrib  # noqa: F401 - what a worker loads, loaded once
import torch
from arena import SIGNALS, ungated
from attack import LONGEST_S
from stable_baselines3 import PPO

import rewardsmith.worker.__main__ as worker
import rewardsmith.worker.train as training
from rewardsmith.reward import process as room
from rewardsmith.reward.process import Answer
from rewardsmith.worker.recording import Recording
from rewardsmith.worker.rewards import RewardSource


class Kept:
    """Another source of rewards, every answer of which is kept."""

    def __init__(self, source: RewardSource, file: Path) -> None:
        self._source, self._file = source, file
        self.reads = source.reads
        self._kept: dict[str, Any] = {}

    def ask(self, recording: Recording, *, stream: str) -> Answer:
        answer = self._source.ask(recording, stream=stream)
        number = len(self._kept)
        self._kept[f"{number:04}"] = np.stack([answer.total, *answer.components.values()])
        np.savez(self._file, names=list(answer.components), **self._kept)
        return answer

    def close(self) -> None:
        self._source.close()


class Replayed:
    """Numbers that some reward paid before."""

    reads: tuple[str, ...] = tuple(SIGNALS)

    def __init__(self, file: Path) -> None:
        with np.load(file) as kept:
            self._names = kept["names"].tolist()
            self._answers = [kept[name] for name in sorted(kept.files) if name != "names"]

    def ask(self, recording: Recording, *, stream: str) -> Answer:
        total, *components = self._answers.pop(0)
        assert total.shape == recording.starts.shape
        return Answer(total, dict(zip(self._names, components, strict=True)))

    def close(self) -> None:
        pass


class InTrainer:
    """A candidate that runs where the agent is trained and scored."""

    reads: tuple[str, ...] = tuple(SIGNALS)

    def __init__(self, source: str) -> None:
        self._module: dict[str, Any] = {}
        exec(source, self._module)

    def ask(self, recording: Recording, *, stream: str) -> Answer:
        shape = recording.starts.shape
        given = [recording.arrays[name].reshape((-1, *SIGNALS[name].shape)) for name in SIGNALS]
        total, components = self._module["compute_reward"](*given)
        return Answer(total.reshape(shape), {name: value.reshape(shape) for name, value in components.items()})

    def close(self) -> None:
        pass


def run(told: dict[str, str]) -> int:
    """Run one job; ends as the worker ends."""
    folder = Path(told["folder"])
    open_rewards = training.open_rewards
    if told["backend"] == "locked":
        room.analyse = ungated
        training.open_rewards = lambda *given: Kept(open_rewards(*given), folder / "numbers.npz")
    elif told["backend"] == "replayed":
        training.open_rewards = lambda *given: Replayed(Path(told["numbers"]))
    else:
        training.open_rewards = lambda *given: InTrainer(told["source"])
    return worker.main([str(folder)])


def warm_up() -> None:
    """Let torch load what it loads when it is first used, which takes seconds."""
    torch.set_num_threads(1)
    env = gymnasium.make("CartPole-v1")
    PPO("MlpPolicy", env, n_steps=8, batch_size=8, n_epochs=1, device="cpu").learn(8)
    env.close()


def main(jobs: list[dict[str, str]]) -> None:
    """Run every job in a fork of its own; a fork that does not end by itself in time is ended."""
    warm_up()
    for told in jobs:
        child = os.fork()
        if not child:
            signal.alarm(LONGEST_S)
            log = os.open(Path(told["folder"], "log.txt"), os.O_WRONLY | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            try:
                code = run(told)
            except Exception:
                traceback.print_exc()
                code = 70
            atexit._run_exitfuncs()  # what was registered for the end; taking torch apart would take a second
            os._exit(code)
        _, status = os.waitpid(child, 0)
        Path(told["folder"], "status").write_text(str(os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
