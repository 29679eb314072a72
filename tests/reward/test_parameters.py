import pytest

from rewardsmith.errors import UnknownName
from rewardsmith.reward.source import analyse, reward_id, set_parameters

SOURCE = (
    "import numpy as np  # ü\r\n\r\n"
    "def compute_reward(v, *,  # ärger\n"
    "                   a = 1.0 ,b=-2,   # keep  me\n"
    "    c=(3.5), d=1_000.0, e=- 4.5):\n"
    '    """Ö: a=1.0"""\n'
    "    return a*v, {'a': v}  \n"
)


def test_only_the_numbers_change() -> None:
    changed = set_parameters(SOURCE, {"a": 0.25, "b": 7, "c": -1.5, "d": 2000.0, "e": 1e-7})
    expected = (
        SOURCE.replace("a = 1.0 ,", "a = 0.25 ,")
        .replace("b=-2,", "b=7,")
        .replace("(3.5)", "(-1.5)")
        .replace("1_000.0", "2000.0")
        .replace("- 4.5", "1e-07")
    )
    assert changed == expected
    assert analyse(changed, {"v"}).parameters == {"a": 0.25, "b": 7.0, "c": -1.5, "d": 2000.0, "e": 1e-7}
    assert reward_id(changed) != reward_id(SOURCE)


def test_values_that_are_there_already_change_nothing() -> None:
    assert set_parameters(SOURCE, {"a": 1.0, "d": 1000.0, "e": -4.5}) == SOURCE
    assert set_parameters(SOURCE, {}) == SOURCE


def test_a_whole_parameter_takes_a_fraction_when_asked() -> None:
    assert "b=-2.5," in set_parameters(SOURCE, {"b": -2.5})


def test_unknown_parameter_names_the_near_ones() -> None:
    source = SOURCE.replace("b=-2", "speed=-2")
    with pytest.raises(UnknownName, match="did you mean 'speed'"):
        set_parameters(source, {"sped": 1.0})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_parameters_stay_finite(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        set_parameters(SOURCE, {"a": value})
