from __future__ import annotations

import pytest
from sqlalchemy import text

from rewardsmith.domain.events import GenerationEnded, Raced, StatusChanged
from rewardsmith.domain.key import KeyLimits
from rewardsmith.domain.prompt import Completion, CompletionKey
from rewardsmith.errors import Conflict, StoreError, UsageError
from rewardsmith.store.checking import check
from rewardsmith.store.copying import copy
from rewardsmith.store.store import Owner, Store

KEY = CompletionKey(generation=1, role="designer", slot=0)
ANSWER = Completion(text="größer\n", model="m", dollars=0.1)


def ended(generation: int) -> GenerationEnded:
    return GenerationEnded(generation=generation, best=None, best_overall=None)


@pytest.fixture
def full(place: str) -> str:
    """A database with a row of every kind."""
    store = Store.open(place)
    store.keys.add("somebody", "submit", KeyLimits(runs_at_once=2))
    for run in ("a", "b"):
        store.create(run)
        lease = store.claim(run, owner=Owner.current())
        store.append(lease, [StatusChanged(status="running"), *map(ended, range(1200 if run == "a" else 3))])
        store.store_completion(lease, KEY, "h", ANSWER)
        store.release(lease)
    store.queue.submit("waits", [StatusChanged(status="paused")])
    store.close()
    return place


@pytest.mark.parametrize("to", ["sqlite", "postgres"])
@pytest.mark.postgres
def test_a_copy_is_the_same_and_goes_on(tmp_path, cluster, full, to):
    given = check(full)
    assert given.faults == ()
    target = cluster.make(f"copy_{tmp_path.name.lower()}"[:60]) if to == "postgres" else str(tmp_path / "copy.db")
    done = copy(full, target)
    assert done.rows == given.rows == check(target).rows
    assert done.rows["events"] == 1206
    here, there = Store.open(full), Store.open(target)
    for run in ("a", "b", "waits"):
        assert there.events(run) == here.events(run)
        assert there.row(run) == here.row(run)
    assert there.completion("a", KEY) == here.completion("a", KEY)
    assert there.keys.list() == here.keys.list()
    lease = there.claim("b", owner=Owner.current())
    (new,) = there.append(lease, [ended(9)])
    assert new.id > max(event.id for run in ("a", "b", "waits") for event in here.events(run))
    here.close()
    there.close()


def test_a_copy_into_what_is_not_empty_or_of_what_is_driven_is_refused(full, tmp_path):
    target = str(tmp_path / "copy.db")
    store = Store.open(full)
    lease = store.claim("a", owner=Owner.current())
    with pytest.raises(Conflict, match="run a is driven"):
        copy(full, target)
    assert not any(check(target).rows.values())
    store.release(lease)
    copy(full, target)
    with pytest.raises(Conflict, match="not empty"):
        copy(full, target)
    with pytest.raises(UsageError, match="no database"):
        copy(tmp_path / "nothing.db", target)
    assert not (tmp_path / "nothing.db").exists()
    store.close()


def test_a_check_names_what_is_wrong_and_changes_nothing(full):
    assert check(full).faults == ()
    store = Store.open(full)
    lost = store.append(store.claim("a", owner=Owner.current()), [ended(9999), ended(1)])[0]
    stray = store.append(store.claim("b", owner=Owner.current()), [ended(1)])[0]
    raced = Raced(candidate="g1c00", rung=1, goes_on=False, chance=0.0).model_dump_json()
    spoil = text("UPDATE events SET kind = :kind, data = :data WHERE id = :id")
    with store._database.transaction() as connection:
        connection.execute(spoil, {"id": lost.id, "kind": "generation_ended", "data": "{}"})
        connection.execute(spoil, {"id": stray.id, "kind": "raced", "data": raced})
        connection.execute(text("UPDATE completions SET data = '[]' WHERE run = 'b'"))
    before = store.runs()
    faults = check(full).faults
    assert [fault.table for fault in faults] == ["events", "events", "completions"]
    assert f"event {lost.id} (generation_ended) of the run a" in faults[0].row
    assert f"event {stray.id} (raced) of the run b" in faults[1].row
    assert faults[2].row.startswith("b 1 designer")
    assert store.runs() == before
    store.close()


def test_a_run_that_does_not_stand_where_is_noted_is_named(full):
    store = Store.open(full)
    with store._database.transaction() as connection:
        connection.execute(text("UPDATE runs SET status = 'failed' WHERE id = 'a'"))
    (fault,) = check(full).faults
    assert (fault.table, fault.row) == ("runs", "a")
    assert "noted as failed" in fault.message
    store.close()


def test_a_row_of_no_run_is_named(tmp_path):
    import sqlite3

    Store.open(tmp_path / "a.db").close()
    raw = sqlite3.connect(tmp_path / "a.db")
    raw.execute(
        "INSERT INTO events (run, time, kind, data) VALUES ('gone', 1, 'status_changed', ?)",
        (StatusChanged(status="running").model_dump_json(),),
    )
    raw.commit()
    (fault,) = check(tmp_path / "a.db").faults
    assert (fault.table, fault.row) == ("events", "gone")
    raw.execute("UPDATE alembic_version SET version_num = '0001'")
    raw.commit()
    raw.close()
    with pytest.raises(UsageError, match="0001"):
        check(tmp_path / "a.db")


def test_where_there_is_none_none_is_made(tmp_path):
    with pytest.raises(UsageError, match="no database"):
        check(tmp_path / "a.db")
    assert not (tmp_path / "a.db").exists()
    (tmp_path / "b.db").write_bytes(b"nonsense" * 1000)
    with pytest.raises(StoreError):
        check(tmp_path / "b.db")
