from __future__ import annotations

import pytest

from rewardsmith.prompting.signals import action_bounds, number, signal_table


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (100.0, "100"),
        (1234.4, "1234"),
        (0.12345, "0.123"),
        (-2.5, "-2.5"),
        (0.0001234, "1.23e-4"),
        (1.5e6, "1.50e6"),
        (20.0, "20"),
        (99.96, "100"),
    ],
)
def test_numbers(value, said):
    assert number(value) == said
    assert float(said) == pytest.approx(value, rel=5e-3, abs=1e-9)


def test_every_signal_is_there_by_its_full_name(make):
    table = signal_table(make.survey())
    for name in make.survey().names():
        assert name in table


def test_signals_that_stand_alone_come_first(make):
    table = signal_table(make.survey())
    assert table.index("x_velocity") < table.index("torso_linear_velocity")


def test_relatives_share_their_meaning(make):
    table = signal_table(make.survey())
    assert table.count("linear velocity of body * at its frame's origin, world axes") == 1
    assert "(N, 3) [m/s]" in table
    assert table.count("angle of hinge joint *") == 1


def test_relatives_with_the_same_values_share_a_line(make):
    lines = signal_table(make.survey()).splitlines()
    shared = [line for line in lines if "torso_linear_velocity" in line]
    assert shared == [
        "    torso_linear_velocity, front_left_leg_linear_velocity: "
        "0.00 (-1.00 to 1.00), 0.10 (-0.90 to 1.10), 0.20 (-0.80 to 1.20)"
    ]


def test_a_signal_of_another_shape_is_no_relative(make):
    survey = make.survey()
    odd = make.signal(
        "tail_linear_velocity",
        (2,),
        "m/s",
        "linear velocity of body tail at its frame's origin, world axes",
        "body:tail:linear_velocity",
    )
    table = signal_table(survey.model_copy(update={"signals": (*survey.signals, odd)}))
    assert "tail_linear_velocity  (N, 2) [m/s]  linear velocity of body tail" in table


def test_long_vectors_are_summed_up(make):
    table = signal_table(make.survey())
    line = table.splitlines()[next(i for i, x in enumerate(table.splitlines()) if x.startswith("observation")) + 1]
    assert line == "    entries -1.0 to 11.4, their means 0.0 to 10.4"


def test_constants_and_flags(make):
    survey = make.survey()
    flat = make.signal("flat", (2,), scale=0.0)
    table = signal_table(survey.model_copy(update={"signals": (*survey.signals, flat)}))
    assert "    always 0\n" in table + "\n"
    assert "true in 0 % of steps" in table


def test_bounds_of_actions(make):
    survey = make.survey()
    assert action_bounds(survey) == "`action` is 8 numbers, each from -1 to 1"
    mixed = survey.model_copy(update={"action_low": (-1.0, -2.0), "action_high": (1.0, 2.0)})
    assert action_bounds(mixed) == "`action` is 2 numbers from -1 to 1, -2 to 2"
    one = survey.model_copy(update={"action_low": (-3.0,), "action_high": (3.0,)})
    assert action_bounds(one) == "`action` is 1 number from -3 to 3"
    none = survey.model_copy(update={"action_low": (), "action_high": ()})
    assert action_bounds(none).startswith("`action` is a whole number from 0 to ")
