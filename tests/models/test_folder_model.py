from __future__ import annotations

import asyncio

import pytest

from rewardsmith.errors import ModelExhausted, ModelUnavailable, UsageError
from rewardsmith.models.conformance import ModelConformance, example_request
from rewardsmith.models.folder import MOST_BYTES, FolderModel, dealt_files
from rewardsmith.models.registry import open_model


def fill(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(f"text of {name}")
    return folder


def deal(model, count):
    async def together():
        return await asyncio.gather(*(model.complete(example_request(slot)) for slot in range(count)))

    return [completion.text.removeprefix("text of ") for completion in asyncio.run(together())]


class TestConformance(ModelConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self._path = fill(tmp_path / "answers", "1.md", "2.md", "3.md", "4.md")

    def open_model(self):
        return FolderModel(self._path)


def test_natural_order_without_readmes_and_other_files(tmp_path):
    fill(tmp_path, "10.md", "9.md", "b2.txt", "b10.py", "README.md", "readme.txt", ".hidden.md", "data.json")
    (tmp_path / "folder.md").mkdir()
    model = FolderModel(tmp_path)
    assert deal(model, 4) == ["9.md", "10.md", "b2.txt", "b10.py"]
    with pytest.raises(ModelExhausted, match="all 4 completions"):
        deal(model, 1)


def test_requests_made_together_are_dealt_in_the_order_in_which_they_were_made(tmp_path):
    names = [f"{n}.md" for n in range(40)]
    assert deal(FolderModel(fill(tmp_path, *names)), 40) == names


def test_what_was_dealt_before_is_not_dealt_again(tmp_path):
    fill(tmp_path, "1.md", "2.md", "3.md", "4.md")
    first = FolderModel(tmp_path)

    async def two():
        return [await first.complete(example_request(slot)) for slot in (0, 1)]

    models = [completion.model for completion in asyncio.run(two())]
    assert models == ["folder:1.md", "folder:2.md"]
    assert dealt_files([*models, "offline"]) == {"1.md", "2.md"}
    again = open_model(f"folder:{tmp_path}", seed=0, dealt=[*models, "offline"])
    assert deal(again, 2) == ["3.md", "4.md"]


def test_files_that_were_added_later_are_dealt_on_resume(tmp_path):
    fill(tmp_path, "1.md")
    FolderModel(tmp_path)
    fill(tmp_path, "2.md")
    assert deal(FolderModel(tmp_path, dealt={"1.md"}), 1) == ["2.md"]


def test_all_dealt_before_is_exhausted_not_an_empty_folder(tmp_path):
    model = FolderModel(fill(tmp_path, "1.md"), dealt={"1.md"})
    with pytest.raises(ModelExhausted) as caught:
        deal(model, 1)
    assert "another run" in caught.value.hint


def test_a_missing_or_empty_folder_is_said_at_once(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(UsageError) as caught:
            FolderModel(path)
        assert str(path) in caught.value.message
        assert ".md" in caught.value.hint
    with pytest.raises(UsageError, match="needs a folder"):
        open_model("folder:", seed=0)


def test_a_file_that_vanished_is_not_skipped_silently(tmp_path):
    model = FolderModel(fill(tmp_path, "1.md", "2.md"))
    (tmp_path / "1.md").unlink()
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match=r"1\.md"):
            deal(model, 1)


def test_odd_bytes_and_huge_files(tmp_path):
    (tmp_path / "1.md").write_bytes(b"caf\xe9")
    (tmp_path / "2.md").write_bytes(b"x" * (MOST_BYTES + 10))
    model = FolderModel(tmp_path)

    async def both():
        return [await model.complete(example_request(slot)) for slot in (0, 1)]

    odd, huge = asyncio.run(both())
    assert odd.text == "caf�"
    assert huge.finish_reason == "length"
    assert len(huge.text) == MOST_BYTES


def test_a_folder_makes_nothing_read_another_one_s_files(tmp_path):
    (tmp_path / "secret").write_text("secret")
    fill(tmp_path / "answers", "2.md")
    (tmp_path / "answers" / "1.md").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelUnavailable, match=r"1\.md") as caught:
        asyncio.run(FolderModel(tmp_path / "answers").complete(example_request()))
    assert "plain file" in caught.value.hint
