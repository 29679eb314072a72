"""How an attacked process ends, seen from its host: never as what it is not, and never too late."""

import os
import threading

import pytest
from test_system_calls import HEAD as LIBC
from test_system_calls import found, locked

from rewardsmith.domain.job import RewardLimits
from rewardsmith.reward import channel, frames

HEAD = (
    LIBC
    + """
def check(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")
"""
)


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
    assert isinstance(exit_of(shut, seconds=3.0), channel.Garbled)


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
    seen = found("import os\nFOUND = {'seen': ' '.join(sorted(os.environ))}\n")["seen"].split()
    assert "OPENAI_API_KEY" not in seen
    assert set(seen) <= {
        "LC_ALL", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED", "LC_CTYPE",
    }  # fmt: skip
