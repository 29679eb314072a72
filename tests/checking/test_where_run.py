"""Kept rewards where teams check them: under pytest, and by the steps of the Action."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
import yaml

from rewardsmith.checking.kept import write_kept

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rewards(bench: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two kept rewards, one of them damaged since."""
    folder = tmp_path_factory.mktemp("repository") / "rewards"
    for name in ("good", "bad"):
        write_kept(folder / f"{name}.py", bench.kept.source, bench.kept.lock, bench.kept.recorded)
    (folder / "bad.py").write_text(bench.kept.source.replace("= speed_weight", "= -speed_weight"))
    (folder / "other.py").write_text("raise SystemExit('not a kept reward, and not imported')\n")
    return folder


def test_each_tier_of_each_reward_is_a_test(bench: Any, rewards: Path) -> None:
    runs = str(bench.workshop.settings.runs)
    options = [
        "--rewards",
        "rewards",
        "--rewards-runs-dir",
        runs,
        "-p",
        "no:cacheprovider",
        "-v",
        "-m",
        "reward_replay",
    ]
    command = [sys.executable, "-m", "pytest", *options]
    ended = subprocess.run(command, cwd=rewards.parent, capture_output=True, text=True, timeout=500)
    assert ended.returncode == 1, ended.stdout
    assert "rewards/good.py::replay PASSED" in ended.stdout
    assert "rewards/bad.py::replay FAILED" in ended.stdout
    assert "component speed: it pays -1 times what it paid: its sign is turned" in ended.stdout
    assert "6 deselected" in ended.stdout
    assert "Traceback" not in ended.stdout


def test_the_steps_of_the_action_annotate_what_regressed(action: Any, rewards: Path, tmp_path: Path) -> None:
    ended = action(rewards.parent, rewards="rewards/good.py rewards/bad.py", tiers="static replay")
    assert ended.returncode == 1, ended.stderr
    assert "::error file=rewards/bad.py,title=rewardsmith check::replay: component speed: it pays -1" in ended.stdout
    assert "| rewards/good.py | ✅ passed | ✅ passed |" in (tmp_path / "summary.md").read_text()
    suites = Xml.parse(rewards.parent / "rewardsmith-check.xml").getroot()
    assert [suite.get("failures") for suite in suites] == ["0", "1"]


def test_the_hook_names_a_command_that_there_is() -> None:
    hook = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())[0]
    command = [sys.executable, "-m", *hook["entry"].split(), "--help"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert ended.returncode == 0
