"""Every attack against every wall: what becomes of it is what `expected.md` says, and no canary stirs.

No static gate has seen the rewards here: what is tried is the process. Bare processes, which have Landlock, seccomp and
limits but no namespaces of their own, are tried where they occur: inside the workers' sandboxes, of which `process` has
no walls itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from arena import Locked, let_loose
from attack import HONEST, NUMPY, Attack, attacks, classes, functions
from sandboxed import inside

from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.isolation.namespaces import unavailable

HONEST_SOURCE = NUMPY + HONEST


def told(some: Sequence[Attack]) -> list[dict[str, str]]:
    """Attacks as the arena takes them."""
    return [{"name": each.name, "source": each.source, "expected": each.locked} for each in some]


def compare(found: Mapping[str, str], some: Sequence[Attack]) -> None:
    """Fail with every attack that ended otherwise than expected."""
    wrong = {
        each.name: f"{found[each.name]}, expected {each.locked}" for each in some if found[each.name] != each.locked
    }
    assert wrong == {}
    assert found["alarms"] == ""


@pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))
@pytest.mark.parametrize("kind", classes())
def test_a_reward_process_in_namespaces_of_its_own(kind: str, tmp_path: Path) -> None:
    some = attacks(kind)
    compare(let_loose(told(some), Locked(HONEST_SOURCE, namespaces=True), tmp_path), some)


@pytest.mark.parametrize(
    "sandbox",
    [
        "process",
        pytest.param("bubblewrap", marks=pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))),
    ],
)
def test_a_reward_process_born_in_a_workers_sandbox(sandbox: str, tmp_path: Path) -> None:
    some = attacks()
    compare(inside(SandboxSpec(name=sandbox, kind=sandbox), told(some), HONEST_SOURCE, tmp_path), some)


def test_the_table_names_every_attack_once() -> None:
    named = [(attack.kind, attack.name) for attack in attacks()]
    written = [(kind, name) for kind in classes() for name in functions(kind)]
    assert sorted(named) == sorted(written)
    assert len({name for _, name in named}) == len(named) >= 60
    assert classes() == [
        "secrets", "network", "processes", "resources", "files", "crashes", "forging", "wrong_answers", "injection",
    ]  # fmt: skip
