"""A head that asks for a token, and keeps what it knows in Redis: who has no token is told so, and jobs survive it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from attempts import JOB, WAITS, end_of, lives, script, spec, tree_of, wait_for
from ray_venue import RayVenue

from benchmarks.networks import Namespaces, best
from benchmarks.rays import Rays, program
from rewardsmith.errors import ExecutorAway
from rewardsmith.executors.executor import Done, Running
from rewardsmith.executors.ray_jobs import TOKEN

SECRET = "planted-token-of-a-cluster-0123456789abcdef"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Rays]:
    """A cluster of one node, which this process has the token of."""
    if program() is None:
        pytest.skip("Ray is not installed: pip install 'rewardsmith[cluster]'")
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed: apt-get install redis-server")
    if best() is not Namespaces:
        pytest.skip("two clusters on the loopback take each other's ports: run as root, with iproute2")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(TOKEN, SECRET)
        environ = {"RAY_AUTH_MODE": "token", TOKEN: SECRET}
        with Rays(nodes=1, cpus=1, environ=environ, network=Namespaces(), redis=True) as running:
            yield running


@pytest.fixture
def venue(guarded: Rays, tmp_path: Path) -> RayVenue:
    guarded.mend()
    return RayVenue(guarded.address, tmp_path, depot=False)


@pytest.mark.parametrize("given", [None, "another-token-0123456789abcdef0123456789ab"], ids=["none", "another"])
def test_without_its_token_nothing_starts_and_the_variable_is_named(venue, monkeypatch, given):
    if given is None:
        monkeypatch.delenv(TOKEN)
    else:
        monkeypatch.setenv(TOKEN, given)
    with pytest.raises(ExecutorAway, match="wants another token") as raised:
        venue.open(spec("process"))
    assert TOKEN in (raised.value.hint or "")
    assert (given or SECRET) not in str(raised.value) + repr(raised.value) + str(raised.value.hint)


def test_with_its_token_a_training_runs_and_is_not_told_it(venue, guarded, tmp_path):
    executor = venue.open(spec("process"), script(WAITS))
    folder = tmp_path / "runs" / "try-0"
    executor.start(folder, JOB)
    _, *below = tree_of(venue, folder)
    assert all(SECRET.encode() not in Path(f"/proc/{pid}/environ").read_bytes() for pid in below)
    (folder / "out" / "go").touch()
    assert isinstance(end_of(executor, folder), Done)
    assert SECRET not in guarded.jobs().look(executor.name_of(folder)).entrypoint
    assert SECRET not in "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())


def test_a_head_that_comes_back_knows_its_jobs_and_they_go_on(venue, guarded, tmp_path):
    executor = venue.open(spec("process"), script(WAITS))
    folder = tmp_path / "runs" / "try-0"
    executor.start(folder, JOB)
    tree = tree_of(venue, folder)
    guarded.kill(0)
    assert isinstance(executor.poll(folder), Running)
    guarded.start_head()
    wait_for(lambda: guarded.jobs().look(executor.name_of(folder)).status == "RUNNING", "the head's word")
    assert all(map(lives, tree))
    assert isinstance(executor.poll(folder), Running)
    (folder / "out" / "go").touch()
    assert isinstance(end_of(executor, folder), Done)
