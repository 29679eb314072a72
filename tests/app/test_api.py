"""The Python front door: what the commands do, as functions."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from pathlib import Path

import gymnasium
import pytest

import rewardsmith
from rewardsmith.errors import Interrupted, UnknownName


def test_public_names_are_frozen():
    assert sorted(rewardsmith.__all__) == ["Client", "RewardWrapper", "__version__", "evolve", "report"]
    with pytest.raises(AttributeError, match="evolv"):
        _ = rewardsmith.evolv


def test_importing_rewardsmith_imports_nothing_heavy():
    heavy = ("torch", "gymnasium", "pydantic", "sqlalchemy")
    code = f"import sys, rewardsmith; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_evolve_and_wrap_as_the_readme_says(desk, good):
    told = []
    result = rewardsmith.evolve(
        desk.task,
        runs=desk.folder / "runs",
        workers=2,
        budget="tiny",
        baselines=(),
        iterations=1,
        k=1,
        model=desk.answer(good(0.1)),
        observe=lambda stored, run: told.append(stored.event.kind),
    )
    assert result.status == "done"
    assert told[0] == "run_started"
    opened = [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.exists()]
    assert not [name for name in opened if name.startswith(str(desk.folder))]
    env = rewardsmith.RewardWrapper(gymnasium.make("InvertedPendulum-v5"), result.best.file)
    env.reset(seed=0)
    _, reward, *_, info = env.step(env.action_space.sample())
    assert reward == pytest.approx(sum(info["reward_components"].values()))
    env.close()


def test_a_wrong_name_is_an_error_that_lists_the_near_misses(tmp_path):
    with pytest.raises(UnknownName, match="ant"):
        rewardsmith.evolve("antt", runs=tmp_path)


@pytest.mark.parametrize("notebook", [False, True])
def test_ctrl_c_pauses_a_run_and_leaves_nothing_training_in_a_notebook_too(desk, good, notebook):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it

    def observe(stored, run):
        if stored.event.kind == "attempt_started":
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    def evolve():
        asked = {"budget": "tiny", "baselines": (), "iterations": 1, "k": 1, "name": "stopped"}
        runs, model = desk.folder / "runs", desk.answer(good(0.1))
        rewardsmith.evolve(desk.task, runs=runs, workers=1, model=model, observe=observe, **asked)

    async def cell():
        evolve()

    try:
        with pytest.raises(Interrupted, match="interrupted"):
            _ = asyncio.run(cell()) if notebook else evolve()
    finally:
        signal.signal(signal.SIGINT, before)
    run = desk.open().run("stopped")
    assert run.status == "paused"
    assert not run.open
