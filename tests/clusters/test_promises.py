"""What every executor promises, on a real cluster; and what only Ray has: fractions of GPUs, jobs that wait."""

from __future__ import annotations

import pytest
from attempts import JOB, WAITS, ExecutorConformance, end_of, lives, script, spec, tree_of, wait_for
from ray_venue import RayVenue

from rewardsmith.executors.executor import Done, Lost, Running
from rewardsmith.executors.ray import RayExecutor


class TestSharedFolder(ExecutorConformance):
    @pytest.fixture
    def sandbox(self) -> str:
        return "bubblewrap"

    @pytest.fixture
    def venue(self, shared) -> RayVenue:
        return shared


class TestDepot(ExecutorConformance):
    @pytest.fixture
    def sandbox(self) -> str:
        return "process"

    @pytest.fixture
    def venue(self, rays, tmp_path) -> RayVenue:
        return RayVenue(rays.address, tmp_path, depot=True)


class TestGpus:
    def test_halves_share_one_and_wait_for_room(self, shared, tmp_path):
        halves = shared.ray.model_copy(update={"cpus": 0.1, "gpus": 0.5})
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


class TestWaiting:
    @pytest.mark.parametrize("depot", [False, True], ids=["shared folder", "depot"])
    def test_that_is_stopped_never_trains(self, rays, tmp_path, depot):
        venue = RayVenue(rays.address, tmp_path, depot=depot)
        whole = venue.ray.model_copy(update={"gpus": 1.0, "cpus": 0.1})
        executor = RayExecutor(
            4, spec("process"), ray=whole, runs=venue.runs, artifacts=venue.artifacts, worker=script(WAITS)
        )
        *holding, waiting = [venue.runs / f"try-{number}" for number in range(4)]
        for folder in holding:
            executor.start(folder, JOB)
        trees = [tree_of(venue, folder) for folder in holding]
        executor.start(waiting, JOB)
        assert rays.jobs().look(executor.name_of(waiting)).status == "PENDING"
        executor.stop(waiting)
        assert executor.poll(waiting) == Lost("it was stopped before it began")
        for folder in holding:
            executor.stop(folder)
        wait_for(lambda: rays.jobs().look(executor.name_of(waiting)).status not in ("PENDING", "RUNNING"), "its turn")
        assert executor.poll(waiting) == Lost("it was stopped before it began")
        assert not (waiting / "out").exists()
        assert not any(lives(pid) for tree in trees for pid in tree)
