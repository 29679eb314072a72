"""Nodes, heads and jobs of a real cluster are killed; needs the extra `cluster`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import attempts
import pytest
from attempts import GRANDCHILD, JOB, WAITS, end_of, lives, script, spec, tree_of, wait_for
from ray_venue import RayVenue

from benchmarks.rays import Rays, program
from rewardsmith.executors.executor import Lost, Running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(program() is None, reason="Ray is not installed: pip install 'rewardsmith[cluster]'"),
]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "DEADLINE_S", 180.0)


@pytest.fixture
def fragile() -> Iterator[Rays]:
    """A cluster of a test's own."""
    with Rays(nodes=2, cpus=1) as running:
        yield running


class TestKilling:
    def test_a_node_loses_its_attempt_and_the_next_runs_on_another(self, fragile, tmp_path):
        venue = RayVenue(fragile.address, tmp_path, depot=False)
        executor = venue.open(spec("process"), script(f"{GRANDCHILD}; {WAITS}"))
        first, second = (tmp_path / "runs" / name for name in ("try-0", "try-1"))
        executor.start(first, JOB)
        tree = tree_of(venue, first)
        for number in (1, 2):
            fragile.kill_raylet(number)
            fragile.kill(number)
        fragile.start_node(3)
        ended = end_of(executor, first)
        assert isinstance(ended, Lost)
        assert not ended.fatal
        assert "Ray lost it" in ended.reason
        wait_for(lambda: not any(map(lives, tree)), "the end of the tree")
        executor.start(second, JOB)
        tree = tree_of(venue, second)
        executor.stop(second)
        assert not any(map(lives, tree))

    def test_a_head_that_comes_back_knows_of_nothing_and_no_process_is_left(self, fragile, tmp_path):
        venue = RayVenue(fragile.address, tmp_path, depot=False)
        executor = venue.open(spec("process"), script(f"{GRANDCHILD}; {WAITS}"))
        folder = tmp_path / "runs" / "try-0"
        executor.start(folder, JOB)
        tree = tree_of(venue, folder)
        fragile.kill(0)
        assert isinstance(executor.poll(folder), Running)
        fragile.start_head()
        ended = end_of(executor, folder)
        assert isinstance(ended, Lost)
        assert "head of the cluster was restarted" in ended.reason
        wait_for(lambda: not any(map(lives, tree)), "the end of the tree")

    def test_a_job_that_is_killed_is_lost(self, fragile, tmp_path):
        venue = RayVenue(fragile.address, tmp_path, depot=False)
        executor = venue.open(spec("bubblewrap"), script(WAITS))
        folder = tmp_path / "runs" / "try-0"
        executor.start(folder, JOB)
        tree = tree_of(venue, folder)
        os.kill(tree[0], signal.SIGKILL)
        ended = end_of(executor, folder)
        assert isinstance(ended, Lost)
        assert not ended.fatal
        assert "exit code -9" in ended.reason
        wait_for(lambda: not any(map(lives, tree)), "the end of the tree")
