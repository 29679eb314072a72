"""`rewardsmith.Client` and the commands with `--server`, against a real server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from service_server import PATIENCE_S, TINY, Server, wait_for

from rewardsmith import Client
from rewardsmith.client.answers import read, read_log
from rewardsmith.domain.offer import TaskSummary
from rewardsmith.domain.request import CandidateSummary, RunPage
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.errors import Conflict, InfrastructureError, NotYet, UnknownName, UsageError

LIKE_HERE = [
    ["runs"],
    ["show", "first"],
    ["show", "first", "g1c00"],
    ["export", "first"],
    ["tasks"],
    ["tasks", "show", "ant"],
    ["recipes"],
    ["show", "nobody"],
    ["cancel", "first"],
    ["resume", "first"],
]


FREE = {"improvement", "budgets"}


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    with Client(str(server.client.base_url)) as opened:
        yield opened


def command(*arguments: str, server: Server, there: bool) -> subprocess.CompletedProcess[str]:
    """A command at the server, or in its folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("REWARDSMITH_")}
    env = clean | ({"REWARDSMITH_SERVER": str(server.client.base_url)} if there else {})
    whole = [sys.executable, "-m", "rewardsmith", *arguments]
    return subprocess.run(whole, cwd=server.folder, env=env, capture_output=True, text=True, timeout=PATIENCE_S)


def test_a_run_from_python(client, server, finished):
    assert client.run(finished).model_dump(mode="json") == server.client.get(f"/v1/runs/{finished}").json()
    best = client.best(finished)
    assert best == client.run(finished).best
    assert client.candidate(finished, best.candidate).candidate.source
    assert [line.id for line in client.candidates(finished)] == [best.candidate]
    assert client.reward(finished) == client.reward(finished, best.candidate)
    assert "<html" in client.report(finished)
    assert client.wait(finished).status == "done"
    assert finished in [line.run for line in client.runs("done")]
    assert finished not in [line.run for line in client.runs("cancelled")]
    assert client.task("ant").environment.id == "Ant-v5"
    assert "openai" in [model.model for model in client.models()]


def test_submitting_waiting_and_pages(client):
    first = client.submit(**TINY | {"steps": 1_000_000})
    again = [client.submit("cartpole", iters=1, k=1, idempotency_key="client-key").id for _ in range(2)]
    assert again[0] == again[1]
    assert client.feedback(again[0], "Stand.").told is None
    for run in (first.id, again[0]):
        client.cancel(run)
        assert client.wait(run).status == "cancelled"
    names = [line.run for line in client.runs()]
    assert len(names) == len(set(names))
    assert {first.id, again[0]} <= set(names)


def test_errors_come_as_what_they_are(client, finished):
    with pytest.raises(UnknownName, match="did you mean 'cartpole'") as unknown:
        client.submit("cartpol")
    assert (unknown.value.kind, unknown.value.near[0]) == ("task", "cartpole")
    assert "ant" in unknown.value.hint
    with pytest.raises(UnknownName):
        client.run("nobody")
    with pytest.raises(UnknownName):
        next(client.events("nobody"))
    with pytest.raises(Conflict, match="done already"):
        client.cancel(finished)
    with pytest.raises(UsageError, match="iters"):
        client.submit("cartpole", iters=0)
    with pytest.raises(UsageError):
        client.run("../../healthz")
    waiting = client.submit("cartpole", iters=1, k=1).id
    with pytest.raises(NotYet):
        client.best(waiting)
    client.cancel(waiting)
    with pytest.raises(UsageError, match="no address"):
        Client("nowhere")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(InfrastructureError, match="cannot be reached"), Client(f"http://127.0.0.1:{port}") as nobody:
        nobody.run("x")


class Cutter:
    """A proxy that breaks every connection in the middle of its third message."""

    def __init__(self, port: int) -> None:
        self._port, self.connections = port, 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            with near, socket.create_connection(("127.0.0.1", self._port)) as far:
                request = near.recv(65536).replace(self.url[7:].encode(), f"127.0.0.1:{self._port}".encode())
                far.sendall(request.replace(b"Connection: keep-alive", b"Connection: close"))
                told = b""
                while told.count(b"\n\n") < 2 and (data := far.recv(65536)):
                    told += data
                end = told.find(b"\n\n", told.find(b"\n\n") + 2)
                near.sendall(told if end < 0 else told[: end + 20])

    def close(self) -> None:
        self._listening.close()


def test_no_event_is_lost_or_doubled_where_every_connection_breaks(server, client, seen):
    port = server.client.base_url.port
    assert port is not None
    with closing(Cutter(port)) as cutter, Client(cutter.url) as cut:
        found = [event.model_dump(mode="json") for event in cut.events("first")]
    assert found == seen
    assert cutter.connections >= len(seen) // 2
    assert Run.fold(client.log("first")).status == "done"


@pytest.mark.parametrize("arguments", LIKE_HERE, ids=" ".join)
def test_a_command_prints_the_same_here_and_there(server, finished, arguments):
    json_too = [] if arguments[0] == "export" else ["--json"]
    here, there = (command(*arguments, *json_too, server=server, there=there) for there in (False, True))
    places = here.stdout.replace(f"{server.folder / 'runs'}/", "")  # which a server does not tell
    assert (here.returncode, places) == (there.returncode, there.stdout)
    if arguments[0] not in ("runs",) and here.stderr:
        told = [json.loads(each.stderr)["error"] for each in (here, there)]
        assert told[0] == told[1]
    assert here.stdout or here.stderr


def test_evolve_at_a_server_is_left_with_ctrl_c_and_taken_up_again(server):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("REWARDSMITH_")}
    tiny = ["--env", "cartpole", "--iters", "1", "--k", "1", "--budget", "quick", "--steps", "500"]
    url = str(server.client.base_url)
    whole = [sys.executable, "-m", "rewardsmith", "evolve", *tiny, "--baselines", "none", "--name", "left"]
    with subprocess.Popen(
        [*whole, "--server", url], env=clean, cwd=server.folder, stdout=-1, stderr=-1, text=True
    ) as watching:
        assert watching.stderr is not None
        wait_for(lambda: "plan: 1 generation of 1 candidate" in watching.stderr.readline())
        wait_for(lambda: server.client.get("/v1/runs/left").status_code == 200)
        watching.send_signal(signal.SIGINT)
        _, told = watching.communicate(timeout=PATIENCE_S)
    assert watching.returncode == 130, told
    assert "goes on" in told
    assert f"rewardsmith resume left --server {url}" in told
    assert server.status("left") in ("queued", "running", "done")
    again = command("resume", "left", "--server", url, server=server, there=False)
    assert again.returncode == 0, again.stderr
    assert f"rewardsmith show left --server {url}" in again.stdout


def newer(told):
    """An answer as a later version may give it: with a field more in every record, but not in what holds any names."""
    if isinstance(told, dict):
        whole = {name: value if name in FREE else newer(value) for name, value in told.items()}
        return whole | {"of_later": {"more": 1}}
    return [newer(each) for each in told] if isinstance(told, list) else told


def test_what_a_newer_server_adds_is_passed_over(client, server, finished):
    get = server.client.get
    for kind, path in (
        (RunResult, f"/v1/runs/{finished}"),
        (RunPage, "/v1/runs"),
        (list[CandidateSummary], f"/v1/runs/{finished}/candidates"),
        (list[TaskSummary], "/v1/tasks"),
    ):
        told = get(path).json()
        assert read(kind, json.dumps(newer(told)), "") == read(kind, json.dumps(told), "")
    log = get(f"/v1/runs/{finished}/events.json").json()
    later = [*map(added, log[:-1]), log[-1] | {"event": {"kind": "dreamt", "of": "later"}}, added(log[-1])]
    assert read_log(json.dumps(later), "") == client.log(finished)
    assert Run.fold(read_log(json.dumps(later), "")).status == "done"
    refused = server.client.post("/v1/runs", json=TINY | {"of_later": 1})
    assert refused.status_code == 422, "what is asked for is not passed over"


def added(event):
    """An event of a later version: with fields more, but for the ones whose names are free."""
    return event | {"of_later": 1, "event": event["event"] | {"of_later": [1]}}


@pytest.mark.parametrize("option", ["--record=x", "--watcher=x", "--stop-file=x", "--runs-dir=x"])
def test_what_makes_no_sense_with_a_server_is_refused(server, option):
    done = command("evolve", "--env", "cartpole", option, server=server, there=True)
    assert done.returncode == 2
    assert "makes no sense with --server" in done.stderr


def test_a_report_is_written_here(server, finished, tmp_path):
    done = command("report", finished, "-o", str(tmp_path / "to"), server=server, there=True)
    assert done.returncode == 0, done.stderr
    assert "<html" in (tmp_path / "to" / "report.html").read_text()
    assert (tmp_path / "to" / "report.md").read_text().startswith("#")
    assert "-o FOLDER" in command("report", finished, server=server, there=True).stderr
