"""A recording: one JSON file per completion, named by its place in the run."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Literal

from rewardsmith.domain.prompt import Completion, CompletionKey, Request, prompt_hash
from rewardsmith.domain.record import Record
from rewardsmith.errors import UsageError
from rewardsmith.models.model import Model, price, window


class Recorded(Record):
    """One completion as it lies in a recording."""

    version: Literal[1] = 1
    """Version of this record."""
    key: CompletionKey
    """Its place in the run."""
    prompt_hash: str
    """Hash of the messages that it answered."""
    completion: Completion
    """The answer."""


def recorded_file(folder: Path, key: CompletionKey) -> Path:
    """Where the completion of `key` lies: `g2-designer-s05-c0.json`."""
    return folder / f"g{key.generation}-{key.role}-s{key.slot:02d}-c{key.call}.json"


def write_recorded(folder: Path, request: Request, completion: Completion) -> Path:
    """Write one completion; it is there whole or not at all.

    Raises:
        UsageError: The folder cannot be written.
    """
    recorded = Recorded(key=request.key, prompt_hash=prompt_hash(request.messages), completion=completion)
    file = recorded_file(folder, request.key)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as stream:
            stream.write(recorded.model_dump_json(indent=1) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    except OSError as fault:
        with contextlib.suppress(OSError):
            part.unlink()
        raise _unwritable(folder, fault) from fault
    return file


def _unwritable(folder: Path, fault: OSError) -> UsageError:
    return UsageError(
        f"the recording in {folder} cannot be written: {fault.strerror}",
        hint="free some space, or name another folder with --record",
    )


class RecordingModel:
    """Passes requests on to a model and records what it answers.

    Args:
        model: Who is asked.
        folder: Where the recording lies; it is made, and tried, before anything is paid for.

    Raises:
        UsageError: The folder cannot be written.
    """

    def __init__(self, model: Model, folder: Path) -> None:
        self.name = model.name
        self._model = model
        self._folder = folder
        trial = folder / f".{os.getpid()}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            trial.touch()
            trial.unlink()
        except OSError as fault:
            raise _unwritable(folder, fault) from fault

    def price(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """As the model's."""
        return price(self._model, prompt_tokens, completion_tokens)

    def window(self) -> int | None:
        """As the model's."""
        return window(self._model)

    async def complete(self, request: Request) -> Completion:
        """Answer as the model does, once the answer is recorded.

        Raises:
            ModelUnavailable: As the model.
            UsageError: The folder cannot be written.
        """
        completion = await self._model.complete(request)
        write_recorded(self._folder, request, completion)
        return completion
