"""`rewardsmith keys`: a secret is shown once, and nowhere else."""

from __future__ import annotations

import json

import pytest

from rewardsmith.app import Settings, Workshop


def test_a_secret_is_shown_once(say):
    made = say("keys", "add", "ann", "--runs-at-once", "2", "--dollars-per-day", "0.5")
    assert made.code == 0, made.err
    secret = made.out.strip()
    assert secret.startswith("rsk_")
    assert "this once" in made.err
    caller = Workshop(Settings()).store.keys.caller(secret)
    assert caller is not None
    assert (caller.name, caller.scope) == ("ann", "submit")
    assert (caller.limits.runs_at_once, caller.limits.dollars_per_day) == (2, 0.5)
    for listed in (say("keys"), say("keys", "--json")):
        assert "ann" in listed.out
        assert secret not in listed.out + listed.err
    assert "2 runs at once, 0.5 dollars per day" in say("keys").out


def test_keys_as_json(say):
    assert json.loads(say("keys", "--json").out) == []
    made = json.loads(say("keys", "add", "ann", "--scope", "admin", "--json").out)
    assert made["key"]["scope"] == "admin"
    renewed = json.loads(say("keys", "renew", "ann", "--json").out)
    assert renewed["secret"] != made["secret"]
    limited = json.loads(say("keys", "limit", "ann", "--trainings-per-day", "9", "--json").out)
    assert limited["limits"]["trainings_per_day"] == 9
    assert json.loads(say("keys", "--json", "limit", "ann").out)["limits"]["trainings_per_day"] is None
    assert json.loads(say("keys", "revoke", "ann", "--json").out)["revoked"]
    assert [key["name"] for key in json.loads(say("keys", "--json").out)] == ["ann"]


def test_the_servers_own_variables_limit_no_key(say, monkeypatch):
    monkeypatch.setenv("REWARDSMITH_RUNS_AT_ONCE", "7")
    made = json.loads(say("keys", "add", "ann", "--json").out)
    assert made["key"]["limits"]["runs_at_once"] is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["add", "ann"], "keys renew ann"),
        (["add", "a/b"], "cannot name a key"),
        (["add", "bob", "--scope", "root"], "root"),
        (["add", "bob", "--runs-at-once", "0"], "--runs-at-once"),
        (["add", "bob", "--dollars-per-day", "nan"], "finite"),
        (["revoke", "anne"], "did you mean 'ann'"),
        (["renew", "anne"], "did you mean 'ann'"),
        (["limit", "anne"], "did you mean 'ann'"),
        (["--runs-dir", "x", "add", "bob"], "--runs-dir and --database stand behind `keys add`"),
    ],
)
def test_wrong_words_are_told(say, arguments, told):
    say("keys", "add", "ann")
    said = say("keys", *arguments)
    assert said.code == 2
    assert told in said.err
    assert [key["name"] for key in json.loads(say("keys", "--json").out)] == ["ann"]
