"""What goes wrong there is told here, with the interpreter, the task and the next step."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign_cart import MODULE, make_task

from rewardsmith.domain.survey import Signal
from rewardsmith.errors import InfrastructureError, TaskError
from rewardsmith.worker.backends.foreign import process
from rewardsmith.worker.backends.foreign.memory import Field, too_large
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.opening import open_worlds

pytestmark = pytest.mark.usefixtures("known")


def walk(**kwargs: Any) -> None:
    env = make(make_task(environment={"kwargs": kwargs}))
    try:
        env.reset(seed=0)
        for _ in range(6):
            env.step(np.zeros(1, dtype=np.float32))
    finally:
        env.close()


def test_what_a_task_writes_where_it_is_comes_into_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the quadcopter and the ball of IsaacGymEnvs do: a sandbox of kind `process` starts workers in `/`."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    make(make_task(module_source=MODULE + 'open("model.xml", "w").close()\n')).close()
    assert (tmp_path / "model.xml").exists()


def test_an_interpreter_that_nobody_named(known: Callable[..., None]) -> None:
    known(owner=sys.executable)
    with pytest.raises(TaskError, match=r"task 'cart' runs in the interpreter 'own'.*did you mean 'owner'") as caught:
        make(make_task())
    assert "[interpreters] in sandbox.toml" in caught.value.hint


@pytest.fixture
def all_closed() -> Iterator[None]:
    """No descriptor is left of a simulator that did not open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.usefixtures("all_closed")
def test_an_interpreter_that_is_no_program(known: Callable[..., None], tmp_path: Path) -> None:
    known(own=str(tmp_path / "python"))
    with pytest.raises(TaskError, match="cannot be started: No such file") as caught:
        make(make_task())
    assert "sandbox.toml" in caught.value.hint


@pytest.mark.usefixtures("all_closed")
def test_an_interpreter_that_lacks_a_package(known: Callable[..., None], tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    known(own=str(bare))
    with pytest.raises(TaskError, match=r"has no module 'gymnasium'") as caught:
        make(make_task())
    assert caught.value.hint.endswith("-m pip install gymnasium")


@pytest.mark.usefixtures("all_closed")
def test_an_interpreter_that_is_too_old(known: Callable[..., None], tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\n[ "$1" = -c ] && echo False\nexit 1\n')
    old.chmod(0o755)
    known(own=str(old))
    with pytest.raises(TaskError, match=r"is older than Python 3\.8"):
        make(make_task())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"module_source": "import gymnasium_robotiks"}, r"environment.py raised ModuleNotFoundError"),
        ({"env_id": "Cart-v1"}, r"'Cart-v1' is not registered.*did you mean 'Cart-v0'"),
        ({"environment": {"kwargs": {"truble": 1}}}, r"could not be made.*truble"),
        ({"environment": {"kwargs": {"trouble": "tuple"}}}, r"kind Tuple cannot cross"),
        ({"signals": {"tip": {"source": "qpos", "meaning": "m"}}}, r"'tip'.*needs a MuJoCo environment"),
    ],
)
def test_a_wrong_task_is_the_tasks_fault(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(TaskError, match=said) as caught:
        make(make_task(**changes))
    assert "'own'" in caught.value.message


def test_a_process_that_ends(known: Callable[..., None]) -> None:
    with pytest.raises(InfrastructureError, match=r"'cart'.*'own'.*ended with exit code 7 while asked to 'step'"):
        walk(trouble="exit")


def test_a_fault_of_the_device_is_the_machines() -> None:
    with pytest.raises(InfrastructureError, match="CUDA error: an illegal memory access"):
        walk(trouble="cuda")


def test_a_process_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    env = make(make_task(environment={"kwargs": {"trouble": "hang"}}))
    env.reset(seed=0)
    for _ in range(2):  # one step was made when it was opened
        env.step(np.zeros(1, dtype=np.float32))
    monkeypatch.setattr(process.FarProcess.call, "__kwdefaults__", {"seconds": 1.0})
    with pytest.raises(InfrastructureError, match="does not answer 'step' within 1 s"):
        env.step(np.zeros(1, dtype=np.float32))
    env.close()


def test_a_signal_that_is_lost_on_the_way() -> None:
    worlds = open_worlds(make_task(environment={"kwargs": {"trouble": "lost"}}), 1)
    try:
        gap = Signal(name="gap", shape=(), meaning="gap", reader="info:gap")
        worlds.record({"gap": gap}, 8)
        worlds.reset([0])
        for _ in range(2):
            worlds.step(np.zeros((1, 1), dtype=np.float32))
        with pytest.raises(InfrastructureError, match="signal 'gap' is missing in a step"):
            worlds.step(np.zeros((1, 1), dtype=np.float32))
    finally:
        worlds.close()


def test_a_signal_of_another_shape() -> None:
    worlds = open_worlds(make_task(), 1)
    try:
        gap = Signal(name="gap", shape=(3,), meaning="gap", reader="info:gap")
        with pytest.raises(InfrastructureError, match=r"shape \(\) in its interpreter, and had \(3,\)") as caught:
            worlds.record({"gap": gap}, 8)
        assert "--fresh" in caught.value.hint
        with pytest.raises(TaskError, match="no signal 'gone' any more"):
            worlds.record({"gone": gap}, 8)
    finally:
        worlds.close()


def test_arrays_that_are_too_large_are_named() -> None:
    fields = [Field("small", "float32", (4,)), Field("picture", "float64", (4096, 512, 512, 3))]
    assert "'picture' alone has 24576 MiB" in too_large(fields)
    assert too_large(fields[:1]) == ""


def test_it_dies_with_its_worker() -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from foreign_cart import make_task\n"
        "from rewardsmith.worker.backends.gymnasium import make\n"
        "print(make(make_task())._far._process.pid, flush=True); os.read(0, 1); os._exit(0)\n"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        far = os.pidfd_open(int(worker.stdout.readline()))
        try:
            assert not select.select([far], [], [], 0)[0], "it lives while its worker does"
            worker.kill()
            assert select.select([far], [], [], 20)[0]
        finally:
            os.close(far)


def test_tasks_of_our_own_interpreter_keep_their_fingerprint() -> None:
    plain = make_task(interpreter=None)
    assert plain.fingerprint() == "a341bdfa22189f23"
    assert plain.fingerprint() != make_task().fingerprint() != make_task(interpreter="other").fingerprint()
