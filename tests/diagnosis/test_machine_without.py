"""What `isolation.machine` finds where layers are really taken away."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rewardsmith.isolation import machine

WITHOUT = Path(__file__).with_name("without.py")
LOOK = """
import json
from rewardsmith.isolation.machine import inspect
print(json.dumps({found.name: [found.present, found.detail, found.remedy] for found in inspect().findings}))
"""
HERE = {found.name: found.present for found in machine.inspect().findings}


def found(*things: str, path: str | None = None) -> dict[str, tuple[bool, str, str]]:
    """The findings of a process without `things`, with another search path for programs if one is given."""
    command = [sys.executable, "-c", LOOK]
    if things:
        command = [sys.executable, str(WITHOUT), ",".join(things), *command]
    env = None if path is None else {"PATH": path}
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=WITHOUT.parents[2], check=False)
    assert done.returncode == 0, done.stderr
    return {name: tuple(told) for name, told in json.loads(done.stdout).items()}


@pytest.mark.skipif(not HERE["seccomp"], reason="what has no seccomp filters cannot be taken away by one")
@pytest.mark.parametrize(
    ("thing", "lost", "remedy"),
    [
        ("landlock", ["Landlock"], "5.13"),
        ("landlock-off", ["Landlock"], "lsm="),
        ("seccomp", ["seccomp"], "CONFIG_SECCOMP_FILTER"),
        ("namespaces", ["user namespaces", "bubblewrap"], ""),
    ],
)
def test_exactly_what_is_taken_away_is_missed(thing: str, lost: list[str], remedy: str) -> None:
    told = found(thing)
    expected = {name: there and name not in lost for name, there in HERE.items()}
    assert {name: there for name, (there, _, _) in told.items()} == expected
    assert remedy in told[lost[0]][2]
    assert all(told[name][2] for name in lost)


def test_without_bubblewrap_the_remedy_is_told() -> None:
    there, detail, remedy = found(path="/nowhere")["bubblewrap"]
    assert (there, detail, remedy) == (False, "not installed", "apt-get install bubblewrap")


def test_a_bubblewrap_that_apparmor_stops_is_told_in_its_own_words(tmp_path: Path) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "bubblewrap 0.9.0" && exit\n'
        'echo "bwrap: setting up uid map: Permission denied" >&2\nexit 1\n'
    )
    fake.chmod(0o755)
    there, detail, remedy = found(path=f"{tmp_path}:/usr/bin:/bin")["bubblewrap"]
    assert not there
    assert detail == "0.9.0 cannot set up a process: bwrap: setting up uid map: Permission denied"
    assert "--sandbox process" in remedy
