"""A real cluster of a head and three nodes, which all tests here share: each mends what the one before it broke.

Needs the extra `cluster`, or Ray's program on PATH. Every node has a network of its own where this machine can have
that, as the ids of the tests say.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.networks import Network, best
from benchmarks.rays import Rays, program

sys.path.insert(0, str(Path(__file__).parents[1] / "executors"))

from ray_venue import RayVenue

ACCESS = {"AWS_ACCESS_KEY_ID": "AKIAPLANTED", "AWS_SECRET_ACCESS_KEY": "planted-s3-secret"}
REGION = {"AWS_DEFAULT_REGION": "us-east-1"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session", params=[best()], ids=lambda kind: kind.__name__.lower())
def network(request: pytest.FixtureRequest) -> Network:
    """Of the cluster, which closes it."""
    if program() is None:
        pytest.skip("Ray is not installed: pip install 'rewardsmith[cluster]'")
    return request.param()


@pytest.fixture(scope="session")
def s3_server(network: Network) -> Iterator[str]:
    """The address of a server that speaks S3, as nodes reach it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(network.host, 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(scope="session")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where nodes keep what a depot carries."""
    return tmp_path_factory.mktemp("node")


@pytest.fixture(scope="session")
def shared_rays(network: Network, s3_server: str, temporary: Path) -> Iterator[Rays]:
    environ = {"TMPDIR": str(temporary), "AWS_ENDPOINT_URL": s3_server} | ACCESS | REGION
    with Rays(nodes=3, cpus=1, gpus=1, network=network, environ=environ) as running:
        yield running


@pytest.fixture
def rays(shared_rays: Rays) -> Rays:
    """The cluster, whole."""
    shared_rays.mend()
    return shared_rays


@pytest.fixture
def shared(rays: Rays, tmp_path: Path) -> RayVenue:
    """Where nodes share the folder of the runs."""
    return RayVenue(rays.address, tmp_path, depot=False)
