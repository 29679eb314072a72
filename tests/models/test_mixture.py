"""Several models in one run: who is asked for which slot, what it costs, and what wrong names are told."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace

import pytest

from rewardsmith.domain.prompt import Completion, CompletionKey, Message, Request
from rewardsmith.errors import ModelExhausted, UnknownName, UsageError
from rewardsmith.models.conformance import ModelConformance, example_context
from rewardsmith.models.mixture import Author, Mixture, authors
from rewardsmith.models.offline import OfflineAuthor
from rewardsmith.models.registry import open_model


class Writer:
    def __init__(self, name, dollars=None):
        self.name, self.dollars = name, dollars

    def price(self, prompt_tokens, completion_tokens):
        return None if self.dollars is None else self.dollars * (prompt_tokens + completion_tokens)

    async def complete(self, request):
        if self.name == "empty":
            raise ModelExhausted("nothing left")
        return Completion(text=self.name, model=f"{self.name}-2026")


def mixture(**shares):
    return Mixture([(Author(name, share), Writer(name)) for name, share in shares.items()])


def ask(model, generation, slot, role="designer", k=4):
    key = CompletionKey(generation=generation, role=role, slot=slot)
    messages = (Message(role="user", content="write"),)
    return asyncio.run(model.complete(Request(key, messages, example_context(k=k))))


class TestMixture(ModelConformance):
    available = 0

    def open_model(self):
        return Mixture([(Author("one", 1), OfflineAuthor(seed=0)), (Author("two", 1), OfflineAuthor(seed=1))])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("offline", [("offline", 1)]),
        ("openai:gpt-5=3,offline", [("openai:gpt-5", 3), ("offline", 1)]),
        ("litellm:a/b@001=0.5, folder:x=y", [("litellm:a/b@001", 0.5), ("folder:x=y", 1)]),
    ],
)
def test_names_and_shares_are_read(name, found):
    assert [(author.name, author.share) for author in authors(name)] == found


@pytest.mark.parametrize(
    ("name", "said"),
    [("offline,", "has no name"), ("a=2,a", "'a' is named twice"), ("a=0,b", "'a' has no share"), (",", "has no name")],
)
def test_wrong_names_are_told(name, said):
    with pytest.raises(UsageError, match=said):
        open_model(name, seed=0)


def test_each_name_is_looked_up(tmp_path):
    with pytest.raises(UnknownName, match="ofline"):
        open_model("offline,ofline", seed=0)


@pytest.mark.parametrize("k", [1, 2, 4, 7])
def test_shares_hold_in_every_stretch_of_a_run(k):
    model = mixture(a=3, b=1)
    told = [ask(model, generation, slot, k=k).text for generation in range(1, 17) for slot in range(k)]
    for start in range(len(told) - 8):
        assert Counter(told[start : start + 8]) in ({"a": 6, "b": 2}, {"a": 7, "b": 1}, {"a": 5, "b": 3})
    assert Counter(told)["a"] == 0.75 * len(told)


def test_every_role_of_a_slot_asks_the_same_and_the_answer_says_whom():
    for slot in range(4):
        answers = [ask(mixture(a=1, b=1), 2, slot, role) for role in ("designer", "repair")]
        assert answers[0] == answers[1]
        assert answers[0].author == answers[0].text
        assert answers[0].model == f"{answers[0].text}-2026"


def test_a_resumed_run_asks_the_same():
    whole = mixture(a=2, b=1)
    expected = [ask(whole, generation, slot).text for generation in (1, 2, 3) for slot in range(4)]
    assert [ask(mixture(a=2, b=1), 3, slot).text for slot in range(4)] == expected[8:]


def test_it_costs_at_most_what_the_dearest_costs():
    dear, cheap, unknown = Writer("dear", 3.0), Writer("cheap", 1.0), Writer("unknown")
    assert Mixture([(Author("a", 1), dear), (Author("b", 1), cheap)]).price(1, 1) == 6.0
    assert Mixture([(Author("a", 1), dear), (Author("b", 1), unknown)]).price(1, 1) is None


def test_one_that_has_nothing_left_says_so():
    with pytest.raises(ModelExhausted):
        ask(mixture(empty=1, b=1), 1, 0)
    assert ask(mixture(empty=1, b=1), 1, 1).text == "b"


def test_the_least_window_that_is_known_counts():
    def of(tokens):
        return SimpleNamespace(window=lambda: tokens)

    known, unknown = (Author("a", 1), of(8000)), (Author("b", 1), of(None))
    assert Mixture([known, (Author("c", 1), of(4000)), unknown]).window() == 4000
    assert Mixture([unknown, (Author("d", 1), SimpleNamespace())]).window() is None
