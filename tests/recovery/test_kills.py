"""Kill anything at random moments of a real run: nothing finished is lost or repeated, nothing is paid twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from rewardsmith.domain.events import AttemptStarted, Screened
from tests.recovery.counted import ancestors, check_nothing_twice, events_of, lost, outcome, processes

ARGUMENTS = ["--env", "inverted_pendulum", "--budget", "quick", "--steps", "4096", "--iters", "2", "--k", "3"]
ARGUMENTS += ["--seed", "5", "--deterministic", "--workers", "2", "--name", "run"]
LEVERS = ["tune.trials=2", "parents.crossed=0.34", "parents.restart_after=1", "parents.warm_start=0.5"]
EVERY_LEVER = [word for lever in LEVERS for word in ("--set", lever)]
DEADLINE_S = 900


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rewardsmith", *arguments]


def _start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = _command(*arguments, "--runs-dir", str(folder), "--json")
    with (folder / "chatter.txt").open("ab") as chatter:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=chatter, start_new_session=True)


def _kill(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def _evolve(folder: Path, *more: str) -> dict:
    """An undisturbed run."""
    process = _start(folder, "evolve", *ARGUMENTS, *more)
    out, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, (folder / "chatter.txt").read_text()[-3000:]
    return json.loads(out)


def _finish(folder: Path) -> dict:
    process = _start(folder, "resume", "run")
    out, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, (folder / "chatter.txt").read_text()[-3000:]
    return json.loads(out)


def _wait_for_run(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the first training has started (or the process has ended)."""
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until and process.poll() is None:
        if (folder / "rewardsmith.db").exists() and any(folder.glob("run/*/*/*/*/lock")):
            return
        time.sleep(0.02)


def _runners(folder: Path) -> list[int]:
    """Runners of this run's trainings."""
    return [pid for pid, line, _ in processes() if "rewardsmith.executors.runner" in line and str(folder) in line]


def _reward_processes(folder: Path) -> list[int]:
    """Interpreters that run one reward, below this run's runners; bubblewrap around them left out."""
    parents = {pid: parent for pid, _, parent in processes()}
    runners = set(_runners(folder))
    return [
        pid
        for pid, line, _ in processes()
        if "reward/start.py" in line and "bwrap" not in line and runners & set(ancestors(pid, parents))
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("undisturbed")
    result = _evolve(folder)
    return outcome(result, events_of(folder))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("more", [[], EVERY_LEVER], ids=["smith", "every lever"])
def test_the_orchestrator_killed_at_random_moments(tmp_path, tmp_path_factory, undisturbed, more):
    if more:
        alone = tmp_path_factory.mktemp("levers")
        undisturbed = outcome(_evolve(alone, *more), events_of(alone))
        origins = {event.candidate.origin for event in events_of(alone) if isinstance(event, Screened)}
        assert {"tuned", "crossed"} <= origins, "the levers did nothing: the test proves nothing"
    moments = random.Random(11)
    process = _start(tmp_path, "evolve", *ARGUMENTS, *more)
    _wait_for_run(tmp_path, process)
    for _ in range(5):
        time.sleep(moments.uniform(0.2, 3.0))
        if process.poll() is not None:
            break
        _kill(process)
        process = _start(tmp_path, "resume", "run")
    _kill(process)
    result = _finish(tmp_path)
    events = events_of(tmp_path)
    check_nothing_twice(events)
    started = [event.attempt for event in events if isinstance(event, AttemptStarted)]
    assert len(started) == len(set(started)), "a training whose runner lived on was started again"
    assert not lost(events), "killing the orchestrator costs no training"
    assert outcome(result, events) == undisturbed


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("victims_of", [_runners, _reward_processes])
def test_a_runner_or_a_reward_process_killed(tmp_path, undisturbed, victims_of):
    process = _start(tmp_path, "evolve", *ARGUMENTS)
    _wait_for_run(tmp_path, process)
    killed = 0
    moments = random.Random(3)
    while process.poll() is None and killed < 2:
        time.sleep(moments.uniform(0.3, 1.5))
        victims = victims_of(tmp_path)
        if victims:
            try:
                os.kill(moments.choice(victims), signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed += 1
    out, _ = process.communicate(timeout=DEADLINE_S)
    assert killed, "nothing was there to kill: the test proves nothing"
    assert process.returncode == 0, (tmp_path / "chatter.txt").read_text()[-3000:]
    events = events_of(tmp_path)
    check_nothing_twice(events)
    assert outcome(json.loads(out), events) == undisturbed


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_everything_killed_at_once_goes_on_from_the_checkpoints(tmp_path, undisturbed):
    process = _start(tmp_path, "evolve", *ARGUMENTS)
    _wait_for_run(tmp_path, process)
    until = time.monotonic() + DEADLINE_S
    while not list(tmp_path.glob("run/g1/*/*/try-0/out/checkpoint/current.json")):
        assert time.monotonic() < until, "no training came to its first checkpoint"
        time.sleep(0.02)
    _kill(process)
    runners = _runners(tmp_path)
    assert runners, "the runners outlive the orchestrator"
    for runner in runners:
        with suppress(ProcessLookupError):
            os.kill(runner, signal.SIGKILL)
    result = _finish(tmp_path)
    events = events_of(tmp_path)
    check_nothing_twice(events)
    assert outcome(result, events) == undisturbed
    gone = lost(events)
    assert gone, "nothing was lost: the test proves nothing"
    started = [event.attempt for event in events if isinstance(event, AttemptStarted)]
    for attempt in gone:
        assert attempt.model_copy(update={"number": attempt.number + 1}) in started, "it gets a next attempt"
    seeds = [tmp_path / "run" / "g1" / attempt.subject / f"seed-{attempt.seed}" for attempt in gone]
    assert any((seed / "try-0" / "out" / "checkpoint").is_dir() for seed in seeds), "its checkpoint stays where it is"
