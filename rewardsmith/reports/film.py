"""The film of the candidate that a run stands by, as part of its page."""

from __future__ import annotations

import base64
from pathlib import Path

from rewardsmith.errors import StoreError
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.untrusted import MIB, read_untrusted

_MOST_BYTES = 2 * MIB
"""A larger film is named by its file, so that the page stays light."""


def film_file(folder: RunFolder, subject: str) -> Path | None:
    """The MP4 of a candidate; None where nobody has filmed it."""
    return folder.video(subject)


def film_data(file: Path) -> str:
    """An MP4 as the address `data:...`, which fetches nothing; empty where it is large or cannot be read."""
    try:
        data = read_untrusted(file.parent, file.name, limit=_MOST_BYTES)
    except StoreError:
        return ""
    return f"data:video/mp4;base64,{base64.b64encode(data).decode()}"
