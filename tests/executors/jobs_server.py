"""A server on loopback that answers as Ray 2.60's dashboard does, and really runs entrypoints; not a cluster.

The bodies are those that a real one gave. What only a cluster can do, tests of a real one try.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rewardsmith.sandboxes.tree import descendants

EXISTS = """Traceback (most recent call last):
  File "/ray/dashboard/modules/job/job_manager.py", line 553, in submit_job
    raise ValueError(
ValueError: Job with submission_id {} already exists. Please use a different submission_id.
.
"""
UNTERMINATED = "RuntimeError: Attempted to delete job '{}', but it is in a non-terminal state {}.\n.\n"
WAITS = (
    "Job has not started yet. It may be waiting for resources (CPUs, GPUs, memory, custom resources) to become "
    "available."
)
FAILED = (
    "Job entrypoint command failed with exit code {}, last available logs (truncated to 20,000 chars):\n"
    "2026-11-22 04:18:22,592\tINFO job_manager.py:581 -- Runtime env is setting up.\n{}"
)


class _Job:
    def __init__(self, body: dict[str, Any], place: Path, environ: dict[str, str]) -> None:
        name = body["submission_id"]
        self.log = place / f"job-driver-{name}.log"
        self.body = body
        self.said: dict[str, Any] = {"status": "PENDING", "message": WAITS}
        self.log.write_text(f"Running entrypoint for job {name}: {body['entrypoint']}\n")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                body["entrypoint"], shell=True, stdout=log, stderr=log, env=environ, start_new_session=True
            )

    def details(self) -> dict[str, Any]:
        code = self.process.poll()
        if self.said["status"] in ("PENDING", "RUNNING"):
            self.said = {"status": "RUNNING", "message": "Job is currently running."}
            if code == 0:
                self.said = {"status": "SUCCEEDED", "message": "Job finished successfully.", "driver_exit_code": 0}
            elif code is not None:
                message = FAILED.format(code, self.log.read_text()[-20000:])
                self.said = {"status": "FAILED", "message": message, "driver_exit_code": code}
                self.said["error_type"] = "JOB_ENTRYPOINT_COMMAND_ERROR"
        entry = {name: self.body[name] for name in ("submission_id", "entrypoint")}
        entry["metadata"] = self.body.get("metadata")
        return {"type": "SUBMISSION", "error_type": None, "driver_exit_code": None, **entry, **self.said}

    def stop(self) -> None:
        found = [self.process.pid, *descendants(self.process.pid)] if self.process.poll() is None else []
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline = time.monotonic() + 1
            while number == signal.SIGTERM and self.process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
        self.process.wait()
        if self.said["status"] in ("PENDING", "RUNNING"):
            self.said = {"status": "STOPPED", "message": "Job was intentionally stopped."}


class JobsServer:
    """One node of so many cores. Use as a context manager; no process of it is left."""

    def __init__(self, place: Path, *, cpus: float = 2, environ: dict[str, str] | None = None) -> None:
        self.place, self.cpus, self.token = place, cpus, ""
        self.environ = {"PATH": os.environ["PATH"], **(environ or {})}
        self.jobs: dict[str, _Job] = {}
        self.asked: list[str] = []
        """Method and path of every request."""
        self.broken: dict[str, tuple[int, str]] = {}
        """What is answered instead to a method and the beginning of a path, such as `GET /api/jobs/`."""
        self.version = "4"
        self._lock = threading.Lock()

    def __enter__(self) -> JobsServer:
        server = self
        handler = type("Handler", (_Handler,), {"server_of": lambda _: server})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        for job in self.jobs.values():
            job.stop()

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        asked = f"{method} {path}"
        self.asked.append(asked)
        for beginning, answer in self.broken.items():
            if asked.startswith(beginning):
                return answer
        with self._lock:
            return self._answer(method, path, body)

    def _answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/api/version":
            return 200, {"version": self.version, "ray_version": "2.60.0", "ray_commit": "b7f4259"}
        if path.startswith("/api/v0/nodes"):
            has = {"memory": 2.0**34, "CPU": self.cpus, "node:127.0.0.1": 1.0}
            node = {"node_ip": "127.0.0.1", "is_head_node": True, "state": "ALIVE", "resources_total": has}
            return 200, {"result": True, "msg": "", "data": {"result": {"total": 1, "result": [node]}}}
        if (method, path) == ("POST", "/api/jobs/"):
            name = body["submission_id"]
            if name in self.jobs:
                return 500, EXISTS.format(name)
            self.jobs[name] = _Job(body, self.place, self.environ)
            return 200, {"job_id": name, "submission_id": name}
        if path == "/api/jobs/":
            return 200, [job.details() for job in self.jobs.values()]
        found = re.fullmatch(r"/api/jobs/([^/]+)(/stop|/logs)?", path)
        assert found, path
        name, what = found.groups()
        job = self.jobs.get(name)
        if job is None:
            return 404, f"Job {name} does not exist"
        if what == "/logs":
            return 200, {"logs": job.log.read_text()}
        if what == "/stop":
            job.stop()
            return 200, {"stopped": True}
        if method == "DELETE":
            if (status := job.details()["status"]) in ("PENDING", "RUNNING"):
                return 500, UNTERMINATED.format(name, status)
            del self.jobs[name]
            return 200, {"deleted": True}
        return 200, job.details()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: Any

    def _do(self) -> None:
        server: JobsServer = self.server_of()
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if server.token and self.headers.get("authorization") != f"Bearer {server.token}":
            status, answer = 401, "Unauthorized: Missing authentication token"
        else:
            status, answer = server.answer(self.command, self.path, json.loads(body or b"{}"))
        data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _do  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass
