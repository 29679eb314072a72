"""Calls of a model against limits on tokens and money."""

from __future__ import annotations

import asyncio

import pytest

from rewardsmith.domain.events import Completed
from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.prompt import Completion, CompletionKey, Message, Request
from rewardsmith.errors import ModelExhausted, ModelUnavailable
from rewardsmith.search.metering import Metered

PROMPT = "word " * 200


class Meter:
    """A model that takes 300 tokens for each prompt of 1,000 letters, answers with 50, and asks a dollar for 1,000."""

    name = "meter"

    def __init__(self, rate=0.001):
        self.rate = rate
        self.most_at_once = self.now = 0

    def price(self, prompt, answer):
        return self.rate * (prompt + answer)

    async def complete(self, request):
        self.now += 1
        self.most_at_once = max(self.now, self.most_at_once)
        await asyncio.sleep(0)
        self.now -= 1
        if request.key.role == "repair":
            raise ModelUnavailable("down")
        return Completion(text="", model=self.name, prompt_tokens=300, completion_tokens=50, dollars=350 * self.rate)


@pytest.fixture
def desk(story):
    """Asks a metered model for so many completions at once, as a generation does; gives who was answered."""
    told = story()

    def build(model, **stop):
        metered = Metered(model, StopSpec(**stop), lambda: told.run)

        async def one(slot, role):
            request = Request(
                CompletionKey(generation=1, role=role, slot=slot),
                (Message(role="user", content=PROMPT),),
                None,
                max_tokens=100,
            )
            completion = await metered.complete(request)
            told.tell(Completed(key=request.key, model="meter", prompt_hash="", tokens=350, dollars=completion.dollars))

        async def ask(*slots, role="designer"):
            answers = await asyncio.gather(*(one(slot, role) for slot in slots), return_exceptions=True)
            assert all(answer is None or isinstance(answer, ModelUnavailable) for answer in answers)
            return [slot for slot, answer in zip(slots, answers, strict=True) if answer is None], answers

        return told, ask

    return build


def test_calls_under_way_count_at_the_most_that_they_can_take(desk):
    """A prompt of 1,016 bytes may have as many tokens, and an answer 100: two such calls fit into 2,300."""
    model = Meter()
    told, ask = desk(model, tokens=2_300)
    answered, refused = asyncio.run(ask(0, 1, 2))
    assert answered == [0, 1]
    assert isinstance(refused[2], ModelExhausted)
    assert "of 2,300" in str(refused[2])
    assert model.most_at_once == 2
    assert told.run.usage().tokens == 700


def test_what_a_call_may_take_is_learnt_from_those_before(desk):
    """300 tokens for 1,016 bytes: with its margin the next call may take 460."""
    told, ask = desk(Meter(), tokens=1_000 + 350)
    assert asyncio.run(ask(0))[0] == [0]
    assert asyncio.run(ask(1, 2, 3))[0] == [1, 2]
    assert told.run.usage().tokens <= 1_350


@pytest.mark.parametrize("limit", [0.0, 0.5, 1.2, 2.0, 5.0])
def test_money_is_never_exceeded(desk, limit):
    told, ask = desk(Meter(), dollars=limit)
    for turn in range(8):
        asyncio.run(ask(*range(4 * turn, 4 * turn + 4)))
    assert told.run.usage().dollars <= limit
    assert limit < 1.2 or told.run.usage().dollars > 0


def test_a_call_that_fails_is_charged_no_more(desk):
    _, ask = desk(Meter(), tokens=1_200)
    assert asyncio.run(ask(0, role="repair"))[0] == []
    assert asyncio.run(ask(1))[0] == [1]


def test_a_model_that_costs_nothing_is_not_metered(desk):
    _, ask = desk(Meter(rate=0.0), tokens=1)
    assert asyncio.run(ask(0, 1, 2))[0] == [0, 1, 2]
