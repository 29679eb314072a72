from __future__ import annotations

import asyncio
import traceback

import pytest

from rewardsmith.errors import ModelUnavailable, UsageError
from rewardsmith.models.conformance import ModelConformance, example_request
from rewardsmith.models.model import price
from rewardsmith.models.openai import OpenAIModel
from rewardsmith.models.registry import open_model


def ask(model, request=None):
    return asyncio.run(model.complete(request or example_request()))


def refused(model):
    """The error, and everything that a user could be shown of it."""
    with pytest.raises(ModelUnavailable) as caught:
        ask(model)
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    return caught.value, shown


@pytest.fixture
def model(server, chat):
    return OpenAIModel("served", key=chat.key, base_url=server.url, timeout_s=60.0, retries=2)


class TestConformance(ModelConformance):
    available = 0

    @pytest.fixture(autouse=True)
    def _server(self, server, chat):
        self._model = lambda: OpenAIModel("served", key=chat.key, base_url=server.url, timeout_s=60.0)

    def open_model(self):
        return self._model()


def test_sends_the_messages_and_books_the_answer(model, server, chat):
    server.replies = [chat.reply(body=chat.answer("Hello.", finish="length", usage=(123, 45)))]
    completion = ask(model)
    path, headers, body = server.seen[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {chat.key}"
    assert body["model"] == "served"
    assert body["temperature"] == 1.0
    assert body["max_tokens"] == 4096
    assert [m["role"] for m in body["messages"]] == ["system", "user"]
    assert completion.text == "Hello."
    assert completion.finish_reason == "length"
    assert completion.model == "served-model"
    assert (completion.prompt_tokens, completion.completion_tokens) == (123, 45)
    assert completion.wall_s > 0
    assert completion.dollars is None


@pytest.mark.parametrize("status", [429, 500, 503, 529, 408])
def test_passing_trouble_is_waited_out(model, server, chat, status):
    server.replies = [chat.failing(status), chat.failing(status), chat.reply(body=chat.answer("At last."))]
    assert ask(model).text == "At last."
    assert len(server.seen) == 3


def test_lasting_trouble_pauses_the_run(model, server, chat):
    server.default = lambda body: chat.failing(500, "boom")
    error, _ = refused(model)
    assert "keeps failing (HTTP 500)" in error.message
    assert "openai:served" in error.message
    assert error.hint
    assert len(server.seen) == 3


def test_a_lasting_limit_is_named(model, server, chat):
    server.default = lambda body: chat.failing(429, "quota")
    assert "HTTP 429" in refused(model)[0].message


def test_a_server_that_hangs_is_left(server, chat):
    server.default = lambda body: chat.reply(hangs=True)
    model = OpenAIModel("served", key=chat.key, base_url=server.url, timeout_s=0.2, retries=0)
    assert "no answer within 0.2 s" in refused(model)[0].message


def test_a_server_that_is_not_there(chat, server):
    model = OpenAIModel("served", key=chat.key, base_url="http://127.0.0.1:9/v1", timeout_s=1.0, retries=0)
    assert "cannot be reached" in refused(model)[0].message


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_not_told(model, server, chat, status):
    server.default = lambda body: chat.failing(status, f"Incorrect API key provided: {chat.key}")
    error, shown = refused(model)
    assert "refuses the key" in error.message
    assert chat.key not in shown
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [400, 404, 422, 429, 500])
def test_no_error_holds_a_key_that_the_server_echoes(server, chat, status):
    other = "sk-proj-someoneelseskey"
    server.default = lambda body: chat.failing(status, f"bad {chat.key} and {other} and Bearer abcdefgh123")
    _, shown = refused(OpenAIModel("served", key=chat.key, base_url=server.url, retries=0))
    assert chat.key not in shown
    assert other not in shown
    assert "abcdefgh123" not in shown


def test_keys_of_any_form_are_left_out(server, chat):
    odd = "my.very.own+key=="
    server.default = lambda body: chat.failing(422, f"bad {odd}")
    error, shown = refused(OpenAIModel("served", key=odd, base_url=server.url, retries=0))
    assert odd not in shown
    assert "bad [key]" in error.message


def test_a_long_error_is_cut_to_one_printable_line(server, chat):
    server.default = lambda body: chat.failing(400, "a\n\x1b[31m" + "b" * 5000)
    error, _ = refused(OpenAIModel("served", key=chat.key, base_url=server.url, retries=0))
    assert len(error.message) < 450
    assert error.message.isprintable()


@pytest.mark.parametrize(
    "body",
    [b"<html>nginx</html>", b"{", b"[]", b'"text"', b"null", b"{}", b'{"choices": []}', b'{"choices": [{}]}', b""],
)
def test_garbage_is_no_completion(server, chat, body):
    server.default = lambda asked: chat.reply(body=body)
    assert "no chat completion" in refused(OpenAIModel("m", key=chat.key, base_url=server.url, retries=0))[0].message


def test_a_page_in_place_of_an_answer(server, chat):
    server.default = lambda asked: chat.reply(body=b"<html>hi</html>", headers={"content-type": "text/html"})
    assert "no chat completion" in refused(OpenAIModel("m", key=chat.key, base_url=server.url, retries=0))[0].message


def test_an_empty_answer_is_a_completion_without_code(model, server, chat):
    server.replies = [chat.reply(body=chat.answer(None, finish="content_filter"))]
    completion = ask(model)
    assert completion.text == ""
    assert completion.finish_reason == "content_filter"


def test_a_lone_surrogate_becomes_text_that_can_be_stored(model, server, chat):
    server.replies = [chat.reply(body=chat.answer("a \ud800 b"))]
    completion = ask(model)
    assert completion.text == "a ? b"
    assert completion.model_validate_json(completion.model_dump_json()) == completion


def test_missing_usage_counts_nothing(model, server, chat):
    server.replies = [chat.reply(body={k: v for k, v in chat.answer().items() if k != "usage"})]
    assert ask(model).prompt_tokens == 0


def test_a_model_that_wants_another_cap_and_no_temperature_gets_it(model, server, chat):
    def picky(body):
        if "max_tokens" in body:
            return chat.failing(400, "Use max_completion_tokens", param="max_tokens", code="unsupported_parameter")
        if "temperature" in body:
            return chat.failing(400, "Only the default", param="temperature", code="unsupported_value")
        return chat.reply(body=chat.answer("Fine."))

    server.default = picky
    assert ask(model).text == "Fine."
    assert len(server.seen) == 3
    assert ask(model).text == "Fine."
    assert len(server.seen) == 4
    assert server.seen[-1][2]["max_completion_tokens"] == 4096


def test_another_refusal_is_not_repeated(model, server, chat):
    server.default = lambda body: chat.failing(400, "context too long", param="messages")
    assert "context too long" in refused(model)[0].message
    assert len(server.seen) == 1


def test_a_missing_key_is_said_before_anything_is_asked():
    with pytest.raises(UsageError) as caught:
        open_model("openai:gpt-5", seed=0, environ={})
    assert "OPENAI_API_KEY" in caught.value.hint


def test_a_server_of_ones_own_needs_no_key(server):
    model = open_model("openai:llama3", seed=0, environ={"OPENAI_BASE_URL": server.url})
    assert ask(model).text
    assert server.seen[0][2]["model"] == "llama3"


def test_an_address_that_is_given_wins(server):
    model = open_model("openai:x", seed=0, base_url=server.url, environ={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    assert ask(model).text


def test_an_address_that_is_none():
    with pytest.raises(UsageError, match="address"):
        open_model("openai:x", seed=0, base_url="localhost:8000", environ={})


@pytest.mark.slow
def test_prices_come_from_the_price_list_of_litellm():
    from rewardsmith.models.openai import _price

    assert _price("gpt-4o", 1000, 100) == pytest.approx(1000 * 2.5e-6 + 100 * 1e-5)
    assert _price("no-such-model", 1000, 100) is None
    keyed = {"OPENAI_API_KEY": "sk-0123456789"}
    assert price(open_model("openai:gpt-4o", seed=0, environ=keyed), 1, 1) is not None
    assert price(open_model("openai:no-such-model", seed=0, environ=keyed), 1, 1) is None


def test_the_price_of_a_server_of_ones_own_is_not_known(server):
    assert price(open_model("openai:gpt-4o", seed=0, base_url=server.url, environ={}), 1, 1) is None
