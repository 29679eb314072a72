from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import rewardsmith
from rewardsmith.domain.job import Progress, SurveyJob
from rewardsmith.domain.sandbox import SandboxLimits, SandboxSpec
from rewardsmith.domain.task import EnvironmentSpec, ScoreRule, Task, Trainer
from rewardsmith.errors import InfrastructureError, IsolationUnavailable, UnknownName
from rewardsmith.executors.attempt_folder import read_result, runner_of
from rewardsmith.executors.executor import Done, Lost, Running
from rewardsmith.executors.local import LocalExecutor
from rewardsmith.sandboxes.tree import descendants

DEADLINE_S = 30.0
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


def spec(kind: str) -> SandboxSpec:
    return SandboxSpec(name=kind, kind=kind)


def script(source: str) -> tuple[str, ...]:
    return (sys.executable, "-s", "-P", "-c", HEAD + textwrap.dedent(source))


def wait_for(condition: Callable[[], object], what: str) -> None:
    until = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < until, f"waited {DEADLINE_S} s in vain: {what}"
        time.sleep(0.005)


def end_of(executor: LocalExecutor, folder: Path) -> Done | Lost:
    wait_for(lambda: not isinstance(executor.poll(folder), Running), "the end of the attempt")
    ended = executor.poll(folder)
    assert not isinstance(ended, Running)
    return ended


def tree_of(folder: Path) -> list[int]:
    """The attempt's runner and everything below it, once the worker stands."""
    wait_for(lambda: (folder / "out" / "token").exists(), "the worker")
    runner = runner_of(folder)
    assert runner
    return [runner, *descendants(runner)]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture(params=["process", "bubblewrap"])
def sandbox(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "try-0"
    LocalExecutor(1, spec("process")).stop(tmp_path / "try-0")


class TestStart:
    def test_runs_to_the_end_and_tells_how_far_it_is(self, sandbox, folder):
        progress = Progress(steps=1, of=2, steps_per_second=3.0)
        source = f"(out / 'progress.json').write_text({progress.model_dump_json()!r}); {WAITS}; print('done')"
        executor = LocalExecutor(1, spec(sandbox), worker=script(source))
        executor.start(folder, JOB)
        wait_for(lambda: executor.poll(folder) == Running(progress), "progress")
        assert SurveyJob.model_validate_json((folder / "job.json").read_text()) == JOB
        (folder / "out" / "go").touch()
        assert end_of(executor, folder) == Done(folder / "out")
        assert (folder / "log.txt").read_text() == "done\n"

    def test_twice_is_once(self, sandbox, folder):
        executor = LocalExecutor(1, spec(sandbox), worker=script(WAITS))
        executor.start(folder, JOB)
        before = tree_of(folder)
        token = (folder / "out" / "token").read_text()
        executor.start(folder, JOB)
        LocalExecutor(1, spec(sandbox), worker=script(WAITS)).start(folder, JOB)
        assert tree_of(folder) == before
        (folder / "out" / "go").touch()
        assert isinstance(end_of(executor, folder), Done)
        executor.start(folder, JOB)
        assert isinstance(executor.poll(folder), Done)
        assert (folder / "out" / "token").read_text() == token

    def test_by_many_processes_at_once_is_once(self, folder):
        count = "(out.parent / 'starts').open('a').write('x')"
        source = f"""
            from pathlib import Path
            from rewardsmith.domain.job import SurveyJob
            from rewardsmith.domain.sandbox import SandboxSpec
            from rewardsmith.executors.local import LocalExecutor
            job = SurveyJob.model_validate_json({JOB.model_dump_json()!r})
            spec = SandboxSpec(name="process", kind="process")
            LocalExecutor(1, spec, worker={script(f"{count}; {WAITS}")!r}).start(Path({str(folder)!r}), job)
        """
        command = [sys.executable, "-c", textwrap.dedent(source)]
        starters = [subprocess.Popen(command, env=ENVIRONMENT) for _ in range(4)]
        assert [starter.wait() for starter in starters] == [0] * 4
        tree_of(folder)
        (folder / "out" / "go").touch()
        assert isinstance(end_of(LocalExecutor(1, spec("process")), folder), Done)
        assert (folder / "starts").read_text() == "x"

    def test_while_others_look_at_the_lock(self, folder):
        executor = LocalExecutor(1, spec("process"), worker=script("pass"))
        folder.mkdir()
        (folder / "lock").touch()
        over = threading.Event()

        def look() -> None:
            while not over.is_set():
                runner_of(folder)

        threads = [threading.Thread(target=look) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            executor.start(folder, JOB)
            assert isinstance(end_of(executor, folder), Done)
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def test_after_a_lost_runner_begins_anew(self, folder):
        executor = LocalExecutor(1, spec("process"), worker=script(WAITS))
        executor.start(folder, JOB)
        os.kill(tree_of(folder)[0], signal.SIGKILL)
        assert isinstance(end_of(executor, folder), Lost)
        (folder / "out" / "go").touch()
        (folder / "out" / "stale").touch()
        (folder / "out" / "token").unlink()
        executor.start(folder, JOB)
        tree_of(folder)
        assert not (folder / "out" / "stale").exists()
        assert isinstance(executor.poll(folder), Running)

    def test_continues_from_an_earlier_attempt(self, sandbox, folder, tmp_path):
        (tmp_path / "earlier").mkdir()
        (tmp_path / "earlier" / "checkpoint").write_text("c")
        source = (
            "assert sys.argv[2] == '--resume'; (out / 'a').write_text((Path(sys.argv[3]) / 'checkpoint').read_text())"
        )
        executor = LocalExecutor(1, spec(sandbox), worker=script(source))
        executor.start(folder, JOB, resume_from=tmp_path / "earlier")
        assert isinstance(end_of(executor, folder), Done)
        assert (folder / "out" / "a").read_text() == "c"

    def test_hands_no_key_on(self, folder, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
        executor = LocalExecutor(1, spec("process"), worker=script(WAITS))
        executor.start(folder, JOB)
        for pid in tree_of(folder):
            assert b"sk-canary" not in Path(f"/proc/{pid}/environ").read_bytes()

    def test_where_nothing_can_be_written_is_an_error(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(InfrastructureError, match="file/try-0"):
            LocalExecutor(1, spec("process")).start(tmp_path / "file" / "try-0", JOB)

    def test_without_a_sandbox_is_an_error(self, monkeypatch):
        with pytest.raises(UnknownName, match="'process'"):
            LocalExecutor(1, spec("proces"))
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(IsolationUnavailable):
            LocalExecutor(1, spec("bubblewrap"))


class TestPoll:
    def test_never_sees_neither_runner_nor_result(self, folder):
        """The lock is looked at before the result: a runner that ends in between has its result by then."""
        executor = LocalExecutor(1, spec("process"), worker=script("pass"))
        for number in range(5):
            executor.start(folder / str(number), JOB)
            while isinstance(state := executor.poll(folder / str(number)), Running):
                pass
            assert isinstance(state, Done)

    def test_what_was_never_started_is_lost(self, folder):
        assert isinstance(LocalExecutor(1, spec("process")).poll(folder), Lost)

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
    def test_a_worker_that_ends_badly_is_lost_and_says_why(self, sandbox, folder, source, wall_s, said):
        limited = SandboxSpec(name=sandbox, kind=sandbox, limits=SandboxLimits(wall_s=wall_s))
        executor = LocalExecutor(1, limited, worker=script(source))
        executor.start(folder, JOB)
        ended = end_of(executor, folder)
        assert isinstance(ended, Lost)
        assert said in ended.reason
        assert not ended.fatal

    def test_a_wrong_task_is_fatal(self, sandbox, folder):
        error = {
            "type": "ScoreRuleError",
            "message": "score() \x1b[31mreturned nan" + "x" * 1000,
            "hint": "see score.py",
        }
        source = f"(out / 'error.json').write_text({json.dumps(error)!r}); sys.exit(4)"
        executor = LocalExecutor(1, spec(sandbox), worker=script(source))
        executor.start(folder, JOB)
        ended = end_of(executor, folder)
        assert isinstance(ended, Lost)
        assert ended.fatal
        assert ended.error is not None
        assert ended.error["type"] == "ScoreRuleError"
        assert "returned nan" in ended.reason
        assert "\x1b" not in ended.reason
        assert len(ended.reason) < 800

    @pytest.mark.parametrize(
        "source",
        [
            "(out / 'error.json').symlink_to('/etc/hostname')",
            "os.mkfifo(out / 'error.json')",
            "(out / 'error.json').write_text('[' * 50000)",
            "(out / 'error.json').write_text('{\"message\": 3}')",
            "(out / 'error.json').write_bytes(bytes(10**6))",
        ],
    )
    def test_an_error_file_that_is_none_is_ignored(self, folder, source):
        executor = LocalExecutor(1, spec("process"), worker=script(f"{source}; print('said'); sys.exit(4)"))
        executor.start(folder, JOB)
        assert end_of(executor, folder) == Lost("the worker ended with exit code 4: said")

    def test_progress_that_is_none_is_ignored(self, folder):
        executor = LocalExecutor(1, spec("process"), worker=script(f"os.mkfifo(out / 'progress.json'); {WAITS}"))
        executor.start(folder, JOB)
        tree_of(folder)
        assert executor.poll(folder) == Running(None)

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", '{"exit_code": 0, "more": 1}', '{"exit_code": 0, "exit_code": 0}', '{"exit_code": "x"}']
    )
    def test_a_damaged_result_is_no_result(self, folder, text):
        folder.mkdir()
        (folder / "result.json").write_text(text)
        found = LocalExecutor(1, spec("process")).poll(folder)
        assert isinstance(found, Lost)
        assert found.reason.startswith(f"its result is damaged: {folder.resolve() / 'result.json'} is no Result: ")
        assert not found.fatal

    @pytest.mark.parametrize("name", ["lock", "result.json", "log.txt", "runner.log", "out"])
    @pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
    def test_what_stands_in_place_of_its_files_neither_holds_it_up_nor_is_followed(self, folder, name, plant):
        folder.mkdir()
        (folder / "result.json").write_text('{"exit_code": 3}')
        (folder / name).unlink(missing_ok=True)
        plant(folder / name)
        assert isinstance(LocalExecutor(1, spec("process")).poll(folder), Lost)

    def test_leaves_no_zombie(self, folder):
        executor = LocalExecutor(1, spec("process"), worker=script("pass"))
        executor.start(folder, JOB)
        wait_for(lambda: read_result(folder), "the result")
        wait_for(lambda: isinstance(executor.poll(folder), Done) and not executor._children, "the reaped runner")

    def test_a_sandbox_that_breaks_later_is_lost_and_fatal(self, folder, monkeypatch):
        executor = LocalExecutor(1, spec("bubblewrap"), worker=script("pass"))
        monkeypatch.setenv("PATH", "/nowhere")
        executor.start(folder, JOB)
        ended = end_of(executor, folder)
        assert isinstance(ended, Lost)
        assert ended.fatal
        assert "bubblewrap" in ended.reason


GRANDCHILD = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)"


class TestKilling:
    def test_the_starter_costs_nothing(self, sandbox, folder):
        source = f"""
            import time
            from pathlib import Path
            from rewardsmith.domain.job import SurveyJob
            from rewardsmith.domain.sandbox import SandboxSpec
            from rewardsmith.executors.local import LocalExecutor
            job = SurveyJob.model_validate_json({JOB.model_dump_json()!r})
            spec = SandboxSpec(name={sandbox!r}, kind={sandbox!r})
            LocalExecutor(1, spec, worker={script(WAITS)!r}).start(Path({str(folder)!r}), job)
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
        before = tree_of(folder)
        executor = LocalExecutor(1, spec(sandbox), worker=script(WAITS))
        executor.start(folder, JOB)
        assert tree_of(folder) == before
        assert isinstance(executor.poll(folder), Running)
        (folder / "out" / "go").touch()
        assert end_of(executor, folder) == Done(folder / "out")

    def test_the_runner_loses_the_attempt_and_its_whole_tree(self, sandbox, folder):
        executor = LocalExecutor(1, spec(sandbox), worker=script(f"{GRANDCHILD}; {WAITS}"))
        executor.start(folder, JOB)
        tree = tree_of(folder)
        assert len(tree) >= 4
        os.kill(tree[0], signal.SIGKILL)
        assert isinstance(end_of(executor, folder), Lost)
        wait_for(lambda: not any(map(lives, tree)), "the end of the tree")

    @pytest.mark.parametrize("frozen", [False, True])
    def test_stop_ends_the_whole_tree(self, sandbox, folder, frozen):
        source = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {GRANDCHILD}; {WAITS}"
        executor = LocalExecutor(1, spec(sandbox), worker=script(source))
        executor.start(folder, JOB)
        tree = tree_of(folder)
        if frozen:
            os.kill(tree[0], signal.SIGSTOP)
        LocalExecutor(1, spec(sandbox)).stop(folder)  # any process may
        assert not any(map(lives, tree))
        assert isinstance(executor.poll(folder), Lost)
        executor.stop(folder)

    def test_a_runner_that_was_left_frozen_goes_on(self, folder):
        executor = LocalExecutor(1, spec("process"), worker=script("import time; time.sleep(0.5)"))
        executor.start(folder, JOB)
        runner = runner_of(folder)
        assert runner
        os.kill(runner, signal.SIGSTOP)
        assert isinstance(end_of(LocalExecutor(1, spec("process")), folder), Done)

    def test_stop_leaves_alone_what_has_ended(self, folder):
        executor = LocalExecutor(1, spec("process"), worker=script("pass"))
        executor.stop(folder)
        executor.start(folder, JOB)
        assert isinstance(end_of(executor, folder), Done)
        executor.stop(folder)
        assert isinstance(executor.poll(folder), Done)

    def test_stop_kills_no_stranger_with_the_runners_old_number(self, folder):
        stranger = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
        folder.mkdir()
        (folder / "lock").write_text(f"{stranger.pid} 1\n")
        LocalExecutor(1, spec("process")).stop(folder)
        assert stranger.poll() is None
        stranger.communicate()
