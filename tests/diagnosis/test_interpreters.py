from __future__ import annotations

import sys
from pathlib import Path

from rewardsmith.diagnosis.interpreters import look_at_interpreters
from rewardsmith.domain.sandbox import SandboxSpec


def look(**interpreters: str) -> dict[str, object]:
    spec = SandboxSpec(name="mine", kind="process", interpreters=interpreters)
    return {line.name: line for line in look_at_interpreters(spec)}


def test_isaacs_interpreters_are_missed_and_how_to_get_them_is_said() -> None:
    found = look()
    assert set(found) == {"isaac_gym", "isaac_lab", "playground"}
    assert not any(line.ok or line.needed for line in found.values())
    assert "Isaac Gym Preview 4" in found["isaac_gym"].remedy
    assert "Isaac Sim" in found["isaac_lab"].remedy


def test_an_interpreter_tells_what_it_holds() -> None:
    own = look(metaworld=sys.executable)["metaworld"]
    assert own.ok
    assert own.detail.endswith("with numpy, gymnasium")
    lacking = look(isaac_gym=sys.executable)["isaac_gym"]
    assert not lacking.ok
    assert lacking.detail.endswith("lacks isaacgym, isaacgymenvs")


def test_what_does_not_run_or_is_too_old(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\necho \'[[3, 6, 9], ["numpy", "gymnasium"]]\'\n')
    old.chmod(0o755)
    assert "3.8 is the oldest" in look(old=str(old))["old"].detail
    old.write_text("#!/bin/sh\nexit 3\n")
    assert "does not run" in look(old=str(old))["old"].detail
