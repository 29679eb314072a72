from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from attempts import (
    ENVIRONMENT,
    GRANDCHILD,
    JOB,
    WAITS,
    ExecutorConformance,
    Venue,
    end_of,
    lives,
    script,
    spec,
    tree_of,
    wait_for,
)

from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import IsolationUnavailable, UnknownName
from rewardsmith.executors import attempt_folder
from rewardsmith.executors.attempt_folder import held, read_result, runner_of
from rewardsmith.executors.executor import Done, Lost, Running
from rewardsmith.executors.local import LocalExecutor


@pytest.fixture(params=["process", "bubblewrap"])
def sandbox(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "try-0"
    LocalExecutor(1, spec("process")).stop(tmp_path / "try-0")


class LocalVenue:
    """This machine."""

    opening = (
        "from rewardsmith.executors.local import LocalExecutor as Local; open = lambda it: Local(1, spec, worker=it)"
    )

    def open(self, sandbox: SandboxSpec, worker: tuple[str, ...] | None = None) -> LocalExecutor:
        return LocalExecutor(1, sandbox, worker=worker)

    def runner(self, folder: Path) -> int | None:
        return runner_of(folder)

    def out(self, folder: Path) -> Path:
        return folder / "out"


@pytest.fixture
def venue() -> Venue:
    return LocalVenue()


class TestConformance(ExecutorConformance):
    pass


class TestStart:
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
        tree_of(LocalVenue(), folder)
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

    def test_waits_for_a_reader_that_a_busy_machine_stopped_while_it_looked(self, folder, monkeypatch):
        folder.mkdir()
        reader = os.open(folder / "lock", os.O_RDONLY | os.O_CREAT)
        fcntl.flock(reader, fcntl.LOCK_SH)
        naps: list[float] = []

        def nap(seconds: float) -> None:
            naps.append(seconds)
            if len(naps) == 3:
                os.close(reader)

        monkeypatch.setattr(attempt_folder, "time", SimpleNamespace(monotonic=lambda: 10.0 * len(naps), sleep=nap))
        with held(folder) as mine:
            assert mine
            with held(folder) as another:
                assert not another
        assert len(naps) == 3, "a runner is not waited for"

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
        tree_of(LocalVenue(), folder)
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


class TestKilling:
    def test_stop_ends_a_frozen_tree(self, sandbox, folder):
        source = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {GRANDCHILD}; {WAITS}"
        executor = LocalExecutor(1, spec(sandbox), worker=script(source))
        executor.start(folder, JOB)
        tree = tree_of(LocalVenue(), folder)
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

    def test_stop_kills_no_stranger_with_the_runners_old_number(self, folder):
        stranger = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
        folder.mkdir()
        (folder / "lock").write_text(f"{stranger.pid} 1\n")
        LocalExecutor(1, spec("process")).stop(folder)
        assert stranger.poll() is None
        stranger.communicate()
