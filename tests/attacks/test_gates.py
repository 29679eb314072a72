"""What the static gates say of the attacks. They are lint: what they let through, the process must contain.

They run where keys are, so nothing that they are shown may hang or harm them.
"""

from __future__ import annotations

import ast

import pytest
from arena import SIGNALS
from attack import Attack, attacks, functions

from rewardsmith.reward.source import RewardRejected, analyse

REFUSED_BY_POLICY = ("secrets", "network", "processes", "files")
"""Classes that no reward needs: every one of their attacks must be refused before anything runs."""


@pytest.mark.parametrize("attack", attacks(), ids=lambda attack: attack.name)
def test_each_gate_refuses_what_the_table_says(attack: Attack) -> None:
    assert verdict(attack.gated) == attack.gate


def verdict(source: str) -> str:
    """Gate and kind of fault, or `-`."""
    try:
        analyse(source, SIGNALS)
    except RewardRejected as rejected:
        failure = rejected.failure
        assert len(failure.message) <= 300
        assert failure.message.isprintable()
        assert "IGNORE" not in failure.message
        return f"{failure.gate}: {failure.kind}"
    return "-"


def test_whatever_reaches_for_the_machine_is_refused_early() -> None:
    assert [attack.name for attack in attacks(*REFUSED_BY_POLICY) if not attack.gate.startswith("policy")] == []


def test_without_the_gates_there_is_still_something_to_contain() -> None:
    """A table in which the gates refuse everything would say that they are the wall."""
    passing = [attack for attack in attacks() if attack.gate == "-"]
    assert len(passing) > 20
    assert {"failed", "contained", "paid"} <= {attack.locked.partition(":")[0] for attack in passing}


def test_attacks_that_are_rewards_of_their_own_take_what_all_take() -> None:
    for kind in {attack.kind for attack in attacks()}:
        for name, (node, _) in functions(kind).items():
            taken = [argument.arg for argument in node.args.args]
            assert taken in ([], ["observation", "action"]), (kind, name)
            assert node.returns is None or ast.unparse(node.returns) == "str"
