"""F3: durable settings, strict tables, answers after the commit. F4: a damaged file is named and kept."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.clock import SystemClock
from supervisor.engine.fsck import fsck
from supervisor.errors import DatabaseCorrupt, DatabaseTooNew, StoreError
from supervisor.store import database, store
from supervisor.store.store import Store
from supervisor.store.transaction import Transaction
from supervisor.workspace.state_dir import open_state
from tests.team_door import set_scene, team_door

WANTED = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}


async def test_f3_the_writer_runs_with_every_setting_that_durability_rests_on(tmp_path: Path) -> None:
    def settings_of(tx: Transaction) -> dict[str, object]:
        return {name: tx._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in WANTED}

    async with Store(tmp_path / "c.db", SystemClock()) as opened:
        assert await opened.read(settings_of) == WANTED


async def test_f3_a_wrong_kind_or_a_dangling_reference_is_refused_by_the_tables(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
    with closing(database.connect(tmp_path / "coordinator.db")) as forger:
        for forged in (
            "UPDATE task SET token = 'many'",
            "UPDATE event SET at = 'soon'",
            "UPDATE task SET run = 99",
            "INSERT INTO dependency (task, dep) VALUES (1, 99)",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                forger.execute(forged)


async def seen_at_answers(directory: Path) -> list[bool]:
    """Look from outside, at the moment of each answer, whether what was answered is committed."""
    seen = []
    async with team_door(directory) as door:
        with closing(database.connect_read_only(directory / "coordinator.db")) as other:
            for number in range(1, 21):
                await door.call("planner", "task_create", title=f"t{number}")
                seen.append(other.execute("SELECT count(*) FROM task").fetchone()[0] == number)
    return seen


async def test_f3_an_answer_comes_after_the_commit(tmp_path: Path) -> None:
    assert all(await seen_at_answers(tmp_path))


async def test_f3_canary_an_answer_before_the_commit_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = store._attempt

    def eager(
        connection: sqlite3.Connection, tx: Transaction, operation: Callable[[Transaction], object]
    ) -> object:
        answer = attempt(connection, tx, operation)
        with closing(database.connect_read_only(tmp_path / "coordinator.db")) as other:
            early.append(other.execute("SELECT count(*) FROM event").fetchone()[0] < tx.end.seq)
        return answer

    early: list[bool] = []
    monkeypatch.setattr(store, "_attempt", eager)
    async with team_door(tmp_path) as door:
        await door.call("planner", "task_create", title="t")
    assert any(early)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in range(4096, len(data), 512):
        data[place] ^= 0xFF
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:6000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE task (id)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 999")


def gone_but_for_its_journal(path: Path) -> None:
    path.with_name(path.name + "-wal").write_bytes(b"x" * 4096)
    path.unlink()


DAMAGE = (flip, cut, empty, foreign, newer, gone_but_for_its_journal)


@pytest.mark.parametrize("damage", DAMAGE)
async def test_f4_a_damaged_database_is_named_left_alone_and_never_replaced(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    state = open_state(tmp_path, create=True)
    async with team_door(state.root) as door:
        await set_scene(door)
    damage(state.database)
    before = {path.name: path.read_bytes() for path in state.root.iterdir() if "coordinator" in path.name}
    with pytest.raises(DatabaseTooNew if damage is newer else DatabaseCorrupt, match=r"coordinator\.db"):
        async with team_door(state.root):
            pass
    after = {path.name: path.read_bytes() for path in state.root.iterdir() if path.name in before}
    assert after == before
    if state.database.exists():
        assert not (await fsck(tmp_path)).ok


async def test_f4_a_journal_that_lost_its_end_gives_an_earlier_whole_state_never_half_a_change(
    tmp_path: Path,
) -> None:
    """The lost commits cannot be told from commits that never were; what is left must still be a history."""
    async with team_door(tmp_path / "") as door:
        await set_scene(door)
        for number, part in enumerate((0.2, 0.5, 0.9, 0.99)):
            state = open_state(_fresh(tmp_path / f"p{number}"), create=True)
            shutil.copy(tmp_path / "coordinator.db", state.database)
            wal = (tmp_path / "coordinator.db-wal").read_bytes()
            (state.root / "coordinator.db-wal").write_bytes(wal[: int(len(wal) * part)])
            for path in (state.database, state.root / "coordinator.db-wal"):
                path.chmod(0o600)
            try:
                report = await fsck(state.project)
            except StoreError:
                continue
            assert [check for check in report.checks if not check[1]] == []


def _fresh(path: Path) -> Path:
    path.mkdir()
    return path
