"""Servers that share a database and a bucket, and no folder: what one began another ends, and shows."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from service_server import TINY, Server, outcome, processes, wait_for

from rewardsmith.store.store import Store

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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_a_host_that_is_gone_began_another_ends(hosts, tmp_path):
    first = hosts("first")
    first.submit(SLOWER | {"name": "calm"})
    calm = outcome(first, "calm")
    first.submit(SLOWER | {"name": "moved"})
    store = Store.open(tmp_path / "shared.db")
    wait_for(lambda: trained(store) and processes(first, "executors.runner"))
    for pid in processes(first, "executors.runner"):
        assert b"planted-s3-secret" not in Path(f"/proc/{pid}/environ").read_bytes()
    first.end(signal.SIGKILL)
    while left := processes(first):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    first.folder.rename(tmp_path / "gone")
    before = {subject for purpose, subject, _ in trained(store) if purpose == "search"}
    second = hosts("second")
    assert outcome(second, "moved") == calm
    assert before
    assert not before & {path.parent.name for path in (second.folder / "runs" / "moved" / "g1").glob("*/seed-*")}
    said = "".join(path.read_text() for path in tmp_path.rglob("server-*.log")) + str(store.events("moved"))
    assert "planted-s3-secret" not in said
    store.close()


def trained(store: Store) -> set[tuple[str, str, int]]:
    """What has a report."""
    ended = [event.event for event in store.events("moved") if event.event.kind == "attempt_ended"]
    return {each.attempt.key for each in ended if each.report and each.attempt.until is None}
