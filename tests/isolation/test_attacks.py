"""A handful of attacks, each from inside a locked process and, as the negative control, from a plain one."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rewardsmith.domain.job import RewardLimits
from rewardsmith.isolation.namespaces import unavailable
from rewardsmith.reward import channel, frames

ATTACKS = {
    "read_a_file": "open(KEY).read()",
    "write_a_file": "open(KEY + '.new', 'w').write('x')",
    "list_a_folder": "import os; os.listdir('/')",
    "read_the_parents_environment": "open(f'/proc/{PARENT}/environ', 'rb').read()",
    "connect_by_tcp": "import socket; socket.create_connection(('127.0.0.1', PORT), 1).close()",
    "send_by_udp": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))",
    "abstract_unix_socket": "import socket; socket.socket(socket.AF_UNIX).bind(chr(0) + 'rewardsmith-attack')",
    "fork": "import os\npid = os.fork()\nif not pid: os._exit(0)\nos.waitpid(pid, 0)",
    "start_a_thread": "import _thread; _thread.start_new_thread(print, ())",
    "execute_a_program": "import os; os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)",
    "signal_the_parent": "import os; os.kill(PARENT, 0)",
    "signal_itself": "import os; os.kill(os.getpid(), 0)",
    "trace_the_parent": "check(LIBC.ptrace(16, PARENT, 0, 0))\ncheck(LIBC.ptrace(17, PARENT, 0, 0))",
    "open_another_process": "import os; os.pidfd_open(PARENT)",
    "map_executable_memory": "import mmap; mmap.mmap(-1, 4096, prot=7)",
    "make_a_file_in_memory": "import os; os.memfd_create('x')",
    "new_namespaces": "check(LIBC.unshare(0x10000000))",
    "set_a_timer": "import signal; signal.setitimer(signal.ITIMER_REAL, 100); signal.setitimer(signal.ITIMER_REAL, 0)",
    "take_a_signal": "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
    "read_another_descriptor": "import os; os.read(os.dup(0), 1)",
    "system": "check(LIBC.system(b'true') == 0 or -1)",
}
HEAD = """
import ctypes
LIBC = ctypes.CDLL(None, use_errno=True)
def check(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")
"""


@pytest.fixture
def canaries(tmp_path: Path) -> Iterator[str]:
    """Python that sets where the key lies, who the parent is and which port listens."""
    key = tmp_path / "key"
    key.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        yield f"KEY, PARENT, PORT = {str(key)!r}, {os.getpid()}, {port}\n"


def program(canaries: str, names: list[str]) -> str:
    """A reward whose one component is the JSON of every attack's outcome."""
    blocks = []
    for name in names:
        body = "".join(f"        {line}\n" for line in ATTACKS[name].split("\n"))
        blocks.append(
            f"def {name}():\n    try:\n{body}        return 'done'\n    except BaseException as error:\n"
            "        return type(error).__name__\n"
        )
    run = "OUTCOMES = {" + ", ".join(f"{name!r}: {name}()" for name in names) + "}\n"
    return HEAD + canaries + "".join(blocks) + run


def locked(source: str, limits: RewardLimits | None = None, namespaces: bool = False) -> channel.Channel:
    """A process of a source that no gate has seen."""
    spec = {"mode": "reward", "source": source, "function": "f", "signals": [], "arguments": [], "memory": {}}
    return channel.Channel(spec, limits or RewardLimits(), namespaces)


def outcomes_inside(source: str, namespaces: bool) -> dict[str, str]:
    """Run the source locked; the outcomes come out as the text of an answer's component names."""
    source += """
import numpy as np
def f():
    return np.zeros(1), {f"{name}={outcome}": np.zeros(1) for name, outcome in OUTCOMES.items()}
"""
    process = locked(source, namespaces=namespaces)
    try:
        ready = process.wait_ready()
        assert ready.status == frames.READY, channel.told(ready.body)
        answered = process.ask(0, 0, 1, 1, [b"\0"], most=1 << 20)
        assert answered.status == frames.COLUMNS, channel.told(answered.body)
        size = int.from_bytes(answered.body[:8], "little")
        names = json.loads(bytes(answered.body[8 : 8 + size]))
    finally:
        process.close()
    return dict(name.split("=") for name in names)


BOXES = [False, pytest.param(True, marks=pytest.mark.skipif(unavailable() is not None, reason=str(unavailable())))]


@pytest.mark.parametrize("namespaces", BOXES)
def test_nothing_but_arithmetic_is_left(canaries: str, tmp_path: Path, namespaces: bool) -> None:
    outcomes = outcomes_inside(program(canaries, list(ATTACKS)), namespaces)
    assert outcomes.keys() == ATTACKS.keys()
    assert [name for name, outcome in outcomes.items() if outcome == "done"] == []
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_the_same_attacks_succeed_in_a_plain_process(canaries: str) -> None:
    easy = [name for name in ATTACKS if name not in {"trace_the_parent", "new_namespaces"}]
    source = program(canaries, easy) + "import json, sys\njson.dump(OUTCOMES, sys.stderr)\n"
    plain = subprocess.run([sys.executable, "-I", "-c", source], input=b"xx", capture_output=True, check=True)
    outcomes = json.loads(plain.stderr)
    assert [name for name, outcome in outcomes.items() if outcome != "done"] == []


def exit_of(source: str, seconds: float = 20.0) -> Exception:
    process = locked(source, RewardLimits(start_seconds=seconds))
    with pytest.raises((channel.Ended, channel.Late, channel.Garbled)) as caught:
        process.wait_ready()
    assert process.closed
    return caught.value


@pytest.mark.parametrize(
    "last", ["os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 15)", "check(LIBC.syscall(60, 137))"]
)
def test_a_process_cannot_look_as_if_killed_from_outside(last: str) -> None:
    """Neither a signal to itself nor an exit status: each is refused, and the refusal is what the host hears of."""
    process = locked(HEAD + f"import os\n{last}\n")
    ready = process.wait_ready()
    process.close()
    assert channel.told(ready.body)["type"] == "PermissionError"


def test_an_exit_status_that_looks_like_a_kill_crashes_instead() -> None:
    ended = exit_of("import os\nos._exit(137)\n")
    assert isinstance(ended, channel.Ended)
    assert not ended.from_outside
    assert ended.code == 139


def test_how_a_process_ends_is_told() -> None:
    for last, code in {"os._exit(3)": 3, "os.abort()": 134, "LIBC.strlen(1)": 139}.items():
        ended = exit_of(HEAD + f"import os\n{last}\n")
        assert isinstance(ended, channel.Ended)
        assert ended.code == code
        assert not ended.from_outside


def test_floods_of_output_end_the_process() -> None:
    for descriptor in (1, 2, 3):
        assert isinstance(
            exit_of(f"import os\nwhile True:\n    os.write({descriptor}, b'x' * 65536)\n"), channel.Garbled
        )


def test_a_forged_frame_is_no_answer() -> None:
    forged = f"""
import os, struct
os.write(3, struct.pack({frames.ANSWER.format!r}, {frames.ANSWERED!r}, {frames.READY}, 0, 7, 0, 0))
"""
    assert isinstance(exit_of(forged), channel.Garbled)
    huge = forged.replace(", 0, 7, 0, 0)", ", 0, 0, 0, 1 << 50)")
    assert isinstance(exit_of(huge), channel.Garbled)


def test_half_an_answer_is_late_and_a_closed_output_is_none() -> None:
    half = "import os\nos.write(3, b'RWAN')\nwhile True: pass\n"
    assert isinstance(exit_of(half, seconds=1.0), channel.Late)
    shut = "import os\nos.close(3)\nwhile True: pass\n"
    assert isinstance(exit_of(shut, seconds=5.0), channel.Garbled)


def test_a_process_that_does_not_listen_is_late() -> None:
    process = locked("def f():\n    for i in range(10 ** 12): pass\n", RewardLimits(seconds=0.5))
    assert process.wait_ready().status == frames.READY
    with pytest.raises(channel.Late):
        process.ask(0, 0, 1, 1, [b"\0"], most=1 << 20)
    busy = locked("def f(): pass\nimport time\n", RewardLimits(seconds=0.5))
    busy.wait_ready()
    stopped = threading.Thread(target=os.kill, args=(busy.pid, 19))  # SIGSTOP: it neither reads nor dies
    stopped.start()
    stopped.join()
    with pytest.raises(channel.Late):
        busy.ask(0, 0, 1, 1, [bytes(8 << 20)], most=1 << 20)
    assert busy.closed


def test_the_environment_of_a_process_is_empty_but_for_what_numpy_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    source = "import os\nOUTCOMES = {'seen': ' '.join(sorted(os.environ))}\n"
    seen = outcomes_inside(source, namespaces=False)["seen"].split()
    assert "OPENAI_API_KEY" not in seen
    assert set(seen) <= {
        "LC_ALL", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED", "LC_CTYPE",
    }  # fmt: skip
