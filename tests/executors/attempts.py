"""What every executor promises, wherever its workers run; and a venue: how a test opens one and looks behind it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

import rewardsmith
from rewardsmith.domain.job import Progress, SurveyJob
from rewardsmith.domain.sandbox import SandboxLimits, SandboxSpec
from rewardsmith.domain.task import EnvironmentSpec, ScoreRule, Task, Trainer
from rewardsmith.errors import InfrastructureError
from rewardsmith.executors.executor import Done, Executor, Lost, Running
from rewardsmith.sandboxes.tree import descendants

DEADLINE_S = 300.0
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(rewardsmith.__file__).parents[1])}
HEAD = """\
import os, subprocess, sys, time
from pathlib import Path
folder = Path(sys.argv[1]); out = folder / "out"
def wait_for_go():
    while not (out / "go").exists():
        time.sleep(0.005)
"""
TASK = Task(
    name="t",
    title="t",
    description="t",
    environment=EnvironmentSpec(id="CartPole-v1", horizon=10),
    score=ScoreRule(source="", meaning="m"),
    trainer=Trainer(algorithm="stable_baselines3.PPO", source="s"),
    budgets={},
)
JOB = SurveyJob(task=TASK)

WAITS = "(out / 'part').write_text(os.urandom(8).hex()); (out / 'part').rename(out / 'token'); wait_for_go()"
"""A token is there whole or not at all: whoever sees it may read it."""
GRANDCHILD = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)"


def spec(kind: str, **limits: float) -> SandboxSpec:
    return SandboxSpec(name=kind, kind=kind, limits=SandboxLimits.model_validate(limits))


def script(source: str) -> tuple[str, ...]:
    return (sys.executable, "-s", "-P", "-c", HEAD + textwrap.dedent(source))


def wait_for(condition: Callable[[], object], what: str) -> None:
    until = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < until, f"waited {DEADLINE_S} s in vain: {what}"
        time.sleep(0.005)


def end_of(executor: Executor, folder: Path) -> Done | Lost:
    wait_for(lambda: not isinstance(executor.poll(folder), Running), "the end of the attempt")
    ended = executor.poll(folder)
    assert not isinstance(ended, Running)
    return ended


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Venue(Protocol):
    """Where the attempts of a test run."""

    opening: str
    """Python that defines `open(worker)`, for a process that opens the same executor."""

    def open(self, sandbox: SandboxSpec, worker: tuple[str, ...] | None = None) -> Executor:
        """An executor with one slot."""
        ...

    def runner(self, folder: Path) -> int | None:
        """Pid of the attempt's live runner."""
        ...

    def out(self, folder: Path) -> Path:
        """Where its worker writes while it lives."""
        ...


def tree_of(venue: Venue, folder: Path) -> list[int]:
    """The attempt's runner and everything below it, once the worker stands."""
    wait_for(lambda: (venue.out(folder) / "token").exists(), "the worker")
    runner = venue.runner(folder)
    assert runner
    return [runner, *descendants(runner)]


class ExecutorConformance:
    """Subclasses give the fixtures `venue` and `sandbox`."""

    @pytest.fixture
    def folder(self, venue: Venue, tmp_path: Path) -> Iterator[Path]:
        yield tmp_path / "runs" / "try-0"
        venue.open(spec("process")).stop(tmp_path / "runs" / "try-0")

    def test_runs_to_the_end_and_tells_how_far_it_is(self, venue, sandbox, folder):
        progress = Progress(steps=1, of=2, steps_per_second=3.0)
        source = f"(out / 'progress.json').write_text({progress.model_dump_json()!r}); {WAITS}; print('done')"
        executor = venue.open(spec(sandbox), script(source))
        executor.start(folder, JOB)
        wait_for(lambda: executor.poll(folder) == Running(progress), "progress")
        assert SurveyJob.model_validate_json((folder / "job.json").read_text()) == JOB
        (venue.out(folder) / "go").touch()
        assert end_of(executor, folder) == Done(folder / "out")
        assert (folder / "out" / "token").exists()
        assert (folder / "log.txt").read_text() == "done\n"

    def test_twice_is_once(self, venue, sandbox, folder):
        executor = venue.open(spec(sandbox), script(WAITS))
        executor.start(folder, JOB)
        before = tree_of(venue, folder)
        token = (venue.out(folder) / "token").read_text()
        executor.start(folder, JOB)
        venue.open(spec(sandbox), script(WAITS)).start(folder, JOB)
        assert tree_of(venue, folder) == before
        (venue.out(folder) / "go").touch()
        assert isinstance(end_of(executor, folder), Done)
        executor.start(folder, JOB)
        assert isinstance(executor.poll(folder), Done)
        assert (folder / "out" / "token").read_text() == token

    def test_after_a_lost_runner_begins_anew(self, venue, folder):
        executor = venue.open(spec("process"), script(WAITS))
        executor.start(folder, JOB)
        tree = tree_of(venue, folder)
        (venue.out(folder) / "stale").touch()
        os.kill(tree[0], signal.SIGKILL)
        assert isinstance(end_of(executor, folder), Lost)
        wait_for(lambda: not any(map(lives, tree)), "the end of the tree")
        (venue.out(folder) / "token").unlink(missing_ok=True)
        executor.start(folder, JOB)
        tree_of(venue, folder)
        assert not (venue.out(folder) / "stale").exists()
        assert isinstance(executor.poll(folder), Running)

    def test_continues_from_an_earlier_attempt(self, venue, sandbox, folder):
        earlier = folder.with_name("try-earlier") / "out"
        earlier.mkdir(parents=True)
        (earlier / "checkpoint").write_text("c")
        source = (
            "assert sys.argv[2] == '--resume'; (out / 'a').write_text((Path(sys.argv[3]) / 'checkpoint').read_text())"
        )
        executor = venue.open(spec(sandbox), script(source))
        executor.start(folder, JOB, resume_from=earlier)
        assert isinstance(end_of(executor, folder), Done)
        assert (folder / "out" / "a").read_text() == "c"

    def test_hands_no_key_on(self, venue, folder, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
        executor = venue.open(spec("process"), script(WAITS))
        executor.start(folder, JOB)
        for pid in tree_of(venue, folder):
            assert b"sk-canary" not in Path(f"/proc/{pid}/environ").read_bytes()

    def test_what_was_never_started_is_lost(self, venue, folder):
        assert isinstance(venue.open(spec("process")).poll(folder), Lost)

    @pytest.mark.parametrize(
        ("source", "wall_s", "said"),
        [
            (
                "print('Traceback:'); print('OSError: no simulator'); sys.exit(3)",
                60.0,
                "exit code 3: OSError: no simulator",
            ),
            ("os.kill(os.getpid(), 9)", 60.0, "killed by signal 9"),
            ("time.sleep(600)", 1.0, "wall clock"),
        ],
    )
    def test_a_worker_that_ends_badly_is_lost_and_says_why(self, venue, sandbox, folder, source, wall_s, said):
        executor = venue.open(spec(sandbox, wall_s=wall_s), script(source))
        executor.start(folder, JOB)
        ended = end_of(executor, folder)
        assert isinstance(ended, Lost)
        assert said in ended.reason
        assert not ended.fatal

    def test_a_wrong_task_is_fatal(self, venue, sandbox, folder):
        error = {
            "type": "ScoreRuleError",
            "message": "score() \x1b[31mreturned nan" + "x" * 1000,
            "hint": "see score.py",
        }
        source = f"(out / 'error.json').write_text({json.dumps(error)!r}); sys.exit(4)"
        executor = venue.open(spec(sandbox), script(source))
        executor.start(folder, JOB)
        ended = end_of(executor, folder)
        assert isinstance(ended, Lost)
        assert ended.fatal
        assert ended.error is not None
        assert ended.error["type"] == "ScoreRuleError"
        assert "returned nan" in ended.reason
        assert "\x1b" not in ended.reason
        assert len(ended.reason) < 800

    def test_the_starter_costs_nothing(self, venue, sandbox, folder):
        source = f"""
            import time
            from pathlib import Path
            from rewardsmith.domain.job import SurveyJob
            from rewardsmith.domain.sandbox import SandboxSpec
            job = SurveyJob.model_validate_json({JOB.model_dump_json()!r})
            spec = SandboxSpec(name={sandbox!r}, kind={sandbox!r})
            {venue.opening}
            open({script(WAITS)!r}).start(Path({str(folder)!r}), job)
            print("started", flush=True)
            time.sleep(600)
        """
        starter = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(source)],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        os.killpg(starter.pid, signal.SIGKILL)
        starter.wait()
        starter.stdout.close()
        before = tree_of(venue, folder)
        executor = venue.open(spec(sandbox), script(WAITS))
        executor.start(folder, JOB)
        assert tree_of(venue, folder) == before
        assert isinstance(executor.poll(folder), Running)
        (venue.out(folder) / "go").touch()
        assert end_of(executor, folder) == Done(folder / "out")

    def test_the_runner_loses_the_attempt_and_its_whole_tree(self, venue, sandbox, folder):
        executor = venue.open(spec(sandbox), script(f"{GRANDCHILD}; {WAITS}"))
        executor.start(folder, JOB)
        tree = tree_of(venue, folder)
        assert len(tree) >= 4
        os.kill(tree[0], signal.SIGKILL)
        assert isinstance(end_of(executor, folder), Lost)
        wait_for(lambda: not any(map(lives, tree)), "the end of the tree")

    def test_stop_ends_the_whole_tree(self, venue, sandbox, folder):
        source = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {GRANDCHILD}; {WAITS}"
        executor = venue.open(spec(sandbox), script(source))
        executor.start(folder, JOB)
        tree = tree_of(venue, folder)
        venue.open(spec(sandbox)).stop(folder)  # any process may
        assert not any(map(lives, tree))
        assert isinstance(executor.poll(folder), Lost)
        executor.stop(folder)

    def test_stop_leaves_alone_what_has_ended(self, venue, folder):
        executor = venue.open(spec("process"), script("pass"))
        executor.stop(folder)
        executor.start(folder, JOB)
        assert isinstance(end_of(executor, folder), Done)
        executor.stop(folder)
        assert isinstance(executor.poll(folder), Done)

    def test_where_nothing_can_be_written_is_an_error(self, venue, tmp_path):
        (tmp_path / "runs").mkdir(exist_ok=True)
        (tmp_path / "runs" / "file").write_text("")
        with pytest.raises(InfrastructureError, match="file/try-0"):
            venue.open(spec("process")).start(tmp_path / "runs" / "file" / "try-0", JOB)
