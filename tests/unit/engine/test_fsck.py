"""fsck finds each kind of damage by its name, and nothing in a sound state."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.coordinator import approvals, mailboxes, messages, votes
from supervisor.coordinator.votes import NewVote
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
        ballot = NewVote(question="?", options=("a", "b"), electorate=("voter-1",))
        await team.do(lambda scope: votes.open_vote(scope, team["planner"], ballot))
        await team.do(lambda scope: votes.cast(scope, team["voter-1"], "V1", "a"))
        asked = await team.do(
            lambda scope: approvals.request(
                scope, team["worker-1"], kind="shell", title="t", payload={"x": 1}, tier=1
            )
        )
        await team.do(lambda scope: approvals.answer(scope, "A1", digest=asked.digest, allow=True))
        await team.do(lambda scope: approvals.use(scope, team["worker-1"], "A1", {"x": 1}))
        await team.do(lambda scope: messages.send(scope, team["planner"], to="worker-1", body="hello"))
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


CHECKS = [
    *("database pages", "references", "archive", "event chain (I6)", "state = fold of events (I6)"),
    *(
        "tokens rise, moves by the table (I2)",
        "done only by evidence (I11)",
        "deliveries move by the table (I3)",
        "votes close once (I4)",
    ),
    *("approvals answered once (I5)", "questions answered once (I5)", "nobody did what it may not (I10)"),
    *("kept counters", "no message is lost (I3)", "votes (I4)", "nothing runs that does not (I8)"),
]


def seq_of_last(project: Path, kind: str) -> int:
    with closing(sqlite3.connect(project / ".supervisor" / "coordinator.db")) as connection:
        return int(connection.execute("SELECT max(seq) FROM event WHERE kind = ?", (kind,)).fetchone()[0])


async def test_a_sound_state_has_no_findings(project: Path) -> None:
    report = await fsck(project)
    assert report.ok, report.checks
    names = [name for name, _, _ in report.checks]
    assert set(CHECKS) <= set(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE event SET reason = 'forged' WHERE seq = 5", "event chain (I6)"),
        ("DELETE FROM event WHERE seq = 7", "event chain (I6)"),
        ("UPDATE task SET title = 'forged' WHERE n = 1", "state = fold of events (I6)"),
        ("DELETE FROM ballot", "state = fold of events (I6)"),
        (
            "INSERT INTO memory (scope, key, value, version, author, at) VALUES ('team', 'k', '', 1, 'x', 0)",
            "state = fold of events (I6)",
        ),
        ("UPDATE task SET unmet = 5 WHERE n = 2", "kept counters"),
        ("DELETE FROM dependency", "kept counters"),
        ("UPDATE vote SET winner = 'b'", "votes (I4)"),
        ("INSERT INTO ballot VALUES ('V1', 'stranger', 'a', '', 0.0)", "votes (I4)"),
        ("DELETE FROM delivery", "no message is lost (I3)"),
        ("DELETE FROM message", "no message is lost (I3)"),
        ("UPDATE event SET session = 'another' WHERE seq = 5", "event chain (I6)"),
        ("UPDATE event SET incarnation = 7 WHERE seq = 5", "event chain (I6)"),
        ("UPDATE event SET after = '[' WHERE seq = 5", "event chain (I6)"),
        ("UPDATE event SET after = '[]' WHERE seq = 5", "event chain (I6)"),
        ("UPDATE event SET after = '{}' WHERE seq = 1", "state = fold of events (I6)"),
    ],
)
async def test_each_damage_is_found_by_its_check(project: Path, statement: str, check: str) -> None:
    damage(project, statement)
    assert check in broken(await fsck(project))


async def test_a_dangling_reference_is_found(project: Path) -> None:
    damage(project, "PRAGMA foreign_keys = OFF", "INSERT INTO dependency (task, dep) VALUES (2, 99)")
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


async def test_work_that_is_done_though_its_checks_never_passed_is_found(project: Path) -> None:
    check = '[{"name": "tests", "argv": ["false"], "timeout_s": 1.0}]'
    done = f"after = json_set(after, '$.checks', json('{check}'), '$.state', 'done')"
    forge(project, done, seq_of(project, "task.claimed"))
    assert "done only by evidence (I11)" in broken(await fsck(project))


async def test_an_approval_used_twice_is_found(project: Path) -> None:
    forge(project, "after = json_set(after, '$.state', 'used')", seq_of(project, "approval.approved"))
    assert "approvals answered once (I5)" in broken(await fsck(project))


FORGERIES = {
    "a task that begins done": ("task.created", "$.state", "done", "tokens rise, moves by the table (I2)"),
    "a copy that is read before it was sent": (
        *("delivery.queued", "$.state", "acked"),
        "deliveries move by the table (I3)",
    ),
    "an approval that is open again": ("approval.used", "$.state", "pending", "approvals answered once (I5)"),
}


@pytest.mark.parametrize("what", FORGERIES)
async def test_what_no_operation_could_have_done_is_found(project: Path, what: str) -> None:
    kind, place, value, check = FORGERIES[what]
    forge(project, f"after = json_set(after, '{place}', '{value}')", seq_of(project, kind))
    assert check in broken(await fsck(project))


async def test_a_vote_that_opens_again_is_found(project: Path) -> None:
    forge(
        project,
        "kind = 'vote.closed', after = json_set(after, '$.state', 'closed')",
        seq_of(project, "vote.opened"),
    )
    forge(project, "after = json_set(after, '$.state', 'open')", seq_of_last(project, "vote.closed"))
    assert "votes close once (I4)" in broken(await fsck(project))


async def test_a_copy_that_was_acked_is_never_unread_again(project: Path) -> None:
    async with small_team(project / ".supervisor") as team:
        sent = await team.do(lambda scope: messages.send(scope, team["planner"], to="worker-1", body="first"))
        first = sent.message.id
        await team.do(lambda scope: mailboxes.ack(scope, "worker-1", ids=(first,)))
        await team.do(lambda scope: messages.send(scope, team["planner"], to="worker-1", body="second"))
    rewrite = f"subject = '{first}/worker-1', after = json_set(after, '$.message', '{first}')"
    forge(project, rewrite, seq_of_last(project, "delivery.queued"))
    assert "deliveries move by the table (I3)" in broken(await fsck(project))


DEEDS_OF_OTHERS = {
    "a judge claims": ("task.claimed", "actor = 'judge'"),
    "a worker judges": ("task.claimed", "actor = 'worker-1', kind = 'task.approved'"),
    "a watcher casts a ballot": ("ballot.cast", "actor = 'watcher'"),
    "a stranger remembers": ("message.sent", "actor = 'mallory'"),
    "the profile sends mail": ("message.sent", "actor = 'profile'"),
    "an agent answers its own request": ("approval.approved", "actor = 'worker-1'"),
    "a judge closes a vote": ("vote.closed", "actor = 'judge'"),
    "an agent speaks of another's slot": ("agent.working", "actor = 'planner'"),
    "an incarnation acts that has ended": (
        "message.sent",
        "incarnation = 1, after = after",
    ),
}


@pytest.mark.parametrize("what", DEEDS_OF_OTHERS)
async def test_an_act_that_its_agent_had_no_right_to_is_found(project: Path, what: str) -> None:
    kind, forgery = DEEDS_OF_OTHERS[what]
    if "incarnation" in forgery:
        async with small_team(project / ".supervisor") as team:
            await team.do(lambda scope: messages.send(scope, team["planner"], to="worker-1", body="again"))
    forge(project, forgery, seq_of_last(project, kind))
    assert "nobody did what it may not (I10)" in broken(await fsck(project))


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
