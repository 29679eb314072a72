"""The sample completions: each faulty one is caught where its list says, no other is refused before it runs."""

import re
from pathlib import Path

import numpy as np
import pytest

from rewardsmith.domain.survey import Signal
from rewardsmith.reward.process import RewardFailed, RewardProcess
from rewardsmith.reward.source import RewardRejected, analyse

COMPLETIONS = Path(__file__).resolve().parents[1] / "data" / "completions"
VECTORS = ("position", "mass_velocity", "velocity", "up", "force", "center_of_mass", "quaternion")
SHAPES = {"action": (8,), "observation": (8,), "torso_quaternion": (4,), "actuator_force": (8,)}


def last_function(text: str) -> str:
    blocks = re.findall(r"```[a-zA-Z]*\n(.*?)```", text, re.DOTALL)
    return next(block for block in reversed(blocks) if "def " in block)


def read(path: str) -> str:
    return last_function((COMPLETIONS / path).read_text())


def signals_named_in(folder: str) -> dict[str, Signal]:
    """A signal for every argument that the honest completions of a task name."""
    names: set[str] = set()
    for path in sorted((COMPLETIONS / folder).glob("[0-9]*.md")):
        found = re.search(r"def compute_reward\((.*?)\*,", last_function(path.read_text()), re.DOTALL)
        assert found is not None
        names |= {part.split(":")[0].strip().removeprefix("prev_") for part in found[1].split(",") if part.strip()}
    names -= {"memory"}
    return {name: Signal(name=name, shape=shape(name), dtype=kind(name), meaning="m", reader="r") for name in names}


def shape(name: str) -> tuple[int, ...]:
    if name in SHAPES:
        return SHAPES[name]
    body = name.startswith(("torso_", "center_", "pole_", "foot_p", "cart_")) or name.endswith("contact_force")
    return (3,) if body and name.endswith(VECTORS) else ()


def kind(name: str) -> str:
    return "bool" if name == "terminated" else "float64"


HONEST = [f"{path.parent.name}/{path.name}" for path in sorted(COMPLETIONS.glob("[!f]*/[0-9]*.md"))]


def test_all_sample_completions_are_there() -> None:
    assert len(HONEST) == 48
    assert len(list((COMPLETIONS / "faulty").glob("[0-9]*.md"))) == 24


@pytest.mark.parametrize("folder", ["ant", "half_cheetah", "hopper", "inverted_pendulum"])
def test_no_honest_completion_is_refused(folder: str) -> None:
    signals = signals_named_in(folder)
    for path in HONEST:
        if path.startswith(folder):
            analyse(read(path), signals)


@pytest.mark.parametrize("path", ["ant/03.md", "ant/05.md", "half_cheetah/09.md", "hopper/04.md", "hopper/03.md"])
def test_honest_completions_run(path: str) -> None:
    signals = signals_named_in(path.split("/")[0])
    rng = np.random.default_rng(0)
    with RewardProcess(read(path), signals) as process:
        arrays = {n: rng.normal(size=(20, 3, *signals[n].shape)).astype(signals[n].dtype) for n in process.reads}
        answer = process.ask(arrays, rng.random((20, 3)) < 0.1)
    assert answer.total.shape == (20, 3)
    assert np.allclose(answer.total, sum(answer.components.values()))


@pytest.mark.parametrize(
    ("number", "gate", "kind"),
    [
        ("01", "parse", "syntax"), ("02", "contract", "unknown_signal"), ("03", "contract", "unknown_name"),
        ("05", "contract", "return_value"), ("06", "contract", "return_value"), ("10", "policy", "forbidden_name"),
        ("11", "policy", "forbidden_import"), ("12", "policy", "forbidden_import"),
        ("13", "policy", "forbidden_construct"), ("17", "contract", "no_function"), ("18", "policy", "forbidden_name"),
        ("19", "policy", "mutates_input"), ("20", "policy", "forbidden_construct"), ("22", "contract", "memory"),
        ("24", "policy", "forbidden_name"),
    ],
)  # fmt: skip
def test_faulty_completions_are_caught_before_they_run(number: str, gate: str, kind: str) -> None:
    with pytest.raises(RewardRejected) as caught:
        analyse(read(f"faulty/{number}.md"), ant_signals())
    assert (caught.value.failure.gate, caught.value.failure.kind) == (gate, kind)


@pytest.mark.parametrize(
    ("number", "kind"),
    [("04", "shape"), ("07", "not_finite"), ("08", "not_finite"), ("14", "too_large_value"), ("21", "exception")],
)
def test_faulty_completions_fail_when_they_run(number: str, kind: str) -> None:
    signals = ant_signals()
    rng = np.random.default_rng(0)
    with RewardProcess(read(f"faulty/{number}.md"), signals) as process:
        arrays = {name: rng.normal(size=(16, 4, *signals[name].shape)) for name in process.reads}
        with pytest.raises(RewardFailed) as caught:
            process.ask(arrays, np.zeros((16, 4), dtype=bool))
    assert caught.value.failure.gate == "probe"
    assert caught.value.failure.kind == kind


@pytest.mark.parametrize("number", ["09", "16"])
def test_what_only_the_probe_or_the_extraction_can_tell_gets_through_here(number: str) -> None:
    analyse(read(f"faulty/{number}.md"), ant_signals())


def ant_signals() -> dict[str, Signal]:
    return signals_named_in("ant")
