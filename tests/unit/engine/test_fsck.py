"""fsck finds each kind of damage by its name, and nothing in a sound state."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.coordinator import approvals, votes
from supervisor.engine.fsck import FsckReport, fsck
from supervisor.engine.offline import read_offline
from supervisor.errors import DatabaseUnavailable
from supervisor.model.agent import AgentState
from supervisor.model.event import GENESIS, Event, sealed_hash
from supervisor.model.wire import from_wire
from supervisor.model.world import World
from supervisor.testing.small_team import small_team
from supervisor.workspace.engine_lock import EngineLock
from supervisor.workspace.state_dir import open_state


@pytest.fixture
async def project(tmp_path: Path) -> Path:
    """A project with a task, a dependent, a closed vote and a used approval."""
    state = open_state(tmp_path, create=True)
    async with small_team(state.root) as team:
        task = await team.add_task()
        await team.add_task(depends_on=(task.id,))
        await team.claim("worker-1", task.id)
        await team.do(
            lambda scope: votes.open_vote(
                scope, team["planner"], question="?", options=("a", "b"), electorate=("voter-1",)
            )
        )
        await team.do(lambda scope: votes.cast(scope, team["voter-1"], "V1", "a"))
        asked = await team.do(
            lambda scope: approvals.request(
                scope, team["worker-1"], kind="shell", title="t", payload={"x": 1}, tier=1
            )
        )
        await team.do(lambda scope: approvals.answer(scope, "A1", digest=asked.digest, allow=True))
        await team.do(lambda scope: approvals.use(scope, team["worker-1"], "A1", {"x": 1}))
    return tmp_path


def damage(project: Path, *statements: str) -> None:
    with closing(
        sqlite3.connect(project / ".supervisor" / "coordinator.db", isolation_level=None)
    ) as connection:
        for statement in statements:
            connection.execute(statement)


def forge(project: Path, rewrite: str, seq: int) -> None:
    """Change one event and seal the whole log anew, as somebody with the database and patience could."""
    with closing(
        sqlite3.connect(project / ".supervisor" / "coordinator.db", isolation_level=None)
    ) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute(f"UPDATE event SET {rewrite} WHERE seq = ?", (seq,))
        previous = GENESIS
        for row in connection.execute("SELECT * FROM event ORDER BY seq").fetchall():
            previous = sealed_hash(
                previous, from_wire(Event, dict(row) | {"after": json.loads(row["after"])})
            )
            connection.execute("UPDATE event SET hash = ? WHERE seq = ?", (previous, row["seq"]))


def broken(report: FsckReport) -> list[str]:
    return [name for name, holds, _ in report.checks if not holds]


def seq_of(project: Path, kind: str) -> int:
    with closing(sqlite3.connect(project / ".supervisor" / "coordinator.db")) as connection:
        return int(connection.execute("SELECT min(seq) FROM event WHERE kind = ?", (kind,)).fetchone()[0])


async def test_a_sound_state_has_no_findings(project: Path) -> None:
    report = await fsck(project)
    assert report.ok, report.checks
    assert len(report.checks) == 9


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE event SET reason = 'forged' WHERE seq = 5", "event chain (I6)"),
        ("DELETE FROM event WHERE seq = 7", "event chain (I6)"),
        ("UPDATE task SET title = 'forged' WHERE n = 1", "state = fold of events (I6)"),
        ("DELETE FROM ballot", "state = fold of events (I6)"),
        ("INSERT INTO memory VALUES ('team', 'k', 'v', 1, 'x', 0.0)", "state = fold of events (I6)"),
        ("UPDATE task SET unmet = 5 WHERE n = 2", "dependency counters"),
        ("DELETE FROM dependency", "dependency counters"),
        ("UPDATE vote SET winner = 'b'", "votes (I4)"),
        ("INSERT INTO ballot VALUES ('V1', 'stranger', 'a', '', 0.0)", "votes (I4)"),
    ],
)
async def test_each_damage_is_found_by_its_check(project: Path, statement: str, check: str) -> None:
    damage(project, statement)
    assert check in broken(await fsck(project))


async def test_a_dangling_reference_is_found(project: Path) -> None:
    damage(project, "PRAGMA foreign_keys = OFF", "INSERT INTO dependency VALUES (2, 99)")
    assert "references" in broken(await fsck(project))


async def test_a_forged_but_resealed_log_no_longer_fits_the_tables(project: Path) -> None:
    forge(project, "after = json_set(after, '$.title', 'forged')", seq_of(project, "task.claimed"))
    assert broken(await fsck(project)) == ["state = fold of events (I6)"]


async def test_a_token_that_rises_without_a_claim_is_found(project: Path) -> None:
    forge(project, "after = json_set(after, '$.token', 7)", seq_of(project, "task.claimed"))
    assert "tokens rise, moves by the table (I2)" in broken(await fsck(project))


async def test_a_move_that_the_table_forbids_is_found(project: Path) -> None:
    forge(project, "after = json_set(after, '$.state', 'failed')", seq_of(project, "task.created"))
    assert "tokens rise, moves by the table (I2)" in broken(await fsck(project))


async def test_an_approval_used_twice_is_found(project: Path) -> None:
    forge(project, "after = json_set(after, '$.state', 'used')", seq_of(project, "approval.approved"))
    assert "approvals answered once (I5)" in broken(await fsck(project))


async def test_an_unreadable_database_is_one_finding(project: Path) -> None:
    (project / ".supervisor" / "coordinator.db").write_bytes(b"")
    report = await fsck(project)
    assert broken(report) == ["database"]


async def test_a_project_where_nothing_ran_has_nothing_to_check(tmp_path: Path) -> None:
    report = await fsck(tmp_path)
    assert not report.ok
    assert "supervisor up TEAM" in report.checks[0][2]
    with pytest.raises(DatabaseUnavailable):
        await read_offline(tmp_path)


async def test_without_an_engine_nothing_is_shown_as_running(project: Path) -> None:
    rows = World.of(await read_offline(project)).agents.values()
    assert {agent.state for agent in rows} == {AgentState.PENDING}
    assert {agent.pid for agent in rows} == {None}
    state = open_state(project, create=False)
    lock = EngineLock.acquire(state.lock_file, {"pid": 1, "started_at": 0.0})
    try:
        running = World.of(await read_offline(project)).agents.values()
        assert AgentState.IDLE in {agent.state for agent in running}
        assert any("not judged" in detail for _, _, detail in (await fsck(project)).checks)
    finally:
        lock.release()
