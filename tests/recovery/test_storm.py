"""Five minutes in which servers, drivers and the database are killed at random, under load; then nothing is wrong."""

from __future__ import annotations

import pytest

from benchmarks.crowd import Crowd, storm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
STORM_S = 300


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_nothing_is_lost_and_nothing_done_twice(tmp_path, request, kind):
    cluster = request.getfixturevalue("cluster") if kind == "postgres" else None
    crowd = Crowd(tmp_path, cluster.make("storm") if cluster else None, servers=2, at_once=2)
    try:
        storm(crowd, cluster, STORM_S, every_s=8, at_a_time=4)
        crowd.wait()
        assert sum(crowd.killed.values()) > 10
        assert crowd.submitted
        assert crowd.verdict() == []
    finally:
        crowd.close()
