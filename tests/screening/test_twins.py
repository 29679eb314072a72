"""Duplicates by value: caught before they are trained, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from rewardsmith.domain.survey import Probe, RecordedEpisode, Signal, Survey
from rewardsmith.screening.screen import Known, Screen, Verdict

ROWS = 64
SIGNALS = (
    Signal(name="speed", shape=(), meaning="forward speed", reader="test"),
    Signal(name="height", shape=(), meaning="height", reader="test"),
    Signal(name="action", shape=(2,), meaning="action", reader="test"),
)
SURVEY = Survey(
    task="t",
    fingerprint="f",
    signals=SIGNALS,
    view="",
    dt=0.1,
    horizon=ROWS,
    episodes=(RecordedEpisode(length=ROWS, score=0.0, terminated=False),),
    steps_per_second=1.0,
)
HEAD = "import numpy as np\n\n\ndef compute_reward(speed, height, action, *, w=1.0):\n"
FIRST = "    forward = w * np.minimum(speed, 3.0)\n    low = -0.5 * np.abs(height)\n"
END = '    return forward + low, {"forward": forward, "low": low}\n'


@pytest.fixture(scope="module")
def probe() -> Probe:
    generator = np.random.default_rng(0)
    arrays = {s.name: generator.normal(scale=0.3, size=(ROWS, *s.shape)) for s in SIGNALS}
    return Probe(arrays, np.arange(ROWS) == 0)


def verdict(probe: Probe, first: str, second: str, *, any_factor: bool = True) -> Verdict:
    screen = Screen(SURVEY, probe, any_factor=any_factor)
    known = screen.judge(lambda: first, [])
    assert known.passed
    assert known.analysis is not None
    return screen.judge(lambda: second, [Known("g1c00", known.analysis.reward_id, first)])


def test_the_same_in_other_words_is_a_twin(probe):
    other = (
        HEAD + '    b = -abs(height) / 2\n    a = w * np.clip(speed, None, 3.0)\n    return b + a, {"b": b, "a": a}\n'
    )
    for any_factor in (True, False):
        found = verdict(probe, HEAD + FIRST + END, other, any_factor=any_factor)
        assert (found.twin, found.factor, found.passed) == ("g1c00", pytest.approx(1.0), False)


def test_a_rescaled_copy_is_a_twin_where_rewards_are_normalised_alone(probe):
    scaled = HEAD + "    forward = 7.0 * np.minimum(speed, 3.0)\n    low = -3.5 * np.abs(height)\n" + END
    assert verdict(probe, HEAD + FIRST + END, scaled).factor == pytest.approx(7.0)
    assert verdict(probe, HEAD + FIRST + END, scaled, any_factor=False).passed


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("an offset", FIRST.replace("np.abs(height)", "np.abs(height) + 1.0")),
        ("another sign", FIRST.replace("w * np", "-w * np").replace("-0.5", "0.5")),
        ("another cap, that no recorded step reaches", FIRST.replace("3.0", "5.0")),
        ("no cap", FIRST.replace("np.minimum(speed, 3.0)", "speed")),
        ("another balance", FIRST.replace("0.5", "0.4")),
    ],
)
def test_what_differs_is_none(probe, what, body):
    assert verdict(probe, HEAD + FIRST + END, HEAD + body + END).passed, what


def test_the_same_total_cut_otherwise_is_none(probe):
    """Its statistics tell the next model something else."""
    whole = HEAD + FIRST + '    total = forward + low\n    return total, {"all": total}\n'
    assert verdict(probe, HEAD + FIRST + END, whole).passed


def test_a_term_that_is_zero_counts_for_nothing(probe):
    padded = (
        HEAD
        + FIRST
        + '    idle = 0.0 * speed\n    return forward + low + idle, {"forward": forward, "low": low, "idle": idle}\n'
    )
    assert verdict(probe, HEAD + FIRST + END, padded).twin == "g1c00"


def test_what_fails_beyond_the_recorded_range_is_judged_by_its_code_alone(probe):
    """Not refused, and no twin by value: nobody knows how it goes on."""
    root = HEAD + '    a = np.sqrt(speed + 2.0)\n    return a, {"a": a}\n'
    again = HEAD + '    a = (speed + 2.0) ** 0.5\n    return a, {"a": a}\n'
    assert verdict(probe, root, again).passed


def test_a_screen_that_starts_anew_still_knows(probe):
    """After a resume: the earlier rewards are asked again."""
    fresh = Screen(SURVEY, probe, any_factor=True)
    scaled = HEAD + "    forward = 2.0 * np.minimum(speed, 3.0)\n    low = -np.abs(height)\n" + END
    found = fresh.judge(lambda: scaled, [Known("g1c00", "other", HEAD + FIRST + END)])
    assert (found.twin, found.factor) == ("g1c00", pytest.approx(2.0))


def test_rewards_of_a_few_values_are_twins_by_their_code_alone(probe):
    """They may differ in events that nobody recorded."""
    first = HEAD + "    up = np.sign(height)\n    far = np.where(speed > 50, 1.0, 0.0)\n"
    end = '    return up + far, {"up": up, "far": far}\n'
    assert verdict(probe, first + end, first.replace("> 50", "> 90") + end).passed
    assert verdict(probe, first + end, first + end + "# the same\n").twin == "g1c00"
