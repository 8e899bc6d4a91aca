"""A10: who says nothing, says it slowly, reads nothing or comes too often costs little, and only himself."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from supervisor.transports.mcp import bounded_http, connections, gate
from tests.attacks.door import DEADLINE_S, JUDGE, JUDGE_KEY, Desk, Door, call_body, serving

AS_JUDGE = {"Authorization": f"Bearer {JUDGE_KEY}"}
SHORT_S = 0.05


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def door(desk: Desk) -> AsyncIterator[Door]:
    async with serving(desk) as opened:
        yield opened


class Caller:
    """One connection, used by hand."""

    def __init__(self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.door = door
        self.reader = reader
        self.writer = writer

    async def call(self, tool: str, key: dict[str, str] | None = None) -> int:
        """Call a tool, read the answer, keep the connection; return the status."""
        self.begin(tool, key)
        return await self.answer()

    async def answer(self) -> int:
        """Read the answer to the call that was begun; return the status."""
        async with asyncio.timeout(DEADLINE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            length = next(line for line in head.lower().splitlines() if line.startswith("content-length"))
            await self.reader.readexactly(int(length.split(":")[1]))
        return int(head.split()[1])

    def begin(self, tool: str, key: dict[str, str] | None = None, *, sent: int | None = None) -> None:
        """Send a call, or the first bytes of one."""
        body = call_body(tool, {})
        headers = {"Content-Length": str(len(body)), "Connection": "keep-alive", **(key or {})}
        self.writer.write((f"POST /mcp HTTP/1.1\r\n{self.door.head(headers)}\r\n".encode() + body)[:sent])

    async def ended(self) -> bool:
        """Wait until the other side has ended the connection."""
        async with asyncio.timeout(DEADLINE_S):
            try:
                return await self.reader.read() is not None
            except ConnectionResetError:
                return True

    def is_open(self) -> bool:
        return not self.reader.at_eof() and self.reader.exception() is None


@asynccontextmanager
async def callers(door: Door, count: int) -> AsyncIterator[list[Caller]]:
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            stack.callback(writer.close)
            opened.append(Caller(door, reader, writer))
        yield opened


async def test_who_says_nothing_is_not_waited_for(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_TIMEOUT_S", SHORT_S)
    async with callers(door, 1) as (silent,):
        assert await silent.ended()


@pytest.mark.parametrize("before", [0, 1], ids=["first request", "a later request"])
async def test_a_head_that_comes_byte_by_byte_is_not_waited_for(
    door: Door, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_TIMEOUT_S", SHORT_S)
    async with callers(door, 1) as (slow,):
        for _ in range(before):
            assert await slow.call("echo") == 200
        async with asyncio.TaskGroup() as tasks:
            trickle = tasks.create_task(drip(slow, b"POST /mcp HTTP/1.1\r\nHost: " + b"x" * 2000))
            assert await slow.ended()
            trickle.cancel()


async def drip(caller: Caller, head: bytes) -> None:
    for byte in head:
        caller.writer.write(bytes((byte,)))
        await asyncio.sleep(SHORT_S / 10)


async def test_a_held_call_and_a_kept_connection_outlive_that_deadline(
    door: Door, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_TIMEOUT_S", SHORT_S)
    async with callers(door, 2) as (holder, kept):
        holder.begin("hold")
        await desk.until(held=1)
        assert await kept.call("echo") == 200
        async with callers(door, 1) as (silent,):
            assert await silent.ended()
        assert holder.is_open()
        assert await kept.call("echo") == 200
        assert desk.abandoned == 0


@pytest.mark.parametrize(
    "limits",
    [{"STRANGERS_MAX": 5, "PATIENCE_S": 0.0}, {"STRANGERS_MAX": 2, "STRANGERS_AT_ONCE_MAX": 5}],
    ids=["slow ones", "a burst"],
)
async def test_of_too_many_strangers_the_oldest_go(
    door: Door, monkeypatch: pytest.MonkeyPatch, limits: dict[str, float]
) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(connections, name, value)
    async with callers(door, 1) as (known,):
        assert await known.call("echo") == 200
        async with callers(door, 8) as strangers:
            assert [await each.ended() for each in strangers[:3]] == [True] * 3
            assert await known.call("echo") == 200
            assert await strangers[3].call("echo") == 200
            assert [await each.call("echo") for each in strangers[4:]] == [200] * 4


async def test_when_all_agents_come_back_at_once_none_is_turned_away(
    door: Door, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_S", DEADLINE_S)  # at once, however slow the machine is
    keys = [f"{number:043}" for number in range(600)]
    desk.living |= {key: replace(JUDGE, name=f"judge-{key}") for key in keys}
    async with callers(door, len(keys)) as back:
        for each, key in zip(back, keys, strict=True):
            each.begin("echo", {"Authorization": f"Bearer {key}"})
        assert [await each.answer() for each in back] == [200] * len(keys)


async def test_the_connections_of_one_key_are_counted(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_OF_ONE_MAX", 3)
    async with callers(door, 4) as (first, *others, last):
        assert [await each.call("echo") for each in (first, *others)] == [200] * 3
        assert await last.call("echo") == 429
        assert await last.ended()
        assert (await door.call("echo", {}, AS_JUDGE)).status == 200
        assert await first.call("echo", AS_JUDGE) == 200  # the connection is the judge's now
        assert (await door.call("echo")).status == 200


async def test_an_answer_that_is_not_read_is_not_kept(
    door: Door, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "SEND_TIMEOUT_S", SHORT_S)
    monkeypatch.setattr(gate, "IN_FLIGHT_MAX", 1)
    body = call_body("echo", {"text": "x" * 900_000})
    async with callers(door, 1) as (deaf,):
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport too
        for _ in range(8):  # more than the kernel's buffers take
            head = door.head({"Content-Length": str(len(body)), "Connection": "keep-alive"})
            deaf.writer.write(f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + body)
        async with asyncio.timeout(DEADLINE_S):
            while (await door.call("echo")).status != 200 or not desk.calls:
                await asyncio.sleep(SHORT_S)


@pytest.mark.parametrize("junk", [b"x" * 70_000, b"a: b\r\n" * 20_000, b"x: " + b"y" * 70_000 + b"\r\n"])
async def test_a_head_without_end_is_refused(door: Door, desk: Desk, junk: bytes) -> None:
    async with callers(door, 1) as (endless,):
        endless.writer.write(b"POST /mcp HTTP/1.1\r\n" + junk)
        assert await endless.ended()
    assert desk.calls == []


async def test_500_idle_connections_and_slow_bodies_of_one_do_not_slow_down_another(
    door: Door, desk: Desk
) -> None:
    async with callers(door, 500), callers(door, 60) as slow:
        for caller in slow:
            caller.begin("echo", sent=-5)
        times = []
        for number in range(200):
            begun = time.perf_counter()
            answer = await door.call("echo", {"n": number}, AS_JUDGE)
            times.append(time.perf_counter() - begun)
            assert json.loads(answer.body)["result"]["structuredContent"]["n"] == number
        assert len(desk.calls) == 200
    assert sorted(times)[197] < 0.2


async def test_canary_a_server_without_the_deadline_waits_on(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_TIMEOUT_S", SHORT_S)
    monkeypatch.setattr(bounded_http.BoundedHttp, "_await_head", lambda _: None)
    async with callers(door, 1) as (silent,):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10 * SHORT_S):
                await silent.reader.read()


async def test_canary_a_server_without_patience_turns_agents_away(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_S", 0.0)
    async with callers(door, 300) as back:
        assert await back[0].ended()
