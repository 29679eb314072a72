from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from rewardsmith.domain.prompt import Completion, CompletionKey, Message, prompt_hash
from rewardsmith.errors import ModelExhausted, ModelUnavailable, UsageError
from rewardsmith.models.conformance import ModelConformance, example_request
from rewardsmith.models.folder import FolderModel
from rewardsmith.models.recorded import RecordedModel
from rewardsmith.models.recording import Recorded, RecordingModel, recorded_file, write_recorded
from rewardsmith.models.registry import open_model


def ask(model, request):
    return asyncio.run(model.complete(request))


def completion(text="Hello.", **given):
    return Completion(
        text=text, model="gpt-x", prompt_tokens=10, completion_tokens=5, dollars=0.25, wall_s=3.0, **given
    )


def other_prompt(request):
    return replace(request, messages=(*request.messages, Message(role="user", content="More.")))


@pytest.fixture
def recording(tmp_path):
    folder = tmp_path / "recording"
    for slot in range(4):
        write_recorded(folder, example_request(slot), completion(f"Answer {slot}."))
    return folder


class TestRecordedConformance(ModelConformance):
    @pytest.fixture(autouse=True)
    def _recording(self, recording):
        self._folder = recording

    def open_model(self):
        return RecordedModel(self._folder)


class TestRecordingConformance(ModelConformance):
    @pytest.fixture(autouse=True)
    def _folders(self, tmp_path):
        self._answers, self._recording = tmp_path / "answers", tmp_path / "recording"
        self._answers.mkdir()
        for name in ("1.md", "2.md", "3.md", "4.md"):
            (self._answers / name).write_text("text")

    def open_model(self):
        return RecordingModel(FolderModel(self._answers), self._recording)


def test_what_is_recorded_is_replayed_for_nothing(recording):
    got = ask(RecordedModel(recording), example_request(2))
    assert got.text == "Answer 2."
    assert got.model == "gpt-x"
    assert got.recorded_hash is None
    assert (got.prompt_tokens, got.completion_tokens) == (10, 5)
    assert (got.dollars, got.wall_s) == (0.0, 0.0)


def test_every_place_has_its_own_answer(tmp_path):
    keys = [
        CompletionKey(generation=g, role=role, slot=slot, call=call)
        for g in (1, 2, 12)
        for role in ("designer", "repair")
        for slot in (0, 1, 11)
        for call in (0, 1)
    ]
    requests = [replace(example_request(), key=key) for key in keys]
    for number, request in enumerate(requests):
        write_recorded(tmp_path, request, completion(str(number)))
    model = RecordedModel(tmp_path)
    assert [ask(model, request).text for request in requests] == [str(n) for n in range(len(keys))]


def test_another_prompt_is_replayed_and_told(recording):
    got = ask(RecordedModel(recording), other_prompt(example_request(1)))
    assert got.text == "Answer 1."
    assert got.recorded_hash == prompt_hash(example_request(1).messages)


def test_strict_refuses_another_prompt(recording):
    model = open_model(f"recorded:{recording}", seed=0, strict=True)
    assert ask(model, example_request(1)).text == "Answer 1."
    with pytest.raises(UsageError) as caught:
        ask(model, other_prompt(example_request(1)))
    assert prompt_hash(example_request(1).messages) in caught.value.message
    assert "--strict" in caught.value.hint


def test_a_place_that_was_not_recorded_ends_the_run(recording):
    with pytest.raises(ModelExhausted, match="generation 2, designer, slot 7"):
        ask(RecordedModel(recording), example_request(7, generation=2))


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"version": 2}', "null"])
def test_a_damaged_file_is_named(recording, damage):
    file = recorded_file(recording, example_request(1).key)
    file.write_text(damage)
    with pytest.raises(ModelUnavailable) as caught:
        ask(RecordedModel(recording), example_request(1))
    assert not isinstance(caught.value, ModelExhausted)
    assert file.name in caught.value.message


def test_a_file_under_another_name_is_not_taken_for_another_place(recording):
    recorded_file(recording, example_request(1).key).replace(recorded_file(recording, example_request(2).key))
    with pytest.raises(ModelUnavailable, match="another place"):
        ask(RecordedModel(recording), example_request(2))


def test_no_recording_is_said_at_once(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="no recording") as caught:
            RecordedModel(path)
        assert "--record" in caught.value.hint


def test_any_model_can_be_recorded_and_replayed(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("1.md", "2.md"):
        (tmp_path / "in" / name).write_text(f"text of {name}")
    model = open_model(f"folder:{tmp_path / 'in'}", seed=0, record=str(tmp_path / "out"))
    assert model.name == f"folder:{tmp_path / 'in'}"
    live = [ask(model, example_request(slot)) for slot in (0, 1)]
    replay = RecordedModel(tmp_path / "out")
    assert [ask(replay, example_request(slot)).text for slot in (0, 1)] == [c.text for c in live]


def test_a_recording_holds_whole_files_only(recording):
    names = sorted(file.name for file in recording.iterdir())
    assert names == [f"g1-designer-s0{slot}-c0.json" for slot in range(4)]
    for file in recording.iterdir():
        assert Recorded.model_validate_json(file.read_text()).prompt_hash


def test_a_folder_that_cannot_hold_a_recording_is_said_before_anything_is_paid_for(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "sub", Path("/proc/recording")):
        with pytest.raises(UsageError, match="cannot be written"):
            open_model("offline", seed=0, record=str(folder))
    open_model("offline", seed=0, record=str(tmp_path / "new"))
    assert list((tmp_path / "new").iterdir()) == []


def test_an_answer_that_cannot_be_recorded_is_an_error(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_recorded(blocker / "sub", example_request(), completion())
