"""`POST /v1/checks`: a reward compared with a candidate of a run."""

from __future__ import annotations

import pytest

from rewardsmith import Client
from rewardsmith.errors import UnknownName


@pytest.fixture(scope="module")
def client(server):
    with Client(str(server.client.base_url)) as opened:
        yield opened


def test_a_reward_is_what_it_was(client, finished):
    result = client.check(client.reward(finished), finished)
    assert result.verdict == "passed"
    assert [tier.tier for tier in result.tiers] == ["static", "replay", "ranking", "exploit"]
    assert result.changes == ()


def test_a_regression_is_an_answer(client, finished):
    source = client.candidate(finished, client.best(finished).candidate).candidate.source
    result = client.check(source.replace("    return total", "    return 2.0 * total"), finished)
    assert result.verdict == "regressed"
    found = {tier.tier: [(each.what, each.words) for each in tier.findings] for tier in result.tiers}
    assert found["static"] == []
    assert found["replay"] == [("total", "it pays 2 times what it paid")]
    assert [change.what for change in result.changes] == ["reward"]


def test_code_that_attacks_is_a_finding(client, finished):
    result = client.check("import os\nos.system('id')\n", finished)
    assert [tier.verdict for tier in result.tiers] == ["regressed", "skipped", "skipped", "skipped"]


def test_what_is_not_there_is_named(client, server, finished):
    with pytest.raises(UnknownName, match="did you mean"):
        client.check("x", finished + "x")
    with pytest.raises(UnknownName):
        client.check("x", finished, "g9c09")
    answer = server.client.post("/v1/checks", json={"run": finished, "reward": "x", "tolerance": 2})
    assert answer.status_code == 422
    assert answer.json()["field"] == "tolerance"


def test_a_request_trains_nothing(server, finished):
    asked = {"run": finished, "reward": "x", "tiers": ["static", "smoke"]}
    answer = server.client.post("/v1/checks", json=asked)
    assert answer.status_code == 422
    assert answer.json()["field"] == "tiers"
    assert "smoke would train" in answer.text
    assert "rewardsmith check --tier" in answer.text
