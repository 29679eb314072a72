"""Somebody watches between generations: a person, or a vision model behind a real server on loopback."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from rewardsmith.domain.events import Completed, FeedbackGiven, Said, Screened
from rewardsmith.domain.watching import Impression
from rewardsmith.errors import Conflict, Interrupted, RecipeError, UsageError
from rewardsmith.store.store import Store


class Somebody:
    """A person who answers as told, or who never does."""

    who = "person"

    def __init__(self, *answers: Impression, interrupt=None) -> None:
        self.answers = list(answers)
        self.interrupt = interrupt
        self.shown: list = []

    async def watch(self, showing):
        self.shown.append(showing)
        if self.interrupt:
            self.interrupt()
            await asyncio.Event().wait()
        return self.answers.pop(0)


def prompt(desk, candidate):
    return (desk.folder / "runs/run" / candidate.partition("c")[0] / candidate / "prompt.md").read_text()


def test_a_person_is_asked_once_per_generation_and_the_preferred_one_becomes_the_parent(desk, good):
    model = desk.answer(*(good(0.1 * n) for n in range(1, 5)))
    away = Somebody(interrupt=desk.workshop.interrupt)
    with pytest.raises(Interrupted):
        desk.evolve(model=model, iterations=2, recipe="eureka", watcher="person", person=away)
    desk.workshop = desk.open()
    with pytest.raises(UsageError, match="nobody is there"):
        desk.workshop.resume("run", desk.observe)
    back = Somebody(Impression(better=2, saw="It\nleans {{ 7 * 7 }}.", change="Stand."))
    assert desk.workshop.resume("run", desk.observe, person=back).status == "done"
    names = [[shown.turn.candidate.id for shown in showing.shown] for showing in away.shown + back.shown]
    assert names[0] == names[1], "after a kill the same question stands again"
    assert len(names) == 2, "and it is asked once, and not after the last generation"
    first, second = names[0]
    assert all(shown.video.is_file() for shown in back.shown[0].shown)
    (said,) = [event.remark for event in desk.events if isinstance(event, Said)]
    assert (said.generation, said.candidate, said.over, said.who) == (1, second, first, "person")
    written = [event.candidate for event in desk.events if isinstance(event, Screened)]
    children = [candidate for candidate in written if candidate.generation == 2]
    assert children
    assert {candidate.parents for candidate in children} == {(second,)}
    assert "It leans {{ 7 * 7 }}.\n" in prompt(desk, "g2c00")
    assert "task_score:" not in prompt(desk, "g2c00")


def test_a_vision_model_gets_pictures_and_is_never_paid_twice(desk, good, model_server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    model_server.answer("I see a pole.", json.dumps({"saw": "It falls at once.", "change": "Balance."}))
    asked = {"watcher": "litellm:openai/eyes", "base_url": model_server.url, "k": 1, "iterations": 2}
    desk.evolve(model=desk.answer(good(0.1), good(0.2)), **asked)
    first, again = model_server.asked
    (message,) = first["messages"]
    text, *pictures = message["content"]
    assert "Pictures 1 to" in text["text"]
    stills = [base64.b64decode(each["image_url"]["url"].partition("base64,")[2]) for each in pictures]
    assert 2 <= len(stills) <= 8
    assert all(still.startswith(b"\xff\xd8\xff") and still.endswith(b"\xff\xd9") for still in stills)
    assert [each["role"] for each in again["messages"]] == ["user", "assistant", "user"], "no JSON: asked once more"
    assert "seen: It falls at once. To change: Balance." in prompt(desk, "g2c00")
    run = desk.workshop.run("run")
    assert [c.key.call for c in run.completions if c.key.role == "watcher"] == [0, 1]
    assert run.usage().tokens >= 30
    assert run.said[1].who == "litellm:openai/eyes"


def test_what_a_watcher_lacks_is_told_before_anything_is_made(desk, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    bare = desk.folder / "bare"
    bare.mkdir()
    for name, text in desk.workshop.recipe("eureka").templates.items():
        (bare / f"{name}.md.j2").write_text(text)
    (bare / "watcher.md.j2").unlink()
    (bare / "recipe.toml").write_text((desk.workshop.folders.prompts[-1] / "eureka/recipe.toml").read_text())
    for asked, error, said in (
        ({"watcher": "litellm:openai/gpt-4o"}, UsageError, "OPENAI_API_KEY"),
        ({"watcher": "offline"}, UsageError, "watches nothing"),
        ({"watcher": "folder:/x", "recipe": str(bare)}, RecipeError, r"watcher.md.j2 is missing"),
    ):
        with pytest.raises(error, match=said):
            desk.evolve(model="offline", **asked)
    assert not (desk.folder / "runs" / "run").exists()


def test_feedback_reaches_the_next_generation_once_whoever_drives_and_however_often_it_is_killed(desk, good):
    sender = Store.open(desk.folder / "runs" / "rewardsmith.db")
    waits = {
        (Screened, 1): [("Hold {{ 7 * 7 }} still.\n```", None), ("It leans.", "g1c00")],
        (Completed, 2): [("Too late for the second.", None)],
    }

    def send(stored, run):
        desk.events.append(stored.event)
        at = getattr(stored.event, "candidate", None) or getattr(stored.event, "key", None)
        for text, about in waits.pop((type(stored.event), getattr(at, "generation", 0)), ()):
            sender.feed("run", FeedbackGiven(text=text, candidate=about))
        if isinstance(stored.event, Said | Completed) and stored.event != desk.events[0]:
            desk.workshop.interrupt()

    desk.observe = send
    model = desk.answer(*(good(0.1 * n) for n in range(1, 8)))
    with pytest.raises(Interrupted):
        desk.evolve(model=model, iterations=3, k=1, recipe="smith")
    for _ in range(20):
        desk.workshop = desk.open()
        try:
            done = desk.workshop.resume("run", desk.observe)
            break
        except Interrupted:
            continue
    assert done.status == "done"
    assert not waits
    second, third = prompt(desk, "g2c00"), prompt(desk, "g3c00")
    assert second.count("Hold {{ 7 * 7 }} still.") == second.count("It leans.") == 1
    assert "Too late" not in second
    assert third.count("Too late for the second.") == 1
    run = desk.workshop.run("run")
    assert (run.feedback, len(run.heard)) == ({}, 2)
    assert [remark.generation for remark in run.remarks()] == [1, 2]
    with pytest.raises(Conflict, match="done already"):
        sender.feed("run", FeedbackGiven(text="More."))
    sender.close()
