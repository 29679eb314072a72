from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conformance import spec

from rewardsmith.domain.sandbox import Mount, SandboxLimits
from rewardsmith.errors import MissingExtra, UnknownName, UsageError
from rewardsmith.sandboxes.registry import open_sandbox


def test_near_misses_are_listed():
    with pytest.raises(UnknownName, match="did you mean 'bubblewrap'"):
        open_sandbox(spec("bublewrap"))


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
    module = "class Strange:\n    def __init__(self, spec): self.name = 'my ' + spec.name\n"
    _install(tmp_path, "rewardsmith.sandboxes", module, monkeypatch)
    assert open_sandbox(spec("strange")).name == "my strange"
    assert open_sandbox(spec("process")).name == "process"


def test_a_broken_package_is_named_when_it_is_asked_for(tmp_path, monkeypatch):
    _install(tmp_path, "rewardsmith.sandboxes", "import nothing_of_that_name", monkeypatch)
    assert open_sandbox(spec("process")).name == "process"
    with pytest.raises(UsageError, match=r"'strange'.*nothing_of_that_name"):
        open_sandbox(spec("strange"))


@pytest.mark.parametrize("kind", ["process", "bubblewrap"])
def test_what_cannot_be_had_is_refused_by_name(kind):
    def opened(**asked):
        open_sandbox(spec(kind).model_copy(update=asked))

    with pytest.raises(UsageError, match=f"'{kind}' mounts /no/such/place, which does not exist"):
        opened(mounts=(Mount(source="/no/such/place"),))
    with pytest.raises(UsageError, match="knows no 'image'"):
        opened(image="python:3")
    with pytest.raises(UsageError, match="knows no 'gpus'"):
        opened(gpus="all")
    with pytest.raises(UsageError, match="knows no 'cpus'"):
        opened(limits=SandboxLimits(cpus=2.0))


def test_a_plain_process_sees_files_where_they_are(tmp_path):
    here = Mount(source=str(tmp_path))
    same = Mount(source=str(tmp_path), target=str(tmp_path))
    open_sandbox(spec("process").model_copy(update={"mounts": (here, same)}))
    moved = Mount(source=str(tmp_path), target="/elsewhere")
    with pytest.raises(UsageError, match=f"mounts {tmp_path} at /elsewhere, which kind 'process' cannot"):
        open_sandbox(spec("process").model_copy(update={"mounts": (here, moved)}))


@pytest.mark.parametrize("kind", ["process", "bubblewrap"])
def test_packages_that_local_workers_lack_are_named_with_the_remedy(kind, monkeypatch):
    monkeypatch.setattr("rewardsmith.sandboxes.child.SIMULATOR", ("mujoco", "no_such_simulator"))
    with pytest.raises(MissingExtra, match=r"workers on this machine: no_such_simulator$") as caught:
        open_sandbox(spec(kind)).check()
    assert "pip install 'rewardsmith[worker]'" in caught.value.hint
    assert "--sandbox docker" in caught.value.hint
    open_sandbox(spec("process"), worker=("/bin/true",)).check()
