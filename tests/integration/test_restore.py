"""Restore: a copy takes the place whole or not at all, and nobody from its lost future acts in it."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.clock import SystemClock
from supervisor.coordinator import runs, upkeep, work
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.restoring import UNKNOWN_FUTURE
from supervisor.coordinator.scope import Scope
from supervisor.engine.backups import back_up, restore
from supervisor.engine.fsck import fsck
from supervisor.errors import (
    DatabaseCorrupt,
    DatabaseTooNew,
    DatabaseUnavailable,
    LockHeld,
    StaleToken,
)
from supervisor.model.agent import Role
from supervisor.model.approval import Mode
from supervisor.model.outside_key import NewKey
from supervisor.store.database import connect, decided_restore, reading
from supervisor.store.store import Store
from supervisor.testing.clock import VirtualClock
from supervisor.testing.examination import database_of, log_of, violations
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam
from supervisor.testing.zygote import Zygote
from supervisor.workspace.engine_lock import EngineLock
from supervisor.workspace.state_dir import open_state
from tests.integration.past import LATER, Past, make, names_in, past_at
from tests.team_door import set_scene, team_door

POINTS: Final = 60
MOMENTS: Final = ("before", "half", "after")
NEVER: Final = 1_000_000


async def test_a_restore_puts_the_copy_in_place_keeps_what_was_there_and_can_be_undone(past: Past) -> None:
    done = await restore(past.project, past.copy, clock=past.clock)
    assert done.kept is not None
    assert names_in(past.state.root) == {"coordinator.db", done.kept.name}
    log = log_of(past.state.database)
    assert log.hashes[past.before[0]] == past.before[1]
    assert past.after not in log.hashes.items()
    assert log_of(done.kept).end == past.after
    assert (await fsck(past.project)).ok
    undone = await restore(past.project, done.kept, clock=VirtualClock(now=LATER + 9))
    assert log_of(past.state.database).hashes[past.after[0]] == past.after[1]
    assert await violations(past.project, [], VirtualClock(now=LATER)) == []
    assert undone.kept is not None
    assert undone.kept != done.kept


async def test_a_restore_where_nothing_was_makes_the_state(past: Past, tmp_path: Path) -> None:
    done = await restore(tmp_path, past.copy, clock=past.clock)
    assert done.kept is None
    assert await violations(tmp_path, [{"seq": past.before[0], "hash": past.before[1]}], past.clock) == []


async def test_a_restore_is_refused_while_an_engine_runs(past: Past) -> None:
    lock = EngineLock.acquire(past.state.lock_file, {"pid": os.getpid(), "started_at": 0.0})
    before = past.state.database.read_bytes()
    try:
        with pytest.raises(LockHeld, match="supervisor down"):
            await restore(past.project, past.copy, clock=past.clock)
    finally:
        lock.release()
    assert past.state.database.read_bytes() == before


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100_000])


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


def forged(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE event SET actor = 'nobody' WHERE seq = 7")
        connection.commit()


def doctored(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE task SET title = 'another' WHERE n = 1")
        connection.commit()


@pytest.mark.parametrize("damage", [torn, foreign, newer, forged, doctored])
async def test_a_copy_that_is_not_sound_is_refused_and_nothing_changes(
    past: Past, damage: Callable[[Path], None]
) -> None:
    damage(past.copy)
    content, before, names = (
        past.copy.read_bytes(),
        past.state.database.read_bytes(),
        names_in(past.state.root),
    )
    with pytest.raises(DatabaseTooNew if damage is newer else DatabaseCorrupt, match=r"copy\.db"):
        await restore(past.project, past.copy, clock=past.clock)
    assert past.copy.read_bytes() == content
    assert past.state.database.read_bytes() == before
    assert names_in(past.state.root) == names


async def test_a_damaged_database_is_kept_with_its_journal_when_a_copy_takes_its_place(past: Past) -> None:
    database = past.state.database
    content = database.read_bytes()
    database.write_bytes(content[:5000])
    database.with_name("coordinator.db-wal").write_bytes(b"journal")
    done = await restore(past.project, past.copy, clock=past.clock)
    assert done.kept is not None
    assert done.kept.read_bytes() == content[:5000]
    assert done.kept.with_name(done.kept.name + "-wal").read_bytes() == b"journal"
    assert await violations(past.project, [{"seq": past.before[0], "hash": past.before[1]}], past.clock) == []


async def test_a_copy_of_an_earlier_schema_is_brought_up_to_date(past: Past, tmp_path: Path) -> None:
    from supervisor.testing.old_database import load_dump

    old = tmp_path / "old.db"
    load_dump(Path(__file__).with_name("first_schema.sql"), old, version=1)
    await restore(past.project, old, clock=past.clock)
    assert await violations(past.project, [], past.clock) == []
    assert log_of(past.state.database).end[0] > 83


# ---------------------------------------------------------------- the lost future is shut out


async def test_no_key_that_was_live_before_a_restore_opens_the_door_after_it(tmp_path: Path) -> None:
    state = open_state(tmp_path, create=True)
    async with team_door(state.root) as door:
        await set_scene(door)
        coordinator = door.team.coordinator
        await coordinator.outsiders.open(session="s", boot_id="b")
        _, secret = await coordinator.outsiders.create(NewKey(name="guest", role=Role.WORKER))
        own = f"key-worker-1-{door.team['worker-1'].incarnation}"
        assert coordinator.authenticate(secret) is not None
        assert coordinator.authenticate(own) is not None
        await back_up(tmp_path, tmp_path / "copy.db", replace=False, clock=SystemClock())
    done = await restore(tmp_path, tmp_path / "copy.db", clock=VirtualClock())
    assert done.fenced.keys == ("guest",)
    async with Store(state.database, VirtualClock()) as store:
        coordinator = Coordinator(store, VirtualClock(), SMALL_TEAM, Mode.INTERACTIVE)
        await coordinator.outsiders.open(session="s2", boot_id="b")
        assert coordinator.authenticate(secret) is None
        assert coordinator.authenticate(own) is None
        _, fresh = await coordinator.outsiders.rotate("guest")
        assert coordinator.authenticate(fresh) is not None


async def stage_after(past: Past) -> AsyncIterator[SmallTeam]:
    """Let the next engine take the restored database over, with every agent started anew."""
    async with Store(past.state.database, past.clock) as store:
        coordinator = Coordinator(store, past.clock, SMALL_TEAM, Mode.INTERACTIVE)
        begun = await coordinator.write(lambda scope: runs.begin_run(scope, SMALL_TEAM, new=False))
        store.run = begun.run.id
        await coordinator.write(upkeep.engine_was_lost)
        team = SmallTeam(coordinator=coordinator, clock=past.clock)
        for name in ("planner", "worker-1", "worker-2"):
            await team.start(name)
        yield team


async def test_what_somebody_remembers_of_the_lost_future_means_nothing_afterwards(past: Past) -> None:
    """T1 was claimed under tokens 1 and 2 in the future, and one task more was made in it."""
    lost = highest(past.state.database, "task")
    assert lost == highest(past.copy, "task") + 1
    done = await restore(past.project, past.copy, clock=past.clock)
    assert done.fenced.tasks == 1
    async for team in stage_after(past):
        claim = await team.claim("worker-2", "T1")
        assert claim.task.token == 3
        for token in (1, 2):
            with pytest.raises(StaleToken):
                await team.do(partial(report, team["worker-2"], token))
        assert (await team.add_task("another")).id == f"T{lost + 1}"
        await team.check_invariants()


def highest(database: Path, noun: str) -> int:
    with reading(database) as connection:
        return int(connection.execute(f"SELECT max(n) FROM {noun}").fetchone()[0])


def report(actor: Actor, token: int, scope: Scope) -> None:
    work.progress(scope, actor, "T1", token, percent=50, action="")


async def test_where_nobody_knows_the_future_a_wide_gap_is_left(past: Past) -> None:
    past.state.database.write_bytes(b"nothing that can be read" * 1000)
    past.state.database.with_name("coordinator.db-wal").unlink(missing_ok=True)
    known = highest(past.copy, "task")
    done = await restore(past.project, past.copy, clock=past.clock)
    assert done.fenced.tasks > 1
    async for team in stage_after(past):
        assert (await team.claim("worker-2", "T1")).task.token == UNKNOWN_FUTURE + 1
        assert (await team.add_task("another")).id == f"T{known + UNKNOWN_FUTURE + 1}"
        await team.check_invariants()


async def test_canary_without_the_fence_a_token_of_the_future_is_taken(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    from supervisor.coordinator import restoring

    monkeypatch.setattr(restoring, "_raise_tokens", lambda *_: 0)
    await restore(past.project, past.copy, clock=past.clock)
    async for team in stage_after(past):
        await team.claim("worker-2", "T1")
        await team.do(partial(report, team["worker-2"], 1))


# ---------------------------------------------------------------- kill -9


async def restored_at(
    lives: Zygote, past: Past, work_dir: Path, number: int, fault: str = ""
) -> tuple[list[str], str]:
    """Kill a restore at one of its changes; say what is wrong then, and where it died."""
    rng = random.Random(number)
    project = work_dir / "project"
    order = {"file": str(project / "copy.db"), "now": LATER, "fault": fault}
    count, new = past.known.get(fault) or unharmed_restore(lives, past, project, order, fault)
    lay_out(past, project)
    nth, moment = rng.randrange(1, count + 1), rng.choice(MOMENTS)
    killed, facts = lives.run("restore", project, nth=nth, moment=moment, **order)
    found = await violations(project, [], past.clock)
    if not found:
        log = log_of(database_of(project)).hashes
        is_new, is_old = log.get(new[0]) == new[1], log.get(past.after[0]) == past.after[1]
        if is_new == is_old:
            found.append("it is neither the old nor the new database")
        if facts and not is_new:
            found.append("it was told that the copy is in place, and it is not")
    return found, f"point {number}, killed {moment} change {nth} of {count}" if killed else f"point {number}"


def unharmed_restore(
    lives: Zygote, past: Past, project: Path, order: dict[str, Any], fault: str
) -> tuple[int, tuple[int, str]]:
    """Return how many changes a restore makes, and how the log ends after it."""
    lay_out(past, project)
    _, facts = lives.run("restore", project, nth=NEVER, **order)
    past.known[fault] = (facts[-1]["count"], log_of(database_of(project)).end)
    return past.known[fault]


def lay_out(past: Past, project: Path) -> None:
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(past.project, project)


@pytest.fixture
async def cut_off(ground: Path) -> Past:
    """Give a backed up project whose engine was killed: its journal is not settled."""
    live, kept = ground / "live", ground / "kept"
    past = await past_at(make(live))
    with closing(connect(past.state.database)) as connection:
        connection.execute("UPDATE answered_call SET at = at")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO numbering VALUES ('nothing', 0)")
        connection.execute("COMMIT")
        shutil.copytree(live, kept)
    assert kept.joinpath(".supervisor/coordinator.db-wal").stat().st_size
    past.project, past.copy = kept, kept / "copy.db"
    return past


async def test_a_restore_killed_at_any_change_leaves_the_old_or_the_new_whole(
    lives: Zygote,
    cut_off: Past,
    ground: Path,
    points: Callable[[int], range],
    campaign: Callable[[str], None],
) -> None:
    done = 0
    for number in points(POINTS):
        found, where = await restored_at(lives, cut_off, ground, number)
        assert found == [], where
        done += 1
    campaign(f"kill -9 in a restore: {done} points, seeds 0-{number}")


async def test_canary_a_restore_by_plain_copy_is_caught(lives: Zygote, cut_off: Past, ground: Path) -> None:
    for number in range(100):
        if (await restored_at(lives, cut_off, ground, number, "plain copy"))[0]:
            return
    pytest.fail("100 kills of a restore by plain copy were not noticed")


async def test_a_restore_that_was_cut_off_is_told_to_who_looks_and_completed_by_the_next_start(
    past: Past,
) -> None:
    shutil.copy(past.copy, decided_restore(past.state.database))
    with pytest.raises(DatabaseUnavailable, match="cut off"), reading(past.state.database):
        pass
    assert await violations(past.project, [{"seq": past.before[0], "hash": past.before[1]}], past.clock) == []
    assert len([name for name in names_in(past.state.root) if "before-restore" in name]) == 1
