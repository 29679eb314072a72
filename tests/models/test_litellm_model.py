from __future__ import annotations

import asyncio
import traceback

import pytest

from rewardsmith.errors import ModelUnavailable, UsageError
from rewardsmith.models.conformance import ModelConformance, example_request
from rewardsmith.models.litellm import LiteLLMModel
from rewardsmith.models.model import price, window
from rewardsmith.models.registry import open_model

pytestmark = pytest.mark.slow  # importing litellm takes seconds


@pytest.fixture(autouse=True)
def key(monkeypatch, chat):
    monkeypatch.setenv("OPENAI_API_KEY", chat.key)
    return chat.key


@pytest.fixture
def waits():
    return []


@pytest.fixture
def model(server, waits, key):
    async def sleep(seconds):
        waits.append(seconds)

    return LiteLLMModel(
        "openai/served", base_url=server.url, timeout_s=60.0, environ={"OPENAI_API_KEY": key}, retries=2, sleep=sleep
    )


def ask(model):
    return asyncio.run(model.complete(example_request()))


class TestConformance(ModelConformance):
    available = 0

    @pytest.fixture(autouse=True)
    def _server(self, server):
        self._url = server.url

    def open_model(self):
        return LiteLLMModel("openai/served", base_url=self._url, timeout_s=60.0)


def test_sends_the_messages_and_books_the_answer(model, server, chat):
    server.replies = [chat.reply(body=chat.answer("Hello.", finish="length", usage=(123, 45)))]
    completion = ask(model)
    body = server.seen[0][2]
    assert body["model"] == "served"
    assert body["temperature"] == 1.0
    assert body["max_tokens"] == 4096
    assert completion.text == "Hello."
    assert completion.finish_reason == "length"
    assert (completion.prompt_tokens, completion.completion_tokens) == (123, 45)
    assert completion.dollars is None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_trouble_is_waited_out_longer_each_time(model, server, chat, waits, status):
    server.replies = [chat.failing(status), chat.failing(status), chat.reply(body=chat.answer("At last."))]
    assert ask(model).text == "At last."
    assert len(server.seen) == 3
    assert len(waits) == 2
    assert 0.37 <= waits[0] <= 0.5
    assert 0.75 <= waits[1] <= 1.0


def test_lasting_trouble_pauses_the_run(model, server, chat):
    server.default = lambda body: chat.failing(500, "boom")
    with pytest.raises(ModelUnavailable, match="litellm:openai/served"):
        ask(model)
    assert len(server.seen) == 3


def test_a_server_that_hangs_is_left(server, chat, key):
    server.default = lambda body: chat.reply(hangs=True)
    model = LiteLLMModel("openai/served", base_url=server.url, timeout_s=0.3, retries=0)
    with pytest.raises(ModelUnavailable, match=r"no answer within 0\.3 s"):
        ask(model)


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_no_error_holds_a_key(model, server, chat, status):
    server.default = lambda body: chat.failing(status, f"Incorrect API key provided: {chat.key}")
    with pytest.raises(ModelUnavailable) as caught:
        ask(model)
    assert chat.key not in "".join(traceback.format_exception(caught.value)) + caught.value.hint


@pytest.mark.parametrize("body", [b"<html>nginx</html>", b"{}", b'{"choices": []}'])
def test_garbage_is_no_completion(model, server, chat, body):
    server.default = lambda asked: chat.reply(body=body)
    with pytest.raises(ModelUnavailable):
        ask(model)


def test_a_missing_key_is_said_before_anything_is_asked():
    with pytest.raises(UsageError, match="ANTHROPIC_API_KEY"):
        open_model("litellm:anthropic/claude-sonnet-4-5", seed=0)


def test_a_provider_that_nobody_knows(capsys):
    with pytest.raises(UsageError, match="nosuch"):
        open_model("litellm:nosuch/model", seed=0)
    assert capsys.readouterr().out == ""


def test_whether_prices_are_known_is_said_before_anything_is_asked(server):
    assert price(LiteLLMModel("openai/gpt-4o"), 1, 1) is not None
    assert price(LiteLLMModel("openai/no-such-model"), 1, 1) is None
    assert price(LiteLLMModel("openai/gpt-4o", base_url=server.url), 1, 1) is None


def test_a_models_window_is_known_where_litellm_lists_it(server):
    assert window(LiteLLMModel("openai/gpt-4o")) == 128_000
    assert window(LiteLLMModel("openai/no-such-model")) is None
    assert window(LiteLLMModel("openai/gpt-4o", base_url=server.url)) is None
