"""Text2Reward on real physics: written against the abstraction, repaired, fed back, an example for the next task."""

from __future__ import annotations

import shutil

import pytest

from rewardsmith.app import EvolveRequest
from rewardsmith.domain.events import Completed, Screened
from rewardsmith.domain.prompt import prompt_hash
from rewardsmith.errors import UsageError

WRITTEN = """The pole has one stage: stand. What tells how far it is, is its angle.

```python
import numpy as np


def compute_reward(env, *, angle_temperature={temperature}):
    \"\"\"Keep the pole upright.\"\"\"
    pole = env.hinge
    # small angles are worth the most
    upright = np.exp(-np.square(wrap_angle(pole.{angle})) / angle_temperature)
    alive = np.where(env.terminated, 0.0, 1.0)
    return upright + alive, {{"upright": upright, "alive": alive}}
```
"""


def answer(temperature: float, angle: str = "angle") -> str:
    return WRITTEN.format(temperature=temperature, angle=angle)


def test_a_run_from_the_abstraction_and_its_example_in_the_next(desk):
    model = desk.answer(answer(0.1, "angel"), answer(0.1), answer(0.2))
    result = desk.evolve(model=model, recipe="text2reward", k=1, iterations=2)
    assert result.status == "done"
    first, second = (event.candidate for event in desk.events if isinstance(event, Screened))
    assert first.origin == "repaired"
    assert first.repairs[0].message.startswith("there is no env.hinge.angel; did you mean env.hinge.angle")
    assert first.repairs[0].line == 8
    assert first.signals == second.signals == ("hinge_angle", "terminated")
    assert "def wrap_angle(angle):" in (desk.folder / "runs/run/g2/g2c00/reward.py").read_text()
    asked = {(e.key.generation, e.key.role, e.key.call): e.prompt_hash for e in desk.events if isinstance(e, Completed)}
    assert asked[2, "designer", 0] == prompt_hash(desk.workshop.told("run", generation=2))
    assert asked[1, "designer", 0] == prompt_hash(desk.workshop.told("run", generation=1))
    messages = desk.workshop.told("run", generation=2)
    assert messages[2].content == answer(0.1), "what the model wrote, not what became of it"
    assert "Nobody watched it" in messages[3].content
    after = desk.workshop.told("run", "smith")
    assert "def compute_reward(" in after[2].content, "the search is over, and has not begun anew"
    with pytest.raises(UsageError, match="has done 2 generations"):
        desk.workshop.told("run", generation=4)

    shutil.copytree(desk.task, desk.folder / "other")
    toml = desk.folder / "other" / "task.toml"
    described = next(line for line in toml.read_text().splitlines() if line.startswith("description"))
    toml.write_text(toml.read_text().replace(described, 'description = "Balance the pole with the cart at rest."'))
    request = EvolveRequest(
        env=str(toml.parent), budget="tiny", recipe="text2reward", k=1, iterations=1, model=desk.answer(answer(0.3))
    )
    spec, _ = desk.workshop.prepare(request)
    assert [(each.run, each.candidate) for each in spec.examples] == [("run", result.best.candidate)]
    theirs, _ = desk.workshop.prepare(request, asker="ann")
    assert theirs.examples == (), "a key's prompts show its own runs alone"
    shown = desk.workshop.prompts(str(toml.parent), "text2reward")[1].content
    assert "As an example of style" in shown
    assert desk.workshop.task(desk.task).description in shown
    assert "pole = env.hinge" not in shown, "the example is the reward of the contract, shown as it reads here"
    assert "wrap_angle(env.hinge.angle)" in shown
    again = desk.workshop.prompts(desk.task, "text2reward")[1].content
    assert "As an example of style" not in again, "a task's own runs are no examples for it"
