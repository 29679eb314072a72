"""Both images as they are built: what is in them, what is not, and that they work."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest
from docker_images import LIMITS_MB, SERVICE, WORKER, sizes

from rewardsmith.sandboxes.engine import LABEL

COMPILERS = ("cc", "gcc", "g++", "c++", "clang", "cc1", "make", "ld", "as")


@pytest.fixture(params=["worker_image", "service_image"])
def image(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def run(image: str, *command: str, **settings: object) -> str:
    """Standard output of a program in the image, without a network and with nothing to write on but /tmp."""
    walls = {"network_mode": "none", "read_only": True, "cap_drop": ["ALL"], "tmpfs": {"/tmp": "mode=1777"}}
    with closing(docker.from_env(timeout=600)) as client:
        said = client.containers.run(image, command[1:], entrypoint=command[0], remove=True, **(walls | settings))
    return str(said.decode())


def test_it_is_not_root_and_has_no_compiler_and_a_health_check(image):
    with closing(docker.from_env()) as client:
        found = client.images.get(image).attrs["Config"]
    assert found["User"] == "10001:10001"
    assert found["Healthcheck"]["Test"][0] == "CMD"
    look = f"import os, shutil; print(os.getuid(), [n for n in {COMPILERS!r} if shutil.which(n)])"
    assert run(image, "python3", "-c", look) == "10001 []\n"
    assert run(image, *found["Healthcheck"]["Test"][1:]) is not None


def test_it_holds_no_address_of_a_package_index(image):
    with closing(docker.from_env()) as client:
        layers = [layer["CreatedBy"] for layer in client.images.get(image).history()]
    assert not [layer for layer in layers if "://" in layer or "PIP_ARGS" in layer]
    places = "glob.glob('/etc/pip*') + glob.glob('/root/.*/pip*') + [n for n in os.environ if 'PIP' in n]"
    look = f"import glob, os; print({places})"
    assert run(image, "python3", "-c", look, user="0") == "[]\n"


@pytest.mark.parametrize("name", [WORKER, SERVICE])
def test_it_is_small_enough_and_its_largest_packages_are_known(name, worker_image, service_image):
    size, packages = sizes(name)
    assert size < LIMITS_MB[name] * 1e6
    names = {package for _, package in packages}
    assert ("torch" in names) == (name == WORKER)
    assert 0.4 * size < sum(each for each, _ in packages) < 1.1 * size


def test_the_service_works_without_torch_and_simulator(service_image):
    missing = "import importlib.util as u; print([n for n in ('torch', 'gymnasium', 'mujoco') if u.find_spec(n)])"
    assert run(service_image, "python3", "-c", missing) == "[]\n"
    assert run(service_image, "rewardsmith", "--version").startswith("rewardsmith ")
    tasks = json.loads(run(service_image, "rewardsmith", "tasks", "--json"))
    assert "ant" in {task["task"] for task in tasks}
    with pytest.raises(docker.errors.ContainerError) as caught:
        run(service_image, "rewardsmith", "train", "sparse", "--env", "cartpole", "--sandbox", "process")
    assert b"pip install 'rewardsmith[worker]'" in caught.value.stderr


def serve(engine: str, folder: Path, *command: str) -> dict[str, Any]:
    """What a command of the service prints; its workers run in containers beside it, through the same engine."""
    host = engine.removeprefix("unix://")
    said = run(
        SERVICE,
        *("rewardsmith", *command, "--json"),
        environment={"DOCKER_HOST": "unix:///engine.sock"},
        group_add=[str(Path(host).stat().st_gid)],
        volumes={host: {"bind": "/engine.sock"}, str(folder): {"bind": str(folder)}},
        working_dir=str(folder),
    )
    with closing(docker.from_env()) as client:
        assert client.containers.list(all=True, filters={"label": LABEL}) == []
    told: dict[str, Any] = json.loads(said)
    return told


@pytest.mark.usefixtures("service_image", "worker_image")
def test_the_service_trains_with_workers_beside_it(engine, shared):
    told = serve(engine, shared, "train", "sparse", "--env", "cartpole", "--steps", "2k")
    assert told["steps"] >= 2000
    assert Path(told["folder"]).is_relative_to(shared)


@pytest.mark.slow
@pytest.mark.usefixtures("service_image", "worker_image")
def test_the_service_evolves_with_workers_beside_it(engine, shared):
    search = ("--iters", "1", "--k", "1", "--budget", "quick", "--steps", "2k", "--baselines", "none")
    told = serve(engine, shared, "evolve", "--env", "cartpole", *search, "--name", "first")
    assert (told["status"], told["best"]["candidate"]) == ("done", "g1c00")
    assert told["best"]["score"]["n"] >= 1
    assert (shared / "runs" / "first" / "g1" / "g1c00" / "reward.py").is_file()


@pytest.fixture
def shared(engine: str) -> Iterator[Path]:
    """A folder that is the same on the machine and in the service's container, and belongs to the service's user."""
    with tempfile.TemporaryDirectory() as made:
        os.chown(made, 10001, 10001)
        yield Path(made)
