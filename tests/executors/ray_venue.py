"""Where attempts are jobs of a cluster, or of what answers as one."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from rewardsmith.domain.cluster import RaySpec
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.executors.ray import RayExecutor


class RayVenue:
    """Where attempts are jobs; with a depot their files are in a folder of a node's own while they live."""

    def __init__(self, address: str, place: Path, *, depot: bool) -> None:
        self.ray = RaySpec(address=address, python=sys.executable)
        self.runs = place / "runs"
        self.places: dict[Path, Path] = {}
        self.artifacts = str(place / "depot") if depot else None
        self.opening = "; ".join(
            [
                "from rewardsmith.domain.cluster import RaySpec",
                "from rewardsmith.executors.ray import RayExecutor",
                f"ray = RaySpec(address={address!r}, python={sys.executable!r})",
                f"more = dict(ray=ray, runs=Path({str(self.runs)!r}), artifacts={self.artifacts!r})",
                "open = lambda worker: RayExecutor(1, spec, worker=worker, **more)",
            ]
        )

    def open(self, sandbox: SandboxSpec, worker: tuple[str, ...] | None = None) -> RayExecutor:
        return RayExecutor(1, sandbox, ray=self.ray, runs=self.runs, artifacts=self.artifacts, worker=worker)

    def runner(self, folder: Path) -> int | None:
        """The process whose command names the attempt, and none that descends from it."""
        named = f'"{folder.relative_to(self.runs)}"' if self.artifacts else f'"{folder}"'
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if b"rewardsmith.executors.ray_node" in words and named.encode() in words[-2]:
                    return int(entry.name)
        return None

    def out(self, folder: Path) -> Path:
        """With a depot beside the lock that its runner holds, or held when it was last seen."""
        if self.artifacts is None:
            return folder / "out"
        if (runner := self.runner(folder)) is not None:
            with contextlib.suppress(OSError):
                opened = [each.readlink() for each in Path(f"/proc/{runner}/fd").iterdir()]
                self.places.update((folder, path.parent) for path in opened if path.name == "lock")
        return self.places.get(folder, folder / "nowhere") / "attempt" / "out"
