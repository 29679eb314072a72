"""Where runs lie: told as it is, and left as it was."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from rewardsmith.diagnosis.place import look_at_place
from rewardsmith.domain.machine import MachineCheck
from rewardsmith.settings import Settings
from rewardsmith.store.schema import HEAD
from rewardsmith.store.store import Store


def look(runs: Path, database: str | None = None, artifacts: str | None = None) -> dict[str, MachineCheck]:
    settings = Settings(runs=runs, database=database, artifacts=artifacts)
    return {line.name: line for line in look_at_place(settings)}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with a database of two runs."""
    store = Store.open(tmp_path / "runs" / "rewardsmith.db")
    store.create("a")
    store.create("b")
    store.close()
    return tmp_path / "runs"


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    found = look(tmp_path / "not" / "there")
    assert all(line.ok for line in found.values())
    assert found["database"].detail.endswith("rewardsmith.db, to be made")
    assert not list(tmp_path.iterdir())


def test_a_sound_database_is_left_as_it_was(runs: Path) -> None:
    before = tree(runs)
    found = look(runs)
    assert found["database"].ok
    assert f"revision {HEAD}, 2 runs, sound" in found["database"].detail
    assert tree(runs) == before


def test_a_file_that_is_no_database(runs: Path) -> None:
    (runs / "rewardsmith.db").write_bytes(b"all work and no play " * 400)
    line = look(runs)["database"]
    assert (line.ok, line.needed) == (False, True)
    assert "not a database" in line.detail
    assert "move it away" in line.remedy


def test_damage_that_no_start_meets_is_a_warning(runs: Path) -> None:
    """In pages that `evolve` does not read before it starts; the whole file is checked all the same."""
    path = runs / "rewardsmith.db"
    connection = sqlite3.connect(path)
    page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'completions'").fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(data)
    line = look(runs)["database"]
    assert line.ok
    assert line.warning
    assert "DAMAGED" in line.detail
    assert "restore a copy" in line.remedy


def test_a_newer_schema(runs: Path) -> None:
    with sqlite3.connect(runs / "rewardsmith.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    line = look(runs)["database"]
    assert not line.ok
    assert "newer rewardsmith" in line.detail
    assert "pip install -U" in line.remedy


def test_another_programs_database(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE cats (name)")
    connection.close()
    line = look(tmp_path, str(tmp_path / "other.db"))["database"]
    assert not line.ok
    assert "another program's" in line.detail


def test_an_event_that_cannot_be_read(runs: Path) -> None:
    with sqlite3.connect(runs / "rewardsmith.db") as connection:
        connection.execute("INSERT INTO events (run, time, kind, data) VALUES ('a', 0, 'started', '{')")
    connection.close()
    line = look(runs)["database"]
    assert not line.ok


def test_a_file_in_the_way_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    found = look(tmp_path / "runs")
    assert not found["runs folder"].ok
    assert "is no folder" in found["runs folder"].detail
    assert not found["database"].ok


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes where it likes")
def test_a_folder_that_cannot_be_written(runs: Path) -> None:
    runs.chmod(0o555)
    found = look(runs)
    assert not found["runs folder"].ok
    assert "--runs-dir" in found["runs folder"].remedy


def test_passwords_are_not_shown(tmp_path: Path) -> None:
    line = look(tmp_path, "postgresql+nothing://user:hunter2@127.0.0.1:1/db")["database"]
    assert not line.ok
    assert "hunter2" not in line.detail + line.remedy


def test_where_hosts_share_files_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "depot").mkdir()
    assert "artifacts" not in look(tmp_path / "runs")
    found = look(tmp_path / "runs", artifacts=f"file://{tmp_path}/depot")["artifacts"]
    assert found.ok
    assert found.detail.endswith("depot, written and read")
    assert not list((tmp_path / "depot").iterdir())
    (tmp_path / "file").touch()
    assert not look(tmp_path / "runs", artifacts=f"file://{tmp_path}/file/below")["artifacts"].ok
