"""What cannot be trained here is refused before anything runs.

A library of C stands in for the driver: it is found, loaded and asked as the real one is, and says what it is told to.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.diagnosis import cuda, trainable
from rewardsmith.diagnosis.cuda import ask_cuda, torch_cuda
from rewardsmith.diagnosis.trainable import refuse_untrainable
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.domain.task import Task
from rewardsmith.errors import MissingExtra, TaskError, UsageError

DRIVER = """
#include <stdlib.h>
#include <string.h>
static int told(const char *name) { char *text = getenv(name); return text ? atoi(text) : 0; }
int cuInit(unsigned flags) { return told("STAND_IN_INIT"); }
int cuGetErrorString(int code, const char **text) { *text = "no CUDA-capable device is detected"; return 0; }
int cuDeviceGetCount(int *count) { *count = told("STAND_IN_GPUS"); return 0; }
int cuDeviceGetName(char *name, int size, int device) { strcpy(name, "Stand-in"); return 0; }
int cuDriverGetVersion(int *version) { *version = told("STAND_IN_CUDA"); return 0; }
"""
OURS = SandboxSpec(name="bubblewrap", kind="bubblewrap")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in for the driver's library."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler is installed")
    made = tmp_path_factory.mktemp("driver") / "libcuda.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-xc", "-", "-o", str(made)], input=DRIVER.encode(), check=True)
    return made


@pytest.fixture
def driver(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two GPUs, a driver of CUDA 13, and a torch for it."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library.parent))
    monkeypatch.setenv("STAND_IN_GPUS", "2")
    monkeypatch.setenv("STAND_IN_CUDA", "13010")
    monkeypatch.setattr(trainable, "torch_cuda", lambda: ("2.13.0+cu130", "13.0"))


def task(name: str = "ant", backend: str | None = "warp") -> Task:
    return load_task(name, find_folders()).on(backend)


def test_a_machine_with_all_of_it(driver: None) -> None:
    assert ask_cuda() == cuda.Cuda(gpus=("Stand-in", "Stand-in"), version=13)
    refuse_untrainable(task(), OURS, here=True)


@pytest.mark.parametrize(
    ("variables", "torch", "said"),
    [
        ({"STAND_IN_INIT": "100"}, "13.0", "cuInit says 100 (no CUDA-capable device is detected)"),
        ({"STAND_IN_GPUS": "0"}, "13.0", "the driver (libcuda.so.1) counts no device"),
        ({"STAND_IN_CUDA": "12080"}, "13.0", "needs CUDA 13.0, and the driver serves CUDA 12"),
        ({}, "", "is built without CUDA"),
        ({"CUDA_VISIBLE_DEVICES": ""}, "13.0", "CUDA_VISIBLE_DEVICES hides every GPU"),
    ],
)
def test_a_machine_that_lacks_something(
    driver: None, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], torch: str, said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(trainable, "torch_cuda", lambda: ("2.13.0", torch))
    with pytest.raises(UsageError) as caught:
        refuse_untrainable(task(), OURS, here=True)
    assert "4096 worlds of warp on cuda" in caught.value.message
    assert said in caught.value.message
    assert "--device cpu" in caught.value.hint
    refuse_untrainable(task(), OURS, here=False)


def test_a_machine_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.run([sys.executable, "-c", "import ctypes; ctypes.CDLL('libcuda.so.1')"], capture_output=True)
    if ended.returncode == 0:
        pytest.skip("there is a driver")
    assert ask_cuda().fault == "no driver (libcuda.so.1) is found"


def test_torch_tells_what_it_is_built_with() -> None:
    version, built = torch_cuda()
    assert version == metadata.version("torch")
    assert bool(built) != version.endswith("+cpu")


def test_containers_have_the_gpus_that_their_sandbox_gives_them() -> None:
    with pytest.raises(UsageError, match=r"the sandbox 'docker' gives its containers none \(gpus = 1"):
        refuse_untrainable(task(), SandboxSpec(name="docker", kind="docker"), here=True)
    refuse_untrainable(task(), SandboxSpec(name="docker", kind="docker", gpus=1), here=True)


def test_a_backend_that_is_not_installed(driver: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mujoco_warp", "skrl"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match="need mujoco_warp, skrl") as caught:
        refuse_untrainable(task(), OURS, here=True)
    assert caught.value.hint == "pip install 'rewardsmith[warp]'"
    refuse_untrainable(task(backend=None), OURS, here=True)
    refuse_untrainable(task(), OURS, here=False)


def test_a_simulator_without_a_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match="trainings on this machine need torch") as caught:
        refuse_untrainable(task(backend=None), OURS, here=True)
    assert caught.value.hint == "pip install 'rewardsmith[worker]'"


def test_isaac_without_its_interpreter_or_its_runtime(tmp_path: Path) -> None:
    isaac = task("isaac_cartpole", None)
    near = SandboxSpec(name="mine", kind="process", interpreters={"isaac_gim": sys.executable})
    for here in (True, False):
        with pytest.raises(TaskError, match="which the sandbox does not name; did you mean 'isaac_gim'"):
            refuse_untrainable(isaac, near, here=here)
    bare = SandboxSpec(name="mine", kind="process", interpreters={"isaac_gym": sys.executable})
    with pytest.raises(TaskError, match="lacks isaacgym, isaacgymenvs") as caught:
        refuse_untrainable(isaac, bare, here=True)
    assert "Isaac Gym Preview 4" in caught.value.hint
    refuse_untrainable(isaac, bare, here=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives workers users of their own, and makes devices")
def test_devices_that_workers_may_not_open(driver: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "nvidia0"
    try:
        os.mknod(device, 0o020660, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("no device can be made here")
    device.chmod(0o660)
    monkeypatch.setattr("rewardsmith.sandboxes.gpus.DEV", tmp_path)
    monkeypatch.setattr(trainable, "can_give_users", lambda: True)
    with pytest.raises(UsageError, match=r"may not open .*nvidia0"):
        refuse_untrainable(task(), OURS, here=True)
