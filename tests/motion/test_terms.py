"""Every term against a computation by hand, on made-up rows."""

from __future__ import annotations

from math import cos, hypot, pi, sin, sqrt, tanh

import pytest

from rewardsmith.domain.robot import Always
from tests.motion.moved import FLAT, components, robot


def soft(r: float, p: float = 0.1) -> float:
    return sqrt(r * r + p * p) - p


def turned(axis: tuple[float, float, float], angle: float) -> list[float]:
    """A quaternion."""
    return [cos(angle / 2), *(sin(angle / 2) * x for x in axis)]


STRAIGHT = [1.0, 0.0, 0.0, 0.0]
Z, Y, X = (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)


def test_height():
    paid = components("set_torso_height(0.8)", robot(), {"torso_position": [[0, 0, 0.8], [0, 0, 0.3]]})
    assert list(paid["height"]) == pytest.approx([0.0, -0.5 * soft(0.5)])


def test_pitch_is_how_far_the_front_points_up():
    up, down = turned(Y, -0.3), turned(Y, 0.3)
    paid = components("set_torso_pitch(0, weight=2)", robot(), {"torso_quaternion": [up, down]})
    assert list(paid["pitch"]) == pytest.approx([-2 * soft(0.3)] * 2)
    paid = components("set_torso_pitch(30)", robot(), {"torso_quaternion": [turned(Y, -pi / 6), turned(Y, pi / 6)]})
    assert list(paid["pitch"]) == pytest.approx([0.0, -0.6 * soft(pi / 3)])


def test_a_planar_robot_pitches_all_the_way_round():
    flat = robot(planar=True, terms=FLAT)
    paid = components("set_torso_pitch(180)", flat, {"torso_quaternion": [turned(Y, pi), turned(Y, -pi), STRAIGHT]})
    assert list(paid["pitch"]) == pytest.approx([0.0, 0.0, -0.6 * soft(pi)], abs=1e-9)


def test_roll_is_how_far_it_leans_to_its_right():
    right = turned(X, 0.4)
    rows = {"torso_quaternion": [right, STRAIGHT], "torso_up": [[0, -sin(0.4), cos(0.4)], [0, 0, 1]]}
    paid = components("set_torso_roll(45)", robot(), rows)
    assert list(paid["roll"]) == pytest.approx([-soft(0.4 - pi / 4), -soft(pi / 4)])


def test_place():
    paid = components("set_torso_place(x=1, y=-2)", robot(), {"torso_position": [[1, -2, 9], [4, 2, 9]]})
    assert list(paid["place"]) == pytest.approx([0.0, -0.6 * soft(5.0)])
    flat = robot(planar=True, terms=FLAT)
    paid = components("set_torso_place(x=1)", flat, {"torso_position": [[4, 7, 9]]})
    assert list(paid["place"]) == pytest.approx([-0.6 * soft(3.0)])


def test_velocity_is_seen_from_where_the_torso_faces():
    rows = {"torso_quaternion": [STRAIGHT, turned(Z, pi / 2)], "torso_linear_velocity": [[2, 1, 0], [2, 1, 0]]}
    paid = components("set_torso_velocity(forward=2, sideways=1)", robot(), rows)
    assert list(paid["forward_velocity"]) == pytest.approx([0.0, -0.1 * soft(1 - 2)])
    assert list(paid["sideways_velocity"]) == pytest.approx([0.0, -0.1 * soft(-2 - 1)])


def test_heading_and_turning():
    rows = {"torso_quaternion": [turned(Z, pi / 2), STRAIGHT], "torso_angular_velocity": [[9, 9, 3], [9, 9, -1]]}
    paid = components("set_torso_heading(90)", robot(), rows)
    assert list(paid["heading"]) == pytest.approx([0.0, -0.6 * 0.5 * 2.0])
    paid = components("set_torso_turning(rate=3)", robot(), rows)
    assert list(paid["turning"]) == pytest.approx([0.0, -0.6 * 0.5 * 16])


def test_a_foot_is_told_from_where_it_stands():
    yaw = 0.5
    rows = {
        "torso_position": [[1, 1, 0.5]],
        "torso_quaternion": [turned(Z, yaw)],
        "heel_position": [[1.3, 1.1, 0.35]],
        "shin_position": [[1.3, 1.1, 0.35]],
        "shin_quaternion": [turned(Y, 0.2)],
    }
    forward, left = 0.3 * cos(yaw) + 0.1 * sin(yaw), 0.1 * cos(yaw) - 0.3 * sin(yaw)
    paid = components('set_foot_position("right", lift=0.2, forward=0.1, inward=0.05)', robot(), rows)
    assert paid["right_lift"] == pytest.approx(-soft(0.35 - 0.05 - 0.2))
    assert paid["right_forward"] == pytest.approx(-0.5 * soft(forward - 0.1 - 0.1))
    assert paid["right_inward"] == pytest.approx(-0.5 * soft(left + 0.2 - 0.05)), "inward is to the left"
    paid = components('set_foot_position("left", lift=0.2, inward=0.05)', robot(), rows)
    tip = (1.3 - 0.3 * sin(0.2), 1.1, 0.35 - 0.3 * cos(0.2))
    left = (tip[1] - 1) * cos(yaw) - (tip[0] - 1) * sin(yaw)
    assert paid["left_lift"] == pytest.approx(-soft(tip[2] - 0.05 - 0.2))
    assert paid["left_inward"] == pytest.approx(-0.5 * soft(left - 0.2 + 0.05)), "inward is to the right"
    assert "left_forward" not in paid


@pytest.mark.parametrize(
    ("time", "rise", "stride"),
    [
        (0.0, 0.2 * sin(pi * 0.25 / 0.4), 2 * 0.25 / 0.4 - 1),  # phase 0.25: in flight
        (0.1, 0.0, 1 - 2 * (0.45 - 0.4) / 0.6),  # 0.45: back on the ground
        (0.475, 0.2 * sin(pi * 0.2 / 0.4), 0.0),  # 0.2 of the next cycle: the middle of the flight
    ],
)
def test_a_foot_steps_by_the_clock(time, rise, stride):
    rows = {
        "torso_position": [[0, 0, 0.5]],
        "torso_quaternion": [STRAIGHT],
        "heel_position": [[0.15, -0.2, 0.06]],
    }
    code = 'set_foot_stepping("right", frequency=2, phase=0.15, air=0.4, lift=0.2, swing=0.1)'
    paid = components(code, robot(), rows, step=0.05, memory=time)
    assert paid["right_step_height"] == pytest.approx(-soft(0.06 - 0.05 - rise))
    assert paid["right_step_swing"] == pytest.approx(-0.2 * soft(0.15 - 0.1 - 0.1 * stride))


@pytest.mark.parametrize("air", [0.0, 1.0])
def test_a_foot_may_stay_on_the_ground_or_in_the_air(air):
    rows = {"torso_position": [[0, 0, 0.5]], "torso_quaternion": [STRAIGHT], "heel_position": [[0.1, -0.2, 0.05]]}
    code = f'set_foot_stepping("right", frequency=2, air={air}, lift=0.2, swing=0)'
    paid = components(code, robot(), rows, memory=0.2)
    assert paid["right_step_height"] == pytest.approx(-soft(0.2 * air * sin(pi * 0.5)))


def test_contact_pose_and_tip():
    rows = {
        "heel_contact_force": [[0, 3, 4], [0, 0, 0]],
        "knee_angle": [1.0, 0.5],
        "hand_position": [[0.1, 0.2, 9], [0, 0, 9]],
        "hand_linear_velocity": [[0.3, 0.4, 0], [0, 0, 0]],
        "ball_position": [[0.1, 0.1, 5], [0.3, 0.4, 5]],
    }
    paid = components('set_foot_contact("right", touching=True)', robot(), rows)
    assert list(paid["right_contact"]) == pytest.approx([-0.5 * soft(tanh(0.5) - 1), -0.5 * soft(-1)])
    paid = components('set_joint_pose("knee", angle=45)', robot(), rows)
    assert list(paid["knee_pose"]) == pytest.approx([-0.5 * soft(1 - pi / 4), -0.5 * soft(0.5 - pi / 4)])
    paid = components("set_tip_place(x=0, y=0)", robot(), rows)
    assert list(paid["tip_place"]) == pytest.approx([-soft(hypot(0.1, 0.2), 0.01), 0.0])
    paid = components('set_tip_at("ball", y=0.1)', robot(), rows)
    assert list(paid["tip_at_ball"]) == pytest.approx([0.0, -soft(hypot(0.3, 0.5), 0.01)])
    paid = components("set_tip_speed(0)", robot(), rows)
    assert list(paid["tip_speed"]) == pytest.approx([-0.1 * soft(0.5, 0.01), 0.0])


def test_what_is_always_on():
    rows = {
        "torso_position": [[0, 0, 0.5], [0, 0, 0.5]],
        "knee_angle": [pi / 18, 0.5],
        "action": [[0, 0], [3, 4]],
        "terminated": [False, True],
    }
    moved = robot(always=Always(posture=0.2, effort=0.1, alive=0.5))
    paid = components("set_torso_height(0.8)", moved, rows)
    assert list(paid["posture"]) == pytest.approx([0.0, -0.2 * 0.5 * (0.5 - pi / 18) ** 2])
    assert list(paid["effort"]) == pytest.approx([0.0, -0.1 * 0.5 * 25])
    resting = 0.5 * soft(0.3)
    assert list(paid["alive"]) == pytest.approx([0.5 + resting, 0.0], abs=1e-3)
    total = {name: values[0] for name, values in paid.items()}
    assert sum(total.values()) == pytest.approx(0.5, abs=1e-3), "who stands at rest is paid what being alive is worth"


def test_facing_straight_up_is_no_fault():
    rows = {"torso_quaternion": [turned(Y, -pi / 2)], "torso_linear_velocity": [[1, 0, 0]]}
    paid = components("set_torso_velocity(forward=1)", robot(), rows)
    assert paid["forward_velocity"][0] <= 0.0
