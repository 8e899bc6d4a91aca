"""Opening: created whole, checked, migrated, never silently replaced."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.errors import DatabaseCorrupt, DatabaseTooNew, DatabaseUnavailable
from supervisor.store import database
from supervisor.store.database import connect, prepare_database, reading

REMEMBER = "INSERT INTO memory (scope, key, value, version, author, at) VALUES"


def pragma(path: Path, name: str) -> object:
    with closing(connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepare_database(tmp_path / "coordinator.db")
    return tmp_path / "coordinator.db"


def test_a_fresh_database_is_whole_private_and_durable(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert not path.with_name("coordinator.db.new").exists()
    assert pragma(path, "journal_mode") == "wal"
    assert pragma(path, "synchronous") == 2
    assert pragma(path, "foreign_keys") == 1
    assert pragma(path, "trusted_schema") == 0
    assert pragma(path, "user_version") == len(database.migrations())


def test_every_table_is_strict(path: Path) -> None:
    with closing(connect(path)) as connection:
        tables = connection.execute(
            "SELECT name, strict FROM pragma_table_list WHERE schema = 'main'"
        ).fetchall()
    lax = [row["name"] for row in tables if not row["strict"] and not row["name"].startswith("sqlite_")]
    assert lax == []


def test_opening_again_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    prepare_database(path)
    assert path.read_bytes() == before


def test_a_half_made_database_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "coordinator.db.new").write_bytes(b"half")
    prepare_database(tmp_path / "coordinator.db")
    assert pragma(tmp_path / "coordinator.db", "user_version") == len(database.migrations())


def test_a_newer_database_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(DatabaseTooNew, match="version 99"):
        prepare_database(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [b"", b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 4096],
    ids=["empty", "text", "torn"],
)
def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "coordinator.db"
    path.write_bytes(content)
    for attempt in (prepare_database, lambda each: reading(each).__enter__()):
        with pytest.raises(DatabaseCorrupt, match="left as it is"):
            attempt(path)
    assert path.read_bytes() == content


def test_flipped_bytes_inside_are_found(path: Path) -> None:
    with closing(connect(path)) as connection:
        connection.executemany(
            f"{REMEMBER} ('team', ?, ?, 1, 'x', 0.0)",
            [(f"k{n}", "v" * 500) for n in range(200)],
        )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    for offset in range(len(content) // 2, len(content) - 4096, 4096):
        content[offset : offset + 64] = b"\xa5" * 64
    path.write_bytes(bytes(content))
    with pytest.raises(DatabaseCorrupt):
        prepare_database(path)


def test_a_list_of_free_pages_that_does_not_add_up_is_found(path: Path) -> None:
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    damaged = content[:36] + (5).to_bytes(4, "big") + content[40:]
    path.write_bytes(damaged)
    for attempt in (prepare_database, lambda each: reading(each).__enter__()):
        with pytest.raises(DatabaseCorrupt, match=r"[Ff]reelist"):
            attempt(path)
    assert path.read_bytes() == damaged


def test_what_cannot_be_opened_for_writing_is_closed_again(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        connect(tmp_path / "text")


def test_a_damaged_schema_is_named_though_its_words_are_no_text(path: Path) -> None:
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    damaged = content.replace(b"CREATE TABLE run", b"CREATE TABL\xe6 ru\xff", 1)
    assert damaged != content
    path.write_bytes(damaged)
    for attempt in (prepare_database, lambda each: reading(each).__enter__()):
        with pytest.raises(DatabaseCorrupt, match="left as it is"):
            attempt(path)
    assert path.read_bytes() == damaged


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(DatabaseCorrupt, match="not a supervisor database"):
        prepare_database(path)


def test_a_lost_file_whose_journal_remains_is_not_replaced_by_an_empty_one(path: Path) -> None:
    with closing(connect(path)) as connection:
        connection.execute(f"{REMEMBER} ('team', 'k', 'v', 1, 'x', 0.0)")
        path.with_name("coordinator.db-wal").rename(path.with_name("kept"))
    path.unlink()
    path.with_name("kept").rename(path.with_name("coordinator.db-wal"))
    with pytest.raises(DatabaseCorrupt, match="journal is still there"):
        prepare_database(path)
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "coordinator.db").mkdir()
    with pytest.raises(DatabaseUnavailable, match=r"coordinator\.db"):
        prepare_database(tmp_path / "coordinator.db")


def test_reading_what_is_not_there_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="supervisor up TEAM"), reading(tmp_path / "none.db"):
        pass


def test_the_reading_connection_cannot_write(path: Path) -> None:
    with pytest.raises(DatabaseUnavailable), reading(path) as connection:
        connection.execute(f"{REMEMBER} ('team', 'k', 'v', 1, 'x', 0.0)")


def test_a_failed_migration_leaves_the_old_version(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = (
        *database.migrations(),
        "CREATE TABLE extra (x INTEGER) STRICT; CREATE TABLE extra (x INTEGER) STRICT;",
    )
    monkeypatch.setattr(database, "migrations", lambda: broken)
    with pytest.raises(DatabaseUnavailable, match="already exists"):
        prepare_database(path)
    monkeypatch.undo()
    assert pragma(path, "user_version") == len(database.migrations())
    with closing(connect(path)) as connection:
        assert (
            connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'").fetchone()[0] == 0
        )
