"""A score rule that came with a request is as hostile as a candidate: the same attacks against its own process.

No static gate has seen the rules here: what is tried is the process, the way the service starts it for `check_rule`.
"""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from arena import SIGNALS, let_loose
from attack import attacks

from rewardsmith.domain.job import RewardLimits
from rewardsmith.errors import RewardProcessError, ScoreRuleError
from rewardsmith.isolation.namespaces import unavailable
from rewardsmith.reward import score as room
from rewardsmith.reward.source import ScoreAnalysis

REACHED = -12345.0
RULE = f"""

def score(observation, action):
    for _ in range(4):
        total, components = compute_reward(observation, action)
    return {REACHED} if "reached" in components else float(np.sum(total))
"""


def ungated(source: str, signals: object) -> ScoreAnalysis:
    """What the static gates would say of a rule if they let everything through."""
    return ScoreAnalysis(tuple(SIGNALS), {"score": tuple(SIGNALS)}, success=False, sparse=None)


def ruled(source: str, limits: RewardLimits) -> tuple[str, str]:
    """What becomes of a rule that is asked for two episodes."""
    episode = {"observation": np.zeros((8, 4)), "action": np.zeros(8, dtype=np.int64)}
    try:
        with room.ScoreProcess("import numpy as np\n" + source + RULE, SIGNALS, dt=0.1, horizon=8, limits=limits) as it:
            scores = [it.ask(episode, terminated=True).score for _ in range(2)]
    except ScoreRuleError as error:
        return "refused", error.message
    except RewardProcessError as error:
        return "broken", error.message
    return ("reached" if REACHED in scores else "contained"), ""


@pytest.mark.isolation
@pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))
@pytest.mark.parametrize("kind", ["secrets", "network", "processes", "files"])
def test_a_score_rule_reaches_nothing(kind: str, tmp_path: Path) -> None:
    some = [{"name": each.name, "source": each.source, "expected": each.locked} for each in attacks(kind)]
    assert len(some) > 3
    with mock.patch.object(room, "analyse_score", ungated):
        found = let_loose(some, ruled, tmp_path)
    assert found.pop("alarms") == ""
    assert {name: end for name, end in found.items() if end not in ("contained", "refused", "broken")} == {}
    assert "contained" in found.values()
