"""A file that is taken away, replaced or damaged under the writer is told, saved, and not written."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supervisor.errors import DatabaseCorrupt, DatabaseUnavailable
from supervisor.store import soundness
from supervisor.store.database import connect, prepare_database, reading
from supervisor.store.store import CHECK_AFTER_S, Store
from supervisor.store.transaction import Transaction
from supervisor.store.whole_check import WholeCheck
from supervisor.testing.clock import VirtualClock


def tell(word: str) -> Callable[[Transaction], None]:
    return lambda tx: tx.tell("engine.said", word, actor="supervisor")


def said(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT subject FROM event ORDER BY seq").fetchall()
    return [row[0] for row in rows]


def journal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def removed(path: Path) -> None:
    path.unlink()


def all_removed(path: Path) -> None:
    shutil.rmtree(path.parent)


def replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("other"))
    path.with_name("other").replace(path)


def journal_removed(path: Path) -> None:
    journal(path).unlink()


def journal_replaced(path: Path) -> None:
    shutil.copy(journal(path), path.with_name("other"))
    path.with_name("other").replace(journal(path))


def journal_cut(path: Path) -> None:
    os.truncate(journal(path), 8000)


@pytest.mark.parametrize(
    "harm", [removed, all_removed, replaced, journal_removed, journal_replaced, journal_cut]
)
async def test_nothing_is_written_into_a_lost_file_and_what_was_acknowledged_is_saved(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    path = tmp_path / "state" / "coordinator.db"
    path.parent.mkdir(mode=0o700)
    async with Store(path, VirtualClock()) as store:
        for word in "abc":
            await store.write(tell(word))
        assert store.trouble == ""
        harm(path)
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable, match=r"Nothing more is accepted.*supervisor restore"):
                await store.write(tell("late"))
        assert "while the engine works on it" in store.trouble
        assert await store.read(lambda tx: tx.end.seq) == 3
    (saved,) = (path.parent / "backups").iterdir()
    assert saved.name == "coordinator-rescued-20231114T221320Z.db"
    assert saved.stat().st_mode & 0o777 == 0o600
    assert said(saved) == ["a", "b", "c"]


def test_nothing_begins_empty_where_a_lost_database_was_saved(tmp_path: Path) -> None:
    path, saved = tmp_path / "coordinator.db", tmp_path / "backups" / "coordinator-rescued-2.db"
    saved.parent.mkdir()
    for each in (saved, saved.with_name("coordinator-rescued-1.db")):
        each.write_text("saved")
    for attempt in (prepare_database, lambda each: reading(each).__enter__()):
        with pytest.raises(DatabaseCorrupt, match=r"supervisor restore .*rescued-2\.db"):
            attempt(path)
    assert not path.exists()


async def test_a_file_that_comes_back_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    async with Store(path, VirtualClock()) as store:
        await store.write(tell("a"))
        path.rename(tmp_path / "away")
        with pytest.raises(DatabaseUnavailable):
            await store.write(tell("lost"))
        (tmp_path / "away").rename(path)
        await store.write(tell("b"))
        assert store.trouble == ""
    assert said(path) == ["a", "b"]


async def test_what_was_committed_into_a_lost_file_is_not_told_and_the_log_stays_whole(
    tmp_path: Path,
) -> None:
    path = tmp_path / "coordinator.db"
    heard: list[str] = []

    def lose(tx: Transaction) -> None:
        tx.tell("engine.said", "lost", actor="supervisor")
        path.rename(tmp_path / "away")

    async with Store(path, VirtualClock()) as store:
        store.listen(lambda events: heard.extend(event.subject for event in events))
        await store.write(tell("a"))
        with pytest.raises(DatabaseUnavailable, match="removed"):
            await store.write(lose)
        (tmp_path / "away").rename(path)
        await store.write(tell("b"))
    assert said(path) == ["a", "lost", "b"]
    assert heard == ["a", "b"]


async def test_a_copy_that_cannot_be_saved_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "coordinator.db"
    (tmp_path / "backups").write_text("in the way")
    async with Store(path, VirtualClock()) as store:
        await store.write(tell("a"))
        path.rename(tmp_path / "away")
        with pytest.raises(DatabaseUnavailable, match=r"no copy could be saved .*supervisor restore FILE"):
            await store.write(tell("late"))


async def test_a_copy_that_is_not_whole_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "coordinator.db"
    async with Store(path, VirtualClock()) as store:
        await store.write(fill)
        await store.read(lambda tx: tx._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        damage(path)
        path.rename(tmp_path / "away")
        await store.read(lambda tx: tx._connection.execute("PRAGMA shrink_memory"))
        with pytest.raises(DatabaseUnavailable, match="no copy could be saved"):
            await store.write(tell("late"))
    assert list((tmp_path / "backups").iterdir()) == []


def fill(tx: Transaction) -> None:
    for number in range(300):
        tx.tell("engine.said", str(number), actor="supervisor", text="x" * 300)


def damage(path: Path, *, pages: int | None = None) -> None:
    """Spoil the second half of the file, or so many pages from its middle on."""
    content = bytearray(path.read_bytes())
    first = len(content) // 2 // 4096 * 4096
    last = len(content) - 4096 if pages is None else first + pages * 4096
    for offset in range(first, last, 4096):
        content[offset : offset + 64] = b"\xa5" * 64
    path.write_bytes(bytes(content))


# ---------------------------------------------------------------- files too large to be checked each time


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundness, "WHOLE_MAX", 4096)


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    path = tmp_path / "coordinator.db"
    async with Store(path, VirtualClock()) as store:
        await store.write(fill)
    return path


@pytest.mark.usefixtures("large")
async def test_damage_in_a_large_file_is_found_beside_the_work_and_ends_it(path: Path) -> None:
    damage(path, pages=1)
    clock = VirtualClock()
    async with Store(path, clock) as store:
        await store.write(tell("still accepted"))
        await clock.advance(CHECK_AFTER_S)
        while not store.trouble:
            await asyncio.sleep(0.01)
        with pytest.raises(DatabaseCorrupt, match="Nothing more is accepted"):
            await store.write(tell("late"))


@pytest.mark.usefixtures("large")
async def test_a_large_file_that_is_whole_causes_no_trouble(path: Path) -> None:
    clock = VirtualClock()
    async with Store(path, clock) as store:
        await clock.advance(CHECK_AFTER_S)
        await store._checking  # type: ignore[misc]
        await store.write(tell("b"))
        assert store.trouble == ""


@pytest.mark.usefixtures("large")
async def test_a_store_that_closes_does_not_wait_for_the_check(path: Path) -> None:
    async with Store(path, VirtualClock()) as store:
        assert store._checking is not None
    assert store._checking.cancelled()


@pytest.mark.usefixtures("large")
def test_a_broken_end_of_the_log_is_found_at_once_in_a_large_file(path: Path) -> None:
    with closing(connect(path)) as connection:
        connection.execute("UPDATE event SET actor = 'x' WHERE seq = 290")
    with pytest.raises(DatabaseCorrupt, match="event 290"):
        prepare_database(path)
    with pytest.raises(DatabaseCorrupt, match="event 290"), reading(path):
        pass


def test_a_check_that_was_stopped_finds_nothing(path: Path) -> None:
    check = WholeCheck(path)
    check.stop()
    damage(path)
    assert check.run() is None
    check.stop()


def test_a_check_that_is_interrupted_finds_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = WholeCheck(path)

    def stopped(_path: Path, connection: Any) -> None:
        check.stop()
        raise sqlite3.OperationalError("interrupted")

    monkeypatch.setattr("supervisor.store.whole_check.check_pages", stopped)
    assert check.run() is None
