"""The archivist: hourly, a file at a time, out of the way of those who write."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.dispatch import archivist as room
from supervisor.dispatch.archivist import FIRST_S, PERIOD_S, Archivist, Retention
from supervisor.errors import DatabaseUnavailable
from supervisor.model.memory import MemoryEntry
from supervisor.model.team import Run, RunState
from supervisor.store import archive
from supervisor.store.archive import write_segment
from supervisor.store.event_log import opened_log
from supervisor.store.store import Store
from supervisor.store.transaction import Transaction
from supervisor.testing.clock import VirtualClock

OLD = 1_600_000_000.0


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """Twenty-five old events of an ended run, and files of ten."""
    monkeypatch.setattr(archive, "SEGMENT", 10)
    async with Store(tmp_path / "c.db", clock) as opened:
        await opened.write(old_run)
        yield opened


def old_run(tx: Transaction) -> None:
    tx.run, tx.now = 1, OLD
    run = Run(id=1, team="t", profile="p", digest="d")
    tx.record("run.started", run, actor="supervisor")
    for number in range(23):
        remember(tx, number)
    tx.record(
        "run.finished", Run(id=1, team="t", profile="p", digest="d", state=RunState.FINISHED), actor="x"
    )
    tx.tell("engine.stopped", "4711", actor="supervisor")


def remember(tx: Transaction, number: int) -> None:
    entry = MemoryEntry(scope="team", key=f"k{number}", value="v", version=1, author="x", at=0.0)
    tx.record("memory.set", entry, actor="x")


def names(store: Store) -> list[str]:
    return sorted(path.name for path in store.path.with_name("archive").glob("events-*"))


def numbers(store: Store) -> list[int]:
    with opened_log(store.path, store.path.with_name("archive")) as log:
        return [event.seq for event in log.after(0)]


def the_archivist(store: Store, clock: VirtualClock, *, hurry: bool = True) -> Archivist:
    return Archivist(store, store.path.with_name("archive"), clock, hurry=hurry)


async def test_it_moves_whole_files_or_by_hand_the_rest_too(store: Store, clock: VirtualClock) -> None:
    archivist = the_archivist(store, clock)
    kept = Retention(before=OLD + 1)

    assert (await archivist.plan(kept)).events == 25
    assert [await archivist.move(kept, whole=True) is None for _ in range(3)] == [False, False, True]
    assert names(store) == ["events-1-10.jsonl.gz", "events-11-20.jsonl.gz"]
    assert (await archivist.plan(kept)).events == 5
    rest = await archivist.move(kept, whole=False)
    assert rest is not None
    assert rest.span == "21-25"
    assert (await archivist.plan(kept)).events == 0
    assert await archivist.move(kept, whole=False) is None
    assert numbers(store) == list(range(1, 30))


async def test_what_a_profile_keeps_is_reckoned_from_now(store: Store, clock: VirtualClock) -> None:
    archivist = the_archivist(store, clock)
    days = (clock.now() - OLD) / 86_400

    assert (await archivist.plan(archivist.kept(days=days + 1, runs=5))).events == 0
    assert (await archivist.plan(archivist.kept(days=days - 1, runs=5))).events == 25
    assert (await archivist.plan(archivist.kept(days=days + 1, runs=0))).events == 25


async def test_rows_that_a_former_engine_left_behind_are_removed_first(
    store: Store, clock: VirtualClock
) -> None:
    segment = write_segment(store.path, store.path.with_name("archive"), last=10)
    await store.write(lambda tx: archive.record_segment(tx, segment))
    assert await the_archivist(store, clock).move(Retention(before=OLD), whole=True) is None
    with opened_log(store.path, store.path.with_name("archive")) as log:
        assert log.cut.seq == 10


async def eventually(clock: VirtualClock, done: Any) -> None:
    """Let time pass in small steps, since its thread and the writer's take real time between them."""
    for _ in range(2000):
        if done():
            return
        await clock.advance(0.05)
        await asyncio.sleep(0.001)
    raise AssertionError("it never came to that")


async def test_it_looks_a_while_after_the_start_and_then_hourly(store: Store, clock: VirtualClock) -> None:
    archivist = the_archivist(store, clock, hurry=False)
    keeping = asyncio.ensure_future(archivist.keep(days=1, runs=5))
    await clock.advance(FIRST_S - 1)
    assert names(store) == []
    await clock.advance(1)
    await eventually(
        clock, lambda: clock.next_wake is not None and clock.next_wake > 60 and names(store) != []
    )
    assert names(store) == ["events-1-10.jsonl.gz", "events-11-20.jsonl.gz"]
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping


async def test_a_failure_is_told_and_tried_again(
    store: Store, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable("no space left")

    monkeypatch.setattr(room, "write_segment", full)
    keeping = asyncio.ensure_future(the_archivist(store, clock).keep(days=1, runs=5))
    with caplog.at_level(logging.ERROR):
        await clock.advance(FIRST_S)
        await eventually(clock, lambda: "could not be archived" in caplog.text)
    monkeypatch.setattr(room, "write_segment", write_segment)
    await clock.advance(PERIOD_S)
    await eventually(clock, lambda: len(names(store)) == 2)
    keeping.cancel()


async def test_a_slice_waits_for_a_quiet_moment_but_not_for_ever(store: Store, clock: VirtualClock) -> None:
    archivist = the_archivist(store, clock, hurry=False)
    busy = True

    async def chatter() -> None:
        number = 100
        while busy:
            await store.write(lambda tx, number=number: remember(tx, number))  # type: ignore[misc]
            number += 1
            await asyncio.sleep(0)

    chatting = asyncio.ensure_future(chatter())
    moving = asyncio.ensure_future(archivist.move(Retention(before=OLD + 1), whole=True))
    begun = clock.monotonic()
    await eventually(clock, moving.done)
    waited = clock.monotonic() - begun
    busy = False
    await chatting
    assert moving.result() is not None
    assert waited >= room.QUIET_S * 2


async def test_one_file_at_a_time_whoever_asks(store: Store, clock: VirtualClock) -> None:
    archivist = the_archivist(store, clock)
    kept = Retention(before=OLD + 1)
    both = await asyncio.gather(archivist.move(kept, whole=True), archivist.move(kept, whole=True))
    assert sorted(each.span for each in both if each is not None) == ["1-10", "11-20"]


async def test_a_stopping_engine_does_not_wait_for_its_thread(
    store: Store, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "PAGE", 1)
    reached, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def slowly(*given: Any, pause: Any, **more: Any) -> Any:
        def waiting() -> None:
            reached.set()
            go_on.wait(10)
            pause()

        try:
            return write_segment(*given, pause=waiting, **more)
        finally:
            ended.set()

    monkeypatch.setattr(room, "write_segment", slowly)
    keeping = asyncio.ensure_future(the_archivist(store, clock).keep(days=1, runs=5))
    await clock.advance(FIRST_S)
    await eventually(clock, reached.is_set)
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    go_on.set()
    await eventually(clock, ended.is_set)
    assert names(store) == []
    assert numbers(store) == list(range(1, 27))
