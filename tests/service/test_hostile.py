"""Bad input is refused with a problem that says what, where and what to do; the server never fails of it."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from http.client import HTTPConnection

import pytest
from service_server import PATIENCE_S, TINY

WRONG = {
    "task": ["../../etc/passwd", "/etc", "cartpole/../ant", "", "a" * 101, 5, None, ["cartpole"], "a\x00b"],
    "recipe": ["../smith", "/tmp", "", {"a": 1}],
    "model": ["folder:/etc", "recorded:/tmp", "offline=1,folder:/etc", "nonsense", "gpt-5", "", "x" * 201, 1],
    "budget": ["../x", "none", ""],
    "iters": [0, -1, 1.5, "two", True, 10**30, None.__class__.__name__],
    "k": [0, 257, "3", [1]],
    "steps": [0, -5, 1e400, "1k", 10**40],
    "seed": [-1, 2**64, "a"],
    "baselines": ["human", ["nobody"], [1]],
    "name": ["../up", "a/b", ".hidden", "a b", "surveys", "x" * 300, 7],
    "stop": [[], "x", {"file": "/etc/passwd"}, {"dollars": -1}, {"steps": "many"}, {"target": "1e999"}],
    "unknown": [1],
}
BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe\x00",
    b'"' + b"a" * 1000,
    b'{"task": "\\ud800"}',
    b'{"task": NaN}',
    b"[" * 30_000,
    b'{"task": "cartpole", "iters": ' + b"9" * 5000 + b"}",
]
PATHS = [
    "..",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "a%00b",
    "%ff%fe",
    "x" * 5000,
    "nobody",
    "%F0%9F%92%A5",
    "-h",
    "'%20OR%201=1",
]


def problem(answer) -> dict:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found = answer.json()
    assert found["status"] == answer.status_code
    assert found["type"].startswith("urn:rewardsmith:")
    assert found["detail"]
    return found


@pytest.mark.parametrize("field", WRONG)
def test_wrong_values_are_refused_by_name(server, field):
    before = server.client.get("/v1/runs", params={"limit": 200}).json()
    for value in WRONG[field]:
        body = json.dumps(TINY | {field: value})
        answer = server.client.post("/v1/runs", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in ((409,) if value == "surveys" else (422,)), (value, answer.text)
        found = problem(answer)
        if found["type"] == "urn:rewardsmith:invalid-request":
            assert found["field"].startswith(field)
    after = server.client.get("/v1/runs", params={"limit": 200}).json()
    assert [line["run"] for line in after["runs"]] == [line["run"] for line in before["runs"]]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_no_body_is_a_fault_of_the_server(server, body):
    answer = server.client.post("/v1/runs", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    problem(answer)


def test_large_bodies_are_refused(server):
    large = b'{"task": "' + b"a" * 300_000 + b'"}'
    as_json = {"content-type": "application/json"}
    assert problem(server.client.post("/v1/runs", content=large, headers=as_json))["status"] == 413
    pieces = (large[i : i + 1000] for i in range(0, len(large), 1000))
    assert problem(server.client.post("/v1/runs", content=pieces, headers=as_json))["status"] == 413


@pytest.mark.parametrize("place", PATHS, ids=range(len(PATHS)))
def test_no_path_is_a_fault_of_the_server(server, place):
    for rest in ("", "/events", "/best", "/best/reward.py", "/report.html", "/candidates", "/candidates/g1c00"):
        answer = server.client.get(f"/v1/runs/{place}{rest}")
        assert answer.status_code in (404, 422), (rest, answer.text)
        problem(answer)
    for verb in ("cancel", "resume"):
        assert problem(server.client.post(f"/v1/runs/{place}/{verb}"))["status"] in (404, 422)


def test_near_misses_are_named(server):
    found = problem(server.client.post("/v1/runs", json=TINY | {"task": "cartpol"}))
    assert (found["status"], found["field"], found["near"][0]) == (422, "task", "cartpole")
    assert "ant" in found["remedy"]
    assert problem(server.client.get("/v1/runs", params={"cursor": "nobody"}))["status"] == 404
    assert problem(server.client.get("/v1/runs", params={"status": "lost"}))["field"] == "query.status"
    assert problem(server.client.get("/v1/runs", params={"limit": 0}))["status"] == 422
    assert problem(server.client.delete("/v1/runs"))["status"] == 405


def test_misspelt_fields_have_near_misses_too(server):
    found = problem(server.client.post("/v1/runs", json=TINY | {"itres": 1}))
    assert found["detail"] == "there is no field itres; did you mean 'iters'?"
    assert found["near"] == ["iters"]
    assert "baselines" in found["remedy"]
    found = problem(server.client.post("/v1/runs", json=TINY | {"stop": {"dolars": 1}}))
    assert (found["field"], found["near"]) == ("stop.dolars", ["dollars"])
    task = {"base": "cartpole", "description": "x", "score": "x", "unti": "m"}
    found = problem(server.client.post("/v1/runs", json=TINY | {"task": task}))
    assert (found["field"], found["near"]) == ("task.unti", ["unit"])


def test_a_body_that_is_no_json_or_not_sent_as_json_is_told_so(server):
    plain = problem(server.client.post("/v1/runs", content=json.dumps(TINY)))
    assert "Content-Type: application/json" in plain["remedy"]
    form = {"content-type": "application/x-www-form-urlencoded"}
    found = problem(server.client.post("/v1/runs", content=json.dumps(TINY), headers=form))
    assert "'application/x-www-form-urlencoded'" in found["detail"]
    found = problem(server.client.post("/v1/runs", content="{bad", headers={"content-type": "application/json"}))
    assert found["detail"].startswith("the body is no JSON: ")
    assert "field" not in found


def test_a_body_that_never_comes_is_no_fault_of_the_server(server):
    where = (server.client.base_url.host, server.client.base_url.port)
    rest = "Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
    slow = {}
    for place in ("/v1/runs", "/new", "/login"):
        head = f"POST {place} HTTP/1.1\r\n{rest}"
        with socket.create_connection(where) as hurried:
            hurried.sendall(head.encode())
        slow[place] = socket.create_connection(where, timeout=PATIENCE_S)
        slow[place].sendall(head.encode())
    for place, each in slow.items():
        with each:
            assert each.recv(12) == (b"HTTP/1.1 400" if place == "/v1/runs" else b"HTTP/1.1 408"), place
    assert "Traceback" not in server.log()


def test_a_browser_is_shown_a_page_for_what_is_not_there(server):
    page = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    answer = server.client.get("/nope", headers=page)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "there is no such page" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    problem(server.client.get("/v1/nope", headers=page))
    problem(server.client.get("/nope"))


@pytest.mark.parametrize("said", ["x", "-1", "1.5", "9" * 400])
def test_a_wrong_last_event_is_refused(server, said):
    answer = server.client.get("/v1/runs/nobody/events", headers={"Last-Event-ID": said})
    assert problem(answer)["status"] == 422


def test_pages_of_other_sites_may_not_use_it(server):
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}, {"origin": "null"}, {"host": "[::1"}):
        answer = server.client.get("/v1/runs", headers=headers)
        assert problem(answer)["status"] == 403, headers
        assert problem(server.client.post("/v1/runs/x/cancel", headers=headers))["status"] == 403
    own = str(server.client.base_url).rstrip("/")
    assert server.client.get("/v1/runs", headers={"origin": own}).status_code == 200
    assert server.client.post("/v1/runs", content=json.dumps(TINY)).status_code == 422  # a form sends no JSON


@pytest.mark.parametrize(
    "model",
    [
        "litellm:oobabooga/http://127.0.0.1:9/x?y=1#",
        "litellm:huggingface/https://127.0.0.1/x",
        "litellm:x//127.0.0.1",
        "openai:a\r\nX-Evil: 1",
        "openai:\x1b[31mred",
        "openai:a b",
        "",
    ],
)
def test_no_model_is_a_url_or_writes_into_a_log(server, model):
    answer = server.client.post("/v1/runs", json=TINY | {"model": model})
    assert answer.status_code == 422
    assert problem(answer)["field"] == "model"


def test_one_request_does_not_take_a_machine_for_days(server):
    for more in ({"iters": 1000, "k": 256}, {"steps": 10**12}):
        refused = problem(server.client.post("/v1/runs", json=TINY | more))
        assert refused["status"] == 422
        assert "one run here may take" in refused["detail"]


def test_a_slash_at_the_end_leads_nowhere(server):
    for path in ("/v1/runs/", "/v1/tasks/", "/login/"):
        answer = server.client.get(path, headers={"host": "localhost:1", "accept": "application/json"})
        assert problem(answer)["status"] == 404
        assert "location" not in answer.headers
        assert "slash" in answer.json()["remedy"]


def test_a_head_is_what_a_get_begins_with(server):
    for path in ("/", "/login", "/static/pages.css", "/healthz", "/v1/runs", "/v1/tasks/cartpole", "/v1/runs/nobody"):
        got, head = server.client.get(path), server.client.head(path)
        assert head.status_code == got.status_code
        assert head.headers["content-type"] == got.headers["content-type"]
        assert head.content == b""
    assert server.client.head("/v1/runs/nobody/events").status_code == 405


def test_who_does_not_speak_up_is_hung_up_on(server):
    place = (server.client.base_url.host, server.client.base_url.port)
    resting = HTTPConnection(*place, timeout=PATIENCE_S)
    resting.request("GET", "/healthz")
    assert resting.getresponse().read()
    silent, half, slow = (socket.create_connection(place) for _ in range(3))
    half.sendall(b"GET /v1/ru")
    head = b"POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    slow.sendall(head + b"{")
    for connection in (silent, half, slow):
        connection.settimeout(PATIENCE_S)
    with silent, half, slow, closing(resting):
        assert silent.recv(1000) == b""
        assert half.recv(1000) == b""
        assert slow.recv(1000).startswith(b"HTTP/1.1 400")
        resting.request("GET", "/healthz")
        assert resting.getresponse().status == 200, "clients use a connection again after five seconds"
    assert server.client.get("/healthz").status_code == 200
