"""Components taken from two rewards pay in the child what they paid in their parents."""

import numpy as np
import pytest

from rewardsmith.domain.survey import Signal
from rewardsmith.reward.crossing import CrossingRefused, components, cross
from rewardsmith.reward.process import RewardProcess
from rewardsmith.reward.source import analyse
from tests.reward.test_completions import HONEST, read, signals_named_in

SIGNALS = {name: Signal(name=name, shape=(), meaning="m", reader="r") for name in ("v", "w", "height")}


def reward(body: str, *, arguments: str = "v", parameters: str = "", top: str = "") -> str:
    star = f", *, {parameters}" if parameters else ""
    lines = "\n".join("    " + line for line in body.strip().splitlines())
    return f"import numpy as np\n{top}\n\ndef compute_reward({arguments}{star}):\n{lines}\n"


def paid(source: str, signals: dict[str, Signal]) -> dict[str, np.ndarray]:
    """What each component pays on the same random rows, whatever the reward reads; memory carries over the rows."""
    arrays = {}
    for name in sorted({n for each in signals for n in (each, f"prev_{each}")}):
        signal = signals[name.removeprefix("prev_")]
        rng = np.random.default_rng(sum(map(ord, name)))
        arrays[name] = rng.uniform(-0.5, 0.5, size=(20, 3, *signal.shape)).astype(signal.dtype)
    with RewardProcess(source, signals) as process:
        starts = np.random.default_rng(0).random((20, 3)) < 0.1
        answer = process.ask({name: arrays[name] for name in process.reads}, starts)
    return {**answer.components, "total": answer.total}


def check(one: str, other: str, first: set[str], second: set[str], signals: dict[str, Signal]) -> str:
    child = cross(one, other, first=first, second=second)
    analyse(child, signals)
    mine, theirs, ours = paid(one, signals), paid(other, signals), paid(child, signals)
    assert set(ours) == {*first, *second, "total"}
    total = ours.pop("total")
    assert np.allclose(total, sum(ours.values()))
    for name in ours:
        assert np.allclose(ours[name], (mine if name in first else theirs)[name]), (name, child)
    return child


CROSSABLE = [path for path in HONEST if path not in ("half_cheetah/11.md", "hopper/10.md")]


def test_all_but_two_of_the_sample_completions_can_be_taken_apart() -> None:
    """Those two sum up their components in a loop and in a stack."""
    for path in HONEST:
        if path in CROSSABLE:
            assert components(read(path))
        else:
            with pytest.raises(CrossingRefused) as caught:
                components(read(path))
            assert caught.value.reason == "total"


@pytest.mark.parametrize("path", CROSSABLE)
def test_the_child_of_two_sample_completions_pays_as_its_parents(path: str) -> None:
    folder = path.split("/")[0]
    mates = [each for each in CROSSABLE if each.startswith(folder)]
    one, other = read(path), read(mates[(mates.index(path) + 1) % len(mates)])
    rng = np.random.default_rng(len(one))
    first = {name for name in components(one) if rng.random() < 0.6} or {components(one)[0]}
    second = set(components(other)) - first
    if second:
        check(one, other, first, second, signals_named_in(folder))


def test_only_what_the_chosen_components_rest_on_comes_along() -> None:
    one = reward(
        "a = p * v\nb = q * np.abs(w)\nreturn a + b, {'a': a, 'b': b}", arguments="v, w", parameters="p=1, q=2"
    )
    other = reward("c = r * v ** 2\nreturn c, {'c': c}", parameters="r=0.5")
    child = check(one, other, {"a"}, {"c"}, SIGNALS)
    analysis = analyse(child, SIGNALS)
    assert analysis.signals == ("v",)
    assert analysis.parameters == {"p": 1.0, "r": 0.5}


def test_names_that_mean_two_things_are_told_apart() -> None:
    one = reward(
        "x = size(v)\na = scale * x\nreturn a, {'a': a}",
        parameters="scale=2.0",
        top="LIMIT = 3.0\n\ndef size(x):\n    return np.minimum(np.abs(x), LIMIT)",
    )
    other = reward(
        "x = size(v, scale=scale)\nb = -x\nreturn b, {'b': b}",
        parameters="scale=0.5",
        top="LIMIT = 1.0\n\ndef size(x, scale):\n    return scale * np.minimum(np.abs(x), LIMIT)",
    )
    child = check(one, other, {"a"}, {"b"}, SIGNALS)
    assert analyse(child, SIGNALS).parameters == {"scale": 2.0, "scale_2": 0.5}
    assert "LIMIT_2 = 1.0" in child
    assert "def size_2(x, scale)" in child


def test_a_name_that_is_the_others_signal_gives_way() -> None:
    one = reward("height = 2 * v\na = height\nreturn a, {'a': a}")
    other = reward("b = -height\nreturn b, {'b': b}", arguments="height")
    assert "height_2 = 2 * v" in check(one, other, {"a"}, {"b"}, SIGNALS)


def test_what_both_say_in_the_same_words_is_said_once() -> None:
    top = "def size(x):\n    return np.abs(x)"
    one = reward("x = size(v)\na = 2 * x\nreturn a, {'a': a}", top=top)
    other = reward("x = size(v)\nb = -(x ** 2)\nreturn b, {'b': b}", top=top)
    child = check(one, other, {"a"}, {"b"}, SIGNALS)
    assert child.count("size(v)") == child.count("def size") == child.count("import numpy") == 1


def test_the_same_words_about_other_things_are_kept_apart() -> None:
    one = reward("x = size(v)\na = 2 * x\nreturn a, {'a': a}", top="def size(x):\n    return np.abs(x)")
    other = reward("x = size(v)\nb = -x\nreturn b, {'b': b}", top="def size(x):\n    return x ** 2")
    check(one, other, {"a"}, {"b"}, SIGNALS)


def test_memory_of_the_same_name_is_kept_apart() -> None:
    source = "best = np.maximum(memory['best'], {0})\n{1} = best - memory['best']\nmemory['best'] = best\n"
    source += "return {1}, {{'{1}': {1}}}"
    one = reward(source.format("v", "a"), arguments="v, memory", top="MEMORY = {'best': 0.0}")
    other = reward(source.format("v ** 2", "b"), arguments="v, memory", top="MEMORY = {'best': -1.0}")
    child = check(one, other, {"a"}, {"b"}, SIGNALS)
    assert analyse(child, SIGNALS).memory == {"best": 0.0, "best_2": -1.0}


def test_memory_that_is_written_after_its_use_comes_along() -> None:
    body = "a = v - memory['last']\nmemory['last'] = v + 0.0\nreturn a, {'a': a}"
    one = reward(body, arguments="v, memory", top="MEMORY = {'last': 0.0}")
    other = reward("b = -v\nreturn b, {'b': b}")
    assert check(one, other, {"a"}, {"b"}, SIGNALS) != check(other, one, {"b"}, {"a"}, SIGNALS)


@pytest.mark.parametrize(
    "body",
    [
        "a = v\nc = np.abs(v)\ntotal = 0.0\ntotal += a\ntotal -= 2 * c\nreturn total, {'a': a, 'c': c}",
        "a = v\nc = -v\nshaping = a + c\ntotal = shaping\nreturn total, {'a': a, 'c': c}",
        "parts = {'a': v, 'c': -2 * v}\ntotal = sum(parts.values())\nreturn total, parts",
        "a = v\na[a > 1] = 0.5\nc = -v\ntotal = a + c\nreturn total, dict(a=a, c=c)".replace("a = v", "a = v + 0", 1),
    ],
)
def test_a_total_is_seen_through(body: str) -> None:
    one, other = reward(body), reward("b = np.abs(v)\nreturn b, {'b': b}")
    child = cross(one, other, first={"a", "c"}, second={"b"})
    with RewardProcess(one, SIGNALS) as process, RewardProcess(child, SIGNALS) as crossed:
        rows, starts = {"v": np.random.default_rng(1).normal(size=(9, 2))}, np.zeros((9, 2), dtype=bool)
        expected = process.ask(rows, starts).total + np.abs(rows["v"])
        assert np.allclose(crossed.ask(rows, starts).total, expected)


@pytest.mark.parametrize(
    ("body", "arguments", "reason"),
    [
        ("a = v\nb = -v\nreturn a * b, {'a': a, 'b': b}", "v", "total"),
        ("a = v\nreturn a + 1.0, {'a': a}", "v", "total"),
        ("if len(v) > 3:\n    return v, {'a': v}\nreturn -v, {'a': -v}", "v", "returns"),
        ("a = v\nparts = {'a': a}\nparts['b'] = -a\nreturn a, parts", "v", "components"),
        ("parts = {n: v for n in ('a', 'b')}\nreturn sum(parts.values()), parts", "v", "components"),
        ("v = np.clip(v, -1, 1)\na = v\nreturn a, {'a': a}", "v", "signals"),
        ("a = v + len(memory)\nreturn a, {'a': a}", "v, memory", "memory"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused_with_a_reason(body: str, arguments: str, reason: str) -> None:
    with pytest.raises(CrossingRefused) as caught:
        components(reward(body, arguments=arguments, top="MEMORY = {'x': 0.0}" if "memory" in arguments else ""))
    assert caught.value.reason == reason


def test_a_component_comes_from_one_parent() -> None:
    source = reward("a = v\nreturn a, {'a': a}")
    with pytest.raises(ValueError, match="'a' cannot be taken from both"):
        cross(source, source, first={"a"}, second={"a"})
    with pytest.raises(ValueError, match="'b' is no component"):
        cross(source, source, first={"a"}, second={"b"})
