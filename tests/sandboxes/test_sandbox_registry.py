from __future__ import annotations

import sys
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


def _install(folder: Path, group: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution `stranger` whose module `stranger_sandbox` holds `module`."""
    (folder / "stranger-1.0.dist-info").mkdir()
    (folder / "stranger-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    entry = f"[{group}]\nstrange = stranger_sandbox:Strange\nprocess = stranger_sandbox:Strange\n"
    (folder / "stranger-1.0.dist-info" / "entry_points.txt").write_text(entry)
    (folder / "stranger_sandbox.py").write_text(module)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "stranger_sandbox", raising=False)


def test_another_package_can_bring_one_but_not_replace_ours(tmp_path, monkeypatch):
    module = "class Strange:\n    name = 'strange'\n    def __init__(self, limits): self.limits = limits\n"
    _install(tmp_path, "rewardsmith.sandboxes", module, monkeypatch)
    assert open_sandbox("strange").name == "strange"
    assert open_sandbox("process").name == "process"


def test_a_broken_package_is_named_when_it_is_asked_for(tmp_path, monkeypatch):
    _install(tmp_path, "rewardsmith.sandboxes", "import nothing_of_that_name", monkeypatch)
    assert open_sandbox("process").name == "process"
    with pytest.raises(UsageError, match=r"'strange'.*nothing_of_that_name"):
        open_sandbox("strange")
