"""The Docker engine: a client whose errors are ours, images built from this package, and what dead runners left."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardsmith import __version__
from rewardsmith.errors import InfrastructureError, IsolationUnavailable
from rewardsmith.sandboxes.container import PACKAGE, code
from rewardsmith.sandboxes.tree import started_at

if TYPE_CHECKING:
    import tarfile

IMAGE = f"rewardsmith-worker:{__version__}"
"""Image of the workers where `sandbox.toml` names none."""

LABEL = "rewardsmith.runner"
"""Label of every container: boot, pid namespace, pid and start of the process that runs it."""

PATIENCE_S = 60.0
"""How long the engine may take to answer."""

VARIABLES = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
"""Environment variables that say where the engine is."""


@contextlib.contextmanager
def connect() -> Iterator[Any]:
    """A client of the engine that DOCKER_HOST names; its errors leave as ours.

    Raises:
        IsolationUnavailable: No package, no engine, no image, or the engine cannot do what is asked for.
        InfrastructureError: The engine failed.
    """
    try:
        import docker
        from docker import errors
        from requests.exceptions import RequestException
    except ImportError as error:
        hint = "pip install 'rewardsmith[docker]', or name another sandbox: --sandbox bubblewrap"
        raise IsolationUnavailable(f"the Python package {error.name} is not installed", hint=hint) from error
    try:
        client = docker.from_env(timeout=int(PATIENCE_S))
    except errors.DockerException as error:
        where = os.environ.get("DOCKER_HOST", "the default socket")
        hint = "start the Docker engine, or say where it is by DOCKER_HOST; `docker info` must work for this user"
        raise IsolationUnavailable(f"no Docker engine answers at {where}: {error}", hint=hint) from error
    try:
        yield client
    except errors.ImageNotFound as error:
        image = str(error.explanation).removeprefix("No such image: ")
        raise IsolationUnavailable(f"there is no image {image}", hint=build_hint(image)) from error
    except errors.APIError as error:
        raise _refused(str(error.explanation or error)) from error
    except (RequestException, errors.DockerException) as error:
        raise InfrastructureError(f"the Docker engine failed: {error}") from error
    finally:
        client.close()


def build(
    name: str,
    files: Mapping[str, Path],
    image: str,
    *,
    arguments: Mapping[str, str] | None = None,
    network: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Build the image of a sandbox from its folder's Dockerfile.

    The build sees the folder as `sandboxes/<name>/` and this package's code as `rewardsmith/`, as in a checkout.

    Args:
        name: The sandbox.
        files: The files of its folder, by file name.
        image: What the image will be called.
        arguments: Arguments of the build, such as `BASE_IMAGE`.
        network: Network of the build's commands, such as `host`.
        say: Called with every line that the engine prints.

    Raises:
        IsolationUnavailable: There is no engine.
        InfrastructureError: A step of the build failed; the message holds what it printed last.
    """
    import tarfile

    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for path in code():
            tar.add(path, f"rewardsmith/{path.relative_to(PACKAGE)}", filter=_anybodys)
        for file, path in files.items():
            tar.add(path, f"sandboxes/{name}/{file}", filter=_anybodys)
    context.seek(0)
    last = ""
    with connect() as client:
        for step in client.api.build(
            fileobj=context,
            custom_context=True,
            dockerfile=f"sandboxes/{name}/Dockerfile",
            tag=image,
            buildargs=dict(arguments or {}),
            network_mode=network,
            rm=True,
            forcerm=True,
            decode=True,
        ):
            if "error" in step:
                raise InfrastructureError(f"{image} cannot be built: {step['error'].strip()}; {last}".rstrip("; "))
            for line in step.get("stream", "").splitlines():
                say(line)
                last = line.strip() or last


def build_hint(image: str) -> str:
    """What to do where `image` is missing or of another version."""
    if image == IMAGE:
        return "build it: rewardsmith sandboxes build docker"
    return f"build {image} for rewardsmith {__version__}, or change `image` in its sandbox.toml"


def identity() -> str:
    """This process, told from every other on this machine and on others that use the engine."""
    return f"{_neighbourhood()} {os.getpid()} {started_at(os.getpid())}"


def sweep(client: Any) -> None:
    """Remove the containers of runners of this machine that are gone."""
    here = _neighbourhood()
    for container in client.api.containers(all=True, filters={"label": LABEL}):
        *there, pid, began = container["Labels"][LABEL].split()
        if " ".join(there) == here and str(started_at(int(pid))) != began:
            remove(client, container["Id"])


def remove(client: Any, container: str) -> None:
    """Remove a container that may be gone, or going, already."""
    from docker.errors import APIError, NotFound

    try:
        client.api.remove_container(container, force=True)
    except NotFound:
        return
    except APIError as error:
        if "already in progress" not in str(error.explanation):
            raise


def _refused(said: str) -> InfrastructureError:
    if "could not select device driver" in said:
        hint = "install the NVIDIA container toolkit, or ask for no GPU: gpus = 0 in sandbox.toml"
        return IsolationUnavailable(f"this Docker engine has no GPU: {said}", hint=hint)
    hint = "the engine must see this machine's folders under the same path" if "bind source path" in said else ""
    return InfrastructureError(f"the Docker engine refuses: {said}", hint=hint)


def _neighbourhood() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"


def _anybodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same file whoever builds: root's, readable by all, of no time, so that the engine's cache recognises it."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode, member.mtime = 0o644, 0
    return member
