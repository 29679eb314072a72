"""Where isolation is required, a test of it that is skipped has failed; tests share a Docker engine, and a Postgres."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster import Cluster
from rewardsmith.errors import InfrastructureError

ROOMS = ("attacks", "isolation", "reward", "sandboxes")
"""Folders whose tests all carry the marker `isolation`, but for those marked `docker`."""
TOGETHER = ("checking", "clusters", "docker", "reading", "service")
"""Folders whose tests share what is dear to make: one process runs all of a folder's."""
WHERE_WRITABLE = {"test_cgroups.py"}
"""Files that try what only some machines grant; `rewardsmith doctor` says so, and nothing rests on it."""
REQUIRED = {
    "isolation": "REWARDSMITH_REQUIRE_ISOLATION",
    "docker": "REWARDSMITH_REQUIRE_DOCKER",
    "postgres": "REWARDSMITH_REQUIRE_POSTGRES",
    "browser": "REWARDSMITH_REQUIRE_BROWSER",
}
"""By marker, the variable under which a skip is a failure."""
_DATABASES = count()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL for the tests of one process."""
    try:
        running = Cluster()
    except InfrastructureError as error:
        pytest.skip(error.message)
    yield running
    running.remove()


@pytest.fixture
def postgres(cluster: Cluster) -> str:
    """The address of an empty database in it."""
    return cluster.make(f"test{next(_DATABASES)}")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a server on loopback that speaks S3 and holds everything in memory."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty bucket there, as this process and its children reach it."""
    import boto3

    access = {"ACCESS_KEY_ID": "AKIAPLANTED", "SECRET_ACCESS_KEY": "planted-s3-secret", "DEFAULT_REGION": "us-east-1"}
    for name, value in access.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    name = f"bucket-{next(_DATABASES)}"
    client = boto3.client("s3")
    client.create_bucket(Bucket=name)
    client.close()
    return f"s3://{name}/runs"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        room, other = item.path.parent, item.get_closest_marker("docker") or item.path.name in WHERE_WRITABLE
        if room.parent == here and room.name in ROOMS and not other:
            item.add_marker("isolation")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One process runs all tests of a folder in `TOGETHER`, so that what they share is made once.

    xdist's own groups do not work with pytest 9.2, whose node ids cannot be changed any more.
    """
    from xdist.scheduler import LoadScopeScheduling

    class OneMaker(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            room = nodeid.removeprefix("tests/").partition("/")[0]
            return room if room in TOGETHER else nodeid

    return OneMaker(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        for marker, variable in REQUIRED.items():
            if item.get_closest_marker(marker) and os.environ.get(variable, "0") not in ("", "0"):
                reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
                report.outcome = "failed"
                report.longrepr = f"{variable} is set, and this test was skipped: {reason}"
    return report
