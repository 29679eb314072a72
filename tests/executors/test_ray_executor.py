"""The executor `ray` against a server that answers as a cluster's head does, on which entrypoints really run."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from attempts import JOB, WAITS, ExecutorConformance, end_of, script, spec, tree_of, wait_for
from jobs_server import JobsServer
from ray_venue import RayVenue

from rewardsmith import __version__
from rewardsmith.diagnosis.cluster import look_at_cluster
from rewardsmith.domain.cluster import RaySpec
from rewardsmith.errors import ExecutorAway, InfrastructureError, UsageError
from rewardsmith.executors import ray as module
from rewardsmith.executors import ray_files, ray_looks, ray_node
from rewardsmith.executors.executor import Done, Lost, Running
from rewardsmith.executors.ray import RayExecutor
from rewardsmith.executors.ray_jobs import RayJob, RayJobs
from rewardsmith.settings import Settings
from rewardsmith.store.depot import Depot


@pytest.fixture
def server(tmp_path: Path) -> Iterator[JobsServer]:
    (tmp_path / "node").mkdir()
    with JobsServer(tmp_path / "node", environ={"TMPDIR": str(tmp_path / "node")}) as running:
        yield running


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_looks, "LOOK_S", 0.02)
    monkeypatch.setattr(ray_files, "_TELL_S", 0.2)
    monkeypatch.setattr(module, "_PAUSE_S", 0.02)


@pytest.fixture
def sandbox() -> str:
    return "process"


class TestSharedFolder(ExecutorConformance):
    @pytest.fixture
    def venue(self, server, tmp_path) -> RayVenue:
        return RayVenue(server.address, tmp_path, depot=False)


@pytest.mark.slow
class TestDepot(ExecutorConformance):
    @pytest.fixture
    def venue(self, server, tmp_path) -> RayVenue:
        return RayVenue(server.address, tmp_path, depot=True)


@pytest.fixture
def shared(server: JobsServer, tmp_path: Path) -> RayVenue:
    return RayVenue(server.address, tmp_path, depot=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "r" / "g1" / "g1c00" / "seed-7" / "try-0"


def only(server: JobsServer) -> object:
    (job,) = server.jobs.values()
    return job


class TestNudges:
    def test_a_head_is_sent_a_job_now_and_then_which_does_nothing(self, server, shared, folder, monkeypatch):
        executor = shared.open(spec("process"), script(WAITS))
        executor.start(folder, JOB)
        tree = tree_of(shared, folder)
        server.asked.clear()
        executor.poll(folder)
        monkeypatch.setattr(module, "_NUDGE_S", 0.0)
        wait_for(lambda: executor.poll(folder) == Running(None) and "POST /api/jobs/" in server.asked, "a nudge")
        assert tree_of(shared, folder) == tree
        assert len(server.jobs) == 1


class TestFinishedJobs:
    @pytest.mark.parametrize("depot", [False, True], ids=["shared folder", "depot"])
    def test_are_forgotten_and_stay_finished_for_every_host(self, server, tmp_path, folder, depot):
        venue = RayVenue(server.address, tmp_path, depot=depot)
        executor = venue.open(spec("process"), script("pass"))
        executor.start(folder, JOB)
        first = only(server).body["submission_id"]
        assert isinstance(end_of(executor, folder), Done)
        wait_for(lambda: server.jobs[first].process.poll() == 0, "the end of its runner")
        executor.start(folder.with_name("try-1"), JOB)
        assert first not in server.jobs
        assert isinstance(executor.poll(folder), Done)
        if depot:
            folder.rename(tmp_path / "gone")
        assert isinstance(venue.open(spec("process")).poll(folder), Done)


class TestWithdrawn:
    @pytest.mark.parametrize("depot", [False, True], ids=["shared folder", "depot"])
    def test_before_it_began_never_trains(self, server, tmp_path, folder, depot, monkeypatch):
        venue = RayVenue(server.address, tmp_path, depot=depot)
        executor = venue.open(spec("process"), script("pass"))
        waits = RayJob("PENDING", "", "", "", None, 0.0)
        taken: list[tuple] = []
        with monkeypatch.context() as patched:  # a cluster without room, which ends nothing that waits
            patched.setattr(executor.jobs, "submit", lambda *what: taken.append(what))
            executor.start(folder, JOB)
            patched.setattr(executor.jobs, "look", lambda _: waits)
            executor.stop(folder)
            assert executor.poll(folder) == Lost("it was stopped before it began")
        executor.jobs.submit(*taken[0])
        assert end_of(executor, folder) == Lost("it was stopped before it began")
        wait_for(lambda: only(server).process.poll() == 0, "its end")
        assert not (folder / "out").exists()
        assert "it was stopped before it began" in executor.jobs.logs(taken[0][0])


class TestCheckpoints:
    def test_of_a_lost_attempt_come_home_from_the_depot(self, server, tmp_path, folder, monkeypatch):
        venue = RayVenue(server.address, tmp_path, depot=True)
        source = "(out / 'checkpoint').mkdir(); (out / 'checkpoint' / 'current.json').write_text('{}'); " + WAITS
        executor = venue.open(spec("process"), script(source))
        executor.start(folder, JOB)
        stored = tmp_path / "depot" / "r/g1/g1c00/seed-7/try-0.json"
        wait_for(stored.exists, "the checkpoint in the depot")
        runner = venue.runner(folder)
        assert runner
        os.kill(runner, signal.SIGKILL)
        assert isinstance(end_of(executor, folder), Lost)
        assert (folder / "out" / "checkpoint" / "current.json").read_text() == "{}"
        assert not (folder / "result.json").exists()

    def test_that_were_replaced_do_not_pile_up_in_the_depot(self, tmp_path):
        depot, out = Depot(str(tmp_path / "depot")), tmp_path / "out"
        out.mkdir()
        bundle = ray_node._Replaced(depot, "run/try-0")
        for state in ("a", "b", "c", "c", "a", "d"):
            (out / "state").write_text(state)
            bundle.put(out)
        assert len([each for each in (tmp_path / "depot" / "run" / "try-0").iterdir() if any(each.iterdir())]) == 2
        assert (depot.fetch("run/try-0", tmp_path / "home") / "state").read_text() == "d"


class TestSubmission:
    def test_says_what_it_takes_of_a_node(self, server, shared, folder):
        ray = shared.ray.model_copy(update={"cpus": 0.5, "gpus": 0.25, "memory_mib": 2048})
        executor = RayExecutor(1, spec("process"), ray=ray, runs=shared.runs, worker=script("pass"))
        executor.start(folder, JOB)
        body = only(server).body
        assert body["entrypoint_num_cpus"] == 0.5
        assert body["entrypoint_num_gpus"] == 0.25
        assert body["entrypoint_memory"] == 2**31
        assert body["entrypoint"].startswith("exec ")
        assert body["submission_id"].startswith("r-g1-g1c00-seed-7-try-0-")

    def test_that_was_taken_but_not_answered_is_found_again(self, server, shared, folder):
        executor = shared.open(spec("process"), script("pass"))
        executor.start(folder, JOB)
        name = only(server).body["submission_id"]
        executor.jobs.submit(name, "exec false", shared.ray)  # answered with 500, as there is one
        assert server.asked[-2:] == ["POST /api/jobs/", f"GET /api/jobs/{name}"]
        assert isinstance(end_of(executor, folder), Done)

    def test_that_only_waited_for_room_is_made_again(self, server, shared, folder, monkeypatch):
        executor = shared.open(spec("process"), script(WAITS))
        executor.start(folder, JOB)
        first = only(server)
        first.stop()
        first.said = {
            "status": "FAILED",
            "message": "Job supervisor actor failed to start within 900.0 seconds.",
            "error_type": "JOB_SUPERVISOR_ACTOR_START_TIMEOUT",
        }
        wait_for(lambda: executor.poll(folder) == Running(None) and only(server) is not first, "another job")
        monkeypatch.setattr(ray_looks, "LOOK_S", 3600.0)
        second = only(server)
        assert executor.poll(folder) == executor.poll(folder) == Running(None)
        assert only(server) is second, "what was heard of the first job is not believed of the second"
        tree_of(shared, folder)
        (folder / "out" / "go").touch()
        assert isinstance(end_of(executor, folder), Done)

    def test_by_a_cluster_without_room_is_refused(self, shared, tmp_path):
        ray = shared.ray.model_copy(update={"gpus": 1.0})
        with pytest.raises(UsageError, match=r"no node of the Ray cluster at .* has 1 CPU and 1 GPU"):
            RayExecutor(None, spec("process"), ray=ray, runs=tmp_path)
        assert RayExecutor(3, spec("process"), ray=ray, runs=tmp_path).slots == 3

    @pytest.mark.parametrize(("cpus", "slots"), [(1.0, 2), (0.1, 20), (1.5, 1)])
    def test_as_many_as_the_nodes_hold(self, shared, tmp_path, cpus, slots):
        ray = shared.ray.model_copy(update={"cpus": cpus})
        assert RayExecutor(None, spec("process"), ray=ray, runs=tmp_path).slots == slots


class TestDoctor:
    def test_tries_every_node_and_says_what_is_missing(self, server, shared, tmp_path):
        settings = Settings(runs=shared.runs, executor="ray", ray=shared.ray)
        answers, room, node = look_at_cluster(settings, spec("process"))
        assert (answers.ok, answers.detail) == (True, f"2.60.0 at {server.address}")
        assert "room for 2 trainings of 1 CPU" in room.detail
        assert "start the head with --num-cpus=0" in room.remedy
        assert node.ok, node.detail
        assert f"rewardsmith {__version__}" in node.detail
        bare = replace(settings, ray=shared.ray.model_copy(update={"python": "/nowhere/python"}))
        *_, node = look_at_cluster(bare, spec("process"))
        assert not node.ok
        assert "the node could not train" in node.detail


class TestLooks:
    @pytest.fixture
    def names(self, server) -> list[str]:
        jobs = RayJobs(RaySpec(address=server.address))
        found = [f"job-{number}" for number in range(9)]
        for name in found:
            jobs.submit(name, "exec true", RaySpec(address=server.address))
        server.asked.clear()
        return found

    def followed(self, server, names, monkeypatch) -> ray_looks.Looks:
        """Each looked at once; from now on nothing that is known is new enough."""
        looks = ray_looks.Looks(RayJobs(RaySpec(address=server.address)))
        for name in names:
            looks.of(name)
        assert len(server.asked) == len(names)
        monkeypatch.setattr(ray_looks, "LOOK_S", 0.0)
        monkeypatch.setattr(ray_looks, "SHARE", 0.0)
        server.asked.clear()
        return looks

    def test_at_many_jobs_are_one_question(self, server, names, monkeypatch):
        looks = self.followed(server, names, monkeypatch)
        wait_for(lambda: looks.of(names[0]).status == "SUCCEEDED", "the end of the first")
        monkeypatch.setattr(ray_looks, "LOOK_S", 3600.0)
        asked = [*server.asked]
        assert set(asked) == {"GET /api/jobs/"}
        assert all(looks.of(name).entrypoint == "exec true" for name in names)
        assert server.asked == asked

    def test_at_few_jobs_or_among_many_of_others_are_one_each(self, server, names, monkeypatch):
        few = self.followed(server, names[:3], monkeypatch)
        few.of(names[0])
        assert server.asked == [f"GET /api/jobs/{names[0]}"]
        server.asked.clear()
        crowded = self.followed(server, names, monkeypatch)
        monkeypatch.setattr(ray_looks, "WORTH", 0.5)
        crowded.of(names[0])
        crowded.of(names[0])
        assert server.asked == ["GET /api/jobs/", f"GET /api/jobs/{names[0]}"]

    def test_are_the_rarer_the_longer_a_job_is_followed(self, monkeypatch):
        monkeypatch.setattr(ray_looks, "LOOK_S", 5.0)
        young, old, oldest = (ray_looks._Followed(0.0, at, None) for at in (10.0, 400.0, 9999.0))
        assert [young.is_fresh(10 + 4.9), young.is_fresh(10 + 5.1)] == [True, False]
        assert [old.is_fresh(400 + 19), old.is_fresh(400 + 21)] == [True, False]
        assert [oldest.is_fresh(9999 + 29), oldest.is_fresh(9999 + 31)] == [True, False]


class TestLosses:
    def test_a_head_that_was_restarted_knows_of_nothing(self, server, shared, folder):
        executor = shared.open(spec("process"), script(WAITS))
        executor.start(folder, JOB)
        only(server).stop()
        server.jobs.clear()
        ended = end_of(executor, folder)
        assert isinstance(ended, Lost)
        assert "head of the cluster was restarted" in ended.reason
        assert not ended.fatal

    def test_a_dead_node_is_no_fault_of_the_task(self, server, shared, folder):
        executor = shared.open(spec("process"), script(WAITS))
        executor.start(folder, JOB)
        only(server).stop()
        only(server).said = {
            "status": "FAILED",
            "message": "Job supervisor actor died: The actor died unexpectedly before finishing this task.\n\tclass",
            "error_type": "JOB_SUPERVISOR_ACTOR_DIED",
        }
        assert end_of(executor, folder) == Lost("Ray lost it: JOB_SUPERVISOR_ACTOR_DIED")

    def test_another_rewardsmith_on_the_node_is_fatal_and_says_both(self, shared, folder, monkeypatch):
        monkeypatch.setattr(module, "versions", lambda: {"rewardsmith": "99.0"})
        executor = shared.open(spec("process"), script("pass"))
        executor.start(folder, JOB)
        ended = end_of(executor, folder)
        assert isinstance(ended, Lost)
        assert ended.fatal
        assert f"it has rewardsmith {__version__}, and who drives the run has 99.0" in ended.reason

    @pytest.mark.parametrize("python", ["/nowhere/python", "false"])
    def test_a_node_without_rewardsmith_is_fatal(self, shared, folder, tmp_path, python):
        ray = shared.ray.model_copy(update={"python": python})
        executor = RayExecutor(1, spec("process"), ray=ray, runs=tmp_path)
        executor.start(folder, JOB)
        ended = end_of(executor, folder)
        assert isinstance(ended, Lost)
        assert ended.fatal
        assert "the node could not train" in ended.reason

    def test_a_folder_that_is_not_shared_is_fatal(self, tmp_path, capsys):
        errand = ray_node.Errand(versions={}, folder=str(tmp_path / "none"), sandbox=spec("process"))
        with pytest.raises(SystemExit) as left:
            ray_node.main([errand.model_dump_json()])
        assert left.value.code == ray_node.USELESS
        assert f"there is no {tmp_path / 'none'}; share the folder" in capsys.readouterr().out


class TestAway:
    def test_for_a_while_it_counts_as_alive_and_then_the_run_hears_of_it(self, server, shared, folder, monkeypatch):
        executor = shared.open(spec("process"), script(WAITS))
        executor.start(folder, JOB)
        server.broken["GET /api/jobs/"] = 503, "upstream"
        wait_for(lambda: executor.poll(folder) == Running(None), "silence")
        monkeypatch.setattr(module, "_AWAY_S", 0.0)
        with pytest.raises(ExecutorAway, match="answers 503: upstream"):
            executor.poll(folder)
        server.broken.clear()
        assert isinstance(executor.poll(folder), Running)

    def test_nobody_there(self, shared, tmp_path):
        ray = shared.ray.model_copy(update={"address": "http://127.0.0.1:9"})
        with pytest.raises(ExecutorAway, match=r"the Ray cluster at http://127.0.0.1:9 cannot be reached"):
            RayExecutor(1, spec("process"), ray=ray, runs=tmp_path)

    def test_a_token_is_asked_for_and_sent_and_never_told(self, server, shared, monkeypatch):
        server.token = "tok-canary"
        with pytest.raises(ExecutorAway) as refused:
            shared.open(spec("process"))
        assert "RAY_AUTH_TOKEN" in refused.value.hint
        monkeypatch.setenv("RAY_AUTH_TOKEN", "tok-wrong")
        with pytest.raises(ExecutorAway) as refused:
            shared.open(spec("process"))
        assert "tok" not in f"{refused.value.message} {refused.value.hint}".replace("token", "")
        monkeypatch.setenv("RAY_AUTH_TOKEN", "tok-canary")
        assert shared.open(spec("process")).version == "2.60.0"

    def test_another_interface_is_refused(self, server, shared):
        server.version = "5"
        with pytest.raises(UsageError, match=r"Ray 2.60.0 at .* speaks version 5"):
            shared.open(spec("process"))

    @pytest.mark.parametrize("answer", [(200, "<html>"), (200, "[]"), (404, "no"), (500, "Traceback\nboom\n.\n")])
    def test_what_is_no_head_is_an_error(self, server, shared, answer):
        server.broken["GET /"] = answer
        with pytest.raises(InfrastructureError, match=r"no Ray dashboard|answers 404: no|answers 500: boom"):
            shared.open(spec("process"))


class TestAddresses:
    @pytest.mark.parametrize("address", ["head:8265", "ray://head:10001", "http://", "http://u:p@head:8265"])
    def test_that_are_none_or_hold_a_password_are_refused(self, shared, tmp_path, address):
        with pytest.raises(UsageError) as refused:
            RayExecutor(1, spec("process"), ray=shared.ray.model_copy(update={"address": address}), runs=tmp_path)
        assert "u:p" not in refused.value.message

    def test_a_depot_with_a_password_is_not_told_to_nodes(self, shared, tmp_path):
        with pytest.raises(UsageError, match="the depot's address holds a password"):
            RayExecutor(1, spec("process"), ray=shared.ray, runs=tmp_path, artifacts="ftp://me:secret@host/runs")
