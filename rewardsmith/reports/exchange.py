"""What was asked for a candidate and what was answered, from the run's folder."""

from __future__ import annotations

from rewardsmith.domain.candidate import Candidate
from rewardsmith.errors import StoreError
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.untrusted import read_start

_MOST = 200_000
"""Bytes that a report shows; the rest is in the file."""


def exchanged(folder: RunFolder, candidate: Candidate) -> tuple[str, str]:
    """The prompt and the answer; each is empty where its file is gone."""
    return _text(folder, candidate, "prompt.md"), _text(folder, candidate, "response.md")


def _text(folder: RunFolder, candidate: Candidate, name: str) -> str:
    try:
        data, whole = read_start(folder.written(candidate.id), name, most=_MOST)
    except StoreError:
        return ""
    text = data.decode("utf-8", errors="replace").strip()
    return text if whole else f"{text}\n... the rest is in {name}"
