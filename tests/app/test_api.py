"""The Python front door: what the commands do, as functions."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import sys
import threading
from pathlib import Path

import gymnasium
import pytest

import rewardsmith
from rewardsmith.errors import Interrupted, UnknownName, UsageError


def test_public_names_are_frozen():
    assert sorted(rewardsmith.__all__) == ["Client", "RewardWrapper", "__version__", "evolve", "report"]
    with pytest.raises(AttributeError, match="evolv"):
        _ = rewardsmith.evolv


def test_importing_rewardsmith_imports_nothing_heavy():
    heavy = ("torch", "gymnasium", "pydantic", "sqlalchemy")
    code = f"import sys, rewardsmith; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_evolve_and_wrap_as_the_readme_says(desk, good, capsys):
    result = rewardsmith.evolve(
        desk.task,
        runs=desk.folder / "runs",
        workers=2,
        budget="tiny",
        baselines=(),
        iters=1,
        k=1,
        model=desk.answer(good(0.1)),
    )
    assert result.status == "done"
    shown = capsys.readouterr()
    assert shown.out == ""
    said = ["plan: 1 generation of 1", "g1c00: score", "the winner is g1c00", "run is done"]
    for first, second in itertools.pairwise(said):
        assert 0 <= shown.err.index(first) < shown.err.index(second)
    opened = [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.exists()]
    assert not [name for name in opened if name.startswith(str(desk.folder))]
    env = rewardsmith.RewardWrapper(gymnasium.make("InvertedPendulum-v5"), result.best.file)
    env.reset(seed=0)
    _, reward, *_, info = env.step(env.action_space.sample())
    assert reward == pytest.approx(sum(info["reward_components"].values()))
    env.close()


@pytest.mark.parametrize("asked", [{"quiet": True}, {"observe": lambda stored, run: None}, {}])
def test_nothing_is_shown_where_that_is_asked_for_or_another_is_told(desk, good, capsys, asked):
    (desk.folder / "runs" / "taken" / "g1").mkdir(parents=True)
    told = {"name": "taken", "runs": desk.folder / "runs", "model": desk.answer(good(0.1)), "budget": "tiny"}
    with pytest.raises(UsageError, match="taken"):
        rewardsmith.evolve(desk.task, **told, **asked)
    assert ("plan: " in capsys.readouterr().err) is (asked == {})


def test_the_older_name_of_iters_is_known_and_both_are_one_too_many(desk, tmp_path):
    with pytest.raises(UsageError, match="iterations is 0"):
        rewardsmith.evolve(desk.task, runs=desk.folder / "runs", budget="tiny", iterations=0)
    with pytest.raises(UsageError, match="the same"):
        rewardsmith.evolve("ant", runs=tmp_path, iters=1, iterations=1)


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
