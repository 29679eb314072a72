"""The same attacks, the same expectations, no walls: the suite must fail here, or it proves nothing above."""

from __future__ import annotations

from pathlib import Path

import pytest
from arena import let_loose
from attack import attacks, classes
from test_containment import HONEST_SOURCE, told
from unprotected import Unprotected, breaks

ALARMS = {"network": "contact: connection: b'tcp'", "processes": "survivor: process", "files": "file: key"}
"""What the canaries must have seen, by class."""


@pytest.mark.parametrize("kind", [kind for kind in classes() if kind != "forging"])
def test_an_unprotected_trainer_is_broken(kind: str, tmp_path: Path) -> None:
    some = attacks(kind)
    found = let_loose(told(some), Unprotected(HONEST_SOURCE), tmp_path)
    seen = {each.name: "breaks" if breaks(found[each.name], each.locked) else "holds" for each in some}
    wrong = {each.name: (found[each.name], each.plain) for each in some if each.plain not in (seen[each.name], "may")}
    assert wrong == {}
    assert ALARMS.get(kind, "") in found["alarms"]
    assert "breaks" in seen.values()


def test_the_great_majority_breaks_an_unprotected_trainer() -> None:
    expected = [attack.plain for attack in attacks()]
    assert set(expected) == {"breaks", "holds", "may"}
    assert expected.count("breaks") > 2 / 3 * len(expected)
