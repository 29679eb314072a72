"""What stands in `deploy/` and `compose.yaml`, as the programs that read it see it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "rewardsmith.service"


def said(*command: str, **environment: str) -> tuple[int, str]:
    """Exit code and all that a program prints."""
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, cwd=ROOT)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit, as where its program is installed."""
    text = UNIT.read_text()
    assert "ExecStart=/srv/rewardsmith/venv/bin/rewardsmith serve" in text
    place = tmp_path / UNIT.name
    place.write_text(text.replace("/srv/rewardsmith/venv/bin/rewardsmith", "/bin/true"))
    return place


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_the_unit(installed: Path) -> None:
    assert said("systemd-analyze", "verify", str(installed)) == (0, "")
    installed.write_text(installed.read_text().replace("KillMode=process", "KillMode=proces"))
    assert "kill mode" in said("systemd-analyze", "verify", str(installed))[1]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_unit_is_as_closed_as_bubblewrap_lets_it_be(installed: Path) -> None:
    assert said("systemd-analyze", "security", "--offline=yes", "--threshold=60", str(installed))[0] == 0


def test_drivers_that_outlive_their_server_keep_what_they_stand_on() -> None:
    set_to = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if "=" in line and line[0] not in "#[")
    assert set_to["KillMode"] == "process"
    assert not {"PrivateTmp", "PrivateMounts", "RestrictNamespaces", "ProtectProc", "ProtectKernelTunables"} & {*set_to}
    assert "/tmp" in set_to["ReadWritePaths"].split()


def composed() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
def test_compose_understands_its_file() -> None:
    code, printed = said("docker-compose", "config", POSTGRES_PASSWORD="planted", DOCKER_GROUP="107")
    assert code == 0, printed
    assert "planted@database/rewardsmith" in printed
    code, printed = said("docker-compose", "config", POSTGRES_PASSWORD="", DOCKER_GROUP="107")
    assert code != 0
    assert "set it in .env" in printed


def test_both_containers_are_asked_how_they_are() -> None:
    services = composed()["services"]
    assert all("test" in each["healthcheck"] for each in services.values())
    assert services["service"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert services["service"]["ports"] == ["127.0.0.1:8080:8080"]
