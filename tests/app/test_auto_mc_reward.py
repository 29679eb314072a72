"""Auto MC-Reward from its first call to the winner, on real physics, with a provider that goes down in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rewardsmith.domain.events import AttemptEnded
from rewardsmith.errors import ModelUnavailable, UsageError
from rewardsmith.reports.story import candidate_story
from rewardsmith.store.store import Store

RECORDING = Path(__file__).resolve().parents[1] / "data" / "conversations" / "hand_written" / "auto_mc_reward"

PASSES = '{"passes": true, "objections": []}'
OBJECTS = 'Point 3:\n\n```json\n{"passes": false, "objections": ["dense: 0.3 rad is hardly upright"]}\n```\n'


def draft(limit: float, angle: str = "hinge_angle") -> str:
    return f"""The pole shall stay up; its fall is the one event.

```python
import numpy as np

MEMORY = {{"steps": 0.0}}


def sparse(terminated, memory, *, milestone=20.0):
    # A milestone for every twenty steps upright, so that more than the fall is told.
    memory["steps"] = memory["steps"] + 1.0
    return np.where(terminated, -1.0, np.where(memory["steps"] % milestone == 0, 1.0, 0.0))


def dense({angle}, *, limit={limit}):
    return limit - np.abs({angle})
```
"""


def finding(episode: int, step: int) -> str:
    evidence = [{"episode": episode, "step": step}, {"episode": 99, "step": 0}]
    return json.dumps({"cause": "It sways.", "evidence": evidence, "suggestion": "Ask for a smaller angle."})


def test_every_role_is_asked_once_and_a_provider_that_goes_down_costs_nothing(desk, model_server):
    asked = {"recipe": "auto_mc_reward", "iterations": 2, "k": 1, "model": "openai:test", "base_url": model_server.url}
    model_server.answer(draft(0.3, "hinge_angel"), draft(0.3), "I would ask for a smaller angle.", OBJECTS)
    with pytest.raises(ModelUnavailable):
        desk.evolve(**asked)
    model_server.answer(draft(0.1), PASSES, "It sways.")
    with pytest.raises(ModelUnavailable):
        desk.open().resume("run", desk.observe)
    model_server.answer(finding(1, 0), draft(0.05), PASSES)
    result = desk.open().resume("run", desk.observe)

    assert result.status == "done"
    assert model_server.served == 10
    run = desk.workshop.run("run")
    assert [(each.key.generation, each.key.role, each.key.call) for each in run.completions] == [
        (1, "designer", 0),
        (1, "repair", 0),
        (1, "critic", 0),
        (1, "critic", 1),
        (1, "designer", 1),
        (1, "critic", 2),
        (2, "analyser", 0),
        (2, "analyser", 1),
        (2, "designer", 0),
        (2, "critic", 0),
    ]
    first, second = run.candidates["g1c00"], run.candidates["g2c00"]
    assert (first.parameters, second.parameters) == (
        {"milestone": 20.0, "limit": 0.1},
        {"milestone": 20.0, "limit": 0.05},
    )
    assert second.parents == ("g1c00",)
    assert run.usage().tokens == 150, "every role's tokens count"
    totals = [s for s in run.search_report(first).components if s.name == "total"]
    assert all(point.low >= -1.1 and point.high <= 1.1 for total in totals for point in total.points)
    trained = [event.attempt.key for event in desk.events if isinstance(event, AttemptEnded) and event.report]
    assert len(trained) == len(set(trained))

    prompt = (desk.folder / "runs/run/g2/g2c00/prompt.md").read_text()
    seen = run.analyses["g1c00"].finding.evidence[0].shown
    assert f"Cause: It sways.\n\nSeen at episode 1, step 0: {seen}\n\nSuggestion: Ask for a smaller angle." in prompt
    assert "# assistant\n\n" + draft(0.1).strip() in prompt, "the parent as it was written"
    told = candidate_story(run, first, "somewhere")
    for words in ("critic: objects: dense: 0.3 rad is hardly upright", "critic: passes", "analyser: cause: It sways."):
        assert words in told
    assert "dropped: 1 piece of evidence" in told
    page = (desk.folder / "runs/run/report.html").read_text()
    for words in (
        "objects: dense: 0.3 rad is hardly upright",
        "cause: It sways.",
        "4 of the calls of the model were a critic",
    ):
        assert words in page


@pytest.mark.slow
def test_any_recipe_may_have_a_critic_and_an_analyser(desk, good, model_server):
    model_server.answer(good(0.3), OBJECTS, good(0.1), finding(1, 0), good(0.05), PASSES)
    changes = ("critique.rounds=1", "analyse.episodes=2", "screen.archive=false")
    result = desk.evolve(iterations=2, k=1, changes=changes, model="openai:test", base_url=model_server.url)
    run = desk.workshop.run("run")
    assert (result.status, model_server.served) == ("done", 6)
    assert run.candidates["g1c00"].parameters == {"angle_temperature": 0.1}
    assert "Cause: It sways." in (desk.folder / "runs/run/g2/g2c00/prompt.md").read_text()


def test_the_plan_counts_every_role(desk, good):
    from rewardsmith.app import EvolveRequest

    def calls(recipe: str) -> int:
        asked = EvolveRequest(env=desk.task, budget="tiny", recipe=recipe, iterations=3, k=2, model=desk.answer(good()))
        return desk.workshop.prepare(asked)[1].completions

    assert calls("smith") == 3 * 2 * 2
    assert calls("auto_mc_reward") == 3 * 2 * (4 * 2 + 3 * 2) + 2 * 2 * 2


@pytest.mark.parametrize("model", ["offline", "offline,folder:answers=2"])
def test_the_offline_author_is_no_critic(desk, model):
    with pytest.raises(UsageError, match="needs a language model"):
        desk.evolve(recipe="auto_mc_reward", model=model)


def command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "rewardsmith", *arguments, "--runs-dir", str(folder), "--json"]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def asked_in(folder: Path) -> list[tuple[int, str, int]]:
    if not (folder / "rewardsmith.db").exists():
        return []
    store = Store.open(folder / "rewardsmith.db")
    try:
        events = [stored.event for stored in store.events("run")]
    finally:
        store.close()
    return [(e.key.generation, e.key.role, e.key.call) for e in events if e.kind == "completed"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_recorded_conversation_replays_on_the_ant_though_it_is_killed(tmp_path):
    arguments = ["--env", "ant", "--recipe", "auto_mc_reward", "--model", f"recorded:{RECORDING}", "--name", "run"]
    arguments += ["--budget", "quick", "--steps", "2000", "--iters", "2", "--k", "1", "--baselines", "none"]
    first = command(tmp_path, "evolve", *arguments)
    while first.poll() is None and not any(role == "critic" for _, role, _ in asked_in(tmp_path)):
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second = command(tmp_path, "resume", "run")
    out, chatter = second.communicate()
    assert second.returncode == 0, chatter[-2000:]
    assert json.loads(out)["status"] == "done"
    asked = asked_in(tmp_path)
    assert len(asked) == len(set(asked))
    assert len(asked) == len(list(RECORDING.glob("*.json"))), "all that was recorded was asked for"
    prompt = (tmp_path / "run/g2/g2c00/prompt.md").read_text()
    assert "Cause: The ant does not fall, it comes to rest" in prompt
