from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conformance import PROMISES, SandboxConformance, alive, script, spec, wait_for

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.sandbox import Mount, SandboxSpec
from rewardsmith.errors import InfrastructureError, IsolationUnavailable
from rewardsmith.executors.attempt_folder import runner_of
from rewardsmith.executors.local import LocalExecutor
from rewardsmith.sandboxes import engine as engines
from rewardsmith.sandboxes.container import PACKAGE, ROOMS, fingerprint
from rewardsmith.sandboxes.engine import LABEL, connect, identity, sweep
from rewardsmith.sandboxes.registry import open_sandbox

PYTHON = "python3"


def containers() -> list[str]:
    """Every container of the engine that a sandbox made, running or not."""
    with connect() as client:
        return [each["Id"] for each in client.api.containers(all=True, filters={"label": LABEL})]


@pytest.mark.usefixtures("worker_image")
class TestDocker(SandboxConformance):
    sandbox = "docker"
    promises = PROMISES
    python = PYTHON

    def test_nothing_is_left_of_a_container(self, folder):
        assert self.run(folder, "sys.exit(3)").exit_code == 3
        assert containers() == []

    def test_nothing_is_left_of_a_container_whose_runner_is_killed(self, folder, word):
        self.test_nothing_survives_the_one_who_runs_it(folder, word)
        wait_for(lambda: containers() == [], "the end of the container")

    def test_the_root_is_read_only_and_what_is_not_is_small_and_not_executable(self, folder):
        source = """
            import errno, subprocess
            for place in ("/new", "/opt/worker/new", "/etc/new", "/job/new", "/job/job.json"):
                try:
                    Path(place).write_text("x")
                except OSError as error:
                    assert error.errno in (errno.EROFS, errno.EACCES), (place, error)
                else:
                    sys.exit(f"wrote {place}")
            for place, size in ((Path("/tmp/x"), 80), (Path("/dev/shm/x"), 2)):
                try:
                    place.write_bytes(bytes(size * 2**20))
                except OSError as error:
                    assert error.errno == errno.ENOSPC, (place, error)
                else:
                    sys.exit(f"filled {place}")
                place.unlink()
            Path("/tmp/run").write_text("#!/bin/sh\\n")
            os.chmod("/tmp/run", 0o755)
            try:
                subprocess.run(["/tmp/run"])
            except PermissionError:
                sys.exit(0)
        """
        assert self.run(folder, source).exit_code == 0, (folder / "log.txt").read_text()

    def test_files_and_cores_are_limited(self, folder):
        source = """
            import resource
            assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (1024, 1024)
            print(*(Path(p).read_text() for p in ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu.max")
                    if os.path.exists(p)))
        """
        assert self.run(folder, source).exit_code == 0, (folder / "log.txt").read_text()
        assert (folder / "log.txt").read_text().split()[0] == "100000"

    def test_mounts_of_the_sandbox(self, folder, tmp_path):
        (tmp_path / "assets").mkdir()
        (tmp_path / "assets" / "robot.xml").write_text("<robot/>")
        wanted = spec("docker").model_copy(
            update={"mounts": (Mount(source=str(tmp_path / "assets"), target="/assets"),)}
        )
        source = """
            assert Path("/assets/robot.xml").read_text() == "<robot/>"
            try:
                Path("/assets/new").write_text("x")
            except OSError:
                sys.exit(0)
            sys.exit("wrote")
        """
        assert open_sandbox(wanted, worker=script(source, PYTHON)).run(folder).exit_code == 0

    def test_stopping_an_attempt_ends_its_container(self, tmp_path, word):
        source = f"""
            import subprocess
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "{word}"])
            (out / "ready").touch()
            time.sleep(600)
        """
        executor = LocalExecutor(1, spec("docker"), worker=script(source, PYTHON))
        attempt = tmp_path / "attempt"
        executor.start(attempt, SurveyJob(task=load_task("cartpole", find_folders())))
        wait_for(lambda: (attempt / "out" / "ready").exists(), "the worker")
        assert len(containers()) == 1
        executor.stop(attempt)
        assert runner_of(attempt) is None
        wait_for(lambda: not alive(word) and containers() == [], "the end of the container")

    def test_a_gpu_that_the_engine_does_not_have_is_refused(self, folder):
        with connect() as client:
            if any("nvidia" in runtime for runtime in client.info()["Runtimes"]):
                pytest.skip("this engine has GPUs")
        wanted = spec("docker").model_copy(update={"gpus": 1})
        with pytest.raises(IsolationUnavailable, match="no GPU") as caught:
            open_sandbox(wanted).check()
        assert "NVIDIA container toolkit" in caught.value.hint
        assert containers() == []

    def test_an_image_with_other_code_is_refused(self, folder, monkeypatch):
        monkeypatch.setattr("rewardsmith.sandboxes.docker.fingerprint", lambda: "0123456789ab")
        for use in (lambda: open_sandbox(spec("docker")).check(), lambda: self.run(folder, "pass")):
            with pytest.raises(IsolationUnavailable, match=rf"{fingerprint()}; 0123456789ab is wanted") as caught:
                use()
            assert "rewardsmith sandboxes build docker" in caught.value.hint

    def test_a_missing_image_names_the_command_that_builds_it(self, monkeypatch):
        monkeypatch.setattr("rewardsmith.sandboxes.docker.IMAGE", "rewardsmith-worker:0.0.0")
        monkeypatch.setattr(engines, "IMAGE", "rewardsmith-worker:0.0.0")
        with pytest.raises(IsolationUnavailable, match=r"no image rewardsmith-worker:0\.0\.0") as caught:
            open_sandbox(spec("docker")).check()
        assert caught.value.hint == "build it: rewardsmith sandboxes build docker"

    def test_a_missing_mount_of_the_engine_is_told(self, folder):
        (folder / "job.json").unlink()
        with pytest.raises((InfrastructureError, OSError), match=r"job\.json|bind source path"):
            self.run(folder, "pass")
        assert containers() == []

    def test_what_a_dead_runner_left_is_swept_and_a_living_ones_is_not(self, worker_image):
        *here, pid, _ = identity().split()
        dead = " ".join([*here, pid, "1"])
        elsewhere = " ".join(["another-boot", *here[1:], pid, "1"])
        with connect() as client:
            made = {
                label: client.containers.create(worker_image, ["sleep", "600"], labels={LABEL: label}).id
                for label in (identity(), dead, elsewhere)
            }
            try:
                sweep(client)
                assert set(containers()) == {made[identity()], made[elsewhere]}
            finally:
                for container in containers():
                    engines.remove(client, container)

    def test_a_real_training_and_its_locked_reward(self, tmp_path):
        """The whole way: command, executor, runner, container, locked reward process, report."""
        reward = tmp_path / "reward.py"
        reward.write_text(
            "import numpy as np\n\ndef compute_reward(observation):\n"
            "    upright = np.cos(observation[:, 2])\n    return upright, {'upright': upright}\n"
        )
        line = [sys.executable, "-m", "rewardsmith", "train", str(reward), "--env", "cartpole", "--steps", "2048"]
        done = subprocess.run(
            [*line, "--sandbox", "docker", "--runs-dir", str(tmp_path / "runs"), "--json"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["steps"] >= 2048
        assert told["components"]
        assert Path(told["folder"]).stat().st_uid == os.geteuid()
        assert containers() == []


def test_what_runs_in_a_container_is_what_a_worker_imports():
    """The fingerprint covers every module of ours that a worker may load; Isaac's are loaded where Isaac is."""
    code = (
        "import importlib, pkgutil, sys, rewardsmith.worker\n"
        "for found in pkgutil.walk_packages(rewardsmith.worker.__path__, 'rewardsmith.worker.'):\n"
        "    if not found.name.endswith(('__main__', '.isaac_gym', '.isaac_lab', '.playground')):\n"
        "        importlib.import_module(found.name)\n"
        "import rewardsmith.worker.__main__, rewardsmith.sandboxes.container\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'rewardsmith'))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env).stdout
    files = {Path(path).relative_to(PACKAGE).as_posix() for path in loaded.splitlines()[-1].split()}
    assert len(files) > 50
    assert {file for file in files if not file.startswith(tuple(ROOMS))} == set()


def test_the_fingerprint_changes_with_the_code(tmp_path):
    (tmp_path / "worker").mkdir()
    (tmp_path / "worker" / "a.py").write_text("x = 1\n")
    first = fingerprint(tmp_path)
    assert re.fullmatch("[0-9a-f]{12}", first)
    (tmp_path / "cli.py").write_text("x = 1\n")
    assert fingerprint(tmp_path) == first
    (tmp_path / "worker" / "a.py").write_text("x = 2\n")
    assert fingerprint(tmp_path) != first


@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning")
def test_a_missing_engine_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(IsolationUnavailable, match="no Docker engine answers at unix://") as caught:
        open_sandbox(spec("docker")).check()
    assert "DOCKER_HOST" in caught.value.hint
    del caught
    gc.collect()  # the package leaves the socket that could not connect to the collector


def test_a_missing_package_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(IsolationUnavailable, match="package docker is not installed") as caught:
        open_sandbox(SandboxSpec(name="docker", kind="docker")).check()
    assert "rewardsmith[docker]" in caught.value.hint
