"""Servers whose database is away, and what is told of them to those who ask."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from service_server import PATIENCE_S, TINY, wait_for

from rewardsmith.errors import DatabaseAway, StoreError, WorkerFailed
from rewardsmith.service.problems import of_error

pytestmark = pytest.mark.postgres


def test_a_server_that_starts_while_the_database_is_away_waits(start, cluster, postgres, tmp_path):
    cluster.stop()
    try:
        server = start("--database", postgres)
        assert server.client.get("/healthz").status_code == 200
        answers = [server.client.get("/readyz"), server.client.post("/v1/runs", json=TINY), server.client.get("/")]
        for answer in answers:
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            assert answer.json()["type"] == "urn:rewardsmith:database-away"
            assert answer.json()["detail"] == "the database is out of reach"
        wait_for(lambda: "runs that wait cannot be begun" in _said(tmp_path))
    finally:
        cluster.start()
    wait_for(lambda: server.client.get("/readyz").status_code == 200)
    run = server.submit(TINY)
    assert server.client.post(f"/v1/runs/{run}/cancel").status_code == 202
    wait_for(lambda: "it is over: runs that wait cannot be begun" in _said(tmp_path))
    said = _said(tmp_path)
    assert "for nobody yet, and waits: the database" in said
    assert said.count("runs that wait cannot be begun") == 2, "once when it is away, and once when that is over"


@pytest.mark.parametrize(
    ("database", "words"),
    [
        ("postgresql://ann@nowhere.invalid/runs", "failed to resolve host 'nowhere.invalid'"),
        ("{}nothing?{}", 'lets nobody in: .*database "nothing" does not exist'),
    ],
)
def test_where_waiting_is_no_help_the_server_ends(postgres, tmp_path, database, words):
    address, _, host = postgres.partition("?")
    place = database.format(address.rpartition("/")[0] + "/", host)
    command = [sys.executable, "-m", "rewardsmith", "serve", "--port", "0", "--database", place]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert ended.returncode == 3
    assert re.search(words, ended.stderr)


def test_places_on_the_server_are_not_told():
    lost = of_error(WorkerFailed("cannot start a runner in /srv/a b/runs/x: no space", hint="see /srv/runs/x/log.txt"))
    assert "/srv" not in lost.detail + lost.remedy
    assert lost.remedy == "see log.txt"
    away = of_error(DatabaseAway("the database postgresql://db/runs is out of reach: at 10.0.0.7", hint="is it up?"))
    assert away.detail == "the database is out of reach"
    other = of_error(StoreError("the database postgresql://db/runs cannot be used: full", hint="GET /v1/runs later"))
    assert other.detail == "the database  cannot be used: full"
    assert other.remedy == "GET /v1/runs later"


def _said(folder) -> str:
    return "".join(path.read_text() for path in folder.glob("server-*.log"))
