"""Copies are whole or not there; what is put in place of a database waits until the old one is kept."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supervisor.errors import DatabaseUnavailable
from supervisor.store import backup
from supervisor.store.backup import copy_database, decide_restore, finish_restore, publish
from supervisor.store.database import connect, connect_read_only, decided_restore, prepare_database, reading

SOON = 1_700_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return made(tmp_path / "coordinator.db", "old")


def made(path: Path, word: str) -> Path:
    prepare_database(path)
    with closing(connect(path)) as connection:
        connection.execute("INSERT INTO note VALUES (1, 'T1', 'x', ?, 0.0)", [word])
    return path


def word_in(path: Path) -> str:
    with closing(connect_read_only(path)) as connection:
        return str(connection.execute("SELECT body FROM note").fetchone()[0])


def decided(path: Path, word: str = "new") -> Path:
    fresh = made(path.with_name("fresh.db"), word)
    decide_restore(fresh, path)
    os.utime(decided_restore(path), (SOON, SOON))
    return decided_restore(path)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir() if not path.name.endswith("-shm")}


KEPT = "coordinator-before-restore-20231114T221320Z.db"


def test_a_copy_is_one_private_file(path: Path, tmp_path: Path) -> None:
    copy_database(path, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert word_in(tmp_path / "copy.db") == "old"
    assert names(tmp_path) == {"coordinator.db", "coordinator.db-wal", "copy.db"}


def test_a_copy_that_fails_leaves_nothing_and_names_the_file_that_could_not_be_written(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "copy.db"))

    monkeypatch.setattr(backup, "sync_file", full)
    with pytest.raises(DatabaseUnavailable, match=r"copy\.db: No space left"):
        copy_database(path, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_copy_never_takes_a_file_that_is_there(path: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(DatabaseUnavailable, match="File exists"):
        copy_database(path, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_name_is_given_only_if_it_is_free_unless_it_may_be_replaced(tmp_path: Path) -> None:
    fresh, target = tmp_path / "fresh", tmp_path / "target"
    fresh.write_text("new")
    target.write_text("old")
    with pytest.raises(FileExistsError):
        publish(fresh, target, replace=False)
    assert (fresh.read_text(), target.read_text()) == ("new", "old")
    publish(fresh, target, replace=True)
    assert target.read_text() == "new"
    fresh.write_text("newer")
    publish(fresh, tmp_path / "another", replace=False)
    assert names(tmp_path) == {"target", "another"}


def test_where_there_are_no_hard_links_a_free_name_is_given_by_renaming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    fresh, target = tmp_path / "fresh", tmp_path / "target"
    fresh.write_text("new")
    publish(fresh, target, replace=False)
    assert names(tmp_path) == {"target"}
    fresh.write_text("newer")
    with pytest.raises(FileExistsError):
        publish(fresh, target, replace=False)
    assert target.read_text() == "new"


def test_without_a_decided_restore_nothing_happens(path: Path, tmp_path: Path) -> None:
    before = names(tmp_path)
    assert finish_restore(path) is None
    assert names(tmp_path) == before


def test_a_decided_restore_takes_the_place_and_keeps_what_was_there_in_one_file(
    path: Path, tmp_path: Path
) -> None:
    decided(path)
    assert finish_restore(path) == tmp_path / KEPT
    assert names(tmp_path) == {"coordinator.db", KEPT}
    assert (word_in(path), word_in(tmp_path / KEPT)) == ("new", "old")


def test_a_restore_where_nothing_was_keeps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    decided(path)
    assert finish_restore(path) is None
    assert word_in(path) == "new"


def test_what_was_kept_by_an_earlier_restore_in_the_same_second_is_not_replaced(
    path: Path, tmp_path: Path
) -> None:
    decided(path)
    finish_restore(path)
    decided(path, "newer")
    second = finish_restore(path)
    decided(path, "newest")
    third = finish_restore(path)
    assert second == tmp_path / KEPT.replace("Z.db", "Z-2.db")
    assert third == tmp_path / KEPT.replace("Z.db", "Z-3.db")
    assert [word_in(each) for each in (tmp_path / KEPT, second, third, path)] == [
        "old",
        "new",
        "newer",
        "newest",
    ]


def test_a_restore_cut_off_between_its_renames_goes_on_where_it_was(path: Path, tmp_path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])
    path.with_name("coordinator.db-wal").write_bytes(b"journal")
    decided(path)
    path.with_name("coordinator.db-wal").rename(tmp_path / f"{KEPT}-wal")
    path.rename(tmp_path / KEPT)
    assert finish_restore(path) == tmp_path / KEPT
    assert (tmp_path / f"{KEPT}-wal").read_bytes() == b"journal"
    assert word_in(path) == "new"


def test_who_only_looks_is_told_of_a_restore_that_was_cut_off(path: Path) -> None:
    decided(path)
    with pytest.raises(DatabaseUnavailable, match="cut off"), reading(path):
        pass


def test_a_damaged_database_is_kept_as_it_is_with_its_journal(path: Path, tmp_path: Path) -> None:
    damaged = path.read_bytes()[:5000]
    path.write_bytes(damaged)
    path.with_name("coordinator.db-wal").write_bytes(b"journal")
    decided(path)
    assert finish_restore(path) == tmp_path / KEPT
    assert (tmp_path / KEPT).read_bytes() == damaged
    assert (tmp_path / f"{KEPT}-wal").read_bytes() == b"journal"


def test_a_journal_that_somebody_holds_is_kept_beside_the_file(path: Path, tmp_path: Path) -> None:
    with closing(connect(path)) as writer, closing(connect_read_only(path)) as reader:
        writer.execute("UPDATE note SET body = 'older'")
        reader.execute("BEGIN")
        assert reader.execute("SELECT body FROM note").fetchone()[0] == "older"
        writer.execute("UPDATE note SET body = 'last'")
        writer.execute("PRAGMA busy_timeout = 1")
        decided(path)
        assert finish_restore(path) == tmp_path / KEPT
    assert word_in(tmp_path / KEPT) == "last"
    assert word_in(path) == "new"


def test_a_copy_that_is_not_whole_is_not_given_out_as_saved(path: Path, tmp_path: Path) -> None:
    class Spoilt(sqlite3.Connection):
        def backup(self, target: sqlite3.Connection, **_: Any) -> None:
            target.execute("PRAGMA journal_mode = DELETE")
            target.execute("CREATE TABLE t (x NOT NULL)")
            target.execute("INSERT INTO t VALUES (1)")
            target.execute("PRAGMA writable_schema = ON")
            target.execute("UPDATE sqlite_schema SET sql = 'CREATE TABLE t (x NOT NULL, y NOT NULL)'")
            target.execute("PRAGMA writable_schema = OFF")

    spoilt = sqlite3.connect(path, factory=Spoilt)
    with closing(spoilt) as connection, pytest.raises(sqlite3.DatabaseError, match="NULL"):
        backup.rescue(connection, path, now=SOON)
    assert list((tmp_path / "backups").iterdir()) == []
