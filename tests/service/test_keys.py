"""Who is served what, where there are keys: every route for every scope, and one key's runs for nobody else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import httpx
from service_server import PATIENCE_S, PLANTED, TINY, Keyed, wait_for
from sqlalchemy import delete, insert, select

from rewardsmith.service import pages
from rewardsmith.store.schema import keys
from rewardsmith.store.store import Store

OPEN = {"/healthz"}
"""Served to anybody."""
ADMIN = {"/metrics"}
"""For keys of the scope `admin`; a route that tells of everyone's runs belongs here."""


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    assert found["type"] == f"urn:rewardsmith:{kind}"
    return found


def routes(keyed: Keyed) -> list[tuple[str, str]]:
    """Method and path of every operation that the server describes."""
    document = keyed.ask("boss", "GET", "/openapi.json").json()
    return [(method.upper(), path) for path, item in document["paths"].items() for method in item]


def filled(path: str, run: str) -> str:
    return re.sub(r"\{\w+\}", "g0c00", path.replace("{run}", run))


def test_nobody_is_served_without_a_key(keyed):
    others = [("GET", "/openapi.json"), ("GET", "/nothing"), ("GET", "/"), ("GET", "/new"), ("POST", "/logout")]
    wrong = [{"authorization": said} for said in ("Bearer rsk_x", "Bearer", "Basic YTpi")]
    with keyed.stranger(1) as client:
        asked = [(method, filled(path, "anns"), {}) for method, path in routes(keyed) + others if path not in OPEN]
        asked += [("GET", "/v1/runs", headers) for headers in [*wrong, {"cookie": "rewardsmith=x"}]]
        for method, path, headers in asked:
            answer = client.request(method, path, headers=headers)
            problem(answer, 401, "key-needed")
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "ann" not in answer.text
        assert client.get("/healthz").status_code == 200


def test_every_route_knows_its_scope(keyed):
    for method, path in routes(keyed):
        body = {"json": {}} if method == "POST" else {}
        place = filled(path, "none-such")
        read, admin = (keyed.ask(name, method, place, **body).status_code for name in ("reader", "boss"))
        if method != "GET" or path in ADMIN:
            assert read == 403, (method, path)
        elif path not in OPEN:
            assert read not in (401, 403), (method, path)
        assert admin not in (401, 403), (method, path)
        submit = keyed.ask("ann", method, place, **body).status_code
        assert (submit == 403) == (path in ADMIN), (method, path, submit)
        assert submit != 401


def test_anothers_run_is_no_run_in_any_route(keyed):
    found = [(method, path) for method, path in routes(keyed) if "{run}" in path]
    assert len(found) >= 10
    for method, path in found:
        body = {"json": {"text": "x", "score": 1}} if method == "POST" else {}
        theirs = keyed.ask("bob", method, filled(path, "anns"), **body)
        if theirs.status_code == 422:  # the body of a route that this test does not know
            assert theirs.json()["field"] != "run"
            continue
        told = problem(theirs, 404, "unknown-name")
        nobodys = keyed.ask("bob", method, filled(path, "anny"), **body)
        assert theirs.text.replace("anns", "anny") == nobodys.text, (method, path)
        assert "anns" not in told["near"]
    for path in ("/v1/runs/anns", "/v1/runs/anns/candidates"):
        assert keyed.ask("ann", "GET", path).status_code == 200
        assert keyed.ask("boss", "GET", path).status_code == 200
        assert keyed.ask("reader", "GET", path).status_code == 404


def test_a_list_holds_ones_own(keyed):
    def names(key: str, **query: str) -> list[str]:
        return sorted(line["run"] for line in keyed.ask(key, "GET", "/v1/runs", params=query).json()["runs"])

    assert (names("ann"), names("bob"), names("reader")) == (["anns"], ["bobs"], [])
    lines = keyed.ask("boss", "GET", "/v1/runs").json()["runs"]
    assert {"anns": "ann", "bobs": "bob"}.items() <= {line["run"]: line["asker"] for line in lines}.items()
    theirs, nobodys = (keyed.ask("bob", "GET", "/v1/runs", params={"cursor": name}) for name in ("anns", "anny"))
    problem(theirs, 404, "unknown-name")
    assert theirs.text.replace("anns", "anny") == nobodys.text


def test_anothers_run_is_no_run_in_a_check(keyed):
    def asked(run: str) -> httpx.Response:
        body = {"run": run, "reward": "def compute_reward(action):\n    return -action[:, 0], {}\n"}
        return keyed.ask("bob", "POST", "/v1/checks", json=body)

    problem(asked("anns"), 404, "unknown-name")
    assert asked("anns").text.replace("anns", "anny") == asked("anny").text


def test_pages_hold_ones_own(keyed):
    def page(key: str, path: str, method: str = "GET") -> httpx.Response:
        return keyed.ask(key, method, path, headers={"accept": "text/html"})

    assert "anns" in page("ann", "/").text
    assert "anns" not in page("bob", "/").text
    assert "anns" not in page("bob", "/compare").text
    assert page("ann", "/runs/anns").status_code == 200
    found = [import_module(f"{pages.__name__}.{each.name}") for each in iter_modules(pages.__path__)]
    ours = [route for module in found if hasattr(module, "routes") for route in module.routes.routes]
    places = [
        (filled(route.path, "anns"), method) for route in ours for method in route.methods if "{run}" in route.path
    ]
    assert len(places) >= 4
    for path, method in [*places, ("/compare?run=bobs&run=anns", "GET"), ("/?cursor=anns", "GET")]:
        theirs, nobodys = page("bob", path, method), page("bob", path.replace("anns", "anny"), method)
        assert (theirs.status_code, nobodys.status_code) == (404, 404), (method, path)
        assert theirs.text.replace("anns", "anny") == nobodys.text, (method, path)


def test_names_and_request_keys_tell_nothing_of_others(keyed):
    again = keyed.submit("bob", TINY | {"name": "bobs"}, **{"idempotency-key": "mine"})
    assert again.json()["id"] == "bobs"
    other = problem(keyed.submit("bob", TINY, **{"idempotency-key": "mine"}), 409, "conflict")
    assert "anns" not in json.dumps(other)
    taken = problem(keyed.submit("bob", TINY | {"name": "anns"}), 409, "conflict")
    assert taken["detail"] == "the name 'anns' is taken"
    assert problem(keyed.submit("bob", TINY | {"name": "surveys"}), 409, "conflict")["remedy"] == taken["remedy"]


def test_requests_are_counted_by_the_minute(keyed):
    keyed.add("often", "read", requests_per_minute=1)
    assert keyed.ask("often", "GET", "/v1/tasks").status_code == 200
    answer = keyed.ask("often", "GET", "/v1/tasks")
    told = problem(answer, 429, "limit-reached")
    assert 1 <= int(answer.headers["retry-after"]) == told["wait_s"] <= 60
    assert keyed.ask("reader", "GET", "/v1/tasks").status_code == 200


def test_trainings_and_dollars_are_counted_by_the_day(keyed):
    keyed.add("daily", trainings_per_day=4, dollars_per_day=1)
    first = keyed.submit("daily", TINY)
    assert first.status_code == 202, first.text
    keyed.ask("daily", "POST", f"/v1/runs/{first.json()['id']}/cancel")
    answer = keyed.submit("daily", TINY)
    problem(answer, 429, "limit-reached")
    assert 86_000 < int(answer.headers["retry-after"]) <= 86_400
    assert "has 4 a day" in problem(keyed.submit("daily", TINY | {"k": 9}), 422, "usage-error")["detail"]


def test_a_key_that_is_revoked_is_worth_nothing_at_once(keyed):
    keyed.add("gone", "admin")
    assert keyed.ask("gone", "GET", "/metrics").status_code == 200
    keyed.store.keys.revoke("gone")
    problem(keyed.ask("gone", "GET", "/metrics"), 401, "key-needed")


def test_a_session_stands_for_its_key(keyed):
    with keyed.stranger(2) as browser:
        page = {"accept": "text/html,*/*"}
        asked = browser.get("/runs/anns", headers=page)
        assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=/runs/anns")
        assert browser.get("/?status=done", headers=page).headers["location"] == "/login?next=/%3Fstatus%3Ddone"
        assert 'type="password"' in browser.get("/login").text
        assert 'href="/?status=done"' in browser.get("/login?next=/%3Fstatus%3Ddone").text
        for away in ("//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)"):
            assert "evil" not in browser.get("/login", params={"next": away}).text
            assert "alert" not in browser.get("/login", params={"next": away}).text.replace('role="alert"', "")
        wrong = browser.post("/login?next=/runs/anns", data={"key": "rsk_wrong"})
        assert wrong.headers["location"] == "/login?next=%2Fruns%2Fanns&refused=1"
        assert "unknown, or was revoked" in browser.get(wrong.headers["location"]).text
        assert not browser.cookies
        stolen = browser.post("/login", data={"key": keyed.secrets["ann"]}, headers={"origin": "https://evil.example"})
        assert stolen.status_code == 403
        for away in ("//evil.example", "/\\evil.example", "https://evil.example"):
            assert (
                browser.post("/login", params={"next": away}, data={"key": keyed.secrets["ann"]}).headers["location"]
                == "/"
            )
        answer = browser.post("/login?next=/runs/anns", data={"key": f" {keyed.secrets['ann']}\n"})
        assert answer.headers["location"] == "/runs/anns"
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "path=/" in cookie
        assert "secure" not in cookie
        assert keyed.secrets["ann"] not in answer.headers["set-cookie"]
        assert browser.get("/runs/anns", headers=page).status_code == 200
        assert browser.get("/v1/runs/anns").json()["run"] == "anns"
        assert browser.get("/v1/runs/bobs").status_code == 404
        evil = {"origin": "https://evil.example"}
        assert browser.post("/v1/runs/anns/cancel", headers=evil).status_code == 403
        session = dict(browser.cookies)
        assert browser.post("/logout").headers["location"] == "/login"
        assert not browser.cookies
        kept = "; ".join(f"{name}={value}" for name, value in session.items())
        assert browser.get("/v1/runs/anns", headers={"cookie": kept}).status_code == 401
    proxy = {"x-forwarded-proto": "https"}  # believed of an address of loopback that a proxy has
    with httpx.Client(base_url=keyed.server.client.base_url, headers=proxy, timeout=PATIENCE_S) as browser:
        answer = browser.post("/login", data={"key": keyed.secrets["ann"]})
        assert "; secure" in answer.headers["set-cookie"].lower()


def test_browsers_are_answered_with_pages(keyed):
    page = {"accept": "text/html,*/*"}
    narrow = keyed.ask("reader", "POST", "/runs/anns/cancel", headers=page)
    assert narrow.status_code == 403
    assert "<h1>Not allowed</h1>" in narrow.text
    with keyed.stranger(4) as browser:
        stale = browser.get("/", headers=page | {"hx-request": "true"})
        assert (stale.status_code, stale.headers["hx-refresh"]) == (401, "true")
        assert "hx-refresh" not in keyed.ask("ann", "GET", "/", headers=page | {"hx-request": "true"}).headers


def test_bodies_of_logins_are_capped(keyed):
    pieces = (b"key=" + b"a" * 1000 for _ in range(300))
    assert keyed.server.client.post("/login", content=pieces).status_code == 413


def test_any_host_is_served_who_has_a_key(keyed):
    assert keyed.ask("ann", "GET", "/v1/runs", headers={"host": "rewards.example:8080"}).status_code == 200
    for host in (
        "rewards.example",
        "localhost/healthz?",
        "localhost/static/",
        "localhost/login#",
        "a@localhost/login?",
    ):
        with keyed.stranger(5) as client:
            assert client.get("/v1/runs", headers={"host": host}).status_code in (400, 401), host


def test_strangers_are_told_to_wait(keyed):
    with keyed.stranger(3) as client:
        answers = [client.get("/v1/runs") for _ in range(60)]
        assert [answer.status_code for answer in answers] == [401] * 60
        more = wait_for(lambda: (answer := client.get("/v1/runs")).status_code != 401 and answer)
        problem(more, 429, "limit-reached")
        assert int(more.headers["retry-after"]) >= 1
        wait_for(lambda: client.post("/login", data={"key": "rsk_wrong"}).status_code == 429)
        good = {"authorization": f"Bearer {keyed.secrets['ann']}"}
        assert client.get("/v1/runs", headers=good).status_code == 200


def written(folder: Path) -> Iterator[str]:
    """What all of its files hold; runs go on, and some files are gone before they are read."""
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                yield Path(place, name).read_bytes().decode(errors="replace")


def test_no_secret_is_written_or_told(keyed):
    client = keyed.server.client
    keyed.ask("ann", "GET", f"/v1/runs/{keyed.secrets['ann']}")
    keyed.ask("ann", "GET", "/v1/runs", params={"key": keyed.secrets["ann"], "cursor": "x"})
    asked = keyed.submit("ann", TINY | {"model": "openai"})
    wait_for(lambda: "anns" in keyed.server.log())
    told = [
        keyed.ask("boss", method, filled(path, "anns")).text
        for method, path in routes(keyed)
        if method == "GET" and not path.endswith("/events")
    ]
    told += [keyed.ask("boss", "GET", path).text for path in ("/", "/runs/anns", "/login")]
    told += [asked.text, keyed.server.log(), client.get("/login").text]
    everything = "".join([*told, *written(keyed.folder)])
    assert "anns" in everything
    for secret in (PLANTED, *keyed.secrets.values()):
        assert secret.removeprefix("rsk_") not in everything
    assert re.search(r"^\S+Z 127\.0\.0\.1 ann POST /v1/runs 202 \d+ B \d+ ms$", keyed.server.log(), re.M)
    assert "GET /v1/runs/rsk_... 404" in keyed.server.log()


def test_a_server_for_other_hosts_never_falls_open(start, tmp_path):
    command = [sys.executable, "-m", "rewardsmith", "keys", "add", "ann", "--json"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    secret = json.loads(made.stdout)["secret"]
    server = start("--host", "0.0.0.0", "--json")
    store = Store.open(tmp_path / "runs" / "rewardsmith.db")
    with httpx.Client(base_url=f"http://127.0.0.2:{server.client.base_url.port}", timeout=PATIENCE_S) as client:
        with store._database.transaction() as connection:
            kept = connection.execute(select(keys)).mappings().one()
            connection.execute(delete(keys))
        assert client.get("/v1/runs").status_code == 401
        with store._database.transaction() as connection:
            connection.execute(insert(keys).values(**kept))
        headers = {"authorization": f"Bearer {secret}"}
        assert client.get("/v1/runs", headers=headers).status_code == 200
        store.keys.revoke("ann")
        assert client.get("/v1/runs", headers=headers).status_code == 401
        assert client.get("/v1/runs").status_code == 401
    store.close()
