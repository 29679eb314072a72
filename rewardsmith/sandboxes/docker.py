"""`docker`: a container per worker, with no network, no capability, a read-only root and limits that the kernel counts.

Memory is that of a cgroup: what exceeds it is killed. Started by root the worker is a user of its own that owns
`out/`; started by anybody else it has that user's uid. The engine must see the job's folder under the same path.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import IsolationUnavailable
from rewardsmith.sandboxes.child import Log, clean_environment, out_of_memory, with_output
from rewardsmith.sandboxes.container import OTHER_CODE, OUT_OF_MEMORY, fingerprint
from rewardsmith.sandboxes.engine import IMAGE, LABEL, PATIENCE_S, build_hint, connect, identity, remove, sweep
from rewardsmith.sandboxes.identity import hand_back, hand_over, own_user
from rewardsmith.sandboxes.sandbox import Outcome, mounts_of, told_interpreters

WORKER = ("python3", "-s", "-P", "-m", "rewardsmith.worker")
"""Command of the worker inside the image."""

_INIT = ("python3", "-s", "-P", "-m", "rewardsmith.sandboxes.container")
_UID = 10001
_JOB, _RESUME = "/job", "/resume"
_TMP_MIB, _SHM_MIB = 64, 1
_FILES = 1024
_VISIBLE = "CUDA_VISIBLE_DEVICES"
_NOTHING = ("python3", "-c", "pass")


class DockerSandbox:
    """Runs the worker in a container of its own, through the engine that DOCKER_HOST names."""

    def __init__(self, spec: SandboxSpec, *, worker: tuple[str, ...] = WORKER) -> None:
        self.name, self.limits, self._spec = spec.name, spec.limits, spec
        self.image = spec.image or IMAGE
        self._worker = worker

    def check(self) -> None:
        """Remove what dead runners left, then start the image once with nothing to do; about a second."""
        with connect() as client:
            sweep(client)
            said = bytearray()
            ended = self._run(client, [*_NOTHING], mounts=[], user=f"{_UID}:{_UID}", keep=said.extend)
        if ended.exit_code != 0:
            raise self._unusable(said.decode(errors="replace").strip() or f"it ends with exit code {ended.exit_code}")

    def describe(self) -> str:
        """In a line, for `rewardsmith doctor`."""
        who = "a user of its own" if os.geteuid() == 0 else f"user {os.geteuid()}"
        return f"image {self.image}, {who}; the engine limits memory, processes and cores"

    def run(self, folder: Path, *, resume_from: Path | None = None) -> Outcome:
        """Run the worker with `folder` as `/job`; see `Sandbox.run`."""
        folder = with_output(folder)
        arguments = [*self._worker, _JOB]
        mounts = [
            _mount(folder / "job.json", f"{_JOB}/job.json"),
            _mount(folder / "out", f"{_JOB}/out", writable=True),
            *(_mount(Path(each.source), str(each.target), each.writable) for each in mounts_of(self._spec)),
        ]
        if resume_from is not None:
            mounts.append(_mount(resume_from.resolve(), _RESUME))
            arguments += ["--resume", _RESUME]
        log = folder / "log.txt"
        with _lent(folder) as user, connect() as client, Log(log, self.limits.log_mib * 2**20) as kept:
            ended = self._run(client, arguments, mounts=mounts, user=user, keep=kept.keep)
        if ended.exit_code == OTHER_CODE:
            raise self._unusable(log.read_text(errors="replace")[:2000])
        return ended

    def _run(
        self,
        client: Any,
        command: list[str],
        *,
        mounts: list[Any],
        user: str,
        keep: Callable[[bytes], None],
    ) -> Outcome:
        """Run a container to its end; `keep` is given its output."""
        deadline = time.monotonic() + self.limits.wall_s
        container = client.containers.create(
            self.image,
            entrypoint=[*_INIT, fingerprint()],
            command=command,
            environment=_environment() | told_interpreters(self._spec),
            labels={LABEL: identity()},
            mounts=mounts,
            user=user,
            **self._profile(),
        )
        expired = threading.Event()
        clock = threading.Timer(max(0.0, deadline - time.monotonic()), _expire, (container, expired))
        clock.daemon = True
        last = b""
        try:
            with _attached(container) as stream, self._ending(client, container) as ending:
                container.start()
                clock.start()
                for _, data in _frames(stream):
                    keep(data)
                    last = (last + data)[-len(OUT_OF_MEMORY) :]
                code = int(ending.json()["StatusCode"])
        finally:
            clock.cancel()
            remove(client, container.id)
        reason = out_of_memory(self.limits) if last == OUT_OF_MEMORY else ""
        return Outcome(exit_code=code, timed_out=expired.is_set(), reason=reason)

    def _ending(self, client: Any, container: Any) -> contextlib.closing[Any]:
        """Ask for the container's exit code, before its start: the engine removes it at its end."""
        place = f"{client.api.base_url}/v{client.api.api_version}/containers/{container.id}/wait"
        patience = (PATIENCE_S, self.limits.wall_s + PATIENCE_S)
        return contextlib.closing(
            client.api.post(place, params={"condition": "removed"}, stream=True, timeout=patience)
        )

    def _profile(self) -> dict[str, Any]:
        from docker.types import LogConfig, Ulimit

        limits = self.limits
        file, memory = limits.output_mib * 2**20, limits.memory_mib * 2**20
        return {
            "network_mode": "none",
            "hostname": "sandbox",
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "pids_limit": limits.processes,
            "mem_limit": memory,
            "memswap_limit": memory,
            "nano_cpus": int(limits.cpus * 1e9),
            "ipc_mode": "private",
            "shm_size": _SHM_MIB * 2**20,
            "tmpfs": {"/tmp": f"size={_TMP_MIB}m,mode=1777,noexec,nosuid,nodev"},  # noqa: S108
            "ulimits": [
                Ulimit(name="core", soft=0, hard=0),
                Ulimit(name="fsize", soft=file, hard=file),
                Ulimit(name="nofile", soft=_FILES, hard=_FILES),
            ],
            "device_requests": _devices(self._spec),
            "log_config": LogConfig(type="none"),
            "working_dir": "/tmp",  # noqa: S108
            "healthcheck": {"test": ["NONE"]},
            "stdin_open": True,
            "auto_remove": True,
        }

    def _unusable(self, said: str) -> IsolationUnavailable:
        return IsolationUnavailable(
            f"the image {self.image} cannot be used: {said.strip()}", hint=build_hint(self.image)
        )


@contextlib.contextmanager
def _attached(container: Any) -> Iterator[Any]:
    """Its output, and its standard input, which ends with this."""
    stream = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    with contextlib.closing(stream), contextlib.closing(getattr(stream, "_sock", stream)):
        yield stream


def _frames(stream: Any) -> Iterator[tuple[int, bytes]]:
    from docker.utils.socket import frames_iter

    frames: Iterator[tuple[int, bytes]] = frames_iter(stream, tty=False)
    return frames


def _expire(container: Any, expired: threading.Event) -> None:
    from docker.errors import APIError

    expired.set()
    with contextlib.suppress(APIError):  # it ended this very moment
        container.kill()


def _mount(source: Path, target: str, writable: bool = False) -> Any:
    from docker.types import Mount

    return Mount(target=target, source=str(source), type="bind", read_only=not writable)


def _devices(spec: SandboxSpec) -> list[Any] | None:
    """The GPUs that CUDA_VISIBLE_DEVICES names, where it does: a container counts those that it has from 0."""
    from docker.types import DeviceRequest

    if not spec.gpus:
        return None
    most = None if spec.gpus == "all" else spec.gpus
    if named := os.environ.get(_VISIBLE):
        return [DeviceRequest(device_ids=named.split(",")[:most], capabilities=[["gpu"]])]
    return [DeviceRequest(count=most or -1, capabilities=[["gpu"]])]


def _environment() -> dict[str, str]:
    """The worker's environment; where programs and modules lie, and how to draw, is the image's to say."""
    given = clean_environment(os.environ, home="/tmp")  # noqa: S108 - the container's own tmpfs
    kept = {name: value for name, value in given.items() if name not in ("PATH", "PYTHONPATH", _VISIBLE)}
    return {name: value for name, value in kept.items() if name != "MUJOCO_GL" or name in os.environ}


@contextlib.contextmanager
def _lent(folder: Path) -> Iterator[str]:
    """Give `out/` to the worker for a while; gives the `uid:gid` that it runs as."""
    if os.geteuid() != 0:
        yield f"{os.geteuid()}:{os.getegid()}"
        return
    user = own_user() or _UID
    (folder / "job.json").chmod(0o644)
    hand_over(folder / "out", user)
    try:
        yield f"{user}:{user}"
    finally:
        hand_back(folder / "out")
