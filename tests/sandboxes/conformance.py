"""What every sandbox must do; subclass `SandboxConformance` and set `sandbox`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import rewardsmith
from rewardsmith.domain.sandbox import SandboxLimits, SandboxSpec
from rewardsmith.sandboxes.registry import open_sandbox
from rewardsmith.sandboxes.sandbox import Outcome

DEADLINE_S = 30.0


def script(source: str) -> tuple[str, ...]:
    """A worker command that runs `source`: `folder` is the job folder, `out` its `out/`, `rest` the arguments after."""
    head = "import os, sys, time\nfrom pathlib import Path\n"
    head += "folder = Path(sys.argv[1]); out = folder / 'out'; rest = sys.argv[2:]\n"
    return (sys.executable, "-s", "-P", "-c", head + textwrap.dedent(source))


def spec(kind: str, **limits: float) -> SandboxSpec:
    """The sandbox of that kind as it is shipped, but for `limits`."""
    return SandboxSpec(name=kind, kind=kind, limits=SandboxLimits(**limits))


def alive(word: str) -> list[int]:
    """Processes other than zombies whose command line holds `word`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if word.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def wait_for(condition, what: str):
    """The first true value of `condition()`."""
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited {DEADLINE_S} s in vain: {what}")


class SandboxConformance:
    """What every sandbox must do."""

    sandbox: str

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "job").mkdir()
        (tmp_path / "job" / "job.json").write_text('{"a": 1}')
        return tmp_path / "job"

    @pytest.fixture
    def word(self, tmp_path: Path) -> str:
        """Marks the processes of this test by an argument of theirs."""
        return f"marked-{os.getpid()}-{abs(hash(tmp_path))}"

    def run(self, folder: Path, source: str, *, resume_from: Path | None = None, **limits: float) -> Outcome:
        sandbox = open_sandbox(spec(self.sandbox, **limits), worker=script(source))
        return sandbox.run(folder, resume_from=resume_from)

    def test_it_works_here(self) -> None:
        sandbox = open_sandbox(spec(self.sandbox))
        sandbox.check()
        assert sandbox.name == self.sandbox

    def test_job_in_files_out(self, folder: Path) -> None:
        outcome = self.run(folder, "(out / 'b.txt').write_text((folder / 'job.json').read_text()); print('said')")
        assert outcome == Outcome(exit_code=0, timed_out=False)
        assert (folder / "out" / "b.txt").read_text() == '{"a": 1}'
        assert (folder / "log.txt").read_text() == "said\n"

    @pytest.mark.parametrize(("end", "code"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", 137), ("1 / 0", 1)])
    def test_an_exit_code_is_a_result(self, folder: Path, end: str, code: int) -> None:
        assert self.run(folder, end) == Outcome(exit_code=code, timed_out=False)

    def test_resumes_from_an_earlier_folder(self, folder: Path, tmp_path: Path) -> None:
        earlier = tmp_path / "earlier"
        earlier.mkdir()
        (earlier / "weights").write_text("w")
        source = "assert rest[0] == '--resume'; (out / 'copy').write_text((Path(rest[1]) / 'weights').read_text())"
        assert self.run(folder, source, resume_from=earlier).exit_code == 0
        assert (folder / "out" / "copy").read_text() == "w"

    def test_no_key_and_one_thread(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
        monkeypatch.setenv("LD_PRELOAD", "")
        source = "import json; (out / 'env').write_text(json.dumps(dict(os.environ)))"
        assert self.run(folder, source).exit_code == 0
        inside = json.loads((folder / "out" / "env").read_text())
        assert "sk-canary" not in str(inside)
        assert "LD_PRELOAD" not in inside
        assert inside["OMP_NUM_THREADS"] == "1"

    def test_the_package_and_numpy_can_be_imported(self, folder: Path) -> None:
        assert self.run(folder, "import numpy, rewardsmith.domain.job").exit_code == 0, (folder / "log.txt").read_text()

    def test_the_wall_clock_ends_the_whole_tree(self, folder: Path, word: str) -> None:
        source = f"""
            import signal, subprocess
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            child = [sys.executable, "-c", "import time; time.sleep(600)", "{word}"]
            subprocess.Popen(child, start_new_session=True)
            (out / "ready").touch()
            time.sleep(600)
        """
        began = time.monotonic()
        outcome = self.run(folder, source, wall_s=3.0)
        assert outcome.timed_out
        assert time.monotonic() - began < 10
        assert (folder / "out" / "ready").exists()
        assert not alive(word)

    def test_what_a_worker_leaves_behind_is_ended(self, folder: Path, word: str) -> None:
        source = f"""
            import subprocess
            child = [sys.executable, "-c", "import time; time.sleep(600)", "{word}"]
            subprocess.Popen(child, start_new_session=True)
        """
        assert self.run(folder, source, wall_s=60).exit_code == 0
        assert not alive(word)

    def test_nothing_survives_the_one_who_runs_it(self, folder: Path, word: str) -> None:
        source = f"""
            import subprocess
            child = [sys.executable, "-c", "import time; time.sleep(600)", "{word}"]
            subprocess.Popen(child, start_new_session=True)
            (out / "ready").touch()
            time.sleep(600)
        """
        runner = f"""
            from pathlib import Path
            from rewardsmith.domain.sandbox import SandboxSpec
            from rewardsmith.sandboxes.registry import open_sandbox
            spec = SandboxSpec(name={self.sandbox!r}, kind={self.sandbox!r})
            open_sandbox(spec, worker={script(source)!r}).run(Path({str(folder)!r}))
        """
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(runner)],
            env=os.environ | {"PYTHONPATH": str(Path(rewardsmith.__file__).parents[1])},
        )
        try:
            wait_for(lambda: (folder / "out" / "ready").exists() and alive(word), "the worker's child")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        wait_for(lambda: not alive(word), "the end of the worker's tree")

    def test_a_flood_is_cut_and_blocks_nobody(self, folder: Path) -> None:
        outcome = self.run(folder, "for _ in range(320): sys.stdout.write('x' * 65536)", wall_s=60, log_mib=1)
        assert outcome == Outcome(exit_code=0, timed_out=False)
        log = (folder / "log.txt").read_bytes()
        assert log[: 2**20] == b"x" * 2**20
        assert len(log) < 2**20 + 100

    def test_files_and_memory_are_limited(self, folder: Path) -> None:
        source = """
            try:
                with open(out / "big", "wb") as file:
                    for _ in range(64):
                        file.write(bytes(2**18))
            except OSError as error:
                print(error.strerror)
            try:
                bytearray(2**30)
            except MemoryError:
                print("MemoryError")
        """
        assert self.run(folder, source, output_mib=8, memory_mib=512).exit_code == 0
        assert (folder / "log.txt").read_text().split("\n") == ["File too large", "MemoryError", ""]
        assert (folder / "out" / "big").stat().st_size <= 8 * 2**20

    def test_a_reward_process_can_lock_itself_inside(self, folder: Path) -> None:
        source = """
            import numpy as np
            from rewardsmith.domain.survey import Signal
            from rewardsmith.reward.process import RewardProcess
            height = Signal(name="height", shape=(), meaning="m", reader="r")
            source = "def compute_reward(height): return 2 * height, {'height': 2 * height}"
            with RewardProcess(source, {"height": height}, namespaces=False) as process:
                answer = process.ask({"height": np.ones((3, 2))}, np.zeros((3, 2), dtype=bool))
            assert (answer.total == 2.0).all()
        """
        assert self.run(folder, source).exit_code == 0, (folder / "log.txt").read_text()
