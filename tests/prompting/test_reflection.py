from __future__ import annotations

import pytest

from rewardsmith.domain.report import ComponentStatistics
from rewardsmith.prompting.reflection import reflect


def component(make, means, name="forward", correlation=0.9, **given):
    return ComponentStatistics(name=name, points=make.points(means, **given), correlation=correlation)


def only(make, statistics, **given):
    return reflect(make.report(components=[statistics], **given), make.survey()).components[0].sentence


@pytest.mark.parametrize(
    ("means", "said"),
    [
        ([0.1, 0.5, 1.0], "rose from 0.1 to 1"),
        ([1.0, 0.5, 0.1], "fell from 1 to 0.1"),
        ([1.0, 1.01, 0.99], "stayed at 0.99"),
        ([0.0, 0.0], "stayed at 0"),
        ([0.1, 1.0, 0.1], "moved between 0.1 and 1, ending at 0.1"),
        ([2.0], "was 2"),
    ],
)
def test_how_a_component_went(make, means, said):
    assert said in only(make, component(make, means))


@pytest.mark.parametrize(
    ("correlation", "said"),
    [
        (0.9, "follows the score (correlation +0.90)"),
        (-0.8, "opposes the score"),
        (0.1, "only loosely"),
        (None, "no corr"),
    ],
)
def test_how_a_component_relates_to_the_score(make, correlation, said):
    assert said in only(make, component(make, [0.1, 0.5], correlation=correlation))


def test_small_components_are_not_rounded_away(make):
    track = reflect(make.report(components=[component(make, [0.0012, 0.0034])]), make.survey()).components[0]
    assert track.values == ("0.0012", "0.0034")


@pytest.mark.parametrize(
    ("lengths", "said"), [((1000, 1000), "tells the agent nothing"), ((100, 1000), "longer episode")]
)
def test_a_constant_component_is_pointed_out(make, lengths, said):
    constant = component(make, [0.3] * 5, std=0.001, low=0.29, high=0.31)
    assert said in only(make, constant, lengths=lengths)


def test_a_component_that_varies_within_steps_is_not_called_constant(make):
    assert "hardly varies" not in only(make, component(make, [0.3] * 5, std=0.4))


def test_a_component_that_never_fires_is_pointed_out(make):
    assert "always 0" in only(make, component(make, [0.0] * 5, std=0.0, low=0.0, high=0.0))


@pytest.mark.parametrize(("share", "said"), [(0.9, "outweighs"), (0.01, "too small")])
def test_shares_out_of_proportion_are_pointed_out(make, share, said):
    assert said in only(make, component(make, [0.1, 0.5], share=share))
    assert said not in only(make, component(make, [0.1, 0.5], share=0.4))


def test_a_reward_that_rises_without_the_score_is_pointed_out(make):
    total = component(make, [0.1, 1.0, 3.0], name="total")
    gamed = reflect(make.report((0.03, 0.03), components=[total]), make.survey())
    assert any("paid" in remark for remark in gamed.remarks)
    honest = reflect(make.report((0.3, 3.0), components=[total]), make.survey())
    assert not any("paid" in remark for remark in honest.remarks)


@pytest.mark.parametrize(("correlation", "told"), [(-0.3, True), (0.3, False), (None, False)])
def test_a_reward_that_values_bad_episodes_is_pointed_out(make, correlation, told):
    total = component(make, [1.0, 1.0], name="total", correlation=correlation)
    remarks = reflect(make.report((0.3, 3.0), components=[total]), make.survey()).remarks
    assert any("pays for the wrong thing" in remark for remark in remarks) == told


def test_a_score_that_falls_after_its_best_is_pointed_out(make):
    fell = reflect(make.report((2.0, 0.5)), make.survey())
    assert any("middle of training" in remark for remark in fell.remarks)
    rose = reflect(make.report((0.5, 2.0)), make.survey())
    assert not any("middle of training" in remark for remark in rose.remarks)


def test_episodes_that_end_early_are_pointed_out(make):
    assert any(
        "ended early, after 300 of 1000" in r for r in reflect(make.report(lengths=(200, 400)), make.survey()).remarks
    )
    assert not any("ended early" in r for r in reflect(make.report(lengths=(1000, 1000)), make.survey()).remarks)


def test_the_total_stands_apart(make):
    told = reflect(make.report(), make.survey())
    assert told.total is not None
    assert [track.name for track in told.components] == ["forward", "alive", "effort"]


def test_a_training_that_reached_no_rung_is_told_as_far_as_it_went(make):
    told = reflect(make.report(()), make.survey())
    assert told.score is None
    assert told.components
