from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rewardsmith.app import EvolveRequest, Settings, Workshop

CHECKOUT = Path(__file__).resolve().parents[2]

TINY = """
[budgets.tiny]
steps = 256
rungs = 1
k = 2
episodes = 2
leaders = 1
compare_seeds = 1
confirm_seeds = 2
baseline_seeds = 1
"""

GOOD = """The pole shall stay up.

```python
import numpy as np

def compute_reward(hinge_angle, terminated, *, angle_temperature={temperature}):
    upright = np.exp(-np.square(hinge_angle) / angle_temperature)
    alive = np.where(terminated, 0.0, 1.0)
    return upright + alive, {{"upright": upright, "alive": alive}}
```
"""

UNKNOWN = """```python
import numpy as np

def compute_reward(hinge_angel):
    return -np.abs(hinge_angel), {"upright": -np.abs(hinge_angel)}
```
"""


@pytest.fixture(scope="session")
def surveyed(tmp_path_factory) -> Path:
    """A runs folder in which the tiny task's survey is made, to be copied."""
    folder = tmp_path_factory.mktemp("surveyed")
    _write_task(folder / "tiny")
    workshop = Workshop(Settings(runs=folder / "runs", workers=2))
    workshop.survey(workshop.task(str(folder / "tiny")))
    return folder


def _write_task(folder: Path) -> None:
    shutil.copytree(CHECKOUT / "envs" / "inverted_pendulum", folder)
    text = (folder / "task.toml").read_text()
    (folder / "task.toml").write_text(text.replace("environments = 16", "environments = 4") + TINY)


class Desk:
    """A workshop on a task so small that a whole run takes seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.task = str(folder / "tiny")
        self.completions = folder / "completions"
        self.completions.mkdir()
        self.events: list = []
        self._opened: list[Workshop] = []
        self.workshop = self.open()

    def open(self) -> Workshop:
        """A workshop as another process would open it."""
        self._opened.append(Workshop(Settings(runs=self.folder / "runs", workers=2)))
        return self._opened[-1]

    def close(self) -> None:
        """Let go of the database."""
        for workshop in self._opened:
            workshop.close()

    def answer(self, *texts: str) -> str:
        """Put completions into the folder; the model that deals them."""
        there = len(list(self.completions.iterdir()))
        for number, text in enumerate(texts, start=there + 1):
            (self.completions / f"{number:02}.md").write_text(text)
        return f"folder:{self.completions}"

    def observe(self, stored, run) -> None:
        self.events.append(stored.event)

    def evolve(self, person=None, **asked):
        asked = {"budget": "tiny", "baselines": (), "name": "run", "iterations": 1, **asked}
        spec, plan = self.workshop.prepare(EvolveRequest(env=self.task, **asked))
        return self.workshop.evolve(spec, plan, self.observe, person=person)


@pytest.fixture
def desk(tmp_path, surveyed) -> Iterator[Desk]:
    shutil.copytree(surveyed, tmp_path, dirs_exist_ok=True)
    with closing(Desk(tmp_path)) as desk:
        yield desk


@pytest.fixture
def good():
    return lambda temperature=0.1: GOOD.format(temperature=temperature)


@pytest.fixture
def unknown():
    return UNKNOWN


class ModelServer:
    """A real HTTP server on loopback that speaks the chat interface; `down` makes it refuse for a while."""

    def __init__(self) -> None:
        self.down = False
        self.served = 0
        self.asked: list[dict] = []
        self._texts: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                status, body = server.reply()
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("retry-after-ms", "1")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def answer(self, *texts: str) -> None:
        self._texts.extend(texts)

    def reply(self) -> tuple[int, dict]:
        if self.down or not self._texts:
            return 503, {"error": {"message": "try later", "type": "server_error"}}
        self.served += 1
        message = {"role": "assistant", "content": self._texts.pop(0)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        return 200, {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "test",
            "choices": [choice],
            "usage": usage,
        }


@pytest.fixture
def model_server():
    server = ModelServer()
    yield server
    server.http.shutdown()
    server.http.server_close()
    server.thread.join()
