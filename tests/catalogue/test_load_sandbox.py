from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.sandboxes import list_sandboxes, load_sandbox, sandbox_from_anywhere
from rewardsmith.domain.sandbox import Mount, SandboxLimits, SandboxSpec
from rewardsmith.errors import UnknownName, UsageError

SHIPPED = find_folders(here=Path("/nowhere"))


def _write(folder: Path, text: str, name: str = "process") -> Path:
    (folder / name).mkdir()
    (folder / name / "sandbox.toml").write_text(text)
    return folder


def test_near_misses_are_listed():
    with pytest.raises(UnknownName, match="did you mean 'bubblewrap'"):
        load_sandbox("bublewrap", SHIPPED)


@pytest.mark.parametrize("name", list_sandboxes(SHIPPED))
def test_shipped_limits_are_those_of_the_record(name):
    assert load_sandbox(name, SHIPPED).limits == SandboxLimits()
    text = SHIPPED.files("sandboxes", name)["sandbox.toml"].read_text()
    for key in SandboxLimits.model_fields:
        assert key in text, "every limit can be seen in the file"


def test_a_users_folder_comes_first(tmp_path):
    folders = find_folders(sandboxes=_write(tmp_path, 'kind = "process"\n[limits]\nwall_s = 5.0\n'))
    assert load_sandbox("process", folders).limits.wall_s == 5.0


def test_a_variant_of_a_known_kind_is_a_folder(tmp_path):
    text = 'kind = "bubblewrap"\n[limits]\nwall_s = 5.0\n[[mounts]]\nsource = "/data"\n'
    folder = _write(tmp_path, text, "mine") / "mine"
    limits = SandboxLimits(wall_s=5.0)
    expected = SandboxSpec(name="mine", kind="bubblewrap", limits=limits, mounts=(Mount(source="/data"),))
    assert load_sandbox("mine", find_folders(sandboxes=tmp_path)) == expected
    assert load_sandbox(folder, SHIPPED) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "kind is missing"),
        ("[limits]\nwal_s = 5.0\n", "did you mean 'wall_s'"),
        ("[limit]\n", "did you mean 'limits'"),
        ("[limits]\nmemory_mib = 'much'\n", "memory_mib"),
        ("[limits]\nprocesses = 0\n", "processes"),
        ("[limits\n", "not TOML"),
        ("limits = 3\n", "limits"),
        ("[[mounts]]\nsource = 'data'\n", "source"),
        ("[[mounts]]\nsauce = '/data'\n", "did you mean 'source'"),
        ("gpus = 'some'\n", "gpus"),
    ],
)
def test_a_wrong_file_says_where(tmp_path, text, said):
    text = text and 'kind = "process"\n' + text
    with pytest.raises(UsageError, match=said) as caught:
        load_sandbox("process", find_folders(sandboxes=_write(tmp_path, text)))
    assert "sandbox.toml" in str(caught.value)


def test_what_a_run_remembers_is_found_from_anywhere(tmp_path, monkeypatch):
    _write(tmp_path, 'kind = "process"\n', "mine")
    monkeypatch.chdir(tmp_path)
    assert sandbox_from_anywhere("process", SHIPPED) == "process"
    remembered = sandbox_from_anywhere("./mine", SHIPPED)
    monkeypatch.chdir("/")
    assert load_sandbox(remembered, SHIPPED).name == "mine"


def test_interpreters_are_named_by_absolute_path(tmp_path):
    text = 'kind = "process"\n[interpreters]\nisaac_gym = "/opt/gym/bin/python"\n'
    folders = find_folders(sandboxes=_write(tmp_path, text))
    assert load_sandbox("process", folders).interpreters == {"isaac_gym": "/opt/gym/bin/python"}
    (tmp_path / "process" / "sandbox.toml").write_text(text.replace("/opt", "opt"))
    with pytest.raises(UsageError, match=r"\[interpreters\] isaac_gym = 'opt/gym/bin/python'"):
        load_sandbox("process", folders)
