"""Programs are parsed and never run: what is none is refused with clear words."""

from __future__ import annotations

import pytest

from rewardsmith.motion import program
from rewardsmith.motion.api import document
from rewardsmith.reward.crossing import components, cross
from rewardsmith.reward.source import RewardRejected, analyse, set_parameters
from tests.motion.moved import robot

QUANTITIES = ("position", "quaternion", "linear_velocity", "angular_velocity", "up", "contact_force")

HOSTILE = {
    "for _ in range(10):\n    set_torso_height(0.5)": ("forbidden_construct", "`for _ in range"),
    "import os": ("forbidden_construct", "`import os` is no call"),
    "h = 0.5\nset_torso_height(h)": ("forbidden_construct", "`h = 0.5` is no call"),
    "np.set_torso_height(0.5)": ("forbidden_construct", "without a dot"),
    "set_torso_height.__globals__['x']()": ("forbidden_construct", "without a dot"),
    "(lambda: 0)()": ("forbidden_construct", "without a dot"),
    "'set_torso_height(1)'": ("forbidden_construct", "is no call"),
    "set_torso_height(0.5) if 1 else 0": ("forbidden_construct", "is no call"),
    "set_torso_height(*[0.5])": ("forbidden_construct", "no * and **"),
    "set_torso_height(**{'height': 1})": ("forbidden_construct", "no * and **"),
    "set_torso_height(float('nan'))": ("signature", "plain finite number"),
    "set_torso_height(nan)": ("signature", "plain finite number"),
    "set_torso_height(1e999)": ("signature", "plain finite number"),
    "set_torso_height(0.2 + 0.3)": ("signature", "plain finite number"),
    "set_torso_height('high')": ("signature", "plain finite number"),
    "set_torso_height(__import__('os').getpid())": ("signature", "plain finite number"),
    "set_torso_height()": ("signature", "needs height"),
    "set_torso_height(0.5, 1, 2)": ("signature", "takes 2 arguments, not 3"),
    "set_torso_height(0.5, height=0.6)": ("signature", "height twice"),
    "set_torso_height(hight=0.5)": ("unknown_name", "did you mean 'height'"),
    "set_torso_hight(0.5)": ("unknown_name", "did you mean 'set_torso_height'"),
    "execute_plan()": ("unknown_name", "is no call of this robot"),
    "reset_reward(1)": ("unknown_name", "is no call of this robot"),
    "set_foot_contact('middle', 1)": ("unknown_name", "knows no foot 'middle'; there are left, right"),
    "set_foot_contact(1, 1)": ("signature", "is one of 'left', 'right'"),
    "set_foot_position('left')": ("signature", "needs one of lift, forward, inward"),
    "set_torso_place(1, 1)\nset_torso_velocity(1)": ("signature", "exclude each other"),
    "set_torso_heading(1)\nset_torso_turning(1)": ("signature", "exclude each other"),
    "set_torso_height(0.5)\n" * 65: ("too_large", "at most 64"),
    "set_torso_height(0.5)\n" * 10_000: ("too_large", "the limit is"),
    "set_torso_height(" + "(" * 5000 + "0.5" + ")" * 5000 + ")": ("syntax", "pars"),
    "set_torso_height(0.5": ("syntax", "pars"),
    "reset_reward()": ("return_value", "no target is set"),
    "set_torso_height(0.5, weight=0)": ("return_value", "no target is set"),
    "": ("return_value", "no target is set"),
}


@pytest.mark.parametrize("code", HOSTILE, ids=lambda code: code[:30].replace("\n", " "))
def test_what_is_no_program_is_refused(code):
    kind, words = HOSTILE[code]
    with pytest.raises(RewardRejected) as caught:
        program.as_reward(code, robot(), step=0.05, before={})
    assert (caught.value.failure.kind, words in caught.value.failure.message) == (kind, True), caught.value.failure


def test_numbers_are_brought_into_range_and_the_reward_says_so():
    source = program.as_reward(
        "set_torso_height(1e300)\nset_torso_pitch(-100, weight=99)", robot(), step=0.05, before={}
    )
    analysis = analyse(source, ["torso_position", "torso_quaternion"])
    assert analysis.parameters["torso_height_height"] == 1.0
    assert analysis.parameters["torso_pitch_pitch"] == -90.0
    assert analysis.parameters["torso_pitch_weight"] == 10.0
    assert "set_torso_height height 1e+300 to 1" in source
    assert "set_torso_pitch pitch -100 to -90" in source


def test_what_a_program_does_not_say_stands():
    first = program.as_reward("set_torso_height(0.6)\nset_torso_velocity(2)", robot(), step=0.05, before={})
    before = analyse(first, _ALL).parameters
    after = program.as_reward("set_torso_velocity(1, weight=3)", robot(), step=0.05, before=before)
    assert analyse(after, _ALL).parameters["torso_height_height"] == 0.6
    assert analyse(after, _ALL).parameters["torso_velocity_forward"] == 1.0
    place = program.as_reward("set_torso_place(1, 1)", robot(), step=0.05, before=before)
    assert not any(name.startswith("torso_velocity") for name in analyse(place, _ALL).parameters)
    anew = program.as_reward("reset_reward()\nset_torso_pitch(5)", robot(), step=0.05, before=before)
    assert not any(name.startswith(("torso_velocity", "torso_height")) for name in analyse(anew, _ALL).parameters)
    without = program.as_reward("set_torso_velocity(2, weight=0)", robot(), step=0.05, before=before)
    assert not any(name.startswith("torso_velocity") for name in analyse(without, _ALL).parameters)


def test_what_stands_is_what_tuning_made_of_it():
    first = program.as_reward("set_torso_height(0.6)", robot(), step=0.05, before={})
    tuned = analyse(set_parameters(first, {"torso_height_height": 0.7}), _ALL).parameters
    after = program.as_reward("set_torso_pitch(5)", robot(), step=0.05, before=tuned)
    assert analyse(after, _ALL).parameters["torso_height_height"] == 0.7


def test_a_plan_shows_as_a_program_that_reads_the_same():
    code = 'set_torso_height(0.6)\nset_foot_position("left", lift=0.1)\nset_foot_stepping("right", 2, phase=0.5)\n'
    read = program.read(code, robot())
    assert program.read(program.shown(read.plan), robot()) == read
    parameters = analyse(program.written(read.plan, robot(), step=0.05), _ALL).parameters
    assert {entry.key: entry for entry in program.standing(parameters, robot())} == {e.key: e for e in read.plan}


def test_motions_can_be_crossed():
    codes = ('set_torso_height(0.6)\nset_foot_stepping("right", 2)', "set_torso_velocity(2)\nset_torso_pitch(0)")
    one, other = (program.as_reward(code, robot(), step=0.05, before={}) for code in codes)
    child = cross(one, other, first=["right_step_height"], second=["pitch", "forward_velocity"])
    assert set(components(child)) == {"right_step_height", "pitch", "forward_velocity"}
    assert analyse(child, _ALL).memory == {"time": 0.0}


def test_the_documentation_has_every_call_with_its_ranges():
    said = document(robot())
    for call in ("set_torso_height(height, weight=0.5)", "set_foot_contact(foot, touching, weight=0.5)"):
        assert call in said
    assert "height: m; 0 to 1" in said
    assert "Not together with set_torso_velocity" in said
    assert "set_torso" not in document(robot(terms=("tip_at",)))


_ALL = [
    *(f"{body}_{quantity}" for body in ("torso", "shin", "heel", "hand", "ball") for quantity in QUANTITIES),
    *("knee_angle", "action", "terminated"),
]
