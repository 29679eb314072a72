"""Words of people about a run, through the service."""

from __future__ import annotations

from service_server import TINY, wait_for


def test_feedback_is_told_to_the_next_generation(server):
    run = server.submit(TINY | {"iters": 2, "name": "advised"})
    for body, told in (({"text": "Keep it <b>still</b>."}, 2), ({"text": "Slower.\x1b[31m"}, 2)):
        answer = server.client.post(f"/v1/runs/{run}/feedback", json=body)
        assert (answer.status_code, answer.json()["told"]) == (202, told), answer.text
    wrong = (
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": "  "}, "text"),
        ({"text": "x" * 1001}, "text"),
        ({"text": "a", "candidate": "../x"}, "candidate"),
        ({"text": "a", "candidate": "g9c00"}, "candidate"),
        ({"text": "a", "more": 1}, "more"),
        ({"text": "\x00\x01"}, "text"),
    )
    for body, field in wrong:
        answer = server.client.post(f"/v1/runs/{run}/feedback", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert server.client.post("/v1/runs/nobody/feedback", json={"text": "a"}).status_code == 404
    wait_for(lambda: server.status(run) == "done")
    events = [event["event"] for event in server.events(run)]
    said = [event["remark"] for event in events if event["kind"] == "said"]
    assert [(each["generation"], each["change"]) for each in said] == [(1, "Keep it <b>still</b>. Slower. [31m")]
    assert "Keep it &lt;b&gt;still&lt;/b&gt;" in server.client.get(f"/v1/runs/{run}/report.html").text
    refused = server.client.post(f"/v1/runs/{run}/feedback", json={"text": "More."})
    assert refused.status_code == 409
    assert "done already" in refused.json()["detail"]
