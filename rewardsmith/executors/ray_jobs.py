"""A Ray cluster by HTTP: its version, its nodes, and the Jobs interface of its dashboard. Ray is not imported."""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from rewardsmith.domain.cluster import RaySpec
from rewardsmith.errors import ExecutorAway, InfrastructureError, MissingExtra, UsageError, one_line

TOKEN = "RAY_AUTH_TOKEN"  # noqa: S105 - the variable's name
"""Environment variable with the token of a cluster that wants one."""
ALIVE = ("PENDING", "RUNNING")
_SPEAKS = "4"
"""Version of the Jobs interface that this speaks."""
_PATIENCE_S = 10.0
_SUBMIT_S = 60.0
"""A head that has just started takes its time over the first job."""
_TRIES = 3
_MOST_BYTES = 64 << 20
T = TypeVar("T")
_HINT = "is the head up, and does its dashboard listen for this host (--dashboard-host 0.0.0.0)?"


@dataclass(frozen=True)
class RayNode:
    """One living node, and what it declares."""

    name: str
    cpus: float
    gpus: float
    memory: float
    """Bytes."""
    head: bool

    def fits(self, ray: RaySpec) -> int:
        """Jobs that run on it side by side."""
        asked = [(self.cpus, ray.cpus), (self.gpus, ray.gpus), (self.memory, ray.memory_mib * 2.0**20)]
        return int(min((has + 1e-9) // needs for has, needs in asked if needs))


@dataclass(frozen=True)
class RayJob:
    """What the cluster says of a job."""

    status: str
    """`PENDING`, `RUNNING`, `STOPPED`, `SUCCEEDED` or `FAILED`."""
    entrypoint: str
    message: str
    """Why it is in that state; of an entrypoint that failed, the end of its output too."""
    error: str
    """Kind of failure, such as `JOB_SUPERVISOR_ACTOR_DIED`."""
    exit_code: int | None
    """Of the entrypoint, where it ended by itself."""
    gpus: float
    """What it asked for."""


class RayJobs:
    """Speaks to the head of one cluster; safe to use from many threads.

    Methods raise ExecutorAway where it cannot be reached or refuses, InfrastructureError where it answers nonsense.
    """

    def __init__(self, ray: RaySpec) -> None:
        """Look at the address; nothing is asked yet.

        Raises:
            UsageError: It is none.
            MissingExtra: There is no httpx.
        """
        address = urlsplit(ray.address)
        if address.scheme not in ("http", "https") or not address.hostname:
            hint = "give that of its dashboard, such as http://head:8265"
            raise UsageError(f"{one_line(ray.address)!r} is no address of a Ray cluster", hint=hint)
        if address.password or address.username:
            hint = f"put a token into {TOKEN}: addresses are written down with the run"
            raise UsageError("the address of the Ray cluster holds a password", hint=hint)
        try:
            import httpx
        except ModuleNotFoundError as error:
            raise MissingExtra("Ray clusters need httpx", hint="pip install 'rewardsmith[ray]'") from error
        token = os.environ.get(TOKEN)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.address = ray.address.rstrip("/")
        self._http = httpx.Client(base_url=self.address, headers=headers, timeout=_PATIENCE_S)
        weakref.finalize(self, self._http.close)
        self._faults = (httpx.HTTPError, httpx.InvalidURL)

    def version(self) -> str:
        """Version of Ray. Raises UsageError where its Jobs interface is another one than this speaks."""
        found = self._object("GET", "/api/version")
        ray, speaks = (one_line(str(found.get(key)), 40) for key in ("ray_version", "version"))
        if speaks != _SPEAKS:
            raise UsageError(
                f"Ray {ray} at {self.address} speaks version {speaks} of its Jobs interface, not {_SPEAKS}",
                hint="Ray 2.60 is tested; take a rewardsmith that knows yours",
            )
        return ray

    def nodes(self) -> list[RayNode]:
        """The living nodes, the head first."""
        found = self._object("GET", "/api/v0/nodes?detail=1&limit=10000")
        try:
            listed = found["data"]["result"]["result"]
            nodes = [_node(node) for node in listed if node["state"] == "ALIVE"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._nonsense("its nodes") from error
        return sorted(nodes, key=lambda node: (not node.head, node.name))

    def submit(self, name: str, entrypoint: str, ray: RaySpec, *, node: str | None = None) -> None:
        """Submit a job under that name, unless there is one, on any node or on that one.

        Raises:
            ExecutorAway: It is not known whether it was taken; asking again does no harm.
        """
        body: dict[str, Any] = {"submission_id": name, "entrypoint": entrypoint, "entrypoint_num_cpus": ray.cpus}
        body |= {"metadata": {"gpus": str(ray.gpus)}}
        body |= {"entrypoint_num_gpus": ray.gpus} if ray.gpus else {}
        body |= {"entrypoint_memory": ray.memory_mib << 20} if ray.memory_mib else {}
        body |= {"entrypoint_resources": {f"node:{node}": 0.001}} if node else {}
        for attempt in range(_TRIES):
            try:
                self._ask("POST", "/api/jobs/", body)
                return
            except InfrastructureError:  # one that is there already is a 500 like any other
                with contextlib.suppress(ExecutorAway):
                    if self.look(name) is not None:
                        return
                if attempt == _TRIES - 1:
                    raise
            time.sleep(2.0**attempt)

    def look(self, name: str) -> RayJob | None:
        """What has become of a job; None where the cluster knows of none."""
        status, text = self._answer("GET", f"/api/jobs/{quote(name, safe='')}")
        if status == 404 and "does not exist" in text:
            return None
        if status != 200:
            raise self._refused(status, text)
        return _job(self._parsed(text, dict))

    def all(self) -> dict[str, RayJob]:
        """Every job that the cluster knows of, by name."""
        found = self._parsed(self._ask("GET", "/api/jobs/"), list)
        return {each["submission_id"]: _job(each) for each in found if each.get("submission_id")}

    def logs(self, name: str) -> str:
        """What a job has printed. The logs of a node that died are gone: InfrastructureError."""
        return str(self._object("GET", f"/api/jobs/{quote(name, safe='')}/logs").get("logs") or "")

    def stop(self, name: str) -> None:
        """Ask for its end."""
        self._answer("POST", f"/api/jobs/{quote(name, safe='')}/stop")

    def forget(self, name: str) -> None:
        """Make room for a job of the same name; only one that has ended can be forgotten."""
        self._ask("DELETE", f"/api/jobs/{quote(name, safe='')}")

    def _object(self, method: str, path: str) -> dict[str, Any]:
        return self._parsed(self._ask(method, path), dict)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> str:
        status, text = self._answer(method, path, body)
        if status != 200:
            raise self._refused(status, text)
        return text

    def _answer(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
        try:
            with self._http.stream(method, path, json=body, timeout=_SUBMIT_S if body else _PATIENCE_S) as answer:
                taken = bytearray()
                for chunk in answer.iter_bytes():
                    taken += chunk
                    if len(taken) > _MOST_BYTES:
                        raise self._nonsense(f"more than {_MOST_BYTES} bytes")
                return answer.status_code, taken.decode(errors="replace")
        except self._faults as error:
            said = one_line(str(error)) or type(error).__name__
            raise ExecutorAway(f"the Ray cluster at {self.address} cannot be reached: {said}", hint=_HINT) from error

    def _parsed(self, text: str, kind: type[T]) -> T:
        import json

        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._nonsense(repr(one_line(text, 60))) from error
        if not isinstance(found, kind):
            raise self._nonsense(repr(one_line(text, 60)))
        return found

    def _refused(self, status: int, text: str) -> InfrastructureError:
        if status in (401, 403):
            hint = f"put the cluster's token into {TOKEN}, and resume"
            return ExecutorAway(f"the Ray cluster at {self.address} wants another token ({status})", hint=hint)
        last = next((line for line in reversed(text.splitlines()) if line.strip(" .\t")), "")
        kind = ExecutorAway if status in (502, 503, 504) or "try again later" in last else InfrastructureError
        return kind(f"the Ray cluster at {self.address} answers {status}: {one_line(last)}", hint=_HINT)

    def _nonsense(self, what: str) -> InfrastructureError:
        return InfrastructureError(f"what answers at {self.address} is no Ray dashboard: {what}", hint=_HINT)


def _job(found: dict[str, Any]) -> RayJob:
    code = found.get("driver_exit_code")
    return RayJob(
        status=str(found.get("status")),
        entrypoint=str(found.get("entrypoint")),
        message=str(found.get("message") or ""),
        error=str(found.get("error_type") or ""),
        exit_code=code if isinstance(code, int) else None,
        gpus=float((found.get("metadata") or {}).get("gpus", 0)),
    )


def _node(found: dict[str, Any]) -> RayNode:
    has = found["resources_total"]
    return RayNode(
        name=one_line(str(found["node_ip"]), 80),
        cpus=float(has.get("CPU", 0)),
        gpus=float(has.get("GPU", 0)),
        memory=float(has.get("memory", 0)),
        head=bool(found.get("is_head_node")),
    )
