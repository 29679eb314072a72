"""Replays a recording: the same place in the run gets the same answer."""

from __future__ import annotations

import os
from pathlib import Path

from rewardsmith.domain.prompt import Completion, Request, prompt_hash
from rewardsmith.errors import ModelExhausted, ModelUnavailable, StoreError, UsageError
from rewardsmith.models.recording import Recorded, recorded_file
from rewardsmith.store.untrusted import read_record

MOST_BYTES = 4 << 20
"""A larger file is no recorded completion."""
_MOST_TOKENS = 10**12
_LONGEST = 300


class RecordedModel:
    """Answers by the request's place in the run, and says when the prompt is not the one that was recorded.

    Args:
        folder: Folder of a recording.
        strict: Refuse a completion whose prompt differs.

    Raises:
        UsageError: There is no recording in `folder`.
    """

    def __init__(self, folder: Path, *, strict: bool = False) -> None:
        self.name = f"recorded:{folder}"
        self._folder = folder
        self._strict = strict
        if not folder.is_dir() or not any(folder.glob("g*-*-s*-c*.json")):
            raise UsageError(f"no recording in {folder}", hint="make one with --record DIR on any run")

    def price(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Nothing."""
        del prompt_tokens, completion_tokens
        return 0.0

    async def complete(self, request: Request) -> Completion:
        """Replay one completion. It costs nothing; its tokens are those of the recording.

        Raises:
            ModelExhausted: The recording has nothing at this place.
            ModelUnavailable: The recorded file is damaged.
            UsageError: Under `strict`, the prompt differs from the recorded one.
        """
        file = recorded_file(self._folder, request.key)
        recorded = self._read(file, request)
        asked = prompt_hash(request.messages)
        differs = recorded.prompt_hash != asked
        if differs and self._strict:
            raise UsageError(
                f"{file}: the prompt is not the recorded one (now {asked}, recorded {recorded.prompt_hash})",
                hint="replay without --strict to go on and have differences counted, or record anew",
            )
        return recorded.completion.model_copy(
            update={"dollars": 0.0, "wall_s": 0.0, "recorded_hash": recorded.prompt_hash if differs else None}
        )

    def _read(self, file: Path, request: Request) -> Recorded:
        if not os.path.lexists(file):
            key = request.key
            raise ModelExhausted(
                f"the recording {self._folder} has nothing for generation {key.generation}, {key.role}, "
                f"slot {key.slot}, call {key.call}",
                hint="the recorded run asked for less; take its --k and --iters, or another model",
            )
        try:
            recorded = read_record(self._folder.resolve(), file.name, Recorded, limit=MOST_BYTES, shared=True)
        except StoreError as fault:
            hint = "restore the file, or delete it to end the run there"
            raise ModelUnavailable(fault.message, hint=hint) from fault
        if not _sane(recorded):
            raise ModelUnavailable(f"{file} holds numbers or names that no model gives")
        if recorded.key != request.key:
            raise ModelUnavailable(f"{file} holds the completion of another place; was it renamed?")
        return recorded


def _sane(recorded: Recorded) -> bool:
    completion = recorded.completion
    tokens = (completion.prompt_tokens, completion.completion_tokens)
    names = (recorded.prompt_hash, completion.model, completion.finish_reason, *(completion.parents or ()))
    return all(0 <= n <= _MOST_TOKENS for n in tokens) and all(n.isprintable() and len(n) <= _LONGEST for n in names)
