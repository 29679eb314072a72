"""Nodes, heads and jobs of a real cluster are killed, and networks cut, under one attempt."""

from __future__ import annotations

import os
import signal

import pytest
from attempts import GRANDCHILD, JOB, WAITS, end_of, lives, script, spec, tree_of, wait_for

from benchmarks.networks import Namespaces
from rewardsmith.executors.executor import Lost, Running


def test_a_node_loses_its_attempt_and_the_next_runs_on_another(rays, shared, tmp_path):
    executor = shared.open(spec("process"), script(f"{GRANDCHILD}; {WAITS}"))
    first, second = (tmp_path / "runs" / name for name in ("try-0", "try-1"))
    executor.start(first, JOB)
    tree = tree_of(shared, first)
    number = rays.node_of(tree[0])
    rays.kill_raylet(number)
    rays.kill(number)
    ended = end_of(executor, first)
    assert isinstance(ended, Lost)
    assert not ended.fatal
    assert "Ray lost it" in ended.reason
    wait_for(lambda: not any(map(lives, tree)), "the end of the tree")
    executor.start(second, JOB)
    tree = tree_of(shared, second)
    assert rays.node_of(tree[0]) != number
    executor.stop(second)
    assert not any(map(lives, tree))


def test_a_node_that_is_cut_off_loses_its_attempt_and_is_none_any_more(rays, shared, tmp_path):
    if not isinstance(rays.network, Namespaces):
        pytest.skip("a node on the loopback cannot be cut off; run as root, with iproute2")
    executor = shared.open(spec("process"), script(f"{GRANDCHILD}; {WAITS}"))
    first, second = (tmp_path / "runs" / name for name in ("try-0", "try-1"))
    executor.start(first, JOB)
    tree = tree_of(shared, first)
    number = rays.node_of(tree[0])
    with rays.network.cut(number):
        ended = end_of(executor, first)
        assert isinstance(ended, Lost)
        assert not ended.fatal
        assert "Ray lost it" in ended.reason
        executor.start(second, JOB)
        later = tree_of(shared, second)
        assert rays.node_of(later[0]) != number
        executor.stop(second)
    wait_for(lambda: not any(map(lives, tree)), "the end of the tree, once its node hears that it is dead")


def test_a_head_that_comes_back_knows_of_nothing_and_no_process_is_left(rays, shared, tmp_path):
    executor = shared.open(spec("process"), script(f"{GRANDCHILD}; {WAITS}"))
    folder = tmp_path / "runs" / "try-0"
    executor.start(folder, JOB)
    tree = tree_of(shared, folder)
    rays.kill(0)
    assert isinstance(executor.poll(folder), Running)
    rays.start_head()
    ended = end_of(executor, folder)
    assert isinstance(ended, Lost)
    assert "head of the cluster was restarted" in ended.reason
    wait_for(lambda: not any(map(lives, tree)), "the end of the tree")


def test_a_job_that_is_killed_is_lost(shared, tmp_path):
    executor = shared.open(spec("bubblewrap"), script(WAITS))
    folder = tmp_path / "runs" / "try-0"
    executor.start(folder, JOB)
    tree = tree_of(shared, folder)
    os.kill(tree[0], signal.SIGKILL)
    ended = end_of(executor, folder)
    assert isinstance(ended, Lost)
    assert not ended.fatal
    assert "exit code -9" in ended.reason
    wait_for(lambda: not any(map(lives, tree)), "the end of the tree")
