from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from rewardsmith.cli.main import SECTIONS

COMMANDS = [name for section in SECTIONS.values() for name in section]
HEAVY = {"pydantic", "rich", "sqlalchemy", "numpy", "torch", "mujoco", "gymnasium", "litellm", "openai", "jinja2"}


def imported(*arguments: str) -> set[str]:
    """Top-level packages that a command imports."""
    line = [sys.executable, "-X", "importtime", "-m", "rewardsmith", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    return {
        row.split("|")[-1].strip().split(".")[0] for row in done.stderr.splitlines() if row.startswith("import time:")
    }


def test_the_measure_sees_imports():
    assert {"pydantic", "rewardsmith", "click"} <= imported("schema", "train")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)], ids=" ".join
)
def test_help_imports_nothing_heavy(arguments):
    assert imported(*arguments) & HEAVY == set()


def test_help_answers_in_less_than_three_tenths_of_a_second():
    def seconds() -> float:
        """Processor time: as much on a busy machine as on an idle one."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "rewardsmith", "--help"], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    assert min(seconds() for _ in range(5)) < 0.3


def test_nothing_at_all_is_help(say):
    assert say().out == say("--help").out
    assert say().code == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_json(say, name):
    said = say(name, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: rewardsmith {name}")
    assert "--json" in said.out
    assert "\\b" not in said.out
