"""fsck reads the archive as part of the log, finds what was done to it, and says what was removed."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from supervisor.coordinator import messages, runs
from supervisor.dispatch.archivist import Archivist, Retention
from supervisor.engine.fsck import FsckReport, fsck
from supervisor.engine.replay import replay, world_at
from supervisor.engine.stored_events import events_of_run, stored_log
from supervisor.errors import DatabaseCorrupt, NotFound
from supervisor.model.event import Event, sealed_hash
from supervisor.model.task import TaskState
from supervisor.model.wire import from_wire, to_wire
from supervisor.model.world import World
from supervisor.store import archive
from supervisor.store.archive import sha256_of
from supervisor.testing.small_team import SmallTeam, small_team
from supervisor.workspace.state_dir import StateDir, open_state


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, archived in files of 20 events, and a second run after it."""
    project = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(archive, "SEGMENT", 20)
        asyncio.run(two_runs(open_state(project, create=True)))
    return project


async def two_runs(state: StateDir) -> None:
    async with small_team(state.root) as team:
        await team.add_task()
        claim = await team.claim("worker-1", "T1")
        for number in range(10):
            await team.do(partial(messages.send, sender=team["planner"], to="worker-2", body=str(number)))
        await team.finish("worker-1", claim)
        await team.do(lambda scope: runs.finish_run(scope, words="done"))
    async with small_team(state.root) as team:
        await team.add_task()
        await archive_all(team, state)
        await team.claim("worker-2", "T2")


@pytest.fixture
def state(made: Path, tmp_path: Path) -> StateDir:
    """A copy that a test may damage."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return open_state(tmp_path, create=False)


async def archive_all(team: SmallTeam, state: StateDir) -> None:
    archivist = Archivist(team.store, state.archive, team.clock, hurry=True)
    while await archivist.move(Retention(before=2e9), whole=False) is not None:
        pass


def files(state: StateDir) -> list[Path]:
    return sorted(state.archive.iterdir(), key=lambda path: int(path.name.split("-")[1]))


def said(report: FsckReport, name: str) -> str:
    return next(detail for each, _, detail in report.checks if each == name)


def broken(report: FsckReport) -> list[str]:
    return [name for name, holds, _ in report.checks if not holds]


def sql(state: StateDir, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(state.database, isolation_level=None)) as connection:
        connection.execute(statement, values)


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def write_lines(path: Path, lines: list[dict[str, object]]) -> None:
    path.write_bytes(gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines)))


def whole(state: StateDir) -> list[Event]:
    with stored_log(state.project) as log:
        return list(log.after(0))


async def test_a_sound_archive_is_part_of_the_log(state: StateDir) -> None:
    report = await fsck(state.project)
    last = len(whole(state))

    assert report.ok, report.checks
    assert len(files(state)) == 3
    assert "3 files with events 1 to" in said(report, "archive")
    assert said(report, "event chain (I6)") == f"events 1 to {last}, hash chain whole"
    assert last > 60


def altered(path: Path) -> None:
    lines = lines_of(path)
    lines[3]["reason"] = "forged"
    write_lines(path, lines)


def shortened(path: Path) -> None:
    write_lines(path, lines_of(path)[:-1])


def turned(path: Path) -> None:
    lines = lines_of(path)
    lines[2], lines[3] = lines[3], lines[2]
    write_lines(path, lines)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def linked(path: Path) -> None:
    moved = path.rename(path.parent.parent / "moved")
    path.symlink_to(moved)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("damage", [altered, shortened, turned, truncated, linked])
async def test_what_is_done_to_a_file_is_found(
    state: StateDir, damage: Callable[[Path], None], place: int
) -> None:
    damage(files(state)[place])
    report = await fsck(state.project)

    assert broken(report) == ["archive"]
    assert files(state)[place].name in said(report, "archive")


@pytest.mark.parametrize("damage", [altered, shortened, turned, truncated])
async def test_canary_a_digest_that_is_forged_along_does_not_hide_it(
    state: StateDir, damage: Callable[[Path], None]
) -> None:
    path = files(state)[1]
    damage(path)
    sql(state, "UPDATE event_archive SET sha256 = ? WHERE first = 21", sha256_of(path))
    sql(state, "DELETE FROM event WHERE kind = 'nothing'")
    report = await fsck(state.project)

    assert not report.ok
    assert {"archive", "event chain (I6)"} & set(broken(report))


async def test_a_file_that_was_forged_and_sealed_anew_is_told_by_the_log(state: StateDir) -> None:
    path = files(state)[-1]
    lines = lines_of(path)
    events = [from_wire(Event, line) for line in lines]
    with stored_log(state.project) as log:
        previous = log.segments[-1].previous_hash
    forged = []
    for event in events:
        bare = replace(event, reason="forged")
        previous = sealed_hash(previous, bare)
        forged.append(to_wire(replace(bare, hash=previous)))
    write_lines(path, forged)
    sql(
        state,
        "UPDATE event_archive SET sha256 = ?, last_hash = ? WHERE first = 41",
        sha256_of(path),
        previous,
    )
    sql(state, "UPDATE event_cut SET hash = ?", previous)
    found = broken(await fsck(state.project))

    assert "archive" in found
    assert "event chain (I6)" in found


async def test_two_files_that_change_places_are_found(state: StateDir) -> None:
    first, second, _ = files(state)
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    assert broken(await fsck(state.project)) == ["archive"]


async def test_records_that_leave_a_hole_are_found(state: StateDir) -> None:
    sql(state, "DELETE FROM event_archive WHERE first = 21")
    report = await fsck(state.project)
    assert "archive" in broken(report)
    assert "does not follow event 20" in said(report, "archive")


async def test_files_that_were_removed_are_named_and_the_rest_is_checked(state: StateDir) -> None:
    for path in files(state)[:2]:
        path.unlink()
    report = await fsck(state.project)

    assert report.ok, report.checks
    with stored_log(state.project) as log:
        cut = log.cut.seq
    told = said(report, "archive")
    assert told.startswith("removed: events-1-20.jsonl.gz, events-21-40.jsonl.gz;")
    assert f"after event {cut} on" in told
    assert said(report, "event chain (I6)").startswith(f"events {cut + 1} to ")


async def test_many_removed_files_are_counted(state: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "SEGMENT", 3)
    async with small_team(state.root) as team:
        await team.do(lambda scope: runs.finish_run(scope, words="done"))
        await archive_all(team, state)
    for path in files(state):
        path.unlink()
    assert " more; checked" in said(await fsck(state.project), "archive")


async def test_a_file_that_nobody_recorded_is_told_and_not_read(state: StateDir) -> None:
    (state.archive / "events-999-1000.jsonl.gz").write_bytes(b"of another database")
    report = await fsck(state.project)
    assert report.ok
    assert "not recorded, and not read: events-999-1000.jsonl.gz" in said(report, "archive")


async def test_damage_in_a_file_is_found_though_another_was_removed(state: StateDir) -> None:
    files(state)[0].unlink()
    path = files(state)[0]
    turned(path)
    sql(state, "UPDATE event_archive SET sha256 = ? WHERE first = 21", sha256_of(path))
    report = await fsck(state.project)
    assert broken(report) == ["archive"]
    assert path.name in said(report, "archive")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event_base SET after = json_set(after, '$.title', 'forged') WHERE subject = 'T1'",
        "DELETE FROM event_base WHERE noun = 'task'",
        "INSERT INTO event_base SELECT NULL, noun, 'X', 1, after FROM event_base WHERE id = 1",
        "UPDATE event_base SET noun = 'nothing' WHERE id = 1",
        "UPDATE event_base SET after = '[' WHERE id = 1",
    ],
)
async def test_a_kept_state_that_the_archive_did_not_lead_to_is_found(
    state: StateDir, statement: str
) -> None:
    sql(state, statement)
    assert not (await fsck(state.project)).ok


async def test_an_event_that_is_in_neither_is_found(state: StateDir) -> None:
    with stored_log(state.project) as log:
        first = log.cut.seq + 1
    sql(state, "DELETE FROM event WHERE seq = ?", first)
    assert "event chain (I6)" in broken(await fsck(state.project))


async def test_every_state_of_the_past_is_the_fold_of_what_came_before(state: StateDir) -> None:
    folded = World()
    for event in whole(state):
        folded.apply(event)
        seen = await replay(state.project, seq=event.seq)
        assert seen.world.tables == folded.tables, event.seq
        assert (seen.world.seq, seen.world.run) == (event.seq, event.run)
        assert seen.event in (event, None)


async def test_a_time_is_the_state_after_all_that_was_not_later(state: StateDir) -> None:
    assert (await world_at(state.project)).tasks["T2"].state is TaskState.IN_PROGRESS
    assert (await world_at(state.project, at=0.0)).seq == 0
    assert (await world_at(state.project, at=9e9)).seq == len(whole(state))


async def test_a_state_before_a_removed_file_cannot_be_rebuilt_but_later_ones_can(state: StateDir) -> None:
    files(state)[1].unlink()
    with stored_log(state.project) as log:
        cut = log.cut.seq
    assert (await world_at(state.project, seq=20)).seq == 20
    with pytest.raises(NotFound, match=rf"events-21-40.*ask for {cut} or later"):
        await world_at(state.project, seq=21)
    assert (await world_at(state.project, seq=cut)).seq == cut
    assert (await world_at(state.project, seq=cut + 1)).seq == cut + 1
    with pytest.raises(NotFound, match="there is no event 9999 yet"):
        await world_at(state.project, seq=9999)


async def test_a_state_is_not_rebuilt_over_a_hole(state: StateDir) -> None:
    last = len(whole(state))
    sql(state, "DELETE FROM event WHERE seq = ?", last - 1)
    with pytest.raises(DatabaseCorrupt, match=f"event {last - 1} is missing"):
        await world_at(state.project, seq=last)


async def test_the_events_of_one_run_are_found_where_they_are(state: StateDir) -> None:
    for run in (1, 2):
        expected = [event for event in whole(state) if event.run == run]
        assert list(events_of_run(state.project, run)) == expected
        assert expected != []
