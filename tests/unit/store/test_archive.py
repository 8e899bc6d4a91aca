"""Events move from rows to files: in order, whole, sealed, and none is ever in neither."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supervisor.errors import DatabaseCorrupt, DatabaseUnavailable
from supervisor.model.event import GENESIS, Event, EventFilter, verify_chain
from supervisor.model.memory import MemoryEntry
from supervisor.model.team import Run, RunState
from supervisor.model.wire import from_wire
from supervisor.model.world import ENTITIES, World
from supervisor.store import archive
from supervisor.store.archive import (
    Segment,
    archivable_until,
    cut_of,
    events_in,
    next_end,
    record_segment,
    remove_slice,
    segments_of,
    sha256_of,
    write_segment,
)
from supervisor.store.database import connect_read_only
from supervisor.store.event_log import EventLog, opened_log
from supervisor.store.store import Store
from supervisor.store.transaction import Transaction
from supervisor.testing.clock import VirtualClock

BEGIN = 1_600_000_000.0
"""Before the time of the virtual clock, as archived events are before the telling of it."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(tmp_path / "c.db", VirtualClock()) as opened:
        yield opened


def directory(store: Store) -> Path:
    return store.path.with_name("archive")


async def fill(store: Store, count: int, *, run: int = 1, at: float = BEGIN) -> None:
    """Write `count` events, a second apart, that give five things new values in turn."""

    def write(tx: Transaction) -> None:
        tx.run = run
        for _ in range(count):
            number = tx.end.seq + 1
            tx.now = at + number
            entry = MemoryEntry(
                scope="team", key=f"k{number % 5}", value=str(number), version=1, author="x", at=0.0
            )
            tx.record("memory.set", entry, actor="x")

    await store.write(write)


async def begin_run(store: Store, number: int, state: RunState = RunState.FINISHED) -> int:
    """Begin a run; return the number of that event."""
    run = Run(id=number, team="t", profile="p", digest="d", state=state)
    return await record_run(store, run, "run.started")


async def end_run(store: Store, number: int) -> int:
    """End a run; return the number of that event."""
    run = Run(id=number, team="t", profile="p", digest="d", state=RunState.FINISHED)
    return await record_run(store, run, "run.finished")


async def record_run(store: Store, run: Run, kind: str) -> int:
    def write(tx: Transaction) -> int:
        tx.run = run.id
        tx.record(kind, run, actor="supervisor")
        return tx.end.seq

    return await store.write(write)


def log(store: Store) -> list[Event]:
    with opened_log(store.path, directory(store)) as opened:
        return list(opened.after(0))


def read(store: Store, look: Callable[[sqlite3.Connection], Any]) -> Any:
    with closing(connect_read_only(store.path)) as connection:
        return look(connection)


async def sql(store: Store, statement: str) -> None:
    """Damage the database as no operation would."""

    def run(tx: Transaction) -> None:
        tx._connection.execute(statement)

    await store.write(run)


async def move(store: Store, last: int, *, slice_of: int = 3) -> Segment:
    segment = write_segment(store.path, directory(store), last=last)
    await store.write(lambda tx: record_segment(tx, segment))
    while await store.write(lambda tx: remove_slice(tx, limit=slice_of)):
        pass
    return segment


async def test_what_is_moved_is_read_as_before_and_the_chain_goes_through(store: Store) -> None:
    await fill(store, 10)
    before = log(store)
    segment = await move(store, 7)
    await fill(store, 2)
    after = log(store)

    assert after[:10] == before
    assert [event.kind for event in after[10:]] == ["events.archived", "memory.set", "memory.set"]
    assert verify_chain(after) == 13
    assert segment.name == "events-1-7.jsonl.gz"
    assert read(store, segments_of) == (segment,)
    assert read(store, cut_of).seq == 7
    assert read(store, lambda each: each.execute("SELECT min(seq) FROM event").fetchone()[0]) == 8


async def test_a_file_is_private_and_the_log_seals_its_digest(store: Store) -> None:
    await fill(store, 5)
    segment = await move(store, 3)
    path = directory(store) / segment.name
    told = log(store)[-1]

    assert path.stat().st_mode & 0o777 == 0o600
    assert directory(store).stat().st_mode & 0o777 == 0o700
    assert segment.sha256 == sha256_of(path)
    assert (told.kind, told.subject, told.after["sha256"]) == ("events.archived", "1-3", segment.sha256)


async def test_a_file_is_plain_ascii_json_lines_for_anybody(store: Store) -> None:
    entry = MemoryEntry(scope="team", key="ö\x1b[2J\u2028", value="v", version=1, author="x", at=0.0)
    await store.write(lambda tx: tx.record("memory.set", entry, actor="x"))
    await fill(store, 2)
    segment = await move(store, 2)

    text = gzip.decompress((directory(store) / segment.name).read_bytes())
    lines = [json.loads(line) for line in text.splitlines()]
    assert text.isascii()
    assert b"\x1b" not in text
    assert lines[0]["after"]["key"] == entry.key
    assert [line["seq"] for line in lines] == [1, 2]


async def test_the_same_events_make_the_same_file(store: Store) -> None:
    await fill(store, 5)
    first = write_segment(store.path, directory(store), last=4)
    second = write_segment(store.path, directory(store), last=4)

    assert first == second
    assert [path.name for path in directory(store).iterdir()] == [first.name]


async def test_the_base_is_the_state_after_the_cut(store: Store) -> None:
    await fill(store, 9)
    world = World()
    for event in log(store)[:7]:
        world.apply(event)
    await move(store, 7, slice_of=2)

    rows = read(store, lambda each: each.execute("SELECT * FROM event_base ORDER BY id").fetchall())
    base = {row["subject"]: from_wire(ENTITIES[row["noun"]], json.loads(row["after"])) for row in rows}
    assert base == world.tables["memory"]
    assert list(base) == list(world.tables["memory"])
    assert {row["seq"] for row in rows} == {3, 4, 5, 6, 7}
    cut = read(store, cut_of)
    assert (cut.at, cut.run, cut.hash) == (BEGIN + 7, 1, log(store)[6].hash)


async def test_rows_are_removed_by_slices_and_no_event_is_missed_in_between(store: Store) -> None:
    await fill(store, 10)
    before = log(store)
    segment = write_segment(store.path, directory(store), last=8)
    await store.write(lambda tx: record_segment(tx, segment))
    assert log(store)[:10] == before
    steps = []
    while await store.write(lambda tx: remove_slice(tx, limit=3)):
        steps.append(read(store, cut_of).seq)
        assert log(store)[:10] == before
    assert steps == [3, 6]
    assert read(store, cut_of).seq == 8
    assert not await store.write(remove_slice)


async def test_a_reader_that_is_on_its_way_misses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supervisor.store.event_log.ROWS", 2)
    await fill(store, 12)
    before = log(store)
    with opened_log(store.path, directory(store)) as opened:
        passing = opened.after(0)
        seen = [next(passing) for _ in range(3)]
        await move(store, 9)
        seen += passing
    assert seen[:12] == before


async def test_two_files_follow_each_other(store: Store) -> None:
    await fill(store, 10)
    before = log(store)
    first = await move(store, 4)
    second = await move(store, 9)

    assert (second.first, second.previous_hash) == (5, first.last_hash)
    assert first.previous_hash == GENESIS
    assert log(store)[:10] == before
    with opened_log(store.path, directory(store)) as opened:
        assert [event.seq for event in opened.after(2)][:8] == list(range(3, 11))


async def test_a_file_that_was_removed_is_named_and_the_rest_is_read(store: Store) -> None:
    await fill(store, 10)
    first = await move(store, 4)
    await move(store, 9)
    (directory(store) / first.name).unlink()

    with opened_log(store.path, directory(store)) as opened:
        assert next(opened.after(0)).seq == 5
        assert opened.gone == [first.name]
        page = opened.page(0, 2, EventFilter())
    assert ([event.seq for event in page.events], page.until) == ([5, 6], 6)
    assert page.gone == (first.name, first.name)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content[:-20], "ended before"),
        (lambda content: b"plain text" + content, "gzip"),
        (lambda content: content[:60] + b"\xff" * 8 + content[68:], "cannot be read"),
        (lambda _content: gzip.compress(b"{]\n"), "cannot be read"),
        (lambda _content: gzip.compress(b'{"seq": 1}\n'), "cannot be read"),
    ],
    ids=["truncated", "no gzip", "flipped", "no json", "no event"],
)
async def test_a_damaged_file_is_an_error_that_names_it(
    store: Store, damage: Callable[[bytes], bytes], words: str
) -> None:
    await fill(store, 10)
    segment = await move(store, 9)
    path = directory(store) / segment.name
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(DatabaseCorrupt, match=words) as caught:
        list(events_in(path))
    assert segment.name in caught.value.message


async def test_a_file_is_not_read_through_a_link(store: Store, tmp_path: Path) -> None:
    await fill(store, 5)
    segment = await move(store, 3)
    path = directory(store) / segment.name
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(DatabaseCorrupt, match="symbolic links"):
        list(events_in(path))


async def test_rows_whose_chain_is_broken_stay_where_they_are(store: Store) -> None:
    await fill(store, 5)
    await sql(store, "UPDATE event SET reason = 'forged' WHERE seq = 3")
    with pytest.raises(DatabaseCorrupt, match=r"event 3 .* was altered"):
        write_segment(store.path, directory(store), last=4)
    assert read(store, segments_of) == ()
    assert [path.name for path in directory(store).iterdir() if not path.name.startswith(".")] == []


@pytest.mark.parametrize("seqs", [(3,), (3, 4, 5)])
async def test_rows_that_are_missing_are_not_papered_over(store: Store, seqs: tuple[int, ...]) -> None:
    await fill(store, 5)
    for seq in seqs:
        await sql(store, f"DELETE FROM event WHERE seq = {seq}")
    with pytest.raises(DatabaseCorrupt, match="event 3 is missing"):
        write_segment(store.path, directory(store), last=5)


async def test_rows_that_vanish_after_their_file_was_written_stop_the_removal(store: Store) -> None:
    await fill(store, 6)
    segment = write_segment(store.path, directory(store), last=4)
    await store.write(lambda tx: record_segment(tx, segment))
    await sql(store, "DELETE FROM event WHERE seq = 2")
    with pytest.raises(DatabaseCorrupt, match="events 1 to 4 are not all in the log"):
        await store.write(remove_slice)
    assert read(store, cut_of).seq == 0


async def test_what_a_killed_archiver_left_is_written_anew(store: Store) -> None:
    await fill(store, 6)
    directory(store).mkdir(mode=0o700)
    (directory(store) / ".events-1-5.jsonl.gz.new").write_bytes(b"half")
    segment = write_segment(store.path, directory(store), last=5)
    assert [path.name for path in directory(store).iterdir()] == [segment.name]


async def test_another_databases_file_of_that_name_is_kept_beside(store: Store) -> None:
    await fill(store, 6)
    directory(store).mkdir(mode=0o700)
    foreign = directory(store) / "events-1-5.jsonl.gz"
    foreign.write_bytes(b"of another life")
    digest = sha256_of(foreign)
    segment = write_segment(store.path, directory(store), last=5)
    assert {path.name for path in directory(store).iterdir()} == {
        segment.name,
        f"{segment.name}.{digest[:12]}",
    }


async def test_a_disk_that_takes_no_file_leaves_the_rows(store: Store) -> None:
    await fill(store, 6)
    directory(store).write_text("a file stands where the archive belongs")
    with pytest.raises(DatabaseUnavailable, match="Nothing was removed"):
        write_segment(store.path, directory(store), last=5)
    assert len(log(store)) == 6


async def test_it_pauses_after_every_few_rows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PAGE", 2)
    await fill(store, 6)
    pauses: list[int] = []
    write_segment(store.path, directory(store), last=5, pause=lambda: pauses.append(1))
    assert len(pauses) >= 5


async def until(store: Store, *, before: float | None, keep_runs: int | None) -> int:
    return await store.read(lambda tx: archivable_until(tx, before=before, keep_runs=keep_runs))


async def test_nothing_of_a_new_log_can_be_moved(store: Store) -> None:
    assert await until(store, before=BEGIN * 2, keep_runs=0) == 0
    await fill(store, 3)
    assert await until(store, before=BEGIN * 2, keep_runs=0) == 0


async def test_what_ended_runs_told_before_a_time_can_be_moved(store: Store) -> None:
    await fill(store, 10)
    await end_run(store, 1)
    assert await until(store, before=BEGIN + 5, keep_runs=None) == 4
    assert await until(store, before=BEGIN, keep_runs=None) == 0
    assert await until(store, before=None, keep_runs=None) == 0
    await move(store, 6)
    assert await until(store, before=BEGIN + 9, keep_runs=None) == 8
    assert await until(store, before=BEGIN + 2, keep_runs=None) == 6


async def test_neither_the_newest_event_nor_what_follows_the_last_run_is_moved(store: Store) -> None:
    await fill(store, 4)
    assert await end_run(store, 1) == 5
    assert await until(store, before=BEGIN * 2, keep_runs=0) == 4
    await move(store, 4)
    assert await until(store, before=BEGIN * 2, keep_runs=0) == 5
    await move(store, 5)
    assert await until(store, before=BEGIN * 2, keep_runs=0) == 0


async def test_the_unfinished_run_is_never_moved(store: Store) -> None:
    await fill(store, 4)
    first = await begin_run(store, 1, RunState.ACTIVE)
    await fill(store, 4)
    assert await until(store, before=BEGIN * 2, keep_runs=0) == first - 1
    await sql(store, "DELETE FROM event WHERE kind = 'run.started'")
    assert await until(store, before=BEGIN * 2, keep_runs=0) == 0


async def test_runs_beyond_the_newest_so_many_can_be_moved_however_young(store: Store) -> None:
    firsts, last = [], 0
    for number in (1, 2, 3):
        firsts.append(await begin_run(store, number, RunState.ACTIVE))
        await fill(store, 3, run=number)
        last = await end_run(store, number)
    assert await until(store, before=None, keep_runs=3) == 0
    assert await until(store, before=None, keep_runs=2) == firsts[1] - 1
    assert await until(store, before=None, keep_runs=1) == firsts[2] - 1
    assert await until(store, before=None, keep_runs=0) == last - 1
    await move(store, firsts[1] + 1)
    assert await until(store, before=None, keep_runs=2) == 0


def test_a_file_ends_at_a_round_number_or_where_there_is_no_more() -> None:
    size = archive.SEGMENT
    assert next_end(0, size - 1, whole=True) is None
    assert next_end(0, size - 1, whole=False) == size - 1
    assert next_end(0, size, whole=True) == size
    assert next_end(0, size * 3, whole=False) == size
    assert next_end(size + 5, size * 3, whole=False) == size * 2
    assert next_end(size, size, whole=False) is None


async def test_a_page_holds_what_is_wanted_of_the_next_so_many(store: Store) -> None:
    await fill(store, 10)
    await move(store, 6)
    with opened_log(store.path, directory(store)) as opened:
        page = opened.page(0, 2, EventFilter(subject="team/k3"))
        assert ([event.seq for event in page.events], page.until) == ([3, 8], 8)
        page = opened.page(0, 100, EventFilter(subject="nothing"), scanned=7)
        assert (page.events, page.until) == ((), 7)
        page = opened.page(11, 100, EventFilter())
        assert (page.events, page.until, page.gone) == ((), 11, ())


@pytest.mark.parametrize("moved", [0, 6])
async def test_a_time_is_found_as_a_number(store: Store, moved: int) -> None:
    await fill(store, 10)
    if moved:
        await move(store, 3)
        await move(store, moved)
    with opened_log(store.path, directory(store)) as opened:
        assert opened.last_seq >= 10
        assert [opened.last_until(BEGIN + each) for each in (0.5, 1, 2.5, 3, 4.5, 6, 7, 9.5)] == [
            *(0, 1, 2, 3, 4, 6, 7, 9)
        ]


async def test_a_time_within_a_file_that_was_removed_is_the_end_of_the_file_before(store: Store) -> None:
    await fill(store, 10)
    await move(store, 3)
    second = await move(store, 8)
    (directory(store) / second.name).unlink()
    with opened_log(store.path, directory(store)) as opened:
        assert opened.last_until(BEGIN + 5) == 3
        assert opened.gone == [second.name]


def test_the_log_of_a_new_database_is_empty(tmp_path: Path) -> None:
    from supervisor.store.database import prepare_database

    prepare_database(tmp_path / "c.db")
    with opened_log(tmp_path / "c.db", tmp_path) as opened:
        assert isinstance(opened, EventLog)
        assert (list(opened.after(0)), opened.last_seq, opened.last_until(1.0)) == ([], 0, 0)
        assert opened.segments == ()
