"""The executor `ray` on a real cluster of three nodes; needs the extra `cluster`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attempts
import pytest
from attempts import JOB, ExecutorConformance, end_of, script, spec, wait_for
from ray_venue import RayVenue

from benchmarks.rays import Rays, program
from rewardsmith.executors.executor import Done, Running
from rewardsmith.executors.ray import RayExecutor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(program() is None, reason="Ray is not installed: pip install 'rewardsmith[cluster]'"),
]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "DEADLINE_S", 180.0)


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where its nodes keep what a depot carries."""
    return tmp_path_factory.mktemp("node")


@pytest.fixture(scope="module")
def cluster(temporary: Path) -> Iterator[Rays]:
    with Rays(nodes=3, cpus=1, gpus=1, environ={"TMPDIR": str(temporary)}) as running:
        yield running


class TestSharedFolder(ExecutorConformance):
    @pytest.fixture
    def sandbox(self) -> str:
        return "bubblewrap"

    @pytest.fixture
    def venue(self, cluster, tmp_path) -> RayVenue:
        return RayVenue(cluster.address, tmp_path, depot=False)


class TestDepot(ExecutorConformance):
    @pytest.fixture
    def sandbox(self) -> str:
        return "process"

    @pytest.fixture
    def venue(self, cluster, tmp_path) -> RayVenue:
        return RayVenue(cluster.address, tmp_path, depot=True)


class TestGpus:
    def test_halves_share_one_and_wait_for_room(self, cluster, tmp_path):
        ray = RayVenue(cluster.address, tmp_path, depot=False).ray
        halves = ray.model_copy(update={"cpus": 0.1, "gpus": 0.5})
        shows = script(
            "(out / 'part').write_text(os.environ['CUDA_VISIBLE_DEVICES']);"
            "(out / 'part').rename(out / 'token'); wait_for_go()"
        )
        executor = RayExecutor(None, spec("bubblewrap"), ray=halves, runs=tmp_path, worker=shows)
        assert executor.slots == 6
        folders = [tmp_path / f"try-{number}" for number in range(7)]
        for folder in folders:
            executor.start(folder, JOB)
        standing = lambda: [folder for folder in folders if (folder / "out" / "token").exists()]  # noqa: E731
        wait_for(lambda: len(standing()) == 6, "six halves on three GPUs")
        assert {(folder / "out" / "token").read_text() for folder in standing()} == {"0"}
        (last,) = [folder for folder in folders if folder not in standing()]
        assert executor.poll(last) == Running(None)
        for folder in folders:
            (folder / "out").mkdir(exist_ok=True)
            if folder != last:
                (folder / "out" / "go").touch()
        wait_for((last / "out" / "token").exists, "the seventh")
        (last / "out" / "go").touch()
        assert all(isinstance(end_of(executor, folder), Done) for folder in folders)
