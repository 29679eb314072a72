from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

import rewardsmith
from rewardsmith.errors import MissingExtra, NewerDatabase, StoreError, UsageError
from rewardsmith.store import schema
from rewardsmith.store.database import Database
from rewardsmith.store.store import Store

PACKAGE = Path(rewardsmith.__file__).parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
OPEN = "import sys; from rewardsmith.store.store import Store; Store.open(sys.argv[1]).create(sys.argv[2])"


def test_migrations_lead_to_the_schema(tmp_path):
    from alembic.autogenerate import compare_metadata

    database = Database(tmp_path / "a.db")
    with database.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    database.close()
    config = Config()
    config.set_main_option("script_location", str(PACKAGE / "store" / "migrations"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == schema.HEAD
    assert {script.revision for script in scripts.walk_revisions()} == set(schema.REVISIONS)


def test_its_folder_may_have_any_name(tmp_path):
    place = tmp_path / "50% of what?" / "a.db"
    Store.open(place).close()
    assert place.exists()


def test_a_missing_driver_is_named_and_no_password_shown():
    with pytest.raises(MissingExtra, match="db://host/runs") as caught:
        Store.open("oracle+oracledb://me:secret@host/runs")
    assert "pip install oracledb" in caught.value.hint
    with pytest.raises(UsageError, match="no address"):
        Store.open("nonsense://me:secret@host/runs")
    assert "secret" not in str(caught.value)


def test_many_may_open_a_new_one_at_once(tmp_path):
    place = str(tmp_path / "a.db")
    processes = [subprocess.Popen([sys.executable, "-c", OPEN, place, f"r{i}"], env=ENVIRONMENT) for i in range(3)]
    assert [process.wait() for process in processes] == [0] * 3
    store = Store.open(place)
    assert {row.id for row in store.runs()} == {"r0", "r1", "r2"}
    store.close()


def test_a_crash_loses_nothing_that_was_committed_and_writers_take_turns(tmp_path):
    database = Database(tmp_path / "a.db")
    with database.transaction() as connection:
        pragmas = {p: connection.exec_driver_sql(f"PRAGMA {p}").scalar() for p in ("journal_mode", "synchronous")}
        assert pragmas == {"journal_mode": "wal", "synchronous": 2}
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        other = sqlite3.connect(tmp_path / "a.db", timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()
    database.close()


def test_a_newer_database_is_left_alone(tmp_path):
    Database(tmp_path / "a.db").close()
    with sqlite3.connect(tmp_path / "a.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(NewerDatabase, match="9999") as caught:
        Store.open(tmp_path / "a.db")
    assert "pip install" in caught.value.hint


def test_another_programs_database_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as raw:
        raw.execute("CREATE TABLE photos (id)")
    raw.close()
    with pytest.raises(StoreError, match="photos"):
        Store.open(tmp_path / "a.db")


@pytest.mark.parametrize("content", [b"no database" * 1000, b"SQLite format 3\0" + bytes(range(256)) * 32])
def test_a_corrupt_file_is_named(tmp_path, content):
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(StoreError, match=r"a\.db") as caught:
        Store.open(tmp_path / "a.db")
    assert "damaged" in caught.value.hint
    assert (tmp_path / "a.db").read_bytes() == content


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        Store.open(tmp_path / "file" / "a.db")
    with pytest.raises(StoreError, match="unable to open"):
        Store.open(tmp_path)


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap makes the read-only and the full disk")
class TestBadDisks:
    def open_in(self, *mount: str) -> str:
        """What `Store.open('/disk/a.db')` says on that disk; root, too, cannot write there."""
        source = """
from rewardsmith.store.store import Owner, Store, Completion, CompletionKey
from rewardsmith.errors import StoreError
try:
    store = Store.open("/disk/a.db")
    store.create("r")
    lease = store.claim("r", owner=Owner.current())
    for n in range(2000):
        key = CompletionKey(generation=n, role="designer", slot=0)
        store.store_completion(lease, key, "h", Completion(text="x" * 10000, model="m"))
except StoreError as error:
    print(error, "|", error.hint)
"""
        command = ["bwrap", "--dev-bind", "/", "/", *mount, "--", sys.executable, "-c", source]
        return subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout

    def test_read_only(self, tmp_path):
        Store.open(tmp_path / "a.db").close()
        said = self.open_in("--ro-bind", str(tmp_path), "/disk")
        assert "/disk/a.db" in said
        assert "writable" in said

    def test_full(self):
        said = self.open_in("--size", str(2**20), "--tmpfs", "/disk")
        assert "/disk/a.db" in said
        assert "free some space" in said


def test_everything_can_be_said_to_postgres():
    dialect = postgresql.dialect()
    for table in schema.metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
    query = select(schema.runs, schema.now().label("now")).with_for_update()
    said = str(query.compile(dialect=dialect))
    assert "clock_timestamp()" in said
    assert said.endswith("FOR UPDATE")
