"""events, archive and replay on a project at rest, whose log is partly archived."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from supervisor.cli.moment import time_of
from supervisor.coordinator import runs
from supervisor.dispatch.archivist import Retention
from supervisor.engine.stored_events import offline_archivist, stored_log
from supervisor.model.event import Event, verify_chain
from supervisor.model.wire import from_wire
from supervisor.testing.clock import VirtualClock
from supervisor.testing.scripted_engine import ScriptedEngine
from supervisor.testing.small_team import small_team
from supervisor.workspace.engine_lock import EngineLock
from supervisor.workspace.state_dir import open_state

Run = Callable[..., Result]


@pytest.fixture
def rested(project: Path) -> Path:
    """Two runs of long ago: in the first a task was done."""
    asyncio.run(two_runs(open_state(project, create=True).root))
    return project


async def two_runs(directory: Path) -> None:
    clock = VirtualClock(now=1_000_000_000.0)
    async with small_team(directory, clock=clock) as team:
        await team.add_task("look around")
        claim = await team.claim("worker-1", "T1")
        await team.finish("worker-1", claim, result="seen")
        await team.do(lambda scope: runs.finish_run(scope, words="done"))
    async with small_team(directory, clock=clock) as team:
        await team.add_task("look again")
        await team.do(lambda scope: runs.finish_run(scope, words="done again"))


def told(result: Result) -> list[Event]:
    assert result.exit_code == 0, result.output
    return [from_wire(Event, json.loads(line)["event"]) for line in result.stdout.splitlines()]


def log(project: Path) -> list[Event]:
    with stored_log(project) as opened:
        return list(opened.after(0))


def archive_all(project: Path) -> None:
    async def archive() -> None:
        async with offline_archivist(project) as archivist:
            assert await archivist.move(Retention(before=2e9), whole=False) is not None

    asyncio.run(archive())


def test_the_whole_log_is_printed_through_the_archive(run: Run, rested: Path) -> None:
    before = told(run("events", "--since", "0", "--json"))
    archive_all(rested)
    after = told(run("events", "--since", "0", "--json"))

    assert after[: len(before)] == before
    assert verify_chain(after) == len(before) + 1
    assert list((rested / ".supervisor" / "archive").iterdir()) != []


@pytest.mark.parametrize("archived", [False, True])
def test_filters_choose_and_the_last_are_the_last_of_them(run: Run, rested: Path, *, archived: bool) -> None:
    whole = log(rested)
    if archived:
        archive_all(rested)

    assert told(run("events", "--since", "0", "--kind", "task.claimed", "--json")) == [
        event for event in whole if event.kind == "task.claimed"
    ]
    of_task = [event for event in whole if event.noun == "task"]
    assert told(run("events", "-n", "2", "--kind", "task", "--json")) == of_task[-2:]
    assert told(run("events", "-n", "0", "--json")) == []
    assert told(run("events", "--since", "3", "--limit", "2", "--json")) == whole[3:5]
    assert {event.subject for event in told(run("events", "--subject", "T1", "--json"))} == {"T1"}
    assert {event.actor for event in told(run("events", "--actor", "planner", "--json"))} == {"planner"}
    assert {event.run for event in told(run("events", "--run", "2", "-n", "9999", "--json"))} == {2}


def test_a_time_is_a_point_in_the_log(run: Run, rested: Path) -> None:
    assert told(run("events", "--since", "2001-09-01", "--json")) == log(rested)
    assert told(run("events", "--since", "2h", "--json")) == []
    refused = run("events", "--since", "yesterday")
    assert refused.exit_code == 2
    assert "an event's number" in refused.stderr


def test_a_removed_file_is_told_once_and_what_is_left_is_printed(run: Run, rested: Path) -> None:
    archive_all(rested)
    (gone,) = (rested / ".supervisor" / "archive").iterdir()
    gone.unlink()
    ended = run("events", "--since", "0", "--json")

    assert [event.kind for event in told(ended)] == ["run.finished", "events.archived"]
    assert ended.stderr.count(gone.name) == 1


def test_where_nothing_ran_there_is_no_log(run: Run) -> None:
    for words in (("events",), ("replay",), ("replay", "--check"), ("archive",)):
        ended = run(*words)
        assert ended.exit_code == 5, words
        assert "no team has run" in ended.stderr


def test_a_person_archives_by_hand_and_sees_before_what_would_go(run: Run, rested: Path) -> None:
    last = len(log(rested))
    dry = json.loads(run("archive", "--dry-run", "--json").stdout)
    assert (dry["moved"], dry["left"]) == ([], {"first": 1, "last": last - 1, "events": last - 1})
    assert f"would move {last - 1} events: 1 to {last - 1}" in run("archive", "--dry-run").stdout
    assert "nothing would be moved" in run("archive", "--dry-run", "--before", "1999-01-01").stdout

    done = run("archive", "--keep", "7")
    assert re.search(
        rf"moved {last - 1} events, until 2001-09-\d\d, to archive/events-1-{last - 1}\.", done.stdout
    )
    assert "nothing is old enough" in run("archive", "--before", "2002-01-01").stdout
    assert json.loads(run("archive", "--json").stdout)["moved"] == []
    assert run("fsck").exit_code == 0


def test_a_time_to_archive_is_one_time(run: Run) -> None:
    assert "not both" in run("archive", "--keep", "3", "--before", "2002-01-01").stderr
    assert "is no time" in run("archive", "--before", "1234").stderr


def test_nobody_archives_beside_an_engine_that_does_not_answer(run: Run, rested: Path) -> None:
    state = open_state(rested, create=False)
    lock = EngineLock.acquire(state.lock_file, {"pid": 1, "started_at": 0.0})
    try:
        assert run("archive").exit_code == 4
    finally:
        lock.release()


def test_an_engine_archives_file_by_file_until_nothing_is_left(run: Run, engine: ScriptedEngine) -> None:
    segment = {"first": 1, "last": 10, "bytes": 2048, "last_at": 1e9}
    answers: list[dict[str, Any]] = [
        {"moved": segment, "left": {"first": 11, "last": 15}},
        {"moved": segment | {"first": 11, "last": 15}, "left": {"first": 16, "last": 15}},
        {"moved": None, "left": {"first": 16, "last": 15}},
    ]
    engine.answers["archive"] = lambda _args: answers.pop(0)
    lines = run("archive", "--keep", "1").stdout.splitlines()

    assert [line.split(", ")[0] for line in lines] == ["moved 10 events", "moved 5 events"]
    assert [args["dry_run"] for _, args in engine.asked] == [False] * 3


@pytest.mark.parametrize("archived", [False, True])
def test_the_state_is_shown_as_it_was(run: Run, rested: Path, *, archived: bool) -> None:
    claimed = next(event for event in log(rested) if event.kind == "task.claimed")
    if archived:
        archive_all(rested)
    shown = run("replay", "--at", str(claimed.seq)).stdout

    assert f"after event {claimed.seq} of" in shown
    assert "worker-1 task.claimed T1" in shown
    assert "run 1 active" in shown
    assert "1 in_progress" in shown
    assert re.search(r"worker-1 +worker +idle|worker-1 +worker +working", shown)
    told = json.loads(run("replay", "--at", str(claimed.seq), "--json").stdout)
    assert (told["seq"], told["run"]) == (claimed.seq, 1)
    assert [task["state"] for task in told["tables"]["task"]] == ["in_progress"]


def test_a_task_is_shown_as_it_was(run: Run, rested: Path) -> None:
    created = next(event for event in log(rested) if event.kind == "task.created")
    then = run("replay", "--at", str(created.seq), "--task", "T1")
    assert "pending" in then.stdout
    assert "seen" in run("replay", "--task", "1").stdout
    assert json.loads(run("replay", "--task", "1", "--json").stdout)["task"]["state"] == "done"
    assert run("replay", "--at", str(created.seq), "--task", "T2").exit_code == 1


def test_before_everything_there_was_nothing(run: Run, rested: Path) -> None:
    assert "no run had begun" in run("replay", "--at", "0").stdout
    assert "no run had begun" in run("replay", "--at", "1999-12-31T12:00").stdout
    assert "the newest is" in run("replay", "--at", "99999").stderr


def test_a_check_folds_everything_and_compares(run: Run, rested: Path) -> None:
    assert "state = fold of events (I6)" in run("replay", "--check").stdout
    told = json.loads(run("replay", "--check", "--json").stdout)
    assert told["ok"] is True
    assert "neither" in run("replay", "--check", "--at", "3").stderr

    with closing(
        sqlite3.connect(rested / ".supervisor" / "coordinator.db", isolation_level=None)
    ) as damaging:
        damaging.execute("UPDATE task SET title = 'forged'")
    ended = run("replay", "--check")
    assert ended.exit_code == 6
    assert "BAD   state = fold of events" in ended.stdout


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", NOW - 90),
        ("1.5h", NOW - 5400),
        ("2d", NOW - 172_800),
        ("10m", NOW - 600),
        ("2023-11-14T22:13:20+00:00", NOW),
        ("2023-11-14T22:13:20Z", NOW),
        ("yesterday", None),
        ("2h30", None),
        ("25:00", None),
        ("9999999999d", None),
        ("-3h", None),
        ("", None),
    ],
)
def test_a_time_may_be_written_in_many_ways(text: str, seconds: float | None) -> None:
    assert time_of(text, NOW) == seconds


def test_a_time_of_today_is_local_and_of_today() -> None:
    early = time_of("7:05", NOW)
    exact = time_of("07:05:30", NOW)
    assert early is not None
    assert exact is not None
    assert exact - early == 30
    assert abs(early - NOW) < 86_400
