"""Addresses for a cluster's nodes on one machine: each node in a network of its own, or all on the loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from rewardsmith.errors import InfrastructureError

_BRIDGE = "rays{}"
_BRIDGES = 200


class Network(Protocol):
    """Where each node has an address of its own, and this machine reaches all of them."""

    host: str
    """This machine's address, as nodes reach it."""

    def join(self, number: int) -> str:
        """Address of a node; the same one whenever it joins."""
        ...

    def inside(self, number: int) -> list[str]:
        """What stands before a command so that it runs on that node."""
        ...

    def port(self, wanted: int) -> int:
        """A port that is free on every node, as may be the wanted one."""
        ...

    def close(self) -> None:
        """Leave nothing of it."""
        ...


class Loopback:
    """Addresses of the loopback: nodes share the machine's ports, so one cluster at a time, and cannot be cut off."""

    host = "127.0.0.1"

    def join(self, number: int) -> str:
        """See `Network`."""
        return f"127.0.0.{number + 1}"

    def inside(self, number: int) -> list[str]:
        """See `Network`."""
        del number
        return []

    def port(self, wanted: int) -> int:
        """See `Network`."""
        del wanted
        with socket.create_server(("127.0.0.1", 0)) as found:
            return int(found.getsockname()[1])

    def close(self) -> None:
        """See `Network`."""


class Namespaces:
    """A network namespace for each node, joined to a bridge by a cable that can be pulled. Needs root and iproute2."""

    def __init__(self) -> None:
        """Take a bridge that nobody has.

        Raises:
            InfrastructureError: None can be made.
        """
        self._number = next(filter(_take, range(_BRIDGES)), None)
        if self._number is None:
            raise InfrastructureError("no bridge can be made for a cluster", hint="be root, and see `ip link add`")
        self._bridge = _BRIDGE.format(self._number)
        self.host = self._address(0)
        _ip("addr", "add", f"{self.host}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")

    def join(self, number: int) -> str:
        """See `Network`."""
        address, name, cable = self._address(number + 1), self._name(number), self._cable(number)
        if not Path("/run/netns", name).exists():
            _ip("netns", "add", name)
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", cable, "master", self._bridge, "up")
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", name, "link", "set", device, "up")
        return address

    def inside(self, number: int) -> list[str]:
        """See `Network`."""
        return ["ip", "netns", "exec", self._name(number)]

    def port(self, wanted: int) -> int:
        """See `Network`."""
        return wanted

    @contextlib.contextmanager
    def cut(self, number: int) -> Iterator[None]:
        """Meanwhile a node reaches nobody, and nobody it; its processes live on."""
        _ip("link", "set", self._cable(number), "down")
        try:
            yield
        finally:
            _ip("link", "set", self._cable(number), "up")

    def close(self) -> None:
        """See `Network`."""
        for place in Path("/run/netns").glob(f"{self._bridge}-*"):
            _ip("netns", "del", place.name)
        _ip("link", "del", self._bridge)

    def _address(self, last: int) -> str:
        return f"10.213.{self._number}.{last + 1}"

    def _name(self, number: int) -> str:
        return f"{self._bridge}-{number}"

    def _cable(self, number: int) -> str:
        return f"{self._bridge}c{number}"


def best() -> type[Namespaces | Loopback]:
    """The kind of network that this machine can have."""
    able = os.geteuid() == 0 and shutil.which("ip")
    if able and subprocess.run(["ip", "netns", "add", f"rays-{os.getpid()}"], capture_output=True).returncode == 0:
        _ip("netns", "del", f"rays-{os.getpid()}")
        return Namespaces
    return Loopback


def _take(number: int) -> bool:
    """Make the bridge of that number; whether it is ours now: no two can have one name."""
    return (
        subprocess.run(["ip", "link", "add", _BRIDGE.format(number), "type", "bridge"], capture_output=True).returncode
        == 0
    )


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise InfrastructureError(f"`ip {' '.join(words)}` failed: {done.stderr.strip()}")
