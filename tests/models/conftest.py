from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

KEY = "sk-secret-0123456789abcdef"


@dataclass
class Reply:
    """What the server answers: a status, a body (JSON unless bytes), headers; or it hangs until the test ends."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False


def answer(text="```python\nx\n```", *, finish="stop", model="served-model", usage=(11, 7)):
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)},
    }


def failing(status, message="try later", **more):
    return Reply(status, {"error": {"message": message, "type": "x", **more}}, {"retry-after-ms": "1"})


class ChatServer:
    """A real HTTP server on loopback that speaks the chat interface of OpenAI."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.seen: list[tuple[str, dict[str, str], dict[str, object]]] = []
        self.default: Callable[[dict[str, object]], Reply] = lambda body: Reply(body=answer())
        self._over = threading.Event()
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with server._lock:
                    server.seen.append((self.path, dict(self.headers), body))
                    reply = server.replies.pop(0) if server.replies else server.default(body)
                if reply.hangs:
                    server._over.wait()
                    return
                raw = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in {"content-type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def close(self) -> None:
        self._over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[ChatServer]:
    running = ChatServer()
    yield running
    running.close()


@pytest.fixture
def chat():
    """Builders of what the server answers."""

    class Builders:
        key = KEY
        reply = Reply
        answer = staticmethod(answer)
        failing = staticmethod(failing)

    return Builders


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    """No test can spend money: keys and addresses of this machine are out of sight, and nobody leaves loopback."""
    import os
    import socket

    for name in [
        n for n in os.environ if n.endswith(("_API_KEY", "_BASE_URL", "_API_BASE")) or n.lower().endswith("_proxy")
    ]:
        monkeypatch.delenv(name)
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"127.0.0.1", "::1"}:
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
