"""A Docker engine for the tests of this room, with both images: started once, gone afterwards.

Where DOCKER_HOST is set that engine is taken, and its images where they can be used: by `scripts/docker_engine.py
--folder FOLDER python -m pytest tests/docker` they are built once. A service image of its own is not looked into.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "sandboxes")]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them; the first one builds an image."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.docker)
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session")
def wheels() -> Iterator[Path]:
    """The folder in which the images' packages are kept."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(os.environ.get("REWARDSMITH_TEST_WHEELS", made))


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The engine's address, in DOCKER_HOST too."""
    from docker_engine import EngineUnavailable
    from docker_engine import engine as private_engine

    with pytest.MonkeyPatch.context() as patch:
        if given := os.environ.get("DOCKER_HOST"):
            yield given
            return
        try:
            with private_engine() as address:
                patch.setenv("DOCKER_HOST", address)
                yield address
        except EngineUnavailable as error:
            pytest.skip(str(error))


@pytest.fixture(scope="session")
def worker_image(engine: str, wheels: Path) -> str:
    """The image of the workers."""
    from docker_images import WORKER, build_worker

    from rewardsmith.domain.sandbox import SandboxSpec
    from rewardsmith.errors import IsolationUnavailable
    from rewardsmith.sandboxes.registry import open_sandbox

    try:
        open_sandbox(SandboxSpec(name="docker", kind="docker")).check()
    except IsolationUnavailable:
        build_worker(wheels)
    return WORKER


@pytest.fixture(scope="session")
def service_image(engine: str, wheels: Path) -> str:
    """The image of the service."""
    from docker_images import SERVICE, build_service, has

    if not has(SERVICE):
        build_service(wheels)
    return SERVICE
