"""C9: every forged, dropped, swapped or added event is found at its row; no change without its event."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.engine import fsck as fsck_module
from supervisor.engine.fsck import fsck
from supervisor.errors import DatabaseUnavailable
from supervisor.store.transaction import Transaction
from supervisor.workspace.state_dir import StateDir, open_state
from tests.team_door import mark, set_scene, team_door

Forgery = Callable[[sqlite3.Connection], object]


def run(*statements: str) -> Forgery:
    return lambda forger: [forger.execute(statement) for statement in statements]


SWAP = (
    "UPDATE event SET seq = -1 WHERE seq = 20",
    "UPDATE event SET seq = 20 WHERE seq = 21",
    "UPDATE event SET seq = 21 WHERE seq = -1",
)
COLUMNS = "at, run, kind, subject, actor, after, reason, hash"
ADD = f"INSERT INTO event (seq, {COLUMNS}) SELECT seq + 1000, {COLUMNS} FROM event WHERE seq = 20"
FORGERIES: dict[str, tuple[Forgery, str]] = {
    "another actor": (run("UPDATE event SET actor = 'human' WHERE seq = 20"), "event 20"),
    "another time": (run("UPDATE event SET at = at - 60 WHERE seq = 20"), "event 20"),
    "another content": (run("UPDATE event SET after = '{}' WHERE seq = 20"), "event 20"),
    "another hash": (run("UPDATE event SET hash = 'x' WHERE seq = 20"), "event 20"),
    "one dropped": (run("DELETE FROM event WHERE seq = 20"), "event 20 is missing"),
    "the first dropped": (run("DELETE FROM event WHERE seq = 1"), "event 1 is missing"),
    "two swapped": (run(*SWAP), "event 20"),
    "one added": (run(ADD), "is missing"),
    "a change without event": (run("UPDATE task SET title = 'forged' WHERE n = 1"), "rows of task differ"),
    "the newest dropped": (
        run("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)"),
        "differ from their events",
    ),
    "an answer forged": (
        run("UPDATE approval SET state = 'approved' WHERE n = 2"),
        "rows of approval differ",
    ),
}


@pytest.fixture
async def state(tmp_path: Path) -> StateDir:
    opened = open_state(tmp_path, create=True)
    async with team_door(opened.root) as door:
        await set_scene(door)
    return opened


async def problems(state: StateDir) -> str:
    report = await fsck(state.project)
    return "; ".join(f"{name}: {detail}" for name, holds, detail in report.checks if not holds)


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forgery_is_found_and_its_place_named(state: StateDir, forgery: str) -> None:
    assert await problems(state) == ""
    forge, says = FORGERIES[forgery]
    with closing(sqlite3.connect(state.database, isolation_level=None)) as forger:
        forge(forger)
    assert says in await problems(state)


async def test_without_room_for_the_event_nothing_changes_and_later_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async with team_door(tmp_path) as door:
        await set_scene(door)
        before = await door.team.store.read(mark)
        with monkeypatch.context() as patched:
            patched.setattr(Transaction, "_append", full)
            with pytest.raises(DatabaseUnavailable, match="full"):
                await door.call("planner", "task_create", title="x")
        assert await door.team.store.read(mark) == before
        await door.call("planner", "task_create", title="x")


async def test_a_really_full_database_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        connection = "PRAGMA max_page_count = {}"
        pages = await door.team.store.read(
            lambda tx: tx._connection.execute("PRAGMA page_count").fetchone()[0]
        )
        await door.team.store.read(lambda tx: tx._connection.execute(connection.format(pages)).fetchone())
        refusals = 0
        for number in range(60):
            before = await door.team.store.read(mark)
            try:
                await door.call("worker-1", "memory_set", key=f"k{number}", value="x" * 4000)
            except DatabaseUnavailable as error:
                refusals += 1
                assert "full" in error.message  # noqa: PT017 - some calls still find room
                assert await door.team.store.read(mark) == before
        assert refusals > 40
        await door.team.store.read(lambda tx: tx._connection.execute(connection.format(10**6)).fetchone())
        await door.call("worker-1", "memory_set", key="after", value="x")


async def test_canary_a_chain_that_is_not_a_chain_misses_the_forgery(
    state: StateDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge, _ = FORGERIES["another actor"]
    with closing(sqlite3.connect(state.database, isolation_level=None)) as forger:
        hashes = {row[0]: row[1] for row in forger.execute("SELECT seq, hash FROM event")}
        forge(forger)
    monkeypatch.setattr(fsck_module, "sealed_hash", lambda _previous, event: hashes[event.seq])
    assert "event chain" not in await problems(state)
