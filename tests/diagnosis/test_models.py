"""The model that is named, against servers of the loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rewardsmith.diagnosis.models import KEYS, look_at_models
from rewardsmith.domain.machine import MachineCheck

KEY = "sk-verysecret0123456789"


class Handler(BaseHTTPRequestHandler):
    """Offers two models to whoever has the key."""

    body: bytes | None = None

    def do_GET(self) -> None:
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self.reply(401, b'{"error": {"message": "bad key ' + KEY.encode() + b'"}}')
        elif self.path == "/v1/models":
            models = [{"id": name, "object": "model"} for name in ("gpt-5", "gpt-5-mini")]
            self.reply(200, self.body or json.dumps({"object": "list", "data": models}).encode())
        else:
            self.reply(404, b"{}")

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def look(name: str | None, base_url: str | None = None, **environ: str) -> MachineCheck:
    """The line of the model; no line holds a key."""
    lines = look_at_models(name, base_url, environ)
    assert KEY not in "".join(line.model_dump_json() for line in lines)
    assert [line.name for line in lines[1:]] == list(KEYS)
    assert [line.name for line in lines[1:] if line.ok] == [key for key in KEYS if environ.get(key)]
    return lines[0]


def test_the_offline_author_needs_nothing() -> None:
    line = look(None)
    assert line.ok
    assert "offline" in line.detail
    assert look("offline", ANTHROPIC_API_KEY="x").ok


def test_a_server_that_answers(server: str) -> None:
    line = look("openai:gpt-5", f"{server}/v1", OPENAI_API_KEY=KEY)
    assert (line.ok, line.warning) == (True, False)
    assert "answers" in line.detail


def test_a_model_that_the_server_does_not_list(server: str) -> None:
    line = look("openai:gpt-5-minni", f"{server}/v1", OPENAI_API_KEY=KEY)
    assert (line.ok, line.warning) == (True, True)
    assert "gpt-5-mini" in line.remedy


def test_a_server_without_a_list(server: str) -> None:
    assert look("openai:gpt-5", f"{server}/v2", OPENAI_API_KEY=KEY).ok


def test_something_else_than_a_list(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handler, "body", b"<html>welcome</html>")
    assert not look("openai:gpt-5", f"{server}/v1", OPENAI_API_KEY=KEY).ok


def test_a_key_that_is_refused(server: str) -> None:
    line = look("openai:gpt-5", f"{server}/v1", OPENAI_API_KEY="sk-another")
    assert not line.ok
    assert "refuses the key" in line.detail
    assert line.remedy


def test_nobody_there(server: str) -> None:
    line = look("openai:gpt-5", "http://127.0.0.1:1/v1", OPENAI_API_KEY=KEY)
    assert not line.ok
    assert "cannot be reached" in line.detail
    assert line.remedy


@pytest.mark.parametrize(
    ("name", "said"), [("openai:gpt-5", "OPENAI_API_KEY"), ("folder:/not/there", "not/there"), ("gpt5", "openai:gpt5")]
)
def test_what_evolve_would_refuse_is_lacking(name: str, said: str, tmp_path: Path) -> None:
    line = look(name)
    assert (line.ok, line.needed) == (False, True)
    assert said in line.detail + line.remedy
