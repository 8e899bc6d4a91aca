"""The verbs about terminals: waiting for a picture, typing, sizes, and everything that is refused."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from supervisor.adapters.pty import PtyAdapter
from supervisor.clock import SystemClock
from supervisor.engine import terminal_verbs
from supervisor.engine.backend import Backend
from supervisor.engine.talks import Talk, Talks
from supervisor.engine.terminal_verbs import TYPED_MAX, ResizeTerminal, ShowTerminal, TypeKeys
from supervisor.errors import InvalidArgument, TooLarge, TooMany, WrongState
from supervisor.model.agent import AgentState
from supervisor.model.screen import TerminalSpec
from supervisor.model.team import StopLadder
from supervisor.runtime.spawn import spawn
from supervisor.testing.adapter_conformance import make_trial

QUICK = StopLadder(leader_s=0.2, group_s=0.2)
PROGRAM = """
import sys, tty
tty.setraw(0)
print('on', end='\\r\\n', flush=True)
while key := sys.stdin.read(1):
    print(key, end='', flush=True)
"""
SIZES = """
import os, signal
signal.signal(signal.SIGWINCH, lambda *_: print(os.get_terminal_size()))
print('on', flush=True)
while True:
    signal.pause()
"""


class Seat:
    """An agent at a terminal behind the verbs, as far as they look at the engine."""

    def __init__(self, talks: Talks, directory: Path) -> None:
        self.talks = talks
        self.trial = make_trial(directory)
        self.pool = replace(
            self.trial.context.pool, adapter="pty", terminal=TerminalSpec(rows=12, columns=40)
        )
        self.backend = cast(
            "Backend",
            SimpleNamespace(
                talks=talks,
                coordinator=SimpleNamespace(
                    outsiders=SimpleNamespace(knows=lambda _name: False),
                    team=SimpleNamespace(pool_of=lambda _name: self.pool),
                ),
                supervisor=SimpleNamespace(state_of=lambda _name: AgentState.WORKING),
            ),
        )

    def start(self, program: str = PROGRAM) -> Talk:
        pool = replace(self.pool, command=(sys.executable, "-S", "-c", program))
        context = replace(self.trial.context, pool=pool)
        adapter = PtyAdapter()
        talk = self.talks.prepare(context, adapter, log=print)
        assert talk is not None
        self.talks.begin(talk, spawn(adapter.launch(context), on_output=talk.hear, clock=SystemClock()))
        return talk

    async def show(self, **asked: Any) -> dict[str, Any]:
        return await terminal_verbs.show(self.backend, ShowTerminal(agent="worker-2", **asked))

    async def type(self, data: bytes) -> dict[str, Any]:
        text = base64.b64encode(data).decode()
        return await terminal_verbs.type_keys(self.backend, TypeKeys(agent="worker-2", data=text))

    async def until(self, words: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            frame = await self.show()
            while words not in "\n".join(frame["lines"]):
                frame = await self.show(
                    incarnation=frame["incarnation"], version=frame["version"], wait_s=5.0
                )
        return frame


@pytest.fixture
async def seat(tmp_path: Path) -> AsyncIterator[Seat]:
    talks = Talks()
    keeping = asyncio.create_task(talks.keep())
    yield Seat(talks, tmp_path)
    talk = talks.of("worker-2")
    if talk is not None and talk._process is not None:
        await talk._process.stop(QUICK, now=True)
    keeping.cancel()
    await asyncio.wait([keeping])


async def test_what_is_typed_stands_there_in_the_next_picture(seat: Seat) -> None:
    seat.start()
    first = await seat.until("on")
    assert (first["rows"], first["columns"], first["incarnation"]) == (12, 40, 7)
    assert await seat.type(b"hello") == {"typed": 5}
    assert (await seat.until("hello"))["cursor"] == [1, 5]


def known(frame: dict[str, Any]) -> dict[str, Any]:
    return {"incarnation": frame["incarnation"], "version": frame["version"]}


async def test_who_knows_the_picture_waits_no_longer_than_asked(seat: Seat) -> None:
    seat.start()
    frame = await seat.until("on")
    async with asyncio.timeout(20):  # what it paints at its start may come in pieces
        while (again := await seat.show(**known(frame), wait_s=0.05))["version"] != frame["version"]:
            frame = again
    assert (await seat.show(incarnation=6, version=frame["version"], wait_s=20.0))["incarnation"] == 7


async def test_a_size_reaches_the_program_and_the_picture(seat: Seat) -> None:
    talk = seat.start(SIZES)
    await seat.until("on")
    asked = ResizeTerminal(agent="worker-2", rows=9, columns=50)
    assert await terminal_verbs.resize(seat.backend, asked) == {"rows": 9, "columns": 50}
    assert talk.screen is not None
    assert talk.screen.rows == 9
    with pytest.raises(InvalidArgument):
        await terminal_verbs.resize(seat.backend, ResizeTerminal(agent="worker-2", rows=0, columns=50))


async def test_bad_arguments_are_refused(seat: Seat) -> None:
    seat.start()
    await seat.until("on")
    with pytest.raises(InvalidArgument, match="wait_s"):
        await seat.show(wait_s=60.0)
    with pytest.raises(InvalidArgument, match="base64"):
        await terminal_verbs.type_keys(seat.backend, TypeKeys(agent="worker-2", data="%"))
    with pytest.raises(TooLarge):
        await seat.type(b"x" * (TYPED_MAX + 1))


async def flood(seat: Seat) -> None:
    for _ in range(40):
        await seat.type(b"x" * TYPED_MAX)


async def test_a_terminal_that_nobody_reads_takes_only_so_much(seat: Seat) -> None:
    seat.start("import time, tty\ntty.setraw(0)\nprint('on', flush=True)\ntime.sleep(60)")
    await seat.until("on")
    with pytest.raises(TooMany):
        await flood(seat)


async def watched(seat: Seat, frame: dict[str, Any]) -> None:
    while True:
        frame = await seat.show(incarnation=frame["incarnation"], version=frame["version"], wait_s=20.0)


async def test_the_end_of_the_agent_wakes_who_waits(seat: Seat) -> None:
    talk = seat.start()
    frame = await seat.until("on")
    waiting = asyncio.create_task(watched(seat, frame))
    await asyncio.sleep(0)
    assert talk._process is not None
    await talk._process.stop(QUICK, now=True)
    with pytest.raises(WrongState):
        await asyncio.wait_for(waiting, 5)


async def test_an_agent_without_a_terminal_is_refused_in_words(seat: Seat) -> None:
    with pytest.raises(WrongState, match="it has no terminal now"):
        await seat.show()
    seat.pool = replace(seat.pool, adapter="claude")
    with pytest.raises(WrongState, match="its adapter is `claude`"):
        await seat.show()
