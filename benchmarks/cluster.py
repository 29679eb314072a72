"""A PostgreSQL of one's own, from Debian's package: a folder, a socket in it, no port, and no flush to the disk.

For tests and benchmarks, which may stop and start it as they like; Debian's own cluster is left alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from rewardsmith.errors import InfrastructureError

_START_S = 300
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "max_connections": "200",
    "logging_collector": "off",
}


def programs() -> Path | None:
    """The folder of `initdb` and the others; None where they are not installed."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    found = debian[-1] if debian else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class Cluster:
    """Starts at once; root runs it as the user `postgres`, whom it must not be."""

    def __init__(self, *, durable: bool = False) -> None:
        """Make and start it.

        Args:
            durable: Whether what is committed survives a power cut, as everybody's own database has it.

        Raises:
            InfrastructureError: It is not installed, or does not start.
        """
        found = programs()
        if found is None:
            raise InfrastructureError("PostgreSQL is not installed", hint="apt-get install postgresql")
        self._programs = found
        self._folder = Path(tempfile.mkdtemp(prefix="rewardsmith-postgres-"))
        self._user: dict[str, Any] = {}
        if os.getuid() == 0:
            self._user = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self._folder, "postgres", "postgres")
        self._settings = (
            _SETTINGS | {"unix_socket_directories": str(self._folder)} | ({"fsync": "on"} if durable else {})
        )
        data = str(self._folder / "data")
        made = self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        if made.returncode:
            raise InfrastructureError(f"initdb failed: {made.stderr.strip()[-300:]}")
        try:
            self.start()
        except BaseException:
            self.remove()
            raise

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def make(self, database: str) -> str:
        """A new empty database; its address."""
        self._run("createdb", "-h", str(self._folder), "-U", "postgres", database).check_returncode()
        return self.url(database)

    def start(self) -> None:
        """Start it, and wait until it answers; it ends with the thread that starts it. Raises InfrastructureError."""
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log.txt").open("a") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "QUIT", self._programs / "postgres", "-D", self._folder / "data", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                **self._user,
            )
        deadline = time.monotonic() + _START_S
        while self._run("pg_isready", "-q", "-h", str(self._folder)).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self._folder / "log.txt").read_text()[-300:]
                raise InfrastructureError(f"PostgreSQL does not start: {said}")
            time.sleep(0.02)

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `immediate` as a crash would, `fast` in order."""
        self._run("pg_ctl", "stop", "-D", str(self._folder / "data"), "-m", mode)
        self._process.wait(timeout=_START_S)

    def remove(self) -> None:
        """Stop it, and leave nothing."""
        self.stop()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self._programs / program), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **self._user)
