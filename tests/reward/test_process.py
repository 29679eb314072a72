import math
from typing import Any

import numpy as np
import pytest

from rewardsmith.domain.survey import Signal
from rewardsmith.errors import RewardProcessError
from rewardsmith.isolation.namespaces import unavailable
from rewardsmith.reward import frames
from rewardsmith.reward.process import RewardProcess, RewardRejected

SHAPES: dict[str, tuple[tuple[int, ...], Any]] = {
    "velocity": ((3,), "float64"), "height": ((), "float64"), "terminated": ((), "bool"), "choice": ((), "int64"),
}  # fmt: skip
SIGNALS = {
    name: Signal(name=name, shape=shape, dtype=dtype, meaning="m", reader="r")
    for name, (shape, dtype) in SHAPES.items()
}
CARRIES = """
import numpy as np
MEMORY = {"best": -5.0, "steps": 0.0}
def compute_reward(velocity, prev_velocity, height, memory, prev_terminated, choice, *, w=2.0):
    memory["steps"] += 1
    memory["best"] = np.maximum(memory["best"], height)
    change = w * (velocity - prev_velocity)[:, 0]
    flag = prev_terminated.astype(float) + choice
    return change + flag, {"change": change, "flag": flag, "best": memory["best"], "steps": memory["steps"]}
"""
FORGETS = """
import numpy as np
def compute_reward(velocity, prev_velocity, prev_terminated, choice, *, w=2.0):
    change = w * (velocity - prev_velocity)[:, 0]
    flag = prev_terminated.astype(float) + choice
    return change + flag, {"change": change, "flag": flag}
"""


def transitions(rng: np.random.Generator, steps: int, width: int) -> tuple[dict[str, Any], Any]:
    arrays = {
        "velocity": rng.normal(size=(steps, width, 3)),
        "height": rng.normal(size=(steps, width)),
        "terminated": rng.random((steps, width)) < 0.3,
        "choice": rng.integers(0, 5, size=(steps, width)),
    }
    starts = rng.random((steps, width)) < 0.2
    starts[0] = True
    return arrays, starts


def reference(arrays: dict[str, Any], starts: Any, w: float = 2.0) -> dict[str, Any]:
    """Environment by environment and step by step, in plain Python."""
    steps, width = starts.shape
    out = {name: np.zeros((steps, width)) for name in ("change", "flag", "best", "steps")}
    for n in range(width):
        best, count = -5.0, 0
        for t in range(steps):
            if starts[t, n]:
                best, count = -5.0, 0
            before = t if starts[t, n] else t - 1
            best, count = max(best, arrays["height"][t, n]), count + 1
            out["change"][t, n] = w * (arrays["velocity"][t, n, 0] - arrays["velocity"][before, n, 0])
            out["flag"][t, n] = float(arrays["terminated"][before, n]) + arrays["choice"][t, n]
            out["best"][t, n], out["steps"][t, n] = best, count
    return out


@pytest.mark.parametrize("source", [CARRIES, FORGETS], ids=["memory", "batched"])
@pytest.mark.parametrize("cuts", [[60], [1, 1, 58], [20, 7, 33]])
def test_prev_and_memory_carry_on_over_requests_and_end_with_episodes(source: str, cuts: list[int]) -> None:
    arrays, starts = transitions(np.random.default_rng(1), 60, 4)
    expected = reference(arrays, starts)
    got: dict[str, list[Any]] = {}
    with RewardProcess(source, SIGNALS, namespaces=False) as process:
        first = 0
        for cut in cuts:
            part = slice(first, first + cut)
            answer = process.ask({name: array[part] for name, array in arrays.items()}, starts[part])
            for name, column in {"total": answer.total, **answer.components}.items():
                got.setdefault(name, []).append(column)
            first += cut
    for name in got.keys() - {"total"}:
        np.testing.assert_allclose(np.concatenate(got[name]), expected[name], rtol=1e-12)
    np.testing.assert_allclose(np.concatenate(got["total"]), expected["change"] + expected["flag"], rtol=1e-12)


def test_streams_do_not_touch_each_other_and_begin_anew() -> None:
    arrays, starts = transitions(np.random.default_rng(2), 10, 3)
    starts[1:] = False
    late = np.zeros_like(starts)
    with RewardProcess(CARRIES, SIGNALS, namespaces=False) as process:
        alone = process.ask(arrays, starts, stream="train")
        process.ask({name: array[::-1] for name, array in arrays.items()}, starts, stream="score")
        again = process.ask(arrays, late, stream="train").components["steps"]
        fresh = process.ask(arrays, late, stream="archive")
        other_width = {name: array[:, :2] for name, array in arrays.items()}
        narrow = process.ask(other_width, late[:, :2], stream="train")
    assert again[0].tolist() == [11.0, 11.0, 11.0]
    np.testing.assert_array_equal(fresh.total, alone.total)
    np.testing.assert_array_equal(narrow.total, alone.total[:, :2])


def test_requests_are_cut_into_calls_of_at_most_16384_rows() -> None:
    source = """
import numpy as np
def compute_reward(height, prev_height):
    return height, {"rows": np.full(len(height), float(len(height))), "change": height - prev_height}
"""
    height = np.random.default_rng(3).normal(size=(2500, 16))
    starts = np.zeros((2500, 16), dtype=bool)
    starts[0] = True
    with RewardProcess(source, SIGNALS, namespaces=False) as process:
        answer = process.ask({"height": height}, starts)
        wide = process.ask({"height": height.T.reshape(1, -1)}, np.ones((1, 40_000), dtype=bool))
    rows = answer.components["rows"].ravel()
    assert set(rows) == {16_384.0, 40_000 - 2 * 16_384.0}
    assert wide.components["rows"].max() == 16_384
    np.testing.assert_array_equal(answer.total, height)
    np.testing.assert_array_equal(answer.components["change"][1:], np.diff(height, axis=0))


@pytest.mark.parametrize("room", [64, 1 << 16])
def test_what_does_not_fit_into_shared_memory_comes_all_the_same(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "REQUEST_ROOM", room)
    monkeypatch.setattr(frames, "ANSWER_ROOM", room)
    source = "def compute_reward(height, prev_height):\n    return height, {'change': height - prev_height}\n"
    height = np.random.default_rng(5).normal(size=(900, 16))
    starts = np.zeros((900, 16), dtype=bool)
    with RewardProcess(source, SIGNALS, namespaces=False) as process:
        parts = [
            process.ask({"height": height[rows]}, starts[rows])
            for rows in (slice(0, 3), slice(3, 899), slice(899, 900))
        ]
    np.testing.assert_array_equal(np.concatenate([part.total for part in parts]), height)
    np.testing.assert_array_equal(
        np.concatenate([part.components["change"] for part in parts])[1:], np.diff(height, axis=0)
    )


def test_an_answer_stays_when_the_next_one_comes() -> None:
    with RewardProcess("def compute_reward(height):\n    return height, {}\n", SIGNALS, namespaces=False) as process:
        first, _ = (
            process.ask({"height": np.full((2, 3), value)}, np.ones((2, 3), dtype=bool)) for value in (1.0, 2.0)
        )
    assert (first.total == 1.0).all()


def test_memory_of_many_environments_is_cut_alike() -> None:
    source = """
import numpy as np
MEMORY = {"n": 0.0}
def compute_reward(height, memory):
    memory["n"] = memory["n"] + 1.0
    return height, {"rows": np.full(len(height), float(len(height))), "n": memory["n"]}
"""
    height = np.random.default_rng(4).normal(size=(3, 20_000))
    with RewardProcess(source, SIGNALS, namespaces=False) as process:
        answer = process.ask({"height": height}, np.zeros((3, 20_000), dtype=bool))
    assert set(answer.components["rows"].ravel()) == {16_384.0, 20_000 - 16_384.0}
    assert (answer.components["n"] == [[1.0], [2.0], [3.0]]).all()


def test_what_the_candidate_sees_and_what_comes_back() -> None:
    source = """
import math
import numpy as np
SCALE = np.array([1.0, 2.0])
def compute_reward(velocity, terminated, choice, *, w=1, half=0.5):
    kinds = velocity.dtype == np.float64 and terminated.dtype == np.bool_ and choice.dtype == np.int64
    shapes = velocity.shape[1:] == (3,) and velocity.shape[0] == terminated.shape[0] == choice.shape[0]
    frozen = not velocity.flags.writeable and not terminated.flags.writeable and not SCALE.flags.writeable
    number = np.full(choice.shape, float(kinds) + 2 * shapes + 4 * frozen + 8 * (w is 1))
    return choice, {"seen": number, "flag": terminated, "small": velocity[:, 0].astype(np.float32)}
""".replace("w is 1", "isinstance(w, int)")
    arrays, starts = transitions(np.random.default_rng(5), 6, 2)
    kept = {name: array.copy() for name, array in arrays.items()}
    with RewardProcess(source, SIGNALS, namespaces=False) as process:
        assert process.reads == ("velocity", "terminated", "choice")
        answer = process.ask({**arrays, "unread": np.zeros(3)}, starts)
    assert (answer.components["seen"] == 15).all()
    assert answer.total.dtype == np.float64
    assert list(answer.components) == ["seen", "flag", "small"]
    np.testing.assert_array_equal(answer.total, arrays["choice"])
    np.testing.assert_array_equal(answer.components["flag"], arrays["terminated"])
    for name, array in kept.items():
        np.testing.assert_array_equal(array, arrays[name])


def test_parameters_may_be_given_from_outside() -> None:
    arrays, starts = transitions(np.random.default_rng(6), 8, 2)
    with RewardProcess(CARRIES, SIGNALS, namespaces=False, parameters={"w": -3.0}) as process:
        answer = process.ask(arrays, starts)
        assert "w=-3.0" in process.source
    np.testing.assert_allclose(answer.components["change"], reference(arrays, starts, w=-3.0)["change"])


def test_numpy_functions_that_load_parts_late_work_behind_the_lock() -> None:
    source = """
import numpy as np
def compute_reward(velocity, height):
    middle = np.median(velocity, axis=1) + np.percentile(velocity, 30, axis=1)
    flat = np.linalg.norm(np.fft.fft(velocity, axis=1).real, axis=1) + np.einsum("ij,ij->i", velocity, velocity)
    kinds = float(len(np.unique(np.sign(velocity))) > 0) + np.isin(height, [1.0]) + np.polyval([1.0, 2.0], height)
    return middle + flat + kinds, {}
"""
    arrays, starts = transitions(np.random.default_rng(7), 8, 2)
    with RewardProcess(source, SIGNALS, namespaces=False) as process:
        assert np.isfinite(process.ask(arrays, starts).total).all()


def test_another_function_of_the_module_can_be_the_reward() -> None:
    source = "def sparse(height, *, w=2.0):\n    return w * height, {}\n"
    with RewardProcess(source, SIGNALS, namespaces=False, function="sparse", parameters={"w": 3.0}) as process:
        assert process.ask({"height": np.ones((2, 1))}, np.ones((2, 1), dtype=bool)).total.tolist() == [[3.0], [3.0]]


def test_sets_of_names_have_one_order_in_every_process() -> None:
    source = """
import numpy as np
def compute_reward(height):
    names = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"}
    return height, {name: height for name in names}
"""
    orders = set()
    for _ in range(3):
        with RewardProcess(source, SIGNALS, namespaces=False) as process:
            answer = process.ask({"height": np.ones((1, 1))}, np.ones((1, 1), dtype=bool))
        orders.add(tuple(answer.components))
    assert len(orders) == 1


@pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))
def test_in_namespaces_of_its_own_it_answers_the_same() -> None:
    arrays, starts = transitions(np.random.default_rng(8), 12, 3)
    with (
        RewardProcess(CARRIES, SIGNALS, namespaces=True) as boxed,
        RewardProcess(CARRIES, SIGNALS, namespaces=False) as bare,
    ):
        np.testing.assert_array_equal(boxed.ask(arrays, starts).total, bare.ask(arrays, starts).total)


def test_requests_that_are_wrong_in_themselves() -> None:
    arrays, starts = transitions(np.random.default_rng(9), 4, 2)
    with RewardProcess(FORGETS, SIGNALS, namespaces=False) as process:
        with pytest.raises(ValueError, match="'choice' is missing"):
            process.ask({k: v for k, v in arrays.items() if k != "choice"}, starts)
        with pytest.raises(ValueError, match=r"'velocity' has shape \(4, 2\), expected \(4, 2, 3\)"):
            process.ask({**arrays, "velocity": arrays["height"]}, starts)
        with pytest.raises(ValueError, match="at least one row"):
            process.ask(arrays, starts[:0])
        assert math.isfinite(process.ask(arrays, starts).total.sum())
    with pytest.raises(RewardProcessError, match="closed"):
        process.ask(arrays, starts)
    process.close()


def test_a_source_against_the_contract_starts_nothing() -> None:
    with pytest.raises(RewardRejected):
        RewardProcess("def compute_reward(speed):\n    return speed, {}", SIGNALS)


def test_what_lapack_prints_stays_out_of_the_answers() -> None:
    source = """
import numpy as np
def compute_reward(height):
    for i in range(200):
        try:
            np.linalg.lstsq(np.full((3, 3), np.nan), np.ones(3))
        except np.linalg.LinAlgError:
            pass
    return height, {}
"""
    with RewardProcess(source, SIGNALS, namespaces=False) as process:
        for _ in range(3):
            answer = process.ask({"height": np.ones((1, 1))}, np.ones((1, 1), dtype=bool))
    assert answer.total.tolist() == [[1.0]]
