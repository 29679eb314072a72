"""Language to Rewards from a recording on real physics, and what is refused before anything is paid for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rewardsmith.app import EvolveRequest, Settings, Workshop
from rewardsmith.errors import TaskError, UsageError

CHECKOUT = Path(__file__).resolve().parents[2]
RECORDING = CHECKOUT / "tests" / "data" / "conversations" / "hand_written" / "language_to_rewards"
TINY = """
[budgets.tiny]
steps = 2000
rungs = 1
k = 2
episodes = 1
leaders = 1
compare_seeds = 1
confirm_seeds = 1
baseline_seeds = 1
"""


def asked_for(env: str, model: str, budget: str = "tiny") -> EvolveRequest:
    return EvolveRequest(
        env=env, recipe="language_to_rewards", model=model, budget=budget, name="run", iterations=2, baselines=()
    )


def test_the_recording_holds_both_roles_and_every_turn_of_theirs():
    names = {file.name for file in RECORDING.iterdir()}
    assert {"g1-describer-s00-c0.json", "g1-describer-s00-c1.json", "g1-repair-s00-c0.json"} <= names
    assert {f"g2-{role}-s0{slot}-c0.json" for role in ("describer", "designer") for slot in (0, 1)} <= names


@pytest.mark.slow
def test_a_recorded_run_replays_on_an_ant(tmp_path):
    shutil.copytree(CHECKOUT / "envs" / "ant", tmp_path / "ant")
    task = tmp_path / "ant" / "task.toml"
    task.write_text(task.read_text().replace("environments = 16", "environments = 4") + TINY)
    workshop = Workshop(Settings(runs=tmp_path / "runs", workers=2))
    spec, plan = workshop.prepare(asked_for(str(tmp_path / "ant"), f"recorded:{RECORDING}"))
    assert plan.completions == 2 * 2 * (3 + 2)
    shutil.rmtree(tmp_path / "ant")
    result = workshop.evolve(spec, plan, lambda event, run: None)
    assert result.status == "done"
    run = workshop.run("run")
    asked = [(c.key.generation, c.key.role, c.key.slot, c.key.call) for c in run.completions]
    assert len(set(asked)) == len(asked) == len(list(RECORDING.iterdir()))
    differ = {(c.key.generation, c.key.role) for c in run.completions if c.recorded_hash}
    assert differ <= {(2, "describer")}, "only what tells of training depends on the machine"
    first, second = run.candidates["g1c00"], run.candidates["g2c00"]
    assert (first.origin, first.repairs[0].kind) == ("repaired", "unknown_name")
    assert all(candidate.failure is None for candidate in run.candidates.values())
    assert second.parameters["torso_velocity_forward"] == 4.0
    assert second.parameters["torso_pitch_weight"] == 0.6, "what the correction does not name stays"
    assert "front_left_step_swing" in run.candidates["g1c01"].components
    told = json.loads((RECORDING / "g2-describer-s00-c0.json").read_text())
    assert "a correction of the task before" in told["completion"]["text"]


def test_a_task_without_a_robot_is_refused(tmp_path):
    workshop = Workshop(Settings(runs=tmp_path / "runs", workers=1))
    request = asked_for("cartpole", f"recorded:{RECORDING}", "quick")
    with pytest.raises(TaskError, match="task cartpole has no robot"):
        workshop.prepare(request)
    assert not (tmp_path / "runs" / "surveys").exists(), "nothing was run for it"


def test_the_offline_author_describes_nothing(tmp_path):
    workshop = Workshop(Settings(runs=tmp_path / "runs", workers=1))
    request = asked_for("ant", "offline", "quick")
    with pytest.raises(UsageError, match="language_to_rewards needs a language model"):
        workshop.prepare(request)
