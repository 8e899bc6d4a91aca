"""Lines that are waited for, in real processes' way of writing them, with hostile ones among them."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from supervisor.model.team import StopLadder
from supervisor.runtime import line_matcher
from supervisor.runtime.line_matcher import LINE_MAX, PENDING_MAX, LineMatcher, LineWatch
from supervisor.testing.chaos import ChaosTeam, gone, is_alive

CATASTROPHE = r"(a+)+$"
"""Takes longer than the universe has on `aaa…!`."""

BAIT = b"a" * 60 + b"!\n"


@pytest.fixture
async def matcher() -> AsyncIterator[LineMatcher]:
    made = LineMatcher()
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


class Found:
    """What a watch found, with its event."""

    def __init__(self, matcher: LineMatcher, pattern: str, who: str = "worker-1#1") -> None:
        self.event = asyncio.Event()
        self.times = 0
        self.watch: LineWatch = matcher.watch(pattern, self._hear, who=who)

    async def come(self) -> None:
        async with asyncio.timeout(20):
            await self.event.wait()

    def _hear(self) -> None:
        self.times += 1
        self.event.set()


async def test_a_line_that_matches_is_found_once(matcher: LineMatcher) -> None:
    found = Found(matcher, r"^listening on \d+$")
    found.watch.feed(b"hello\nlistening on 80")
    found.watch.feed(b"80\r\nlistening on 9\nlistening on 10\n")
    await found.come()
    assert found.times == 1
    assert found.watch.feed(b"listening on 11\n")
    assert not found.watch.has_lines


async def test_half_a_line_is_not_tried(matcher: LineMatcher) -> None:
    found = Found(matcher, "ready")
    found.watch.feed(b"it is ready")
    found.watch.feed(b" soon, it is not re\nady\n")
    other = Found(matcher, "end")
    other.watch.feed(b"end\n")
    await other.come()
    await found.come()
    assert found.times == 1


async def test_bytes_that_are_no_text_do_no_harm(matcher: LineMatcher) -> None:
    found = Found(matcher, "größer")
    found.watch.feed(bytes(range(256)) * 10 + b"\n" + "größer\n".encode())
    await found.come()


async def test_of_a_huge_line_only_the_beginning_is_looked_at(matcher: LineMatcher) -> None:
    found = Found(matcher, "needle")
    for _ in range(160):
        assert found.watch.feed(b"x" * 65_536)
    assert len(found.watch._begun) == LINE_MAX
    found.watch.feed(b"needle\nneedle at last\n")
    await found.come()


async def test_a_hostile_line_costs_a_tenth_of_a_second_and_not_the_loop(
    matcher: LineMatcher, caplog: pytest.LogCaptureFixture
) -> None:
    found, other = Found(matcher, CATASTROPHE), Found(matcher, "ready", who="worker-2#1")
    loop, lags = asyncio.get_running_loop(), []
    with caplog.at_level(logging.WARNING):
        found.watch.feed(BAIT * 3 + b"aaa\n")
        other.watch.feed(b"ready\n")
        while not found.event.is_set():
            before = loop.time()
            await asyncio.sleep(0.01)
            lags.append(loop.time() - before - 0.01)
            assert loop.time() < before + 20
    assert sorted(lags)[len(lags) // 2] < 0.05
    assert other.times == 1
    assert caplog.text.count("takes too long") == 1


def test_in_our_own_process_the_same_line_would_hold_everything() -> None:
    """The canary: without its alarm the expression is still busy after a second."""
    import re

    def ring(*_: object) -> None:
        raise TimeoutError

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        with pytest.raises(TimeoutError):
            re.search(CATASTROPHE, BAIT.decode())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


async def test_whoever_has_endless_hostile_lines_holds_back_itself_alone(matcher: LineMatcher) -> None:
    hostile, other = Found(matcher, CATASTROPHE), Found(matcher, "^9999$", who="worker-2#1")
    while hostile.watch.feed(BAIT * 100):
        pass
    assert hostile.watch._pending < PENDING_MAX + 100 * len(BAIT)
    for number in range(10_000):
        other.watch.feed(b"%d\n" % number)
    await other.come()
    assert hostile.watch.has_lines
    hostile.watch.give_up()


async def test_no_line_of_a_flood_is_missed(matcher: LineMatcher) -> None:
    async with ChaosTeam() as team:
        found = Found(matcher, "^000000000060000 ")
        child = team.start("flood", str(100 * 70_000), on_output=found.watch.feed)
        await found.come()
        await child.process.stop(StopLadder(), now=True)


async def test_when_the_helper_dies_another_takes_its_place(matcher: LineMatcher) -> None:
    first = Found(matcher, "one")
    first.watch.feed(b"one\n")
    await first.come()
    helper = matcher._helper
    assert helper is not None
    os.kill(helper._watch.pid, signal.SIGKILL)
    second = Found(matcher, "two")
    second.watch.feed(b"none\ntwo\n")
    await second.come()
    assert matcher._helper is not helper


async def test_a_helper_that_hangs_is_replaced(matcher: LineMatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_matcher, "ANSWER_S", 0.2)
    first = Found(matcher, "one")
    first.watch.feed(b"one\n")
    await first.come()
    helper = matcher._helper
    assert helper is not None
    os.kill(helper._watch.pid, signal.SIGSTOP)
    second = Found(matcher, "two")
    second.watch.feed(b"lost\ntwo\n")
    await second.come()
    assert await gone(helper._watch.pid, within_s=5)


async def test_a_helper_that_cannot_be_started_is_tried_again_and_no_line_is_lost(
    matcher: LineMatcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    popen, times = line_matcher._popen, 0

    def fail_once(fd: int) -> object:
        nonlocal times
        times += 1
        if times == 1:
            raise OSError(11, "Resource temporarily unavailable")
        return popen(fd)

    monkeypatch.setattr(line_matcher, "_popen", fail_once)
    monkeypatch.setattr(line_matcher, "RETRY_S", 0.0)
    found = Found(matcher, "one")
    found.watch.feed(b"one\n")
    await found.come()
    assert "cannot be started: Resource temporarily unavailable" in caplog.text


async def test_the_helper_ends_with_its_matcher() -> None:
    matcher = LineMatcher()
    running = asyncio.create_task(matcher.run())
    found = Found(matcher, "one")
    found.watch.feed(b"one\n")
    await found.come()
    assert matcher._helper is not None
    pid = matcher._helper._watch.pid
    assert is_alive(pid)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert not is_alive(pid)


async def test_nothing_is_started_where_nobody_waits_for_a_line(matcher: LineMatcher) -> None:
    found = Found(matcher, "one")
    found.watch.feed(b"no newline")
    found.watch.give_up()
    await asyncio.sleep(0)
    assert matcher._helper is None


async def test_an_answer_that_comes_too_late_is_nobodys(matcher: LineMatcher) -> None:
    found = Found(matcher, "one")
    found.watch.feed(b"one\n")
    found.watch.give_up()
    found.watch.tried(1, hit=True)
    assert found.times == 0
