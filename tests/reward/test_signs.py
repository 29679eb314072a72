"""Of two functions only the signs are paid, and what is wrong with them is told in their own lines."""

from __future__ import annotations

import numpy as np
import pytest

from rewardsmith.domain.survey import Signal
from rewardsmith.reward.crossing import components, cross
from rewardsmith.reward.process import RewardProcess
from rewardsmith.reward.signs import composed, designed
from rewardsmith.reward.source import RewardRejected, analyse, set_parameters

SIGNALS = {
    "speed": Signal(name="speed", shape=(), meaning="m", reader="r"),
    "position": Signal(name="position", shape=(3,), meaning="m", reader="r"),
}
WORTH = {"sparse": 1.0, "dense": 0.1}
MILESTONES = '''import numpy as np

MEMORY = {"furthest": 0.0, "reached": 0.0}


def gained(position, memory, step):
    """Whether another step of the way is done."""
    return position[:, 0] >= memory["furthest"] + step


def sparse(position, memory, *, step=0.5):
    """An event for every further half metre."""
    # Reaching the next mark counts once: the mark moves on.
    event = gained(position, memory, step)
    memory["reached"] = event.astype(float)
    memory["furthest"] = np.where(event, position[:, 0], memory["furthest"])
    return event


def dense(speed, prev_speed, memory, *, floor=0.2, step: (0.1, 2.0) = 0.5):
    """Faster than the floor."""
    return np.where(memory["reached"] > 0, -5.0, speed - floor) + 0.0 * prev_speed
'''


def reject(source: str) -> tuple[str, int | None, str]:
    with pytest.raises(RewardRejected) as caught:
        composed(source, SIGNALS, WORTH)
    failure = caught.value.failure
    return failure.kind, failure.line, failure.message


def ask(source: str, position: list[float], speed: list[float]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What a reward pays one environment, step by step."""
    columns = {"speed": np.array(speed)[:, None], "prev_speed": np.array([speed[0], *speed[:-1]])[:, None]}
    columns["position"] = np.stack([np.array(position), np.zeros(len(position)), np.zeros(len(position))], 1)[:, None]
    with RewardProcess(source, SIGNALS) as process:
        starts = np.arange(len(speed))[:, None] == 0
        answer = process.ask({name: columns[name] for name in process.reads}, starts)
    return answer.total[:, 0], {name: column[:, 0] for name, column in answer.components.items()}


def test_signs_times_magnitudes_with_a_memory_that_the_sparse_part_writes_first():
    reward = composed(MILESTONES, SIGNALS, WORTH)
    analysis = analyse(reward, SIGNALS)
    assert analysis.arguments == ("position", "speed", "prev_speed", "memory")
    assert analysis.parameters == {"step": 0.5, "floor": 0.2}
    assert analysis.memory == {"furthest": 0.0, "reached": 0.0}
    total, paid = ask(reward, [0.0, 0.6, 0.7, 1.2, 1.1], [3.0, 3.0, 0.2, 3.0, -1.0])
    assert paid["sparse"] == pytest.approx([0, 1, 0, 1, 0])
    assert paid["dense"] == pytest.approx([0.1, -0.1, 0, -0.1, -0.1])
    assert total == pytest.approx([0.1, 0.9, 0.0, 0.9, -0.1])


def test_the_recipe_names_the_magnitudes():
    reward = composed(MILESTONES, SIGNALS, {"sparse": 4.0, "dense": 0.25})
    assert ask(reward, [0.0, 0.6], [3.0, -1.0])[0] == pytest.approx([0.25, 3.75])


def test_a_parameter_is_handed_on_to_both_parts():
    reward = set_parameters(composed(MILESTONES, SIGNALS, WORTH), {"step": 2.0, "floor": 9.0})
    _, paid = ask(reward, [0.0, 0.6], [3.0, 3.0])
    assert paid["sparse"] == pytest.approx([0, 0])
    assert paid["dense"] == pytest.approx([-0.1, -0.1])


def test_what_was_written_stands_unchanged_and_can_be_told_from_what_was_added():
    reward = composed(MILESTONES, SIGNALS, WORTH)
    assert reward.startswith(MILESTONES)
    assert "An event for every further half metre; dense: Faster than the floor." in reward
    assert designed(reward) == MILESTONES
    tuned = designed(set_parameters(reward, {"step": 0.75}))
    assert tuned == MILESTONES.replace("step=0.5", "step=0.75").replace("(0.1, 2.0) = 0.5", "(0.1, 2.0) = 0.75")
    assert analyse(composed(tuned, SIGNALS, WORTH), SIGNALS).parameters == {"step": 0.75, "floor": 0.2}


def test_a_reward_of_the_contract_is_shown_as_it_is():
    plain = "def compute_reward(speed):\n    return speed, {'speed': speed}\n"
    assert designed(plain) == plain
    assert designed("def (") == "def ("


def test_numpy_is_imported_where_the_author_did_without():
    reward = composed(
        "def sparse(speed):\n    return speed > 2\n\ndef dense(speed):\n    return speed\n", SIGNALS, WORTH
    )
    assert ask(reward, [0.0, 0.0], [3.0, -1.0])[0] == pytest.approx([1.1, -0.1])


def test_the_two_parts_can_be_crossed_with_others():
    stateless = (
        "def sparse(speed):\n    return speed > 2\n\ndef dense(speed, *, floor=0.0):\n    return speed - floor\n"
    )
    one, other = composed(stateless, SIGNALS, WORTH), composed(stateless.replace("> 2", "< -2"), SIGNALS, WORTH)
    assert components(one) == ("sparse", "dense")
    child = cross(one, other, first={"dense"}, second={"sparse"})
    assert ask(child, [0.0] * 3, [3.0, -1.0, -3.0])[0] == pytest.approx([0.1, -0.1, 0.9])


DENSE = "def dense(speed):\n    return speed\n"
FAULTS = {
    "def sparse(speed):\n    return speed\n": ("no_function", None, "no function dense (there is sparse)"),
    f"{DENSE}\ndef compute_reward(speed):\n    return speed, {{}}\n": ("no_function", 4, "leave compute_reward out"),
    f"def sparse(speeds):\n    return speeds\n\n{DENSE}": ("unknown_signal", 1, "did you mean 'speed'"),
    f"def sparse(speed, *, w):\n    return speed\n\n{DENSE}": ("signature", 1, "has no default"),
    f"def sparse(speed):\n    return speed, speed\n\n{DENSE}": ("return_value", 2, "sparse returns no array"),
    f"def sparse(speed):\n    speed > 1\n\n{DENSE}": ("return_value", 1, "sparse returns nothing"),
    f"def sparse(speed, memory):\n    return speed\n\n{DENSE}": ("memory", 1, "MEMORY is not declared"),
    f"MEMORY = {{'far': 0.0}}\ndef sparse(speed, memory):\n    return memory['fra']\n\n{DENSE}": (
        "memory",
        3,
        "did you mean 'far'",
    ),
    f"def sparse(speed):\n    speed[:] = 0\n    return speed\n\n{DENSE}": ("mutates_input", 2, "read-only"),
    "def sparse(speed, *, w=1):\n    return w * speed\n\ndef dense(speed, *, w=2):\n    return w * speed\n": (
        "signature",
        4,
        "parameter 'w' is 1 in sparse and 2 in dense",
    ),
    "def sparse(speed):\n    return speed\n\ndef dense(position, *, speed=2):\n    return position[:, 0]\n": (
        "signature",
        4,
        "parameter 'speed' of dense has the name of something else",
    ),
    f"def sparse(speed, *, dense=2):\n    return speed\n\n{DENSE}": ("signature", 1, "parameter 'dense' of sparse"),
    "def sparse(speed:\n": ("syntax", 1, "does not parse"),
}


@pytest.mark.parametrize("source", FAULTS, ids=range(len(FAULTS)))
def test_faults_are_told_in_the_lines_of_the_author(source):
    kind, line, words = FAULTS[source]
    found = reject(source)
    assert found[:2] == (kind, line), found
    assert words in found[2]


@pytest.mark.parametrize(
    "forged",
    [
        "def sum(values):\n    return 1000.0 * next(iter(values))\n",
        "sum = lambda values: 1000.0 * next(iter(values))\n",
        "def helper(x=(sum := lambda values: 1000.0 * next(iter(values)))):\n    return x\n",
        "from numpy import prod as sum\n",
        "def np(x):\n    return x\n",
        "import math as np\n",
        "from numpy import linalg as np\n",
        "float = complex\n",
    ],
)
def test_no_module_can_make_the_combination_pay_more_than_signs(forged: str) -> None:
    kind, _, message = reject(f"{MILESTONES}\n\n{forged}")
    assert kind == "forbidden_name"
    assert "another meaning at the top level" in message


def test_names_of_the_combination_may_be_used_inside_functions() -> None:
    source = composed(MILESTONES.replace("event = gained", "sum = 0.0\n    event = gained"), SIGNALS, WORTH)
    assert "sum = 0.0" in source
