"""Where attempts are jobs of a cluster, or of what answers as one."""

from __future__ import annotations

import sys
from pathlib import Path

from rewardsmith.domain.cluster import RaySpec
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.executors.ray import RayExecutor


class RayVenue:
    """Where attempts are jobs; with a depot their files are in a folder of a node's own while they live."""

    def __init__(self, address: str, place: Path, temporary: Path, *, depot: bool) -> None:
        self.ray = RaySpec(address=address, python=sys.executable)
        self.runs, self.temporary = place / "runs", temporary
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
        if self.artifacts is None:
            return folder / "out"
        places = sorted(self.temporary.glob("rewardsmith-ray-*/attempt"), key=lambda path: path.stat().st_mtime)
        return places[-1] / "out" if places else self.temporary / "none"
