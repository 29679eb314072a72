from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith.errors import UnknownName, UsageError
from rewardsmith.sandboxes.registry import known_sandboxes, load_limits, open_sandbox
from rewardsmith.sandboxes.sandbox import SandboxLimits


def _write(folder: Path, text: str) -> Path:
    (folder / "process").mkdir()
    (folder / "process" / "sandbox.toml").write_text(text)
    return folder


def test_near_misses_are_listed():
    with pytest.raises(UnknownName, match="did you mean 'bubblewrap'"):
        open_sandbox("bublewrap")


@pytest.mark.parametrize("name", sorted(known_sandboxes()))
def test_shipped_limits_are_those_of_the_record(name):
    path = Path(__file__).parents[2] / "sandboxes" / name / "sandbox.toml"
    assert load_limits(name, [path.parents[1]]) == SandboxLimits()
    for key in SandboxLimits.model_fields:
        assert key in path.read_text(), "every limit can be seen in the file"


def test_a_users_folder_comes_first(tmp_path):
    folder = _write(tmp_path, "[limits]\nwall_s = 5.0\n")
    assert load_limits("process", [folder]).wall_s == 5.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[limits]\nwal_s = 5.0\n", "did you mean 'wall_s'"),
        ("[limit]\n", "did you mean 'limits'"),
        ("[limits]\nmemory_mib = 'much'\n", "memory_mib"),
        ("[limits]\nprocesses = 0\n", "processes"),
        ("[limits\n", "is not TOML"),
        ("limits = 3\n", "table"),
    ],
)
def test_a_wrong_file_says_where(tmp_path, text, said):
    folder = _write(tmp_path, text)
    with pytest.raises(UsageError, match=said) as caught:
        open_sandbox("process", folders=[folder])
    assert "sandbox.toml" in str(caught.value)
