"""Expressions on screens: which lines match, and that none of them can hold anybody up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from supervisor.runtime import screen_matcher
from supervisor.runtime.line_matcher import MatchProcess
from supervisor.runtime.screen_matcher import HITS_MAX, ScreenMatcher

Hits = dict[str, tuple[int, ...]]


@pytest.fixture
async def matcher() -> AsyncIterator[ScreenMatcher]:
    made = ScreenMatcher()
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.wait([running])


async def found(matcher: ScreenMatcher, patterns: dict[str, str], *lines: str) -> Hits:
    told: asyncio.Future[Hits] = asyncio.get_running_loop().create_future()
    matcher.ask(told, patterns, lines, told.set_result, who="tui")
    async with asyncio.timeout(20):
        return await told


async def test_the_lines_that_match_are_told_from_the_bottom_up(matcher: ScreenMatcher) -> None:
    hits = await found(matcher, {"a": "^a", "none": "z", "end": "c$"}, "ab", "bc", "ac", "")
    assert hits == {"a": (2, 0), "none": (), "end": (2, 1)}
    assert await found(matcher, {"any": ""}, *["x"] * 50) == {"any": tuple(range(49, 49 - HITS_MAX, -1))}
    assert await found(matcher, {}, "x") == {}


async def test_an_expression_that_never_ends_is_passed_over_and_the_others_are_answered(
    matcher: ScreenMatcher, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        hits = await found(matcher, {"slow": "(x+x+)+y", "fast": "x$"}, *["x" * 60] * 6, "yes")
    assert hits["slow"] == ()
    assert hits["fast"] == (5, 4, 3, 2, 1, 0)
    assert [record.message for record in caplog.records].count(caplog.records[0].message) == 1


async def test_only_the_newest_question_of_an_asker_is_answered(matcher: ScreenMatcher) -> None:
    told: list[Hits] = []
    asker = object()
    matcher.ask(asker, {"a": "a"}, ["a"], told.append, who="tui")
    matcher.ask(asker, {"b": "b"}, ["b"], told.append, who="tui")
    gone = object()
    matcher.ask(gone, {"c": "c"}, ["c"], told.append, who="tui")
    matcher.forget(gone)
    assert await found(matcher, {"d": "d"}, "d") == {"d": (0,)}
    assert told == [{"b": (0,)}]


async def test_a_process_that_dies_costs_a_line_and_is_replaced(
    matcher: ScreenMatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen_matcher, "RETRY_S", 0.0)
    ask = MatchProcess.ask
    faults = iter([OSError("gone")])

    async def once_broken(process: MatchProcess, pattern: str, lines: list[str]) -> tuple[int, bool]:
        for fault in faults:
            raise fault
        return await ask(process, pattern, lines)

    monkeypatch.setattr(MatchProcess, "ask", once_broken)
    assert await found(matcher, {"a": "a"}, "a", "a") == {"a": (0,)}


async def test_a_driver_that_fails_on_an_answer_ends_nobody_elses(
    matcher: ScreenMatcher, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_hits: Hits) -> None:
        raise RuntimeError("a fault of a plug-in")

    matcher.ask(object(), {"a": "a"}, ["a"], fail, who="tui")
    assert await found(matcher, {"a": "a"}, "a") == {"a": (0,)}
    assert "a fault of a plug-in" in caplog.text


async def test_canary_without_a_bound_one_screen_would_hold_all_others_up(
    matcher: ScreenMatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    lines = ["x" * 60] * 12

    async def seconds() -> float:
        began = loop.time()
        await found(matcher, {"slow": "(x+x+)+y"}, *lines)
        return loop.time() - began

    bounded = await seconds()
    monkeypatch.setattr(screen_matcher, "SLOW_MAX", 12)
    assert await seconds() > 2 * bounded
