"""The attacks are real: they succeed where nothing is locked, and the owner of the canaries sees it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from rewardsmith.diagnosis.canaries import Planted, planted
from rewardsmith.domain.job import RewardLimits
from rewardsmith.isolation import machine, namespaces
from rewardsmith.reward import attacks
from rewardsmith.reward.trial import attack_locked

EVERY = {attacks.READ, attacks.WRITE, attacks.CONNECT, attacks.FORK, attacks.SPY}


def attack_plainly(canaries: Planted) -> dict[str, str]:
    source = Path(attacks.__file__).read_text() + (
        "\nimport json, sys\n"
        "given = json.loads(sys.argv[1])\n"
        "print(json.dumps(attempt(given['file'], given['port'], given['variable'], forks=True)))\n"
    )
    given = canaries.canaries.model_dump_json()
    done = subprocess.run([sys.executable, "-I", "-c", source, given], capture_output=True, text=True, check=True)
    outcomes: dict[str, str] = json.loads(done.stdout)
    return outcomes


def test_a_plain_process_reaches_everything() -> None:
    with planted() as canaries:
        verdicts = canaries.verdicts("here", attack_plainly(canaries), needed=True)
    assert {verdict.attack for verdict in verdicts} == EVERY
    assert not [verdict for verdict in verdicts if verdict.stopped]


def test_nobody_hides_what_the_owner_sees() -> None:
    with planted() as canaries:
        lies = dict.fromkeys(attack_plainly(canaries), "EPERM")
        verdicts = canaries.verdicts("here", lies, needed=True)
    assert {verdict.attack for verdict in verdicts if not verdict.stopped} == {attacks.WRITE, attacks.CONNECT}


def test_the_booty_of_somewhere_else_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("something else")
    with planted() as canaries:
        elsewhere = canaries.canaries.model_copy(update={"file": str(tmp_path / "key")})
        outcomes = attack_plainly(dataclasses.replace(canaries, canaries=elsewhere))
        assert outcomes[attacks.READ] == "done: something else"
        verdicts = canaries.verdicts("here", outcomes, needed=True)
    stopped = {verdict.attack: verdict.stopped for verdict in verdicts}
    assert stopped[attacks.READ]
    assert not stopped[attacks.SPY]


@pytest.mark.skipif(not machine.inspect().locks, reason="no process can be locked here")
@pytest.mark.parametrize(
    "boxed", [False, pytest.param(True, marks=pytest.mark.skipif(bool(namespaces.unavailable()), reason="none here"))]
)
def test_a_locked_process_reaches_nothing(boxed: bool) -> None:
    with planted() as canaries:
        outcomes = attack_locked(canaries.canaries, limits=RewardLimits(), namespaces=boxed)
        verdicts = canaries.verdicts("reward", outcomes, needed=True)
    assert {verdict.attack for verdict in verdicts} == EVERY
    assert all(verdict.stopped for verdict in verdicts)
    assert {verdict.detail for verdict in verdicts} == {"EPERM"}
