"""The MCP endpoint as agents meet it: through the official SDK's client, in each protocol generation."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent
from uvicorn.protocols.http.h11_impl import H11Protocol

from supervisor.transports.mcp.server import McpServer
from tests.attacks.door import JUDGE_KEY, OLD_KEY, WORKER, WORKER_KEY, Desk, Door, serving

LEGACY, MODERN = "legacy", "2026-07-28"
BOTH_FORMS = "application/json, text/event-stream"


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def door(desk: Desk) -> AsyncIterator[Door]:
    async with serving(desk) as opened:
        yield opened


@asynccontextmanager
async def agent(url: str, mode: str, key: str = WORKER_KEY) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


both = pytest.mark.parametrize("mode", [LEGACY, MODERN, "auto"])


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@both
async def test_an_agent_sees_the_tools_of_its_role_with_their_hints(door: Door, mode: str) -> None:
    async with agent(door.url, mode) as worker, agent(door.url, mode, JUDGE_KEY) as judge:
        tools = (await worker.list_tools()).tools
        assert [tool.name for tool in tools] == ["echo", "hold", "break", "read_task"]
        assert "approve" in {tool.name for tool in (await judge.list_tools()).tools}
    echo = tools[0]
    assert echo.title == "Echo"
    assert echo.input_schema["additionalProperties"] is False
    assert echo.annotations is not None
    assert (echo.annotations.read_only_hint, echo.annotations.open_world_hint) == (False, False)


@both
async def test_a_call_reaches_the_desk_as_its_key_and_answers_twice_the_same(
    door: Door, desk: Desk, mode: str
) -> None:
    async with agent(door.url, mode) as client:
        result = await client.call_tool("echo", {"text": "na\u202eïve \U0001f600", "n": 2**62})
    assert result.is_error is False
    assert result.structured_content == {"who": "worker-1", "text": "na\u202eïve \U0001f600", "n": 2**62}
    assert json.loads(text_of(result)) == result.structured_content
    assert desk.calls == [(WORKER, "echo", {"text": "na\u202eïve \U0001f600", "n": 2**62})]


@both
async def test_a_refusal_is_an_answer_with_code_message_and_facts(door: Door, desk: Desk, mode: str) -> None:
    async with agent(door.url, mode) as client:
        result = await client.call_tool("echo", {"text": "x", "sender": "human"})
    assert result.is_error is True
    error = {"code": "invalid_argument", "message": "unknown argument `sender`", "known": ["n", "text"]}
    assert result.structured_content == {"error": error}
    assert json.loads(text_of(result)) == {"error": error}
    assert desk.calls == []


@both
async def test_a_tool_that_is_not_there_is_a_protocol_error(door: Door, desk: Desk, mode: str) -> None:
    async with agent(door.url, mode) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("conquer", {})
    assert caught.value.code == -32602
    assert caught.value.data["code"] == "unknown_tool"
    assert desk.calls == []


@both
async def test_a_failure_inside_tells_nothing_of_the_inside(
    door: Door, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with agent(door.url, mode) as client:
        result = await client.call_tool("break", {})
        assert (await client.call_tool("echo", {})).is_error is False
    assert result.is_error is True
    assert result.structured_content is not None
    assert result.structured_content["error"]["code"] == "error"
    assert "secret" not in text_of(result)
    assert "secret of the inside" in caplog.text


@both
async def test_an_old_key_gets_in_nowhere(door: Door, desk: Desk, mode: str) -> None:
    with pytest.raises((MCPError, BaseExceptionGroup)):
        async with agent(door.url, mode, OLD_KEY) as client:
            await client.call_tool("echo", {})
    assert desk.calls == []


async def test_a_modern_client_that_gives_up_a_held_call_frees_it(door: Door, desk: Desk) -> None:
    async with agent(door.url, MODERN) as client, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(client.call_tool("hold", {}))
        await desk.until(held=1)
        waiting.cancel()
        await desk.until(held=1, abandoned=1)


@both
async def test_a_client_that_goes_away_frees_its_held_call(door: Door, desk: Desk, mode: str) -> None:
    async with asyncio.TaskGroup() as tasks:

        async def wait_for_ever() -> None:
            async with agent(door.url, mode) as client:
                await client.call_tool("hold", {})

        waiting = tasks.create_task(wait_for_ever())
        await desk.until(held=1)
        waiting.cancel()
        await desk.until(held=1, abandoned=1)


@both
async def test_a_stop_ends_held_calls_at_once_and_tells_their_callers(desk: Desk, mode: str) -> None:
    told: list[str] = []

    async def hold(url: str) -> None:
        async with agent(url, mode) as client:
            try:
                await client.call_tool("hold", {})
            except MCPError as error:
                told.append(error.message)

    async with asyncio.TaskGroup() as tasks:
        async with serving(desk) as door:
            for _ in range(5):
                tasks.create_task(hold(door.url))
            await desk.until(held=5)
            begun = time.monotonic()
        assert time.monotonic() - begun < 2
    assert desk.abandoned == 5
    assert len(told) == 5


@both
async def test_many_agents_are_held_at_once_and_others_are_still_served(
    door: Door, desk: Desk, mode: str
) -> None:
    async with asyncio.TaskGroup() as tasks, agent(door.url, mode) as holder, agent(door.url, mode) as other:
        held = [tasks.create_task(holder.call_tool("hold", {})) for _ in range(20)]
        await desk.until(held=20)
        answers = await asyncio.gather(*(other.call_tool("echo", {"n": n}) for n in range(10)))
        assert [answer.structured_content["n"] for answer in answers if answer.structured_content] == [
            *range(10)
        ]
        for each in held:
            each.cancel()


@both
async def test_a_silent_call_shows_progress_to_whoever_asked_for_it(desk: Desk, mode: str) -> None:
    seen = asyncio.Event()

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.set()

    async with (
        serving(desk, progress_every_s=0.02) as door,
        asyncio.TaskGroup() as tasks,
        agent(door.url, mode) as client,
    ):
        waiting = tasks.create_task(client.call_tool("hold", {}, progress_callback=note))
        async with asyncio.timeout(10):
            await seen.wait()
        waiting.cancel()


async def test_only_a_call_that_may_be_held_is_answered_as_a_stream(door: Door, desk: Desk) -> None:
    async def media_type(tool: str) -> str:
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool}}
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {WORKER_KEY}"}) as http,
            http.stream("POST", door.url, json=request, headers={"Accept": BOTH_FORMS}) as response,
        ):
            return str(response.headers["content-type"])

    assert await media_type("echo") == "application/json"
    assert (await media_type("hold")).startswith("text/event-stream")


async def test_the_address_is_known_and_connections_queue_before_it_serves(desk: Desk) -> None:
    server = McpServer(desk)
    server.bind()
    early = asyncio.create_task(Door(server.url).call("echo", {"n": 1}))
    await asyncio.sleep(0)
    async with server:
        answer = await early
    assert answer.status == 200
    assert answer.message["result"]["structuredContent"] == {"who": "worker-1", "n": 1}


async def test_an_error_in_the_body_passes_the_server_as_it_is(desk: Desk) -> None:
    with pytest.raises(LookupError):
        async with McpServer(desk):
            raise LookupError


async def test_the_server_may_be_stopped_before_it_serves(desk: Desk) -> None:
    async with McpServer(desk) as server:
        url = server.url
    with pytest.raises(ConnectionRefusedError):
        await Door(url).call("echo")


async def test_one_connection_serves_call_after_call(door: Door, desk: Desk) -> None:
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {WORKER_KEY}"}) as http:
        ports = set()
        for number in range(5):
            async with http.stream(
                "POST",
                door.url,
                json={"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": "echo"}},
                headers={"Accept": BOTH_FORMS},
            ) as response:
                await response.aread()
                ports.add(response.extensions["network_stream"].get_extra_info("client_addr"))
    assert len(ports) == 1
    assert len(desk.calls) == 5


async def test_answers_are_not_delayed_for_more_to_come(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted: list[int] = []
    made = H11Protocol.connection_made

    def note(self: H11Protocol, transport: asyncio.Transport) -> None:
        connected = transport.get_extra_info("socket")
        accepted.append(connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        made(self, transport)

    monkeypatch.setattr(H11Protocol, "connection_made", note)
    await door.call("echo")
    assert accepted == [1]


async def test_the_port_of_last_time_is_taken_again_and_another_one_if_it_is_not_free(desk: Desk) -> None:
    first, second, third = McpServer(desk), McpServer(desk), McpServer(desk)
    async with first:
        port = first.port
        second.bind(port)
        assert second.port != port
        async with second:
            pass
    third.bind(port)
    assert (third.port, third.url) == (port, f"http://127.0.0.1:{port}/mcp")
    async with third:
        third.bind(port + 1)
        assert third.port == port
