from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rewardsmith.domain.sandbox import INTERPRETERS

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Tells this process, as a sandbox tells a worker, which interpreters there are."""

    def tell(**interpreters: str) -> None:
        monkeypatch.setenv(INTERPRETERS, json.dumps(interpreters))

    tell(own=sys.executable)
    return tell
