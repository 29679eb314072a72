from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "runs" / "rewardsmith.db")
    return str(request.getfixturevalue("postgres"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The `out/` of a worker, beside a file that it must not make us read."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "a").write_bytes(b"private")
    (tmp_path / "out").mkdir()
    return tmp_path / "out"
