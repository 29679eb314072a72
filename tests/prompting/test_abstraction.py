from __future__ import annotations

import ast

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from rewardsmith.domain.survey import Survey
from rewardsmith.prompting import geometry
from rewardsmith.prompting.abstraction import abstraction, attributes, helpers, offered
from rewardsmith.prompting.messages import compose


def extended(survey: Survey, *signals) -> Survey:
    return survey.model_copy(update={"signals": (*survey.signals, *signals)})


def test_signals_of_a_kind_are_one_class_and_its_instances(make):
    text = abstraction(make.survey())
    assert "class Body:\n    linear_velocity: (N, 3)  # m/s; linear velocity of the body at its frame's origin" in text
    assert "    torso, front_left_leg, ankle_1_body, ankle_2_body: Body\n" in text
    assert "class Hinge:\n    angle: (N,)  # rad; angle of the hinge joint" in text
    assert "    hip_1, hip_2, hip_3, hip_4: Hinge\n" in text
    assert "    x_velocity: (N,)  # m/s; entry 'x_velocity' of the environment's info\n" in text
    assert "    terminated: (N,) bool  # whether the episode ended by itself\n" in text
    assert "    previous: Environment  # " in text


def test_every_signal_has_one_path(make):
    survey = make.survey()
    paths = attributes(survey)
    assert sorted(each.signal.name for each in paths.values()) == sorted(survey.names())
    assert paths["torso.linear_velocity"].signal.name == "torso_linear_velocity"
    assert paths["action"].signal.name == "action"


def test_a_body_and_a_joint_of_one_name_are_one_instance(make):
    name = "torso"
    joint = make.signal(f"{name}_angle", (), "rad", f"angle of hinge joint {name}", f"joint:{name}:angle")
    survey = extended(make.survey(), joint)
    assert "    torso: Body & Hinge\n" in abstraction(survey)
    assert {"torso.angle", "torso.linear_velocity"} <= set(attributes(survey))


def test_kinds_that_differ_are_two_classes(make):
    other = make.signal("arm_angle", (), "deg", "angle of hinge joint arm", "joint:arm:angle")
    text = abstraction(extended(make.survey(), other))
    assert "class Hinge2:\n    angle: (N,)  # deg; angle of the hinge joint" in text
    assert "    arm: Hinge2\n" in text


@pytest.mark.parametrize("name", ["previous", "memory", "class", "x_velocity"])
def test_an_instance_whose_name_is_taken_stays_flat(name, make):
    body = make.signal(f"{name}_position", (3,), "m", f"position of body {name}", f"body:{name}:position")
    survey = extended(make.survey(), body)
    assert f"{name}_position" in attributes(survey)
    assert f"\n    {name}_position: (N, 3)  # m; position of body {name}\n" in abstraction(survey)


def test_helpers_are_offered_where_there_is_something_for_them(make):
    survey = make.survey()
    assert "tilt_of" not in offered(survey)
    up = make.signal("torso_up", (3,), "", "z axis of body torso", "body:torso:up")
    assert 'def tilt_of(up):\n    """Angle of an `up`' in abstraction(extended(survey, up))
    taken = make.signal("wrap_angle", (), "", "a number of the task's own", "info:wrap_angle")
    assert "wrap_angle" in offered(survey)
    assert "wrap_angle" not in offered(extended(survey, taken))


def test_helpers_need_no_annotations_and_nothing_but_numpy():
    for node in helpers().values():
        assert "Array" not in ast.unparse(node)
        assert ast.get_docstring(node)
        read = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
        given = {argument.arg for argument in node.args.args}
        local = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
        assert read <= {"np", *helpers(), *given, *local}


def test_helpers_compute_what_they_say():
    rng = np.random.default_rng(0)
    turns, others = (Rotation.random(50, random_state=seed) for seed in (1, 2))
    q, r = turns.as_quat(scalar_first=True), others.as_quat(scalar_first=True)
    vectors = rng.normal(size=(50, 3))
    np.testing.assert_allclose(geometry.roll_pitch_yaw_of(q), turns.as_euler("xyz"), atol=1e-9)
    np.testing.assert_allclose(geometry.to_world(vectors, q), turns.apply(vectors), atol=1e-9)
    np.testing.assert_allclose(geometry.to_body(vectors, q), turns.inv().apply(vectors), atol=1e-9)
    np.testing.assert_allclose(geometry.angle_between(q, -r), (turns.inv() * others).magnitude(), atol=1e-6)
    up = turns.apply([0.0, 0.0, 1.0])
    np.testing.assert_allclose(geometry.tilt_of(up), np.arccos(up[:, 2]), atol=1e-9)
    np.testing.assert_allclose(geometry.distance_between(vectors, 0 * vectors), np.linalg.norm(vectors, axis=1))
    np.testing.assert_allclose(geometry.wrap_angle(np.array([3.5, -3.5, 1.0])), [3.5 - 2 * np.pi, 2 * np.pi - 3.5, 1.0])
    np.testing.assert_allclose(geometry.within(np.array([0.5, 2.0, -1.0]), 0.0, 1.0, 1.0), [1.0, 0.1, 0.1])


def test_the_recipe_shows_the_abstraction_in_place_of_source(text2reward, context):
    user = compose(text2reward, context())[1].content
    assert "class Environment:" in user
    assert "class AntEnv" not in user
    assert "8 numbers, each from -1 to 1" in user
