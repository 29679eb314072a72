from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from rewardsmith.domain.events import Completed, GenerationEnded, Said
from rewardsmith.domain.prompt import CompletionKey
from rewardsmith.domain.watching import Impression, Remark
from rewardsmith.errors import ModelExhausted, StoreError
from rewardsmith.search.watching import Watching

SAID = Remark(generation=1, candidate="g1c00", saw="It falls.", who="person")


class Watcher:
    who = "eyes"

    def __init__(self, exhausted=False):
        self.asked = []
        self.exhausted = exhausted

    async def watch(self, showing):
        self.asked.append(showing)
        if self.exhausted:
            raise ModelExhausted("nothing left")
        return Impression(better=1, saw="a\nb" + "x" * 5000)


class Blind:
    """A camera in whose folder nothing can be written."""

    def __init__(self, path):
        self.folder = SimpleNamespace(candidate=lambda name: path / name)

    async def keep(self, *_):
        raise StoreError("the disk is full")


def watch(told, path, watcher, generation=1):
    appended = []

    async def append(event):
        appended.append(event)

    turns = told.run.turns()

    async def contexts(*_):
        return [SimpleNamespace(parents=turns[:1])]

    composing = SimpleNamespace(
        parentage=lambda _, without=None: SimpleNamespace(of=lambda _: turns[1:] if without else turns[:1]),
        contexts=contexts,
    )
    journal = SimpleNamespace(run=told.run, append=append)
    asyncio.run(Watching(journal, composing, Blind(path), watcher).after(generation))
    return appended


@pytest.fixture
def told(story):
    told = story()
    told.candidate(1, 0, 2.0)
    told.candidate(1, 1, 1.0)
    told.tell(GenerationEnded(generation=1, best="g1c00", best_overall="g1c00"))
    return told


def test_somebody_is_asked_about_the_parent_to_be_and_who_else_would_be(told, tmp_path):
    watcher = Watcher()
    (event,) = watch(told, tmp_path, watcher)
    shown = watcher.asked[0].shown
    assert [each.turn.candidate.id for each in shown] == ["g1c00", "g1c01"]
    assert [each.fault.message for each in shown] == ["the disk is full"] * 2, "numbers are shown without a video"
    remark = event.remark
    assert (remark.candidate, remark.over, remark.who) == ("g1c00", "g1c01", "eyes")
    assert remark.saw.startswith("a bx")
    assert len(remark.saw) == 2000


def test_nobody_is_asked_twice_nor_before_or_after_the_time(told, tmp_path):
    watcher = Watcher()
    assert watch(told, tmp_path, watcher, generation=2) == [], "it has not ended"
    told.tell(Said(remark=SAID))
    assert watch(told, tmp_path, watcher) == [], "it was said"
    told.run.said.clear()
    key = CompletionKey(generation=2, role="designer", slot=0)
    told.tell(Completed(key=key, model="m", prompt_hash="h", tokens=1, dollars=0.0))
    assert watch(told, tmp_path, watcher) == [], "the next generation has begun: its prompts stay as they are"
    assert watcher.asked == []
    assert watch(told, tmp_path, None) == []


def test_a_watcher_with_nothing_left_says_nothing(told, tmp_path):
    (event,) = watch(told, tmp_path, Watcher(exhausted=True))
    assert not event.remark.words


def test_time_spent_waiting_for_an_answer_is_not_counted(told):
    before = told.run.wall_s
    told.tell(Said(remark=SAID), after=5000.0)
    assert told.run.wall_s == before
