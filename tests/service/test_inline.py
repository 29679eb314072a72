"""Tasks that requests bring along: a known environment, a description and a score rule of one's own."""

from __future__ import annotations

from typing import Any

import pytest
from service_server import TINY, Server, wait_for

from rewardsmith import Client
from rewardsmith.domain.job import SurveyJob
from rewardsmith.errors import ScoreRuleError

STILL = """import numpy as np


def score(cart_velocity, horizon):
    return len(cart_velocity) / horizon - float(np.abs(cart_velocity).mean())
"""
WRONG = {
    "loops": ("while True:\n        pass", "while"),
    "imports": ("import os\n    return 1.0", "import of 'os'"),
    "opens a file": ("return float(len(open('/etc/passwd').read()))", "open"),
    "maps a file": ("return float(np.fromfile('/etc/passwd', dtype='u1').sum())", "np.fromfile"),
    "climbs": ("return float(len(().__class__.__base__.__subclasses__()))", "__subclasses__"),
    "allocates": ("return float(np.ones(1 << 33).sum())", "more memory"),
    "is not a number": ("return float('nan')", "nan"),
    "is a word": ("return 'high'", "not str"),
    "is endless": ("return 1e300", "bound"),
    "throws dice": ("return float(np.random.rand())", "np.random"),
    "remembers": ("SEEN.append(1)\n    return float(len(SEEN))", "SEEN"),
    "raises": ("raise ValueError('<script>\\x1b[31m')", "ValueError"),
    "misspells": ("return float(cart_velocit.sum())", "cart_velocit"),
    "does not parse": ("return (", "parse"),
    "is nothing": ("", ""),
}


def inline(score: str = STILL, **more: Any) -> dict[str, Any]:
    return {"base": "cartpole", "description": "Keep the cart still.", "score": score, **more}


def test_a_task_of_ones_own_is_trained_and_scored_by_its_own_rule(server: Server):
    asked = TINY | {"task": inline(unit="m/s", meaning="Stillness."), "name": "still"}
    run = server.submit(asked)
    wait_for(lambda: server.status(run) == "done")
    (started, *_) = server.client.get(f"/v1/runs/{run}/events.json").json()
    task = started["event"]["spec"]["task"]
    assert (task["base"], task["score"]["source"], task["score"]["unit"]) == ("cartpole", STILL, "m/s")
    assert not task["environment"]["stock_reward"]
    told = server.client.get(f"/v1/runs/{run}").json()
    random = told["baselines"]["random"]["mean"]
    assert -1 < random < 0, "the share of steps that the base counts is above 0"
    assert told["task"] == task["name"] != "cartpole"
    assert "Keep the cart still." in server.client.get(f"/v1/runs/{run}/report.html").text
    jobs = [SurveyJob.model_validate_json(job.read_text()) for job in server.folder.glob("runs/surveys/*/job.json")]
    assert {job.limits.total_seconds for job in jobs if job.task.name == told["task"]} == {10}
    assert {job.limits.total_seconds for job in jobs if job.task.name == "cartpole"} == {None}
    assert "Stillness" in server.client.get(f"/v1/runs/{run}/best/reward.py").text


@pytest.mark.parametrize("what", WRONG)
def test_a_rule_that_cannot_be_used_is_refused_before_anything_trains(server: Server, what):
    body, said = WRONG[what]
    source = f"import numpy as np\n\nSEEN = []\n\n\ndef score(cart_velocity):\n    {body}\n" if body else "x = 1\n"
    answer = server.client.post("/v1/runs", json=TINY | {"task": inline(source)})
    found = answer.json()
    assert (answer.status_code, found["field"], found["type"]) == (
        422,
        "task.score",
        "urn:rewardsmith:score-rule-error",
    )
    assert said in found["detail"]
    assert found["detail"].isprintable()
    assert "score rule" in found["remedy"]


def test_what_else_is_wrong_is_named(server: Server):
    wrong = (
        (inline(base="../cartpole"), "task.base"),
        (inline(base="cartpol"), "task"),
        (inline(""), "task.score"),
        (inline("x" * 20_001), "task.score"),
        (inline(description=" "), "task.description"),
        (inline(environment={"id": "Ant-v5"}), "task.environment"),
        (inline(module="import os"), "task.module"),
        ({"base": "cartpole"}, "task.description"),
        (5, "task"),
    )
    for task, field in wrong:
        answer = server.client.post("/v1/runs", json=TINY | {"task": task})
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text


def test_the_client_sends_one(server: Server):
    with Client(str(server.client.base_url)) as client:
        with pytest.raises(ScoreRuleError, match="nan"):
            client.submit(inline("def score(cart_velocity):\n    return float('nan')\n"), k=1, iters=1)
        run = client.submit(inline(), k=1, iters=1, steps=500, baselines=[]).id
        client.cancel(run)
