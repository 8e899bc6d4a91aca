"""Held calls on the wire: they show progress to whoever asks, and end with their client or their server."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from supervisor.transports.mcp.sdk_app import _HeldCalls
from supervisor.transports.mcp.server import PROGRESS_EVERY_S, McpServer
from tests.attacks.door import DEADLINE_S, JUDGE_KEY, WORKER_KEY, Desk, Door, call_body, serving

OLD, NEW = "2025-11-25", "2026-07-28"
OFTEN_S = 0.03
both = pytest.mark.parametrize("mode", ["legacy", NEW])


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def door(desk: Desk) -> AsyncIterator[Door]:
    async with serving(desk, progress_every_s=OFTEN_S) as opened:
        yield opened


@asynccontextmanager
async def agent(url: str, mode: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {WORKER_KEY}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


@dataclass
class Held:
    """One held call of the older protocol, spoken by hand."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def rest(self) -> bytes:
        """Return all that still comes, once the stream has ended."""
        async with asyncio.timeout(DEADLINE_S):
            return await self.reader.read()


@asynccontextmanager
async def held(
    door: Door, desk: Desk, *, request_id: object = 1, meta: Any = None, key: str = WORKER_KEY
) -> AsyncIterator[Held]:
    """Hold a call under this id."""
    request = json.loads(call_body("hold", {})) | {"id": request_id}
    if meta is not None:
        request["params"]["_meta"] = meta
    body = json.dumps(request).encode()
    headers = {"Content-Length": str(len(body)), "Authorization": f"Bearer {key}"}
    before = desk.held
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    try:
        writer.write(f"POST /mcp HTTP/1.1\r\n{door.head(headers)}\r\n".encode() + body)
        await desk.until(held=before + 1)
        yield Held(reader, writer)
    finally:
        writer.close()


async def cancel(door: Door, request_id: object, *, key: str = WORKER_KEY) -> int:
    """Cancel a request as the older protocol does; return the status."""
    params = {"requestId": request_id, "reason": "changed my mind"}
    body = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
    answer = await door.post(json.dumps(body).encode(), {"Authorization": f"Bearer {key}"})
    return answer.status


def test_progress_is_told_every_five_seconds() -> None:
    assert PROGRESS_EVERY_S == 5.0


@both
async def test_progress_comes_in_its_time_and_rises(door: Door, desk: Desk, mode: str) -> None:
    told: list[tuple[float, float]] = []
    enough = asyncio.Event()

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append((time.monotonic(), progress))
        if len(told) == 5:
            enough.set()

    async with agent(door.url, mode) as client, asyncio.TaskGroup() as tasks:
        begun = time.monotonic()
        waiting = tasks.create_task(client.call_tool("hold", {}, progress_callback=note))
        async with asyncio.timeout(DEADLINE_S):
            await enough.wait()
        waiting.cancel()
    assert [progress for _, progress in told] == pytest.approx([OFTEN_S * n for n in range(1, 6)])
    assert told[-1][0] - begun >= 5 * OFTEN_S


async def test_who_did_not_ask_is_told_no_progress(door: Door, desk: Desk) -> None:
    async with held(door, desk) as silent, held(door, desk, request_id=2, meta={"progressToken": 0}) as asked:
        async with asyncio.timeout(DEADLINE_S):
            while b"notifications/progress" not in await asked.reader.readline():
                pass
        assert await cancel(door, 1) == 202
        assert b"notifications/progress" not in await silent.rest()


async def test_progress_ends_with_its_call(door: Door, desk: Desk) -> None:
    async with held(door, desk, meta={"progressToken": "t"}) as call:
        assert await cancel(door, 1) == 202
        await call.rest()
    await desk.until(abandoned=1)
    assert not [task for task in asyncio.all_tasks() if "_tell_progress" in repr(task)]


@both
async def test_an_agent_that_cancels_its_wait_frees_it_and_goes_on(door: Door, desk: Desk, mode: str) -> None:
    async with agent(door.url, mode) as client:
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(client.call_tool("hold", {}))
            await desk.until(held=1)
            waiting.cancel()
            await desk.until(held=1, abandoned=1)
        assert (await client.call_tool("echo", {"n": 1})).is_error is False


async def test_a_cancelled_call_gets_no_answer(door: Door, desk: Desk) -> None:
    async with held(door, desk) as call:
        assert await cancel(door, 1) == 202
        assert b'"jsonrpc"' not in await call.rest()
    await desk.until(abandoned=1)


@pytest.mark.parametrize("wrong", ["1", 1.0, True, 2, None, [1], {"id": 1}, "x" * 10_000])
async def test_only_the_id_itself_is_meant(door: Door, desk: Desk, wrong: object) -> None:
    async with held(door, desk) as call:
        assert await cancel(door, wrong) in {202, 400}
        assert (await door.call("echo")).status == 200
        assert desk.abandoned == 0
        assert await cancel(door, 1) == 202
        assert await cancel(door, 1) == 202
        await call.rest()
    await desk.until(abandoned=1)


async def test_the_call_of_another_key_cannot_be_cancelled(door: Door, desk: Desk) -> None:
    async with held(door, desk):
        assert await cancel(door, 1, key=JUDGE_KEY) == 202
        assert (await door.call("echo")).status == 200
        assert desk.abandoned == 0


async def test_of_two_calls_with_one_id_none_is_taken_for_the_other(door: Door, desk: Desk) -> None:
    async with held(door, desk):
        async with held(door, desk):
            assert await cancel(door, 1) == 202
            assert (await door.call("echo")).status == 200
            assert desk.abandoned == 0
        await desk.until(abandoned=1)
        assert await cancel(door, 1) == 202
        await desk.until(abandoned=2)


async def test_a_call_that_is_done_cannot_be_cancelled(door: Door, desk: Desk) -> None:
    assert (await door.call("echo")).status == 200
    assert await cancel(door, 1) == 202


@pytest.mark.parametrize("how", ["closed", "reset"])
async def test_a_connection_that_drops_ends_its_held_call(door: Door, desk: Desk, how: str) -> None:
    async with held(door, desk) as call:
        if how == "reset":
            raw = call.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        call.writer.close()
        begun = time.monotonic()
        await desk.until(abandoned=1)
    assert time.monotonic() - begun < 1


@both
async def test_a_wait_that_an_engines_end_cuts_can_be_made_again_at_its_next_begin(
    desk: Desk, mode: str
) -> None:
    first = McpServer(desk)
    first.bind()
    port, url = first.port, first.url
    async with agent_at(url, mode, first) as (client, stopped):
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(outcome(client))
            await desk.until(held=1)
            begun = time.monotonic()
            await stopped()
            assert isinstance(await waiting, MCPError)
        assert time.monotonic() - begun < 3
        with pytest.raises(ConnectionRefusedError):
            await Door(url).call("echo")
        second = McpServer(desk)
        second.bind(port)
        assert second.port == port
        async with second:
            await second.ready()
            assert (await client.call_tool("echo", {"n": 2})).is_error is False


async def outcome(client: Client) -> object:
    """Return what a held call ends with."""
    try:
        return await client.call_tool("hold", {})
    except MCPError as error:
        return error


@asynccontextmanager
async def agent_at(url: str, mode: str, server: McpServer) -> AsyncIterator[tuple[Client, Any]]:
    """Give a client of a running server, and the way to stop that."""
    await server.__aenter__()
    await server.ready()

    async def stopped() -> None:
        await server.__aexit__(None, None, None)

    async with agent(url, mode) as client:
        yield client, stopped


async def test_canary_without_a_list_of_held_calls_a_cancellation_reaches_none(
    door: Door, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_HeldCalls, "look_for_cancellation", lambda *_: None)
    async with held(door, desk):
        assert await cancel(door, 1) == 202
        assert (await door.call("echo")).status == 200
        assert desk.abandoned == 0
