"""Builds the worker's image and the service's without a registry, and says how large they are.

    scripts/docker_engine.py scripts/docker_images.py [--wheels FOLDER]

The base image is made of this machine. Packages are fetched by pip as it is set up here, kept in FOLDER, and served to
the builds on the loopback alone, so that no index, certificate or proxy of this machine gets into an image.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import docker
import docker_base
from worker_requirements import PLACE, ROOT, pinned

from rewardsmith import __version__
from rewardsmith.sandboxes.engine import IMAGE as WORKER
from rewardsmith.sandboxes.engine import build

BASE = "rewardsmith-base:latest"
SERVICE = f"rewardsmith:{__version__}"
EXTRAS = ("docker", "openai", "litellm", "service", "postgres", "s3")
"""What the service's image holds besides the orchestrator."""
MIB = 2**20
LIMITS_MB = {WORKER: 1600, SERVICE: 900}
"""Largest size of each image, in units of 10^6 bytes."""
MEASURE = (
    "import os, pathlib, site\n"
    "for place in pathlib.Path(site.getsitepackages()[0]).iterdir():\n"
    "    files = place.rglob('*') if place.is_dir() else [place]\n"
    "    print(sum(f.stat().st_size for f in files if f.is_file()), place.name)\n"
)


def build_worker(wheels: Path) -> None:
    """Build the worker's image from packages in `wheels`, which are fetched there."""
    fetch(wheels, ["-r", str(PLACE)])
    folder = PLACE.parent
    with served(wheels) as pip_args:
        build(
            folder.name,
            {path.name: path for path in folder.iterdir()},
            WORKER,
            arguments={"BASE_IMAGE": _base(), "PIP_ARGS": pip_args},
            network="host",
        )


def build_service(wheels: Path) -> None:
    """Build the service's image from the checkout and packages in `wheels`, which are fetched there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    wanted = [*project["project"]["dependencies"], *(line for extra in EXTRAS for line in extras[extra])]
    fetch(wheels, pinned([*wanted, *project["build-system"]["requires"]]))
    with served(wheels) as pip_args, contextlib.closing(docker.from_env(timeout=600)) as client:
        client.images.build(
            path=str(ROOT),
            tag=SERVICE,
            buildargs={"BASE_IMAGE": _base(), "PIP_ARGS": pip_args, "EXTRAS": ",".join(EXTRAS)},
            network_mode="host",
            rm=True,
            forcerm=True,
        )


def fetch(wheels: Path, what: list[str]) -> None:
    """Download packages into `wheels` with this machine's pip; those that are there already are kept."""
    wheels.mkdir(parents=True, exist_ok=True)
    line = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--disable-pip-version-check",
        "--no-deps",
        "-d",
        str(wheels),
    ]
    subprocess.run([*line, "--find-links", str(wheels), *what], check=True, stdout=sys.stderr)


@contextlib.contextmanager
def served(wheels: Path) -> Iterator[str]:
    """Serve the folder on the loopback; gives the arguments by which pip finds it."""
    handler = functools.partial(_Quiet, directory=str(wheels))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"--no-index --find-links http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def sizes(image: str) -> tuple[int, list[tuple[int, str]]]:
    """Bytes of the image, and of each thing among its Python packages, the largest first."""
    with contextlib.closing(docker.from_env()) as client:
        found = client.images.get(image)
        said = client.containers.run(
            image, ["-c", MEASURE], entrypoint="python3", network_mode="none", remove=True, read_only=True
        )
    lines = [line.split(maxsplit=1) for line in said.decode().splitlines()]
    return found.attrs["Size"], sorted(((int(size), name) for size, name in lines), reverse=True)


def has(image: str) -> bool:
    """Whether the engine has the image."""
    with contextlib.closing(docker.from_env()) as client:
        return bool(client.images.list(name=image))


def _base() -> str:
    if not has(BASE):
        docker_base.make(BASE)
    return BASE


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Build both and print the table."""
    parser = argparse.ArgumentParser(
        prog="docker_images.py", description="Build both images and say how large they are."
    )
    parser.add_argument("--wheels", type=Path, help="folder in which the packages are kept; a passing one when absent")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        wheels = options.wheels or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        build_worker(wheels)
        build_service(wheels)
    for image, limit in LIMITS_MB.items():
        size, packages = sizes(image)
        print(f"{image}: {size / 1e6:.0f} MB (at most {limit})")
        for each, name in packages[:8]:
            print(f"  {each / 1e6:6.0f} MB  {name}")


if __name__ == "__main__":
    main()
