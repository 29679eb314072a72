"""Two servers of one database and one bucket, each with a folder of its own: what one began the other ends and shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from service_server import TINY, Server

SLOWER = TINY | {"steps": 2000, "deterministic": True, "seed": 3, "iters": 2, "k": 2}


@pytest.fixture
def hosts(tmp_path: Path, bucket: str) -> Any:
    """Starts servers that share nothing but the database and the bucket."""
    started: list[Server] = []
    database = str(tmp_path / "shared.db")

    def starting(name: str) -> Server:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        started.append(Server(folder, "--database", database, "--artifacts", bucket))
        return started[-1]

    yield starting
    for each in started:
        if each.process.poll() is None:
            each.end()


def test_another_host_shows_all_of_a_run(hosts):
    first, second = hosts("first"), hosts("second")
    run = first.submit(TINY)
    assert [*first.events(run)][-1]["event"]["status"] == "done"
    host = first if (first.folder / "runs" / run / "g1").exists() else second
    other = second if host is first else first
    assert not (other.folder / "runs" / run).exists()
    for path in ("", "/best", "/best/reward.py", "/candidates/g1c00", "/report.md"):
        ours, theirs = (each.client.get(f"/v1/runs/{run}{path}") for each in (host, other))
        assert theirs.status_code == 200, path
        assert theirs.text.replace(str(other.folder), str(host.folder)) == ours.text, path
    page = other.client.get(f"/runs/{run}/candidates/g1c00").text
    prompt = (host.folder / "runs" / run / "g1" / "g1c00" / "prompt.md").read_text()
    assert prompt.splitlines()[2][:40] in page
