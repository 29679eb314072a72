"""A real server on loopback, and a real client."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from rewardsmith.domain.key import KeyLimits, Scope
from rewardsmith.store.store import Store

TINY = {"task": "cartpole", "budget": "quick", "iters": 1, "k": 1, "steps": 500, "baselines": []}
"""The smallest run there is: one candidate, trained once for the search and thrice for its confirmation."""
PLANTED = "sk-planted-4711-provider-key"
"""A provider's key in the environment of servers that have keys."""
PATIENCE_S = 500
"""The most that anything may take; who waits for it goes on as soon as it is there."""
ENDED = {"done", "failed", "cancelled"}


class Server:
    """`rewardsmith serve` in a folder of its own; may be killed and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self._options = folder, options
        self.start()

    def start(self, *, port: int | None = 0) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("REWARDSMITH_")}
        command = [sys.executable, "-m", "rewardsmith", "serve", "--port", str(port), *self._options]
        said = self.folder / f"server-{len([*self.folder.iterdir()])}.log"
        with said.open("x") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=clean, stdout=log, stderr=log)
        found = wait_for(lambda: self._ended() or re.search(r"http://\S+:\d+", said.read_text()))
        assert isinstance(found, re.Match), said.read_text()
        self.url = found[0]
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE_S)

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def end(self, number: int = signal.SIGTERM) -> int:
        self.client.close()
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S)

    def log(self) -> str:
        """What all of its processes said."""
        return "".join(path.read_text() for path in self.folder.glob("server-*.log"))

    def submit(self, body: dict[str, Any], **headers: str) -> str:
        answer = self.client.post("/v1/runs", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def status(self, run: str) -> str:
        return str(self.client.get(f"/v1/runs/{run}").json()["status"])

    def events(self, run: str, after: int | None = None) -> Iterator[dict[str, Any]]:
        """The events of a stream, each with the id that it was sent under; ends with the stream."""
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        with self.client.stream("GET", f"/v1/runs/{run}/events", headers=headers) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            data = {}
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "data":
                    data = json.loads(value)
                elif name == "id":
                    assert data["id"] == int(value)
                    yield data


def wait_for(what: Callable[[], Any]) -> Any:
    """What `what` gives as soon as it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return found


def processes(server: Server, *words: str) -> list[int]:
    """Processes of this server's folder whose command has these words."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command = (place / "cmdline").read_bytes().decode(errors="replace")
            here = (place / "cwd").readlink() == server.folder or str(server.folder) in command
        except OSError:
            continue
        if here and all(word in command for word in words):
            found.append(int(place.name))
    return found


def outcome(server: Server, run: str) -> tuple[Any, dict[str, Any]]:
    """The best, and the score of every training by what it was for; each is reported once."""
    scores: dict[str, Any] = {}
    for event in server.events(run):
        ended = event["event"]
        if ended["kind"] == "attempt_ended" and ended["report"] and ended["attempt"]["until"] is None:
            key = "/".join(str(ended["attempt"][name]) for name in ("purpose", "subject", "seed"))
            assert key not in scores, "a training was repeated"
            scores[key] = ended["report"]["rungs"][-1]["scores"]
    best = server.client.get(f"/v1/runs/{run}/best").json()
    return best["score"], scores


class Keyed:
    """A server that has keys, and what each of their holders sends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        os.environ["OPENAI_API_KEY"] = PLANTED
        self.server = Server(folder, "--access-log")
        del os.environ["OPENAI_API_KEY"]
        self.store = Store.open(folder / "runs" / "rewardsmith.db")
        self.secrets: dict[str, str] = {}

    def add(self, name: str, scope: Scope = "submit", **limits: Any) -> None:
        self.secrets[name] = self.store.keys.add(name, scope, KeyLimits(**limits)).secret

    def ask(self, name: str | None, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.secrets[name]}"} if name else {}
        return self.server.client.request(method, path, headers=headers | more.pop("headers", {}), **more)

    def submit(self, name: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        return self.ask(name, "POST", "/v1/runs", json=body, headers=headers)

    def stranger(self, number: int) -> httpx.Client:
        """A client without a key at an address of its own: refusals are counted by address."""
        transport = httpx.HTTPTransport(local_address=f"127.0.1.{number}")
        return httpx.Client(base_url=self.server.client.base_url, transport=transport, timeout=PATIENCE_S)
