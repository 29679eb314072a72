"""Makes the helpers of this folder and of the reports' tests importable (the tests are no package), starts servers."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))
sys.path.insert(0, str(Path(__file__).parent))
from service_server import ENDED, TINY, Keyed, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that leave it alive."""
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    assert running.end() == 0
    assert "Traceback" not in running.log()


@pytest.fixture(scope="session")
def seen(server: Server) -> list[dict[str, Any]]:
    """Every event of a run that was submitted, watched through one connection after another until it ended."""
    run = server.submit(TINY | {"name": "first"})
    events: list[dict[str, Any]] = []
    while not events or events[-1]["event"].get("status") not in ENDED:
        after = events[-1]["id"] if events else None
        events += itertools.islice(server.events(run, after), 3)
    return events


@pytest.fixture(scope="session")
def finished(seen: list[dict[str, Any]]) -> str:
    """That run."""
    assert seen[-1]["event"]["status"] == "done"
    return "first"


@pytest.fixture(scope="session")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    """A server that began without keys, and the runs `anns` and `bobs` of two keys."""
    made = Keyed(tmp_path_factory.mktemp("keyed"))
    assert made.server.client.get("/v1/runs").status_code == 200
    for name in ("ann", "bob"):
        made.add(name)
    made.add("reader", "read")
    made.add("boss", "admin")
    for name in ("ann", "bob"):
        answer = made.submit(name, TINY | {"name": f"{name}s"}, **{"idempotency-key": "mine"})
        assert answer.status_code == 202, answer.text
        assert answer.json()["id"] == f"{name}s"
    made.ask("bob", "POST", "/v1/runs/bobs/cancel")
    yield made
    made.ask("ann", "POST", "/v1/runs/anns/cancel")
    made.store.close()
    assert made.server.end() == 0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers that end with the test."""
    started: list[Server] = []

    def starting(*options: str) -> Server:
        started.append(Server(tmp_path, *options))
        return started[-1]

    yield starting
    for each in started:
        if each.process.poll() is None:
            each.end()
