"""Events from before session and incarnation were told are read, verified and archived as ever."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from supervisor.clock import SystemClock
from supervisor.model.event import GENESIS, verify_chain
from supervisor.store.archive import record_segment, remove_slice, write_segment
from supervisor.store.database import APPLICATION_ID, migrations
from supervisor.store.event_log import opened_log
from supervisor.store.store import Store

COUNT = 5


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of the first released schema, with events as the first release sealed them."""
    path = tmp_path / "coordinator.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(migrations()[0])
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("INSERT INTO run VALUES (1, 't', 'p', 'd', 'finished', 1.0, 2.0, 'done')")
        seal = GENESIS
        for seq in range(1, COUNT + 1):
            kind = "run.finished" if seq == COUNT else "engine.noted"
            after = {"number": seq, "word": "größer"}
            fields = [seq, seq + 0.5, 1, kind, "1", "supervisor", after, "as it was"]
            body = json.dumps([seal, *fields], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            seal = sha256(body.encode()).hexdigest()
            row = [*fields[:6], json.dumps(after, ensure_ascii=False), "as it was", seal]
            connection.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return path


async def test_new_events_continue_the_chain_of_old_ones(old: Path) -> None:
    async with Store(old, SystemClock()) as store:
        store.session = "s1"
        await store.write(lambda tx: tx.tell("engine.noted", "2", actor="supervisor"))
    with opened_log(old, old.with_name("archive")) as log:
        events = list(log.after(0))
    assert verify_chain(events) == COUNT + 1
    assert [event.session for event in events] == [""] * COUNT + ["s1"]
    assert {event.incarnation for event in events} == {0}


async def test_old_events_are_archived_with_the_seals_they_have(old: Path) -> None:
    async with Store(old, SystemClock()) as store:
        await store.write(lambda tx: tx.tell("engine.noted", "2", actor="supervisor"))
        with opened_log(old, old.with_name("archive")) as log:
            before = list(log.after(0))
        segment = write_segment(old, old.with_name("archive"), last=COUNT)
        await store.write(lambda tx: record_segment(tx, segment))
        await store.write(remove_slice)
    with opened_log(old, old.with_name("archive")) as log:
        after = list(log.after(0))
    assert after[: COUNT + 1] == before
    assert verify_chain(after) == COUNT + 2
