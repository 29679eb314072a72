"""A worker that the kernel kills for its group's limit is lost to the machine, for a reason that names the limit."""

from __future__ import annotations

import sys
import textwrap
import time

import pytest

from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.sandbox import SandboxLimits, SandboxSpec
from rewardsmith.domain.task import EnvironmentSpec, ScoreRule, Task, Trainer
from rewardsmith.executors.executor import Lost, Running
from rewardsmith.executors.local import LocalExecutor
from rewardsmith.isolation import cgroups

here = cgroups.places()
TASK = Task(
    name="t",
    title="t",
    description="t",
    environment=EnvironmentSpec(id="CartPole-v1", horizon=10),
    score=ScoreRule(source="", meaning="m"),
    trainer=Trainer(algorithm="stable_baselines3.PPO", source="s"),
    budgets={},
)
HUNGRY = """
    import os, signal
    for _ in range(4):
        if os.fork() == 0:
            block = bytearray(2**27)
            block[:: 4096] = b"x" * 2**15
            signal.pause()
    block = bytearray(3 * 2**26)
    block[:: 4096] = b"x" * (3 * 2**14)
    signal.pause()
"""


@pytest.mark.skipif(isinstance(here, str), reason=str(here))
@pytest.mark.parametrize("kind", ["process", "bubblewrap"])
def test_it_is_told_by_the_limits_name(kind, tmp_path):
    sandbox = SandboxSpec(name=kind, kind=kind, limits=SandboxLimits(memory_mib=300, wall_s=120))
    executor = LocalExecutor(1, sandbox, worker=(sys.executable, "-c", textwrap.dedent(HUNGRY)))
    executor.start(tmp_path / "a", SurveyJob(task=TASK))
    while isinstance(state := executor.poll(tmp_path / "a"), Running):
        time.sleep(0.01)
    assert isinstance(state, Lost)
    assert not state.fatal
    assert "killed by signal 9 (out of memory" in state.reason
    assert "300 MiB (memory_mib)" in state.reason
