"""The example repository is checked as a team's own CI would: by its workflow, through the steps of the Action."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewardsmith.checking.kept import lock_path, read_kept, rows_path

EXAMPLE = Path(__file__).parents[2] / "examples" / "reward-repo"
REWARDS = sorted(file.name for file in (EXAMPLE / "rewards").glob("*.py"))
MOST_BYTES = 5 << 18
"""Of a file in somebody's repository."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "repository"))


def jobs() -> dict[str, dict[str, str]]:
    """What each job of the example's workflow hands to the Action."""
    told = yaml.safe_load((EXAMPLE / ".github" / "workflows" / "rewards.yml").read_text())
    return {name: job["steps"][-1].get("with", {}) for name, job in told["jobs"].items()}


def test_three_rewards_of_three_tasks_are_small_files() -> None:
    kept = [read_kept(EXAMPLE / "rewards" / name) for name in REWARDS]
    assert len({each.lock.task.name for each in kept}) == 3
    assert all(each.lock.trained and each.lock.trained.confirmed for each in kept)
    assert all(len(each.lock.trained.trainings) == 5 for each in kept if each.lock.trained)
    assert all(file.stat().st_size < MOST_BYTES for file in (EXAMPLE / "rewards").iterdir() if file.is_file())


def test_a_change_in_one_is_caught_and_explained(action: Any, repository: Path, tmp_path: Path) -> None:
    whole, changed = (repository / "rewards" / name for name in ("ant.py", "ant_changed.py"))
    for place in (lock_path, rows_path):
        shutil.copyfile(place(whole), place(changed))
    source = whole.read_text()
    assert "    ctrl = -w_ctrl *" in source
    changed.write_text(source.replace("    ctrl = -w_ctrl *", "    ctrl = w_ctrl *"))
    ended = action(repository, **jobs()["check"])
    assert ended.returncode == 1, ended.stderr
    words = "replay: component ctrl: it pays -1 times what it paid: its sign is turned"
    assert f"::error file=rewards/ant_changed.py,title=rewardsmith check::{words}" in ended.stdout
    summary = (tmp_path / "summary.md").read_text()
    for name in REWARDS:
        assert f"| rewards/{name} | ✅ passed | ✅ passed | ✅ passed | ✅ passed |" in summary
    assert "-    ctrl = -w_ctrl * (action ** 2).sum(axis=1)" in summary
    assert "Changed: reward, its source is another" in summary


@pytest.mark.slow
def test_the_cheapest_trains_on_mondays(action: Any, repository: Path, tmp_path: Path) -> None:
    ended = action(repository, **jobs()["train"] | {"rewards": "rewards/balance.py"})
    assert ended.returncode == 0, ended.stderr
    assert "| rewards/balance.py | ✅ passed | ✅ passed |" in (tmp_path / "summary.md").read_text()
