"""`rewardsmith doctor` where the workers are containers, and where their engine is taken away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rewardsmith.domain.machine import MachineResult

DOCTOR = (sys.executable, "-m", "rewardsmith", "doctor", "--sandbox", "docker", "--json")


def ask(folder: Path, **environ: str) -> tuple[int, MachineResult]:
    done = subprocess.run(DOCTOR, cwd=folder, env=os.environ | environ, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.returncode, MachineResult.model_validate_json(done.stdout)


def test_the_worker_and_its_reward_are_locked_in(worker_image: str, tmp_path: Path) -> None:
    code, found = ask(tmp_path)
    lines = {line.name: line for line in found.checks}
    assert (code, found.ready) == (0, True), [line for line in found.checks if line.needed and not line.ok]
    assert worker_image in lines["sandbox docker"].detail
    assert lines["Docker"].ok
    assert lines["torch"].ok
    inside = [attack for attack in found.attacks if attack.place.endswith(" in docker")]
    assert {attack.place for attack in inside} == {"worker in docker", "reward in docker"}
    assert all(attack.needed and attack.stopped for attack in inside)


def test_an_engine_that_is_gone_is_missed(worker_image: str, tmp_path: Path) -> None:
    code, found = ask(tmp_path, DOCKER_HOST=f"unix://{tmp_path}/gone.sock")
    assert (code, found.ready) == (3, False)
    assert [line.name for line in found.checks if line.needed and not line.ok] == ["sandbox docker"]
    docker = next(line for line in found.checks if line.name == "Docker")
    assert not docker.ok
    assert "No such file or directory" in docker.detail
    assert "DOCKER_HOST" in docker.remedy
