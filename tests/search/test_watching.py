from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from rewardsmith.domain.events import Completed, FeedbackGiven, GenerationEnded, Said
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

    async def append(*events):
        appended.extend(events)

    turns = told.run.turns()

    async def contexts(*_):
        return [SimpleNamespace(parents=turns[:1])]

    composing = SimpleNamespace(
        parentage=lambda _, without=None: SimpleNamespace(of=lambda _: turns[1:] if without else turns[:1]),
        contexts=contexts,
    )

    async def listen():
        pass

    journal = SimpleNamespace(run=told.run, append=append, listen=listen)
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


def test_what_came_unasked_becomes_remarks_once_the_parents_last(told, tmp_path):
    for text, about in (("Stand.", None), ("Lean less.", "g1c01"), ("Longer.", "g1c00"), ("x" * 990, None)):
        told.tell(FeedbackGiven(text=text, candidate=about))
    ids = list(told.run.feedback)
    events = watch(told, tmp_path, None)
    found = [(event.remark.candidate, event.remark.change, event.feedback) for event in events]
    assert found == [("g1c01", "Lean less.", (ids[1],)), ("g1c00", "Stand. Longer.", (ids[0], ids[2]))]
    told.tell(*events)
    assert [each.text for each in told.run.feedback.values()] == ["x" * 990], "what is more than a prompt shows waits"
    assert told.run.remarks() == tuple(event.remark for event in events)
    (left,) = watch(told, tmp_path, None)
    told.tell(left)
    assert watch(told, tmp_path, None) == []


def test_feedback_waits_while_nothing_has_a_score(story, tmp_path):
    told = story()
    told.candidate(1, 0, None)
    told.tell(GenerationEnded(generation=1, best=None, best_overall=None), FeedbackGiven(text="Stand."))
    told.run.candidates.clear()
    assert watch(told, tmp_path, None) == []
    assert told.run.feedback


def test_feedback_counts_no_time_and_is_read_later_than_its_place(told):
    told.tell(FeedbackGiven(text="Stand."), after=5000.0)
    before, last = told.run.wall_s, told.run.last_event
    told.tell(GenerationEnded(generation=2, best=None, best_overall=None), after=-4999.0)
    assert told.run.wall_s == before + 1
    assert told.run.last_event > last
