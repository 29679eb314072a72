"""Where a search starts from: a person's reward, or anew."""

from __future__ import annotations

import pytest

from rewardsmith.app import EvolveRequest
from rewardsmith.domain.events import Screened
from rewardsmith.errors import UsageError

MINE = """import numpy as np


def compute_reward(hinge_angle, *, sharpness=4.0):
    upright = np.exp(-sharpness * np.abs(hinge_angle))
    return upright, {"upright": upright}
"""


def placed(desk):
    return {event.candidate.id: event.candidate for event in desk.events if isinstance(event, Screened)}


def test_a_persons_reward_is_the_first_generation_and_every_restart_begins_from_it(desk, good):
    file = desk.folder / "mine.py"
    file.write_text(MINE)
    asked = {"start_reward": str(file), "iterations": 2, "changes": ("parents.restarts=1",), "recipe": "eureka"}
    spec, plan = desk.workshop.prepare(
        _request(desk, model=desk.answer(*(good(0.1 * n) for n in range(1, 7))), **asked)
    )
    assert (spec.iterations, spec.start_reward) == (4, MINE)
    assert (plan.trainings, plan.completions) == (1 + 3 * 2 + 2, 3 * 2)
    file.unlink()
    desk.workshop.evolve(spec, plan, desk.observe)
    found = placed(desk)
    assert [name for name in found if name.startswith("g1")] == ["g1c00"]
    assert (found["g1c00"].origin, found["g1c00"].parents) == ("human", ())
    assert found["g2c00"].parents == ("g1c00",)
    assert found["g3c00"].parents == ("g1c00",), "anew"
    assert found["g4c00"].parents[0].startswith("g3"), "as good as the others may be"
    prompt = (desk.folder / "runs/run/g2/g2c00/prompt.md").read_text()
    assert "sharpness=4.0" in prompt
    assert len(desk.workshop.run("run").completions) == 6


def test_a_fault_in_it_is_told_before_anything_is_paid_for(desk, good):
    file = desk.folder / "mine.py"
    file.write_text(MINE.replace("hinge_angle", "hinge_angel"))
    with pytest.raises(UsageError, match=r"mine\.py, line \d: .*hinge_angel"):
        desk.evolve(model=desk.answer(good(0.1)), start_reward=str(file))
    file.write_text(MINE.replace("np.exp(-sharpness * np.abs(hinge_angle))", "np.zeros(len(hinge_angle))"))
    with pytest.raises(UsageError, match=r"mine\.py"):
        desk.evolve(model=desk.answer(good(0.1)), start_reward=str(file))
    assert not (desk.folder / "runs" / "run").exists()


def _request(desk, **asked):
    return EvolveRequest(env=desk.task, budget="tiny", baselines=(), name="run", **asked)
