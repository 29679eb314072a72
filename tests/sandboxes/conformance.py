"""What every sandbox must do, and what most promise; subclass `SandboxConformance` and set `sandbox`.

A promise is tried by a worker that ends by `contained()` or `reached(what)`. A kind keeps what is among its `promises`;
what is among its `reaches` must be reached, or the probe proves nothing; anything else depends on the machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import pytest

import rewardsmith
from rewardsmith.domain.sandbox import SandboxLimits, SandboxSpec
from rewardsmith.isolation import cgroups
from rewardsmith.sandboxes.identity import can_give_users
from rewardsmith.sandboxes.registry import open_sandbox
from rewardsmith.sandboxes.sandbox import Outcome

DEADLINE_S = 300.0
CONTAINED, REACHED = 20, 21

PROMISES = frozenset(
    {
        "no network",
        "no file but its own",
        "private /tmp and /dev/shm",
        "read-only interpreter",
        "read-only job",
        "no other process in sight",
        "not root",
        "no capability, and none to be had",
        "calls refused",
        "processes limited",
        "memory of all together",
    }
)
"""What the best sandboxes promise beyond what all do."""

HEAD = f"""\
import os, sys, time
from pathlib import Path
folder = Path(sys.argv[1]); out = folder / 'out'; rest = sys.argv[2:]
def contained():
    sys.exit({CONTAINED})
def reached(what):
    print('reached', what); sys.exit({REACHED})
"""


SEES = """
def sees(word):
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if word.encode() in (entry / "cmdline").read_bytes():
                return True
        except OSError:
            continue
"""
"""Whether a process has `word` in its command line; the worker's own must hold it in pieces only."""


def script(source: str, python: str = sys.executable) -> tuple[str, ...]:
    """A worker command that runs `source` by the interpreter `python`.

    There `folder` is the job folder, `out` its `out/`, `rest` the arguments after.
    """
    return (python, "-s", "-P", "-c", HEAD + textwrap.dedent(source))


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
    """Its kind."""
    promises = PROMISES
    """What it keeps."""
    reaches: frozenset[str] = frozenset()
    """What its workers reach all the same."""
    python = sys.executable
    """The interpreter of its workers, as they see it."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "job").mkdir()
        (tmp_path / "job" / "job.json").write_text('{"a": 1}')
        return tmp_path / "job"

    @pytest.fixture
    def word(self, tmp_path: Path) -> str:
        """Marks the processes of this test by an argument of theirs."""
        return f"marked-{os.getpid()}-{abs(hash(tmp_path))}"

    def spec(self, **limits: float) -> SandboxSpec:
        """The sandbox with `limits`; overridden by kinds that need more to be said."""
        return spec(self.sandbox, **limits)

    def run(self, folder: Path, source: str, *, resume_from: Path | None = None, **limits: float) -> Outcome:
        sandbox = open_sandbox(self.spec(**limits), worker=script(source, self.python))
        return sandbox.run(folder, resume_from=resume_from)

    def judge(self, promise: str, outcome: Outcome, folder: Path, *, got_out: bool = False) -> None:
        """Compare what a probe found with what is promised."""
        log = (folder / "log.txt").read_text()
        assert outcome.exit_code in (CONTAINED, REACHED), (outcome, log)
        reached = got_out or outcome.exit_code == REACHED
        assert not (reached and promise in self.promises), log
        assert reached or promise not in self.reaches, f"{promise}: the probe no longer reaches what it should"

    def test_it_works_here(self) -> None:
        sandbox = open_sandbox(self.spec())
        sandbox.check()
        assert sandbox.name == self.spec().name
        assert len(sandbox.describe().splitlines()) == 1

    def test_job_in_files_out(self, folder: Path) -> None:
        outcome = self.run(folder, "(out / 'b.txt').write_text((folder / 'job.json').read_text()); print('said')")
        assert outcome == Outcome(exit_code=0, timed_out=False)
        assert (folder / "out" / "b.txt").read_text() == '{"a": 1}'
        assert (folder / "log.txt").read_text() == "said\n"

    @pytest.mark.parametrize(("end", "code"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", 137), ("1 / 0", 1)])
    def test_an_exit_code_is_a_result(self, folder: Path, end: str, code: int) -> None:
        assert self.run(folder, end) == Outcome(exit_code=code, timed_out=False)

    @pytest.fixture
    def earlier(self, tmp_path: Path) -> Path:
        """The `out/` of an earlier worker, whose files everybody may read."""
        earlier = tmp_path / "earlier"
        earlier.mkdir()
        (earlier / "weights").write_text("w")
        earlier.chmod(0o755)
        (earlier / "weights").chmod(0o644)
        return earlier

    def test_resumes_from_an_earlier_folder(self, folder: Path, earlier: Path) -> None:
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
        outcome = self.run(folder, source, wall_s=3.0)
        if not (folder / "out" / "ready").exists():  # this machine is busy
            outcome = self.run(folder, source, wall_s=60.0)
        assert outcome.timed_out
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
            spec = SandboxSpec.model_validate_json({self.spec().model_dump_json()!r})
            open_sandbox(spec, worker={script(source, self.python)!r}).run(Path({str(folder)!r}))
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

    def test_the_largest_file_is_limited(self, folder: Path) -> None:
        source = """
            try:
                with open(out / "big", "wb") as file:
                    for _ in range(64):
                        file.write(bytes(2**18))
            except OSError as error:
                print(error.strerror)
        """
        assert self.run(folder, source, output_mib=8).exit_code == 0
        assert (folder / "log.txt").read_text() == "File too large\n"
        assert (folder / "out" / "big").stat().st_size <= 8 * 2**20

    def test_memory_is_limited(self, folder: Path) -> None:
        """By an exception in the worker, or by its end with a reason."""
        source = """
            try:
                block = bytearray(2**30)
                block[:: 4096] = bytes(b"x") * (2**18)
            except MemoryError:
                sys.exit(9)
        """
        outcome = self.run(folder, source, memory_mib=512)
        assert outcome.exit_code == 9 or (outcome.exit_code == 137 and "512 MiB" in outcome.reason), outcome

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

    def test_no_network(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            datagrams.bind(("127.0.0.1", 0))
            source = f"""
                import socket
                try:
                    socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", {datagrams.getsockname()[1]}))
                except OSError:
                    pass
                try:
                    socket.create_connection(("127.0.0.1", {stream.getsockname()[1]}), timeout=5)
                except OSError:
                    contained()
                reached("a listener")
            """
            outcome = self.run(folder, source)
            arrived = bool(select.select([datagrams], [], [], 0)[0])
        self.judge("no network", outcome, folder, got_out=arrived)

    def test_no_file_but_its_own(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "private").write_text("key")
        source = f"""
            for place in ({str(tmp_path / "private")!r}, {str(Path(__file__))!r}, {str(Path.home() / ".bashrc")!r}):
                if os.path.exists(place):
                    reached(place)
            contained()
        """
        self.judge("no file but its own", self.run(folder, source), folder)

    def test_private_tmp_and_shm(self, folder: Path) -> None:
        with contextlib.ExitStack() as stack:
            canaries = [
                stack.enter_context(tempfile.NamedTemporaryFile(dir=place)).name for place in ("/tmp", "/dev/shm")
            ]
            mine = [f"{canary}-worker" for canary in canaries]
            source = f"""
                for place in {mine!r}:
                    with open(place, "x") as file:
                        file.write("x")
                for place in {canaries!r}:
                    if os.path.exists(place):
                        reached(place)
                contained()
            """
            outcome = self.run(folder, source)
            left = [place for place in mine if Path(place).exists()]
            for place in left:
                Path(place).unlink()
        self.judge("private /tmp and /dev/shm", outcome, folder, got_out=bool(left))

    def test_the_interpreter_is_read_only(self, folder: Path) -> None:
        source = f"""
            import rewardsmith
            for module in (os, rewardsmith):
                place = Path(module.__file__).with_name("planted-by-{os.getpid()}")
                try:
                    place.write_text("x")
                except OSError:
                    continue
                place.unlink()
                reached(place)
            contained()
        """
        self.judge("read-only interpreter", self.run(folder, source), folder)

    def test_the_job_is_read_only(self, folder: Path, earlier: Path) -> None:
        source = """
            for place in (folder / "job.json", folder / "new", Path(rest[1]) / "weights", Path(rest[1]) / "new"):
                try:
                    place.write_text("x")
                except OSError:
                    continue
                reached(place)
            contained()
        """
        self.judge("read-only job", self.run(folder, source, resume_from=earlier), folder)

    def test_no_other_process_in_sight(self, folder: Path, word: str) -> None:
        canary = subprocess.Popen([sys.executable, "-c", "input()", word], stdin=subprocess.PIPE)
        try:
            wait_for(lambda: alive(word), "the canary")
            outcome = self.run(folder, f"{SEES}\nreached('it') if sees({word[:6]!r} + {word[6:]!r}) else contained()")
        finally:
            canary.communicate(b"\n")
        self.judge("no other process in sight", outcome, folder)

    def test_no_capability(self, folder: Path) -> None:
        source = """
            import ctypes
            status = dict(line.split(":", 1) for line in open("/proc/self/status"))
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                if int(status[name], 16):
                    reached(name)
            if status["NoNewPrivs"].strip() != "1":
                reached("new privileges")
            CLONE_NEWUSER = 0x10000000
            if ctypes.CDLL(None).unshare(CLONE_NEWUSER) == 0:
                reached("a user namespace")
            contained()
        """
        self.judge("no capability, and none to be had", self.run(folder, source), folder)

    def test_calls_are_refused(self, folder: Path) -> None:
        """What does no harm where it is not refused; every number is tried in `tests/isolation`."""
        source = """
            import ctypes, errno, platform, socket
            from rewardsmith.isolation.worker_filter import REFUSED
            call = ctypes.CDLL(None, use_errno=True).syscall
            names = ["kcmp", "process_vm_readv", "pidfd_getfd", "io_uring_setup", "bpf", "perf_event_open", "keyctl"]
            names += ["userfaultfd", "add_key", "name_to_handle_at", "memfd_secret", "mq_open", "shmget", "ptrace"]
            for name in names:
                given = call(REFUSED[platform.machine()][name], 0, 0, 0, 0, 0)
                if given != -1 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
                    reached(f"{name} answers {given}, errno {ctypes.get_errno()}")
            for family in ("AF_VSOCK", "AF_ALG"):
                try:
                    socket.socket(getattr(socket, family), socket.SOCK_STREAM + (family == "AF_ALG") * 4)
                except OSError as error:
                    assert error.errno == errno.EAFNOSUPPORT, (family, error)
                else:
                    reached(family)
            contained()
        """
        self.judge("calls refused", self.run(folder, source), folder)

    def test_processes_are_limited(self, folder: Path) -> None:
        source = """
            for count in range(60):
                try:
                    if os.fork() == 0:
                        time.sleep(600)
                        os._exit(0)
                except OSError:
                    contained()
            reached("60 processes")
        """
        self.judge("processes limited", self.run(folder, source, processes=24), folder)

    def test_memory_of_all_together_is_limited(self, folder: Path) -> None:
        if "memory of all together" not in self.promises:
            return
        source = """
            import signal
            for _ in range(4):
                if os.fork() == 0:
                    block = bytearray(2**27)
                    block[:: 4096] = b"x" * 2**15
                    signal.pause()
            block = bytearray(2**28)
            block[:: 4096] = b"x" * 2**16
            signal.pause()
        """
        outcome = self.run(folder, source, memory_mib=400, wall_s=60)
        assert outcome.exit_code == 137, outcome
        assert not outcome.timed_out
        assert "out of memory" in outcome.reason
        assert "400 MiB" in outcome.reason

    def test_two_side_by_side_do_not_meet(self, folder: Path, tmp_path: Path, word: str) -> None:
        """Neither sees the other, and where root starts them each is a user of its own."""
        other = tmp_path / "other"
        other.mkdir()
        (other / "job.json").write_text("{}")

        def source(mine: str, theirs: str) -> str:
            return f"""{SEES}
import subprocess
child = subprocess.Popen([sys.executable, "-c", "input()", {mine!r} + {word!r}], stdin=subprocess.PIPE)
def meet(mine, theirs):
    (out / mine).touch()
    until = time.monotonic() + {DEADLINE_S}
    while not (out / theirs).exists() and time.monotonic() < until:
        time.sleep(0.01)
meet("here", "look")
seen = sees({theirs!r} + {word!r})
meet("looked", "end")
reached("the other") if seen else contained()
"""

        sources = {folder: source("first-", "second-"), other: source("second-", "first-")}
        outcomes: dict[Path, Outcome] = {}
        threads = [
            threading.Thread(target=lambda job=job: outcomes.update({job: self.run(job, sources[job])}))
            for job in sources
        ]
        for thread in threads:
            thread.start()
        try:
            for wait, go in (("here", "look"), ("looked", "end")):
                for job in sources:
                    wait_for(lambda file=job / "out" / wait: file.exists(), "both workers")
                for job in sources:
                    (job / "out" / go).touch()
            owners = {(job / "out" / "here").stat().st_uid for job in sources}
        finally:
            for thread in threads:
                thread.join()
        for job in (folder, other):
            self.judge("no other process in sight", outcomes[job], job)
        if "not root" in self.promises and can_give_users():  # to the kernel: it tells by the files that they made
            assert 0 not in owners
            assert len(owners) == 2
        assert {path.stat().st_uid for job in (folder, other) for path in (job / "out").iterdir()} == {os.geteuid()}


def machine_promises() -> frozenset[str]:
    """What control groups add, where this process can make some."""
    if isinstance(cgroups.places(), str):
        return frozenset()
    return frozenset({"processes limited", "memory of all together"})
