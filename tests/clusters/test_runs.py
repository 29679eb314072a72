"""Whole runs on a cluster, and something is killed in their middle: they end as if nothing had been."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attempts import lives, wait_for

from benchmarks.networks import Namespaces
from benchmarks.rays import Rays
from rewardsmith.domain.events import Attempt, AttemptStarted
from rewardsmith.sandboxes.tree import descendants
from tests.recovery.counted import check_nothing_twice, events_of, lost, outcome, processes

ARGUMENTS = ["--env", "inverted_pendulum", "--budget", "quick", "--steps", "4096", "--iters", "1", "--k", "3"]
ARGUMENTS += ["--seed", "5", "--deterministic", "--workers", "2", "--name", "run"]
DEADLINE_S = 900


class Site:
    """One run's folder, the cluster under it, and the process that drives it."""

    def __init__(self, rays: Rays, folder: Path, artifacts: str | None) -> None:
        self.rays, self.folder = rays, folder
        self.more = ["--ray-address", rays.address, "--ray-python", sys.executable]
        self.more += ["--artifacts", artifacts] if artifacts else []
        self.driver = self.start("evolve", *ARGUMENTS, *self.more)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "rewardsmith", *words, "--runs-dir", str(self.folder), "--json"]
        with (self.folder / "chatter.txt").open("ab") as chatter:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=chatter, start_new_session=True)

    def runners(self) -> list[int]:
        """Of this run's trainings, on whatever node."""
        place = f'"{self.folder}/run' if len(self.more) == 4 else '"run/'
        return [pid for pid, line, _ in processes() if "executors.ray_node" in line and f'"folder":{place}' in line]

    def training(self) -> int:
        """A runner whose worker trains already."""
        found: list[int] = []

        def trains() -> bool:
            found[:] = [pid for pid in self.runners() if len(descendants(pid)) > 3]
            return bool(found) or self.driver.poll() is not None

        wait_for(trains, "a training")
        assert found, (self.folder / "chatter.txt").read_text()[-3000:]
        return found[0]

    def end(self) -> dict[str, Any]:
        out, _ = self.driver.communicate(timeout=DEADLINE_S)
        assert self.driver.returncode == 0, (self.folder / "chatter.txt").read_text()[-3000:]
        return json.loads(out)


def started_in(events: list[Any]) -> list[Attempt]:
    return [event.attempt for event in events if isinstance(event, AttemptStarted)]


def driver(site: Site) -> None:
    site.training()
    os.kill(site.driver.pid, signal.SIGKILL)
    site.driver.communicate()
    site.driver = site.start("resume", "run")


def job(site: Site) -> None:
    runner = site.training()
    for pid in [runner, *descendants(runner)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def node(site: Site) -> None:
    number = site.rays.node_of(site.training())
    site.rays.kill_raylet(number)
    site.rays.kill(number)


def head(site: Site) -> None:
    site.training()
    site.rays.kill(0)
    site.rays.start_head()
    site.rays.mend()


def cable(site: Site) -> None:
    if not isinstance(site.rays.network, Namespaces):
        pytest.skip("a node on the loopback cannot be cut off; run as root, with iproute2")
    number = site.rays.node_of(site.training())
    with site.rays.network.cut(number):
        wait_for(lambda: lost(events_of(site.folder)), "the loss of what was on the node")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the same run comes to without a cluster."""
    folder = tmp_path_factory.mktemp("undisturbed")
    command = [sys.executable, "-m", "rewardsmith", "evolve", *ARGUMENTS, "--runs-dir", str(folder), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=DEADLINE_S)
    return outcome(json.loads(done.stdout), events_of(folder)) | {"attempts": len(started_in(events_of(folder)))}


@pytest.mark.parametrize(
    ("kill", "depot", "most"),
    [(driver, True, 0), (job, False, 1), (node, True, 2), (head, False, 4), (cable, True, 2)],
    ids=["driver, s3", "job, shared folder", "node, s3", "head, shared folder", "cable, s3"],
)
def test_what_is_killed_costs_no_result(
    rays: Rays,
    undisturbed: dict[str, Any],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    kill: Callable[[Site], None],
    depot: bool,
    most: int,
) -> None:
    """`most`: attempts that may be lost by it."""
    before = rays.begun()
    site = Site(rays, tmp_path, request.getfixturevalue("bucket") if depot else None)
    try:
        kill(site)
        result = site.end()
    finally:
        site.driver.kill()
        with site.driver:  # which waits for it
            pass
    events = events_of(tmp_path)
    check_nothing_twice(events)
    started, gone = started_in(events), lost(events)
    assert outcome(result, events) | {"attempts": len(started) - len(gone)} == undisturbed
    assert len(started) == len(set(started)), "a training that lived on was started again"
    assert (len(gone) > 0) == (most > 0)
    assert len(gone) <= most
    really = len(rays.begun() - before) - 1  # the survey
    assert undisturbed["attempts"] <= really <= len(started)
    wait_for(lambda: not any(map(lives, site.runners())), "the end of all runners")
