"""Backup: whole copies while the team works, whatever dies in between."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.clock import SystemClock
from supervisor.engine.backups import back_up, contents_of
from supervisor.engine.fsck import check_file
from supervisor.errors import (
    DatabaseUnavailable,
    SupervisorError,
    UsageInvalid,
)
from supervisor.testing.examination import log_of, missing, violations
from supervisor.testing.zygote import Zygote
from tests.integration.past import LATER, Past

POINTS: Final = 60
MOMENTS: Final = ("before", "half", "after")
NEVER: Final = 1_000_000


async def test_a_backup_is_one_private_sound_file_with_all_that_was_committed(past: Past) -> None:
    assert past.copy.stat().st_mode & 0o777 == 0o600
    report = check_file(past.copy, past.state.archive, engine_runs=True)
    assert report.ok, report.checks
    assert past.before[0] < past.after[0]
    assert not list(past.project.glob(".copy*"))
    with closing(sqlite3.connect(past.copy)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"


async def test_a_backup_is_named_by_the_time_unless_told_otherwise(past: Past) -> None:
    made = await back_up(past.project, None, replace=False, clock=past.clock)
    assert made.path == past.state.root / "backups" / "coordinator-20231116T020000Z.db"
    assert made.path.parent.stat().st_mode & 0o777 == 0o700
    assert (made.events, made.until) == (past.after[0], contents_of(past.state.database).until)


async def test_a_backup_replaces_a_file_only_if_told_to(past: Past) -> None:
    content = past.copy.read_bytes()
    with pytest.raises(UsageInvalid, match="--force"):
        await back_up(past.project, past.copy, replace=False, clock=past.clock)
    assert past.copy.read_bytes() == content
    await back_up(past.project, past.copy, replace=True, clock=past.clock)
    assert log_of(past.copy).end == past.after


async def test_a_file_that_appears_meanwhile_is_not_replaced(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    from supervisor.engine import backups

    target = past.project / "new.db"
    checked = backups._require_sound

    def meanwhile(*about: Any, **more: Any) -> None:
        checked(*about, **more)
        target.write_text("somebody else's")

    monkeypatch.setattr(backups, "_require_sound", meanwhile)
    with pytest.raises(UsageInvalid, match="there already"):
        await back_up(past.project, target, replace=False, clock=past.clock)
    assert target.read_text() == "somebody else's"
    assert not list(past.project.glob(".new*"))


@pytest.mark.parametrize(
    "place", ["nowhere/x.db", ".", ".supervisor/coordinator.db", ".supervisor/coordinator.db-wal"]
)
async def test_a_place_that_cannot_hold_a_backup_is_named_and_left_alone(past: Past, place: str) -> None:
    content = past.state.database.read_bytes()
    with pytest.raises(UsageInvalid, match=r"file|directory"):
        await back_up(past.project, past.project / place, replace=True, clock=past.clock)
    assert past.state.database.read_bytes() == content


async def test_backups_beside_a_team_that_works_hold_all_that_was_answered_before(
    lives: Zygote, ground: Path
) -> None:
    life = lives.begin("life", ground, seed=5, pragmas={"wal_autocheckpoint": "20"})
    life.go()
    life.hear(5)
    for number in range(6):
        life.hear(5 + 10 * number)
        answered = life.told()
        copy = ground / f"copy-{number}.db"
        await back_up(ground, copy, replace=False, clock=SystemClock())
        assert missing(log_of(copy), answered) == []
    answered = life.kill()
    assert await violations(ground, answered) == []


async def test_nothing_to_back_up_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="Nothing has run here"):
        await back_up(tmp_path, tmp_path / "x.db", replace=False, clock=SystemClock())
    with pytest.raises(SupervisorError):
        await back_up(tmp_path, None, replace=False, clock=SystemClock())
    assert list(tmp_path.iterdir()) == []


async def test_a_backup_killed_at_any_change_leaves_a_whole_copy_or_none(
    lives: Zygote,
    past: Past,
    ground: Path,
    points: Callable[[int], range],
    campaign: Callable[[str], None],
) -> None:
    done = 0
    copy, earlier = past.project / "new.db", past.copy.read_bytes()
    for number in points(POINTS // 2):
        rng, replace = random.Random(number), number % 2 == 0
        copy.unlink(missing_ok=True)
        if replace:
            copy.write_bytes(earlier)
        order = {"file": str(copy), "now": LATER, "replace": replace}
        nth = rng.randrange(1, 160)
        killed, facts = lives.run("backup", past.project, nth=nth, moment=rng.choice(MOMENTS), **order)
        where = f"point {number}, change {nth}, replacing: {replace}"
        if facts:
            assert log_of(copy).end == past.after, where
        elif copy.exists():
            assert log_of(copy).end in {past.after, past.before} if replace else {past.after}, where
        assert log_of(past.state.database).end == past.after
        done += killed
        for scrap in past.project.glob(".new*"):
            scrap.unlink()
    campaign(f"kill -9 in a backup: {done} points, seeds 0-{number}")
