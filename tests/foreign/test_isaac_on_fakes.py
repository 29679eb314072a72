"""The way of an Isaac task from survey to score, over fakes of Isaac's packages; they say nothing about Isaac."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from isaac_tasks import isaac_task, write_interpreter
from test_foreign_worlds import surveyed

from rewardsmith.domain.job import RewardSpec, TrainJob
from rewardsmith.domain.report import Report
from rewardsmith.domain.survey import Signal, Survey
from rewardsmith.domain.task import SignalSpec
from rewardsmith.errors import InfrastructureError, TaskError
from rewardsmith.worker import train
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.opening import open_worlds

KINDS: list[Any] = [
    ("isaac_gym", "Cartpole"),
    ("isaac_lab", "Isaac-Cartpole-Direct-v0"),
    pytest.param("isaac_lab", "Isaac-Cartpole-v0", marks=pytest.mark.slow),
]
PAID = """
def compute_reward(pole_angle, terminated):
    upright = 1.0 - pole_angle * pole_angle
    return upright - 2.0 * terminated, {"upright": upright}
"""


@pytest.fixture(autouse=True)
def fakes(known: Callable[..., None], tmp_path: Path) -> None:
    path = write_interpreter(tmp_path)
    known(isaac_gym=path, isaac_lab=path)


@pytest.fixture(scope="module")
def surveys(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Survey]:
    made: dict[str, Survey] = {}

    def look(simulator: str, env_id: str) -> Survey:
        if env_id not in made:
            made[env_id] = surveyed(isaac_task(simulator, env_id), tmp_path_factory.mktemp("survey"))[0]
        return made[env_id]

    return look


@pytest.mark.parametrize(("simulator", "env_id"), [KINDS[0], pytest.param(*KINDS[1], marks=pytest.mark.slow), KINDS[2]])
def test_a_survey_tells_of_tensors(surveys: Any, simulator: str, env_id: str) -> None:
    found: Survey = surveys(simulator, env_id)
    signals = found.by_name()
    assert {"observation", "action", "terminated", "pole_angle"} <= signals.keys()
    assert signals["observation"].shape == (4,)
    assert (signals["pole_angle"].shape, signals["pole_angle"].unit) == ((), "rad")
    assert signals["terminated"].dtype == "bool"
    joints = signals["dof_pos" if simulator == "isaac_gym" else "cartpole_joint_pos"]
    assert joints.shape == (2,)
    assert ("hinge" if simulator == "isaac_gym" else "cart_to_pole") in joints.meaning
    assert max(np.abs(signals["pole_angle"].high)) > 0.0
    assert found.dt == 0.02
    assert any(episode.terminated for episode in found.episodes)
    if env_id == "Isaac-Cartpole-v0":
        assert signals["command_target"].shape == (3,)
        assert "joint_pos_rel, joint_vel_rel" in found.view
    _tells_nothing_of_the_stock_reward(found, simulator)


def _tells_nothing_of_the_stock_reward(found: Survey, simulator: str) -> None:
    names = " ".join(found.names())
    assert not re.search("rew|success|penalty|closeness|reset|progress", names)
    assert not re.search("rew|penalty|closeness|0.125", found.view.partition("\n")[2])
    shown = {node.name for node in ast.walk(ast.parse(found.view)) if isinstance(node, ast.FunctionDef)}  # noqa: TID251
    gym = {"compute_observations", "pre_physics_step", "gathered"}
    assert shown == (gym if simulator == "isaac_gym" else {"_get_observations", "_pre_physics_step", "_get_dones"})


@pytest.mark.parametrize(("simulator", "env_id"), [pytest.param(*KINDS[0], marks=pytest.mark.slow), *KINDS[1:]])
def test_ends_are_recorded_before_the_reset(simulator: str, env_id: str) -> None:
    shapes: dict[str, tuple[tuple[int, ...], Any]] = {
        "pole_angle": ((), "float64"),
        "observation": ((4,), "float64"),
        "terminated": ((), "bool"),
    }
    wanted = {n: Signal(name=n, shape=shape, dtype=kind, meaning=n, reader=n) for n, (shape, kind) in shapes.items()}
    worlds = open_worlds(isaac_task(simulator, env_id), 5)
    try:
        worlds.record(wanted, 200)
        first = worlds.reset([3, 4, 5, 6, 7])
        assert np.abs(first).max() < 0.5, "the start is near rest"
        ended = truncated = 0
        ages = np.zeros(5, dtype=int)
        place = 2 if simulator == "isaac_gym" else 1
        for _ in range(120):
            stepped = worlds.step(np.zeros((5, 1), dtype=np.float32))
            ages += 1
            for i, last in stepped.last.items():
                assert simulator == "isaac_gym" or not stepped.truncated[i] or ages[i] == 40, "cut at its horizon"
                ages[i] = 0
                ended += int(stepped.terminated[i])
                truncated += int(stepped.truncated[i])
                assert abs(last[place]) > 0.55 or stepped.truncated[i]
        assert ended + truncated >= 5
        assert simulator == "isaac_gym" or truncated
        taken = worlds.take()
        np.testing.assert_allclose(taken.arrays["pole_angle"], taken.arrays["observation"][..., place], rtol=1e-6)
        np.testing.assert_array_equal(taken.arrays["terminated"], taken.terminated)
        falls = taken.arrays["pole_angle"][taken.terminated]
        assert len(falls) == ended
        assert (np.abs(falls) > 0.55).all(), "what is recorded of the last step is from before the reset"
        assert (taken.starts[1:] == taken.ends[:-1]).all()
    finally:
        worlds.close()


@pytest.mark.parametrize(("simulator", "env_id"), [pytest.param(*kind, marks=pytest.mark.slow) for kind in KINDS[:2]])
def test_a_training_is_scored(surveys: Any, tmp_path: Path, simulator: str, env_id: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    job = TrainJob(
        task=isaac_task(simulator, env_id),
        signals=surveys(simulator, env_id).signals,
        reward=RewardSpec(kind="candidate", reward_id="r", source=PAID),
        seed=1,
        steps=96,
        rungs=1,
        episodes=3,
        tensorboard=False,
    )
    train.run(job, out)
    report = Report.model_validate_json((out / "report.json").read_text())
    assert report.failure is None
    assert report.best_rung == 0
    assert 0.0 < report.rungs[0].mean <= 1.0
    assert [c.name for c in report.components] == ["total", "upright"] or len(report.components) == 2


@pytest.mark.slow
def test_what_cannot_be_read_is_listed() -> None:
    with pytest.raises(TaskError, match=r"Opaque of IsaacGymEnvs has no readable tensor.*secret_state \[3, 5\]"):
        make(isaac_task("isaac_gym", "Opaque", signals={}))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("simulator", "env_id", "changes", "said"),
    [
        ("isaac_gym", "Cartpoles", {}, "IsaacGymEnvs has no task 'Cartpoles'"),
        ("isaac_gym", "Cartpole", {"environment": {"kwargs": {"nowhere.x": 1}}}, "configuration cannot be composed"),
        ("isaac_lab", "Isaac-Nothing-v0", {}, "registers no 'Isaac-Nothing-v0'"),
        ("isaac_lab", "Isaac-Cartpole-v0", {"environment": {"kwargs": {"sim.speed": 1}}}, "has no 'sim.speed'"),
    ],
)
def test_a_wrong_task_says_what_is_known(simulator: str, env_id: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(TaskError, match=said) as caught:
        make(isaac_task(simulator, env_id, **changes))
    assert caught.value.hint


@pytest.mark.slow
def test_a_signal_that_no_tensor_gives() -> None:
    with pytest.raises(TaskError, match="signal 'tip': Cartpole of IsaacGymEnvs has no tensor 'dof_poss'"):
        make(
            isaac_task("isaac_gym", "Cartpole", signals={"tip": SignalSpec(source="info", key="dof_poss", meaning="m")})
        )


@pytest.mark.slow
def test_a_fault_of_the_device_ends_the_process() -> None:
    worlds = open_worlds(isaac_task("isaac_gym", "Cartpole", environment={"kwargs": {"env.fault": 3.0}}), 2)
    worlds.record({}, 9)
    worlds.reset([1, 2])
    worlds.step(np.zeros((2, 1), dtype=np.float32))
    with pytest.raises(InfrastructureError, match="CUDA error") as caught:
        worlds.step(np.zeros((2, 1), dtype=np.float32))
    assert caught.value.exit_code == 3
    worlds.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["isaac_gym", "isaac_lab"])
def test_an_interpreter_without_isaac(known: Callable[..., None], name: str) -> None:
    known(**{name: sys.executable})
    missing = "isaacgym" if name == "isaac_gym" else "isaaclab"
    with pytest.raises(TaskError, match=f"has no module '{missing}'") as caught:
        make(isaac_task(name, "Cartpole"))
    assert "pip" not in caught.value.hint, "there is no such package, and a stranger might make one"


def test_our_stub_says_what_isaacgym_stubs_says() -> None:
    """Ours is small, because mypy cannot parse theirs: it has parameters called `lambda`."""
    files = metadata.files("isaacgym-stubs") or []
    theirs = next(Path(str(file.locate())) for file in files if file.name == "gymapi.pyi").read_text()
    ours = ast.parse((Path(__file__).parents[2] / "stubs" / "isaacgym" / "gymapi.pyi").read_text())  # noqa: TID251
    functions = [node for node in ast.walk(ours) if isinstance(node, ast.FunctionDef)]
    assert functions
    for node in functions:
        arguments = ", ".join(f"{a.arg}: {ast.unparse(a.annotation)}" for a in node.args.args[1:] if a.annotation)
        returns = ast.unparse(node.returns or ast.Constant(None)).replace("list", "List")
        assert f"def {node.name}(self, {arguments}) -> {returns}:" in theirs
