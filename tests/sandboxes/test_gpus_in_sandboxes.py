"""Workers that need a GPU see its files, its driver and more addresses; no other worker does, and no reward process.

No GPU is needed: devices of the kernel that are everywhere stand in for it.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
from conformance import script

from rewardsmith.domain.sandbox import SandboxLimits, SandboxSpec
from rewardsmith.sandboxes import gpus
from rewardsmith.sandboxes.registry import open_sandbox

pytestmark = pytest.mark.isolation

ZERO = os.makedev(1, 5)


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for `/dev`: `nvidia0` is `/dev/zero`, or a file where nobody may make a device."""
    folder = tmp_path / "dev"
    (folder / "nvidia-caps").mkdir(parents=True)
    for name in ("nvidiactl", "nvidia-uvm", "nvidia-caps/nvidia-cap1", "sda"):
        (folder / name).write_text(name)
    try:
        os.mknod(folder / "nvidia0", stat.S_IFCHR | 0o666, ZERO)
    except PermissionError:
        (folder / "nvidia0").write_bytes(bytes(4))
    (folder / "nvidia0").chmod(0o666)
    monkeypatch.setattr(gpus, "DEV", folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "job"
    made.mkdir()
    (made / "job.json").write_text("{}")
    for each in (tmp_path, made):
        each.chmod(0o755)
    return made


def run(folder: Path, source: str, *, kind: str = "bubblewrap", gpu: bool = True, memory_mib: int = 8192) -> None:
    limits = SandboxLimits(memory_mib=memory_mib)
    sandbox = open_sandbox(SandboxSpec(name="mine", kind=kind, gpu=gpu, limits=limits), worker=script(source))
    assert sandbox.run(folder).exit_code == 0, (folder / "log.txt").read_text()


needs_bwrap = pytest.mark.skipif(
    shutil.which("bwrap") is None and not os.environ.get("CI"), reason="bubblewrap is not installed"
)


@needs_bwrap
def test_a_worker_that_needs_a_gpu_opens_its_files(folder: Path, dev: Path) -> None:
    source = f"""
        dev = Path({str(dev)!r})
        assert sorted(p.name for p in dev.iterdir()) == ["nvidia-caps", "nvidia-uvm", "nvidia0", "nvidiactl"]
        with open(dev / "nvidia0", "r+b", buffering=0) as device:
            assert device.read(4) == bytes(4)
            assert device.write(b"abcd") == 4
        assert (dev / "nvidia-caps" / "nvidia-cap1").exists()
        assert os.path.isdir("/sys/devices/system/cpu")
    """
    run(folder, source)
    if stat.S_ISCHR((dev / "nvidia0").stat().st_mode):
        run(folder, f"import stat; assert os.stat({str(dev / 'nvidia0')!r}).st_rdev == {ZERO}")


@needs_bwrap
def test_no_other_worker_sees_them(folder: Path, dev: Path) -> None:
    run(folder, f"assert not os.path.exists({str(dev)!r}) and not os.path.exists('/sys')", gpu=False)


@needs_bwrap
def test_the_reward_process_of_such_a_worker_opens_none(folder: Path, dev: Path) -> None:
    source = f"""
        from rewardsmith.domain.check import Canaries
        from rewardsmith.domain.job import RewardLimits
        from rewardsmith.reward import attacks, trial
        device = {str(dev / "nvidia0")!r}
        assert attacks.attempt(device, 1, "X", forks=False)[attacks.READ].startswith("done")
        told = trial.attack_locked(Canaries(file=device, port=1, variable="X"), limits=RewardLimits(), namespaces=False)
        assert told[attacks.READ] in ("EACCES", "EPERM"), told
    """
    run(folder, source)


@pytest.mark.parametrize("kind", [pytest.param("bubblewrap", marks=needs_bwrap), "process"])
def test_addresses_are_free_where_memory_is_not(folder: Path, kind: str) -> None:
    """CUDA reserves addresses for all memory of GPU and machine, without ever using most of them."""
    source = """
        import mmap
        try:
            reserved = mmap.mmap(-1, 100 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, prot=0)
        except OSError:
            assert not {gpu}, "addresses are limited"
        else:
            assert {gpu}, "addresses are not limited"
        try:
            bytearray(3 << 30)
        except MemoryError:
            sys.exit(0)
        sys.exit("memory is not limited")
    """
    for gpu in (True, False):
        run(folder, source.format(gpu=gpu), kind=kind, gpu=gpu, memory_mib=2048)


@pytest.mark.parametrize("kind", [pytest.param("bubblewrap", marks=needs_bwrap), "process"])
def test_a_driver_that_lies_elsewhere_is_shown_and_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    driver, other = tmp_path / "driver", tmp_path / "other"
    for place in (driver, other):
        place.mkdir()
        place.chmod(0o755)
    (driver / "libcuda.so.1").write_text("of NVIDIA")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{other}:{driver}")
    source = f"""
        told = os.environ.get("LD_LIBRARY_PATH", "").split(":")
        assert {str(driver)!r} in told and {str(other)!r} not in told, told
        assert Path({str(driver)!r}, "libcuda.so.1").read_text() == "of NVIDIA"
    """
    run(folder, source, kind=kind)
    run(folder, "assert 'LD_LIBRARY_PATH' not in os.environ", kind=kind, gpu=False)
