"""Makes `told_run`, a run told by hand, importable (the tests are no package), and runs commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rewardsmith.app import Settings, Workshop
from rewardsmith.cli.main import run
from rewardsmith.domain.events import Event
from rewardsmith.store.leases import Owner

sys.path.insert(0, str(Path(__file__).parent.parent / "reports"))


@dataclass
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Run a command in this process, in an empty folder, with no variable of rewardsmith set."""
    for name in [name for name in os.environ if name.startswith("REWARDSMITH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def said(*arguments: str) -> Said:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return said


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Event]], Workshop]:
    """Write a run told by hand into the store of a workshop in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def kept(events: list[Event]) -> Workshop:
        workshop = Workshop(Settings())
        workshop.store.create("walk-1")
        lease = workshop.store.claim("walk-1", owner=Owner.current())
        workshop.store.append(lease, events)
        workshop.store.release(lease)
        return workshop

    return kept
