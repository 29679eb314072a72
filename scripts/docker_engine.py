"""Runs a command beside a Docker engine of its own, and leaves nothing of the engine behind.

    scripts/docker_engine.py [--folder FOLDER] COMMAND...      the command finds it through DOCKER_HOST

The engine has its own socket and folders, and lives in a mount and a process namespace of its own: when it ends, or
whoever started it is killed, every container, process and mount of it is gone. It has no bridge and changes no
firewall rule; builds reach the network with `--network host`. It needs root, `dockerd` (Debian: docker.io) and
`unshare`. Without --folder its images are gone with it: they lie in memory where there is enough, which is quicker to
fill and takes no time to delete.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

START_S = 60.0
STOP_S = 20.0
IMAGES_BYTES = 8 * 2**30
"""Room for both images and what their builds leave."""
PR_SET_PDEATHSIG = 1


class EngineUnavailable(Exception):
    """No engine can be started here; says why."""


def lacking() -> str | None:
    """Why no engine can be started here; None where it can be tried."""
    if not sys.platform.startswith("linux"):
        return f"a Docker engine needs Linux; this is {sys.platform}"
    missing = [name for name in ("dockerd", "containerd", "runc", "unshare") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed: apt-get install docker.io"
    return None if os.geteuid() == 0 else "only root can start a Docker engine"


@contextlib.contextmanager
def engine(folder: Path | None = None) -> Iterator[str]:
    """Start an engine; gives its address for DOCKER_HOST.

    Args:
        folder: Where its images stay; they are lost at the end when absent.

    Raises:
        EngineUnavailable: It cannot be had, or did not start; the message holds its last words.
    """
    if (reason := lacking()) is not None:
        raise EngineUnavailable(reason)
    with tempfile.TemporaryDirectory(prefix="engine-") as short:  # a socket's path has at most 107 characters
        cgroup = f"rewardsmith-{Path(short).name}"
        address, log = Path(short) / "docker.sock", Path(short) / "log"
        (Path(short) / "daemon.json").write_text("{}")  # not that of the machine's own engine
        data = Path(short) / "data" if folder is None else folder.resolve() / "data"
        data.mkdir(parents=True, exist_ok=True)
        in_memory = folder is None and _memory() > 2 * IMAGES_BYTES
        mount = f"mount -t tmpfs -o size={IMAGES_BYTES} tmpfs {shlex.quote(str(data))} && " if in_memory else ""
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    *("unshare", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"),
                    *("sh", "-c", mount + 'exec "$@"', "sh"),
                    *(("tini", "--") if shutil.which("tini") else ()),  # lets nothing that has ended stay a zombie
                    *("dockerd", "--host", f"unix://{address}", "--pidfile", f"{short}/pid"),
                    *("--data-root", str(data), "--exec-root", f"{short}/exec"),
                    *("--iptables=false", "--ip6tables=false", "--bridge=none"),
                    *("--cgroup-parent", f"/{cgroup}", "--config-file", f"{short}/daemon.json"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent(),
            )
        try:
            _wait_until_it_answers(process, address, log)
            yield f"unix://{address}"
        finally:
            _stop(process)
            _remove_cgroups(cgroup)


def _memory() -> int:
    """Bytes that are free for use."""
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


def _die_with_parent() -> Callable[[], None]:
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) and None


def _wait_until_it_answers(process: subprocess.Popen[bytes], address: Path, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(START_S)
            client.connect(str(address))
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            if b" 200 " in client.recv(64):
                return
        time.sleep(0.02)
    words = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise EngineUnavailable("dockerd did not start: " + " | ".join(words))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the engine to end, so that it ends its containers; then end the namespace with all that is left in it."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    with contextlib.suppress(OSError):
        for child in children.read_text().split():
            os.kill(int(child), signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    process.kill()
    process.wait()


def _remove_cgroups(name: str) -> None:
    until = time.monotonic() + STOP_S
    for top in [*Path("/sys/fs/cgroup").glob(name), *Path("/sys/fs/cgroup").glob(f"*/{name}")]:
        while top.exists():
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)  # noqa: PTH106
            if time.monotonic() > until:
                raise TimeoutError(f"the cgroup {top} is still in use")
            time.sleep(0.01)


def main() -> int:
    """Run the command; its exit code, or 3 where there is no engine."""
    parser = argparse.ArgumentParser(
        prog="docker_engine.py", description="Run a command beside a private Docker engine."
    )
    parser.add_argument("--folder", type=Path, help="keep the engine's images here")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        try:
            address = stack.enter_context(engine(options.folder))
        except EngineUnavailable as error:
            print(f"docker_engine: {error}", file=sys.stderr)
            return 3
        return subprocess.run(options.command, env=os.environ | {"DOCKER_HOST": address}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
