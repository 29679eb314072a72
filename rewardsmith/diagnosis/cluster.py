"""The cluster that would train: whether it answers, what it holds, and whether its nodes can train, tried on them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from rewardsmith.diagnosis.checks import check, lack
from rewardsmith.domain.machine import MachineCheck
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import RewardsmithError, UsageError
from rewardsmith.executors.ray import RayExecutor
from rewardsmith.executors.ray_jobs import RayNode
from rewardsmith.settings import Settings

GROUP = "Cluster"
_MOST_NODES = 16
"""Nodes on which it is tried; the others are like them, one hopes."""


def look_at_cluster(settings: Settings, sandbox: SandboxSpec) -> list[MachineCheck]:
    """Lines on the cluster; none where this machine trains. A few seconds, and a job of as long on each node."""
    if settings.executor != "ray":
        return []
    try:
        if settings.ray is None:
            raise UsageError("no address of a cluster", hint="--ray-address http://HEAD:8265")
        runs = settings.runs.resolve()
        executor = RayExecutor(1, sandbox, ray=settings.ray, runs=runs, artifacts=settings.artifacts)
        nodes = executor.jobs.nodes()
    except RewardsmithError as error:
        return [lack(GROUP, "Ray", error, needed=True)]
    detail = f"{executor.version} at {executor.jobs.address}"
    answers = MachineCheck(group=GROUP, name="Ray", ok=True, needed=True, detail=detail)
    able = [node for node in nodes if node.fits(settings.ray)]
    return [answers, _room(nodes, settings), *_tried(executor, able[:_MOST_NODES], runs)]


def _room(nodes: Sequence[RayNode], settings: Settings) -> MachineCheck:
    ray = settings.ray
    assert ray is not None
    room, wanted = sum(node.fits(ray) for node in nodes), settings.workers or 0
    cpus, gpus = sum(node.cpus for node in nodes), sum(node.gpus for node in nodes)
    detail = f"{len(nodes)} with {cpus:g} CPU and {gpus:g} GPU: room for {room} trainings of {ray.need}"
    remedy = ""
    if room < max(1, wanted):
        remedy = "ask for less with --ray-needs, add nodes, or take fewer --workers: who waits long is submitted again"
    elif any(node.head and node.fits(ray) for node in nodes):
        remedy = "start the head with --num-cpus=0: trainings beside it may cost the cluster its head"
    return MachineCheck(
        group=GROUP, name="nodes", ok=room > 0, needed=True, detail=detail, remedy=remedy, warning=bool(remedy and room)
    )


def _tried(executor: RayExecutor, nodes: Sequence[RayNode], runs: Path) -> list[MachineCheck]:
    if not nodes:
        return []
    place = runs if runs.is_dir() else None
    with tempfile.TemporaryDirectory(prefix=".look-", dir=place) as made, ThreadPoolExecutor(len(nodes)) as pool:
        Path(made).chmod(0o755)

        def look(number: int, node: RayNode) -> MachineCheck:
            told = partial(executor.inspect, node.name, Path(made) / str(number))
            return check(GROUP, f"node {node.name}", told, needed=True)

        return list(pool.map(look, range(len(nodes)), nodes))
