"""The writer: atomic, ordered, isolated, durable on answer."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supervisor.clock import SystemClock
from supervisor.errors import DatabaseCorrupt, DatabaseUnavailable, NotFound
from supervisor.model.event import Event, verify_chain
from supervisor.model.memory import MemoryEntry
from supervisor.store import queries
from supervisor.store.database import connect_read_only
from supervisor.store.queries import QUERIES
from supervisor.store.store import BATCH_MAX, Store
from supervisor.store.transaction import Transaction, event_of


def remember(key: str, value: str = "v") -> Any:
    entry = MemoryEntry(scope="team", key=key, value=value, version=1, author="x", at=0.0)
    return lambda tx: tx.record("memory.set", entry, actor="x")


def stored(path: Path) -> set[str]:
    with closing(connect_read_only(path)) as connection:
        return {row["key"] for row in connection.execute(QUERIES["memory.all"])}


def events(path: Path) -> list[Event]:
    with closing(connect_read_only(path)) as connection:
        return [
            event_of(row) for row in connection.execute(QUERIES["event.since"], {"since": 0, "limit": 10_000})
        ]


async def test_an_answer_means_that_another_connection_sees_it(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    async with Store(path, SystemClock()) as store:
        await store.write(remember("a"))
        assert stored(path) == {"a"}


async def test_a_refused_operation_changes_nothing_and_its_neighbours_go_on(tmp_path: Path) -> None:
    path = tmp_path / "c.db"

    def half(tx: Transaction) -> None:
        remember("half")(tx)
        raise NotFound("no")

    async with Store(path, SystemClock()) as store:
        outcomes = await asyncio.gather(
            store.write(remember("a")), store.write(half), store.write(remember("b")), return_exceptions=True
        )
    assert isinstance(outcomes[1], NotFound)
    assert stored(path) == {"a", "b"}
    assert [event.subject for event in events(path)] == ["team/a", "team/b"]
    verify_chain(events(path))


async def test_listeners_hear_each_committed_event_once_in_order_before_the_answer(tmp_path: Path) -> None:
    heard: list[int] = []
    async with Store(tmp_path / "c.db", SystemClock()) as store:
        store.listen(lambda batch: heard.extend(event.seq for event in batch))
        await store.write(remember("first"))
        assert heard == [1]
        await asyncio.gather(*(store.write(remember(str(number))) for number in range(BATCH_MAX * 2)))
        assert heard == list(range(1, BATCH_MAX * 2 + 2))
        assert store.last_seq == heard[-1]


async def test_what_is_queued_at_the_end_is_still_written(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    async with Store(path, SystemClock()) as store:
        writes = [asyncio.ensure_future(store.write(remember(str(number)))) for number in range(10)]
        await asyncio.sleep(0)
    assert all(write.done() for write in writes)
    assert len(stored(path)) == 10
    with pytest.raises(DatabaseUnavailable, match="stopping"):
        await store.write(remember("late"))


async def test_a_caller_that_goes_away_does_not_hurt_the_others(tmp_path: Path) -> None:
    async with Store(tmp_path / "c.db", SystemClock()) as store:
        gone = asyncio.ensure_future(store.write(remember("gone")))
        kept = asyncio.ensure_future(store.write(remember("kept")))
        await asyncio.sleep(0)
        gone.cancel()
        assert (await kept).key == "kept"


async def test_a_database_that_cannot_be_written_refuses_and_recovers(tmp_path: Path) -> None:
    path = tmp_path / "c.db"

    def full(_tx: Transaction) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async with Store(path, SystemClock()) as store:
        outcomes = await asyncio.gather(store.write(remember("a")), store.write(full), return_exceptions=True)
        assert [type(each) for each in outcomes] == [DatabaseUnavailable, DatabaseUnavailable]
        assert stored(path) == set()
        await store.write(remember("b"))
    verify_chain(events(path))
    assert stored(path) == {"b"}


async def test_a_failing_commit_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    async with Store(path, SystemClock()) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await store.read(lambda tx: tx._connection.execute("PRAGMA busy_timeout = 1"))
            with pytest.raises(DatabaseUnavailable, match="locked"):
                await store.write(remember("a"))
        await store.write(remember("b"))
    assert stored(path) == {"b"}


async def test_an_entity_cannot_be_written_without_its_event_nor_told_without_a_change(
    tmp_path: Path,
) -> None:
    async with Store(tmp_path / "c.db", SystemClock()) as store:
        with pytest.raises(TypeError, match=r"task\.created needs a Task"):
            await store.write(lambda tx: tx.record("task.created", "no task", actor="x"))
        with pytest.raises(ValueError, match="use record"):
            await store.write(lambda tx: tx.tell("task.created", "T1", actor="x"))
        await store.write(lambda tx: tx.tell("engine.started", "1", actor="x", mode="test"))
        assert store.last_seq == 1


async def test_a_row_that_makes_no_value_is_named_as_damage(tmp_path: Path) -> None:
    async with Store(tmp_path / "c.db", SystemClock()) as store:
        await store.write(
            lambda tx: tx._connection.execute(
                "INSERT INTO agent (name, pool, role, state, tags, groups, incarnation, pid, task, restarts,"
                " since, next_start_at, last_exit, reason, assurance) VALUES"
                " ('a','p','king','idle','[]','[]',0,NULL,NULL,0,0.0,NULL,NULL,'','L0')"
            )
        )
        from supervisor.model.agent import Agent

        with pytest.raises(DatabaseCorrupt, match="stored Agent"):
            await store.read(lambda tx: tx.values(Agent, "agent.all"))


@pytest.mark.parametrize("column", ["after", "kind", "subject", "actor", "reason", "at"])
async def test_every_altered_column_of_the_log_is_found(tmp_path: Path, column: str) -> None:
    path = tmp_path / "c.db"
    async with Store(path, SystemClock()) as store:
        for key in "abc":
            await store.write(remember(key))
    with closing(sqlite3.connect(path, isolation_level=None)) as forger:
        value = {"after": '{"forged":1}', "at": 1.0}.get(column, "forged.x")
        forger.execute(f"UPDATE event SET {column} = ? WHERE seq = 2", (value,))
    with pytest.raises(DatabaseCorrupt, match="event 2"):
        verify_chain(events(path))


async def test_a_dropped_event_is_found(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    async with Store(path, SystemClock()) as store:
        for key in "abc":
            await store.write(remember(key))
    with closing(sqlite3.connect(path, isolation_level=None)) as forger:
        forger.execute("DELETE FROM event WHERE seq = 2")
    with pytest.raises(DatabaseCorrupt, match="event 2 is missing"):
        verify_chain(events(path))


def test_every_statement_has_a_name_and_a_purpose_and_is_prepared_by_sqlite(tmp_path: Path) -> None:
    from supervisor.store.database import prepare_database

    prepare_database(tmp_path / "c.db")
    with closing(connect_read_only(tmp_path / "c.db")) as connection:
        for name, statement in QUERIES.items():
            names = {word.strip(":,()") for word in statement.replace("(", " ").split() if ":" in word}
            parameters = {each.strip(":").split(")")[0].rstrip(",;") for each in names}
            try:
                connection.execute(f"EXPLAIN {statement}", dict.fromkeys(parameters, 1))
            except sqlite3.Error as error:
                pytest.fail(f"{name}: {error}")


def test_a_statement_file_without_headings_is_refused() -> None:
    with pytest.raises(ValueError, match="must begin with"):
        queries._split("task", "SELECT 1;")


@pytest.mark.parametrize(
    ("query", "params"),
    [("task.lanes", {"run": 1}), ("task.best_of_lane", {"run": 1, "lane": "|||[]", "full": "[]"})],
)
def test_the_claim_reads_the_index_of_what_is_ready(
    tmp_path: Path, query: str, params: dict[str, Any]
) -> None:
    from supervisor.store.database import prepare_database

    prepare_database(tmp_path / "c.db")
    with closing(connect_read_only(tmp_path / "c.db")) as connection:
        plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {QUERIES[query]}", params)]
    searched = [detail for detail in plan if "task_ready" in detail]
    assert searched
    assert all(detail.startswith("SEARCH") for detail in searched)
    assert not any("TEMP B-TREE" in detail or "SCAN task" in detail for detail in plan)


def writers_left() -> list[str]:
    """Name the writer threads that do not end; a single one would keep the process alive."""
    writers = [each for each in threading.enumerate() if "_connection_worker_thread" in each.name]
    for writer in writers:
        writer.join(5)
    return [writer.name for writer in writers if writer.is_alive()]


async def test_a_store_that_cannot_begin_leaves_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_connection: sqlite3.Connection) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr("supervisor.store.store.log_end", damaged)
    with pytest.raises(DatabaseCorrupt):
        await Store(tmp_path / "c.db", SystemClock()).__aenter__()
    assert writers_left() == []


async def test_a_store_whose_user_is_cancelled_leaves_no_thread(tmp_path: Path) -> None:
    entered = asyncio.Event()

    async def use() -> None:
        async with Store(tmp_path / "c.db", SystemClock()):
            entered.set()
            await asyncio.Event().wait()

    user = asyncio.ensure_future(use())
    await entered.wait()
    user.cancel()
    with pytest.raises(asyncio.CancelledError):
        await user
    assert writers_left() == []


async def test_a_transaction_that_sqlite_ended_by_itself_is_no_answer(tmp_path: Path) -> None:
    def ended(tx: Transaction) -> None:
        tx._connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")

    async with Store(tmp_path / "c.db", SystemClock()) as store:
        with pytest.raises(DatabaseUnavailable, match="disk I/O"):
            await store.write(ended)
        await store.write(remember("b"))
    assert stored(tmp_path / "c.db") == {"b"}


async def test_damage_met_by_an_operation_is_named_to_all_of_its_batch(tmp_path: Path) -> None:
    def damaged(_tx: Transaction) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    async with Store(tmp_path / "c.db", SystemClock()) as store:
        with pytest.raises(DatabaseCorrupt, match="malformed"):
            await store.write(damaged)
