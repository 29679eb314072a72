from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith.diagnosis.software import find_gpus, gpu, look_at_software


def put_smi(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    smi = folder / "nvidia-smi"
    smi.write_text(f"#!/bin/sh\n{script}\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_gpus_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_smi(tmp_path, monkeypatch, 'echo "NVIDIA H200, 143771 MiB, 570.86"; echo "NVIDIA L4, 23034 MiB, 570.86"')
    listed = find_gpus()
    assert listed == ("NVIDIA H200, 143771 MiB, 570.86", "NVIDIA L4, 23034 MiB, 570.86")
    line = gpu(listed, None)
    assert line.ok
    assert "H200" in line.detail


@pytest.mark.parametrize("script", ['echo "No devices were found"; exit 6', "exit 0", "echo oops >&2; exit 9"])
def test_no_gpu_is_no_lack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    put_smi(tmp_path, monkeypatch, script)
    assert find_gpus() == ()
    assert (gpu((), None).ok, gpu((), None).needed) == (False, False)


def test_a_machine_without_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_gpus() == ()


def test_an_extra_that_is_missing_has_its_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rewardsmith.diagnosis.software.EXTRAS", {"no-such-package": "video"})
    own, missing = look_at_software()
    assert own.ok
    assert (missing.ok, missing.needed, missing.remedy) == (False, False, "pip install 'rewardsmith[video]'")
