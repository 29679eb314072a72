"""Makes `service_server` importable (the tests are no package), and starts servers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from service_server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that leave it alive."""
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    assert running.end() == 0


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
