"""Completions from files: for tests, and for answers pasted from a chat window."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from rewardsmith.domain.prompt import Completion, Request
from rewardsmith.errors import ModelExhausted, ModelUnavailable, StoreError, UsageError
from rewardsmith.store.untrusted import read_start

SUFFIXES = frozenset({".md", ".txt", ".py"})
"""Files of other kinds are passed over; so are hidden files and READMEs."""
MOST_BYTES = 1 << 20
"""A larger file is no completion."""
_PLAIN = "put a plain file there: links are not followed, so that no folder makes a model read another one's files"
PREFIX = "folder:"
"""A completion's `model` is this and the name of its file."""


class FolderModel:
    """Deals each file once, in natural order of names (`9.md` before `10.md`), in the order in which it is asked.

    A file is dealt before anything is awaited, so requests that are made side by side get files in the order in which
    they were made. What an earlier process of the same run was dealt stands in the run's completions.

    Args:
        path: Folder of completions.
        dealt: Names of files that the run was dealt already.

    Raises:
        UsageError: There is no such folder, or no completion in it.
    """

    def __init__(self, path: Path, *, dealt: Collection[str] = frozenset()) -> None:
        self.name = f"{PREFIX}{path}"
        self._path = path
        try:
            files = sorted((file for file in path.iterdir() if _counts(file)), key=lambda file: _natural(file.name))
        except OSError as fault:
            raise UsageError(
                f"no completions to be had from {path}: {fault.strerror}",
                hint="--model folder:DIR names a folder that holds one completion per .md, .txt or .py file",
            ) from fault
        if not files:
            raise UsageError(
                f"no completion in {path}",
                hint="put one completion per .md, .txt or .py file there; READMEs and hidden files are passed over",
            )
        self._all = len(files)
        self._left = [file for file in files if file.name not in set(dealt)]

    def price(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Nothing."""
        del prompt_tokens, completion_tokens
        return 0.0

    async def complete(self, request: Request) -> Completion:  # noqa: ARG002  (a file is dealt whatever is asked)
        """Deal the next file.

        Raises:
            ModelExhausted: Every file was dealt.
            ModelUnavailable: The next file cannot be read.
        """
        if not self._left:
            raise ModelExhausted(
                f"all {self._all} completions of {self._path} were dealt",
                hint="start another run with more files in the folder",
            )
        file = self._left.pop(0)
        try:
            data, whole = read_start(self._path.resolve(), file.name, most=MOST_BYTES)
        except StoreError as fault:
            self._left.insert(0, file)
            raise ModelUnavailable(fault.message, hint=_PLAIN) from fault
        text = data.decode("utf-8", errors="replace")
        finish = "stop" if whole else "length"
        return Completion(text=text, model=f"{PREFIX}{file.name}", dollars=0.0, finish_reason=finish)


def dealt_files(models: Collection[str]) -> frozenset[str]:
    """Names of files among the `model` fields of a run's completions."""
    return frozenset(model.removeprefix(PREFIX) for model in models if model.startswith(PREFIX))


def _counts(file: Path) -> bool:
    name = file.name
    hidden = name.startswith(".") or file.stem.lower() == "readme"
    return not hidden and file.suffix.lower() in SUFFIXES and file.is_file()


def _natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Digits by value, the rest by letters; the name itself settles ties."""
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part], name
