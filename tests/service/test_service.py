from __future__ import annotations

import importlib.util

from service_server import TINY


def test_a_run_is_submitted_watched_and_its_reward_imported(server, finished, tmp_path):
    told = server.client.get(f"/v1/runs/{finished}").json()
    assert told["status"] == "done"
    best = server.client.get(f"/v1/runs/{finished}/best").json()
    assert best == told["best"]
    assert best["score"]["n"] == 3
    answer = server.client.get(f"/v1/runs/{finished}/best/reward.py")
    file = tmp_path / "reward.py"
    file.write_bytes(answer.content)
    spec = importlib.util.spec_from_file_location("fetched_reward", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert callable(module.compute_reward)
    (line,) = server.client.get(f"/v1/runs/{finished}/candidates").json()
    assert line["id"] == best["candidate"]
    whole = server.client.get(f"/v1/runs/{finished}/candidates/{line['id']}").json()
    assert whole["candidate"]["source"] == (server.folder / "runs" / best["file"]).read_text()
    assert whole["report"]["rungs"]
    page = server.client.get(f"/v1/runs/{finished}/report.html")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert best["candidate"] in page.text


def test_no_event_is_lost_or_doubled_across_reconnects(server, seen):
    assert seen == [*server.events("first")]
    assert seen[0]["event"]["kind"] == "run_started"
    assert len({event["id"] for event in seen}) == len(seen) > 6
    last = {"Last-Event-ID": str(seen[-1]["id"])}
    assert server.client.get("/v1/runs/first/events", headers=last).status_code == 204


def test_a_key_stands_for_one_request(server, finished):
    running = server.submit(TINY)
    first = server.submit(TINY, **{"Idempotency-Key": "k-1"})
    assert server.submit({**TINY, "recipe": "smith"}, **{"Idempotency-Key": "k-1"}) == first
    refused = server.client.post("/v1/runs", json=TINY | {"seed": 1}, headers={"Idempotency-Key": "k-1"})
    assert refused.status_code == 409
    assert first in refused.json()["detail"]
    named = server.client.post("/v1/runs", json=TINY | {"name": finished})
    assert named.status_code == 409
    assert len({running, first, server.submit(TINY)}) == 3
    listed = server.client.get("/v1/runs", params={"limit": 200}).json()["runs"]
    assert [line["run"] for line in listed].count(first) == 1


def test_a_backend_is_named_as_on_the_command_line(server):
    refused = server.client.post("/v1/runs", json=TINY | {"backend": "warp"})
    assert refused.status_code == 422
    assert "cartpole" in refused.json()["detail"]
    elsewhere = server.client.post("/v1/runs", json=TINY | {"task": "isaac_cartpole"})
    assert elsewhere.status_code == 422
    assert "the interpreter 'isaac_gym', which the sandbox does not name" in elsewhere.json()["detail"]
    on_warp = {"task": "inverted_pendulum", "backend": "warp", "device": "cpu", "worlds": 4}
    run = server.submit(TINY | on_warp)
    server.client.post(f"/v1/runs/{run}/cancel")
    trainer = next(iter(server.events(run)))["event"]["spec"]["task"]["trainer"]
    assert (trainer["backend"], trainer["device"], trainer["environments"]) == ("warp", "cpu", 4)


def test_what_waits_is_cancelled_at_once_and_not_resumed(server, finished):
    server.submit(TINY)
    run = server.submit(TINY)
    assert server.client.post(f"/v1/runs/{run}/cancel").json() == {"id": run, "status": "cancelled"}
    assert [event["event"]["kind"] for event in server.events(run)] == ["run_started", "status_changed"]
    for verb in ("cancel", "resume"):
        again = server.client.post(f"/v1/runs/{run}/{verb}")
        assert again.status_code == 409
        assert "cancelled already" in again.json()["detail"]
    assert server.client.get(f"/v1/runs/{run}/best").status_code == 404


def test_pages_hold_every_run_once(server, finished):
    for _ in range(3):
        server.client.post(f"/v1/runs/{server.submit(TINY)}/cancel")
    whole = [line["run"] for line in server.client.get("/v1/runs", params={"limit": 200}).json()["runs"]]
    walked: list[str] = []
    cursor = None
    while cursor or not walked:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = server.client.get("/v1/runs", params=query).json()
        walked += [line["run"] for line in page["runs"]]
        cursor = page["next"]
    assert walked == whole
    done = server.client.get("/v1/runs", params={"status": "done"}).json()["runs"]
    assert {line["status"] for line in done} == {"done"}
    assert finished in [line["run"] for line in done]


def test_what_there_is_to_work_with(server):
    tasks = server.client.get("/v1/tasks").json()
    assert "cartpole" in [task["task"] for task in tasks]
    assert "smith" in [recipe["recipe"] for recipe in server.client.get("/v1/recipes").json()]
    models = {model["model"]: model for model in server.client.get("/v1/models").json()}
    assert models["openai"]["form"] == "openai:NAME"
    assert "folder" not in models
    assert server.client.get("/healthz").json() == {"status": "ok"}
    assert server.client.get("/readyz").json()["status"] == "ok"
    described = server.client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert "/v1/runs/{run}/best/reward.py" in described["paths"]
    assert server.client.get("/docs").status_code == 404
