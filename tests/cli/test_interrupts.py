from __future__ import annotations

import signal
import subprocess
import sys

import pytest

CHILD = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
from rewardsmith.cli.interrupts import finishing_cleanly
asked = []
with finishing_cleanly(lambda: asked.append(1), lambda text: print(text, flush=True)) as interrupts:
    print("ready", flush=True)
    if sys.argv[1] == "patient":
        while True:
            signal.pause()
    while not asked:
        signal.pause()
print("finished", interrupts.count, flush=True)
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""


def child(mode: str) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", CHILD, mode], text=True, **pipes)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_finishes_cleanly(number):
    process = child("quick")
    process.send_signal(number)
    out, _ = process.communicate(timeout=500)
    assert "finishing cleanly" in out.splitlines()[0]
    assert out.splitlines()[1] == "finished 1"
    assert process.returncode == 0


def test_the_second_signal_ends_at_once():
    process = child("patient")
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert "finishing cleanly" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=500)
    assert process.returncode == 130
    assert "finished" not in out
    assert "may go on by themselves" in err
    assert "`rewardsmith cancel` ends them" in err


def test_a_second_sigterm_such_as_make_sends_on_is_no_wish_to_end_at_once():
    code = CHILD.replace("import signal, sys", "import os, signal, sys").replace(
        'print("ready", flush=True)', "os.kill(os.getpid(), signal.SIGTERM); os.kill(os.getpid(), signal.SIGTERM)"
    )
    done = subprocess.run([sys.executable, "-c", code, "quick"], capture_output=True, text=True, timeout=500)
    assert done.stdout.splitlines()[1:] == ["finished 1"], done.stderr
