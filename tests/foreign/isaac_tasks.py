"""Tasks of Isaac's simulators over the fakes in `fakes/`, and an interpreter that finds those."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from foreign_cart import make_task

from rewardsmith.domain.task import ScoreRule, SignalSpec, Task

FAKES = Path(__file__).parent / "fakes"
UPRIGHT = ScoreRule(
    source="def score(pole_angle, horizon):\n    return pole_angle.shape[0] / horizon\n", meaning="share of the horizon"
)


def write_interpreter(folder: Path) -> str:
    """A Python that has the fakes where Isaac's packages would be: this one, or that of REWARDSMITH_FAR_PYTHON.

    That one, Python 3.8 or later, must have numpy, gymnasium and torch.
    """
    program, python = folder / "python", os.environ.get("REWARDSMITH_FAR_PYTHON", sys.executable)
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{FAKES}" exec "{python}" "$@"\n')
    program.chmod(0o755)
    return str(program)


def isaac_task(simulator: str, env_id: str, **changes: Any) -> Task:
    key, index = ("dof_pos", 1) if simulator == "isaac_gym" else ("cartpole_joint_pos", 1)
    environment = {"id": env_id, "module": None, "interpreter": None, "simulator": simulator, "horizon": 40}
    given: dict[str, Any] = {
        "module_source": None,
        "score": UPRIGHT,
        "signals": {"pole_angle": SignalSpec(source="info", key=key, index=index, unit="rad", meaning="of the pole")},
        **changes,
    }
    trainer = make_task().trainer.model_copy(update={"policy": "MlpPolicy"})
    return make_task(trainer=trainer, environment=environment | given.pop("environment", {}), **given)
