"""The bridge for clients without HTTP: it hands calls on, waits for an engine, and does nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolRequestParams, CallToolResult

from supervisor.errors import EngineNotRunning, StateUnsafe
from supervisor.testing.clock import VirtualClock
from supervisor.transports.mcp import gate
from supervisor.transports.mcp.bridge import KEYED, Bridge
from supervisor.transports.mcp.server import McpServer
from tests.team_door import McpTeamDoor, mcp_team_door, team_door

KEY = "key-worker-1-1"


class HurriedClock(VirtualClock):
    """Lets nobody sleep: time passes at once."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self._move_to(self.monotonic() + seconds)


@dataclass
class Client:
    """What the bridge sees of the client at its other end."""

    told: list[float] = field(default_factory=list)
    meta: dict[str, Any] | None = None

    @property
    def session(self) -> Any:
        async def report_progress(progress: float, _total: float | None, _message: str | None) -> None:
            self.told.append(progress)

        return SimpleNamespace(report_progress=report_progress)


@asynccontextmanager
async def bridged(
    find_url: Callable[[], Awaitable[str]], *, key: Callable[[], str] = lambda: KEY
) -> AsyncIterator[Bridge]:
    """Give a bridge whose client is the test."""
    numbers = iter(range(1000))
    bridge = Bridge(
        find_url=find_url,
        read_key=key,
        clock=HurriedClock(),
        new_id=lambda: f"made-{next(numbers)}",
    )
    async with bridge.connected():
        yield bridge


def at(door: McpTeamDoor) -> Callable[[], Awaitable[str]]:
    async def find_url() -> str:
        return door.url

    return find_url


async def call(
    bridge: Bridge, tool: str, client: Client | None = None, /, **arguments: Any
) -> CallToolResult:
    params = CallToolRequestParams(name=tool, arguments=arguments)
    return await bridge.call_tool(client or Client(), params)  # type: ignore[arg-type]  # all of it that is used


def answer(result: CallToolResult) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.content[0].text)  # type: ignore[union-attr]
    return found


async def test_lists_and_calls_are_those_of_the_endpoint(tmp_path: Path) -> None:
    async with mcp_team_door(tmp_path) as door, bridged(at(door)) as bridge:
        listed = await bridge.list_tools(Client(), None)  # type: ignore[arg-type]  # it is not looked at
        assert {tool.name for tool in listed.tools} == door.desk.shown_to(door.team["worker-1"])
        assert answer(await call(bridge, "whoami"))["name"] == "worker-1"
        refused = await call(bridge, "task_get", task_id="T99")
        assert (refused.is_error, answer(refused)["error"]["code"]) == (True, "not_found")


async def test_what_changes_something_gets_a_key_unless_it_has_one(tmp_path: Path) -> None:
    async with mcp_team_door(tmp_path) as door, bridged(at(door)) as bridge:
        await call(bridge, "message_send", to="human", body="one")
        await call(bridge, "message_send", to="human", body="two", idempotency_key="mine")
        await call(bridge, "whoami")
        rows = await door.team.store.read(
            lambda tx: tx._connection.execute("SELECT key FROM answered_call ORDER BY key").fetchall()
        )
        assert [row["key"] for row in rows] == ["made-0", "mine"]
        assert KEYED == "idempotency_key"


async def test_a_call_waits_for_an_engine_that_comes(tmp_path: Path) -> None:
    tries = iter(range(100))

    async with mcp_team_door(tmp_path) as door:

        async def find_url() -> str:
            match next(tries):
                case 0:
                    raise EngineNotRunning
                case 1:
                    return "http://127.0.0.1:9/mcp"  # nobody listens there
            return door.url

        async with bridged(find_url) as bridge:
            assert answer(await call(bridge, "whoami"))["name"] == "worker-1"


async def test_without_an_engine_a_call_ends_with_what_to_do() -> None:
    async def nowhere() -> str:
        raise EngineNotRunning

    async with bridged(nowhere) as bridge:
        result = await call(bridge, "whoami")
        assert result.is_error
        assert "supervisor up" in result.content[0].text  # type: ignore[union-attr]
        with pytest.raises(MCPError, match="supervisor up"):
            await bridge.list_tools(Client(), None)  # type: ignore[arg-type]  # it is not looked at


async def test_a_refused_key_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "GUESS_DELAY_S", 0.0)
    keys = iter([KEY, "wrong", "wrong"])
    async with mcp_team_door(tmp_path) as door, bridged(at(door), key=lambda: next(keys)) as bridge:
        await bridge.list_tools(Client(), None)  # type: ignore[arg-type]  # it is not looked at
        with pytest.raises(MCPError, match="no valid key"):
            await call(bridge, "whoami")


async def test_a_key_file_that_is_unsafe_is_told_as_the_calls_answer(tmp_path: Path) -> None:
    def unsafe() -> str:
        raise StateUnsafe("the key file is open to others")

    async with mcp_team_door(tmp_path) as door, bridged(at(door), key=unsafe) as bridge:
        result = await call(bridge, "whoami")
        assert (result.is_error, result.content[0].text) == (  # type: ignore[union-attr]
            True,
            "the key file is open to others",
        )


@asynccontextmanager
async def losing_an_answer(url: str, *, to: bytes) -> AsyncIterator[str]:
    """Put a proxy before an endpoint that hangs up once, instead of giving the answer to such a request."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    real, own, lost = f"{host}:{port}".encode(), [b""], [0]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(host, port)
        while request := await reader.read(65536):
            here.write(request.replace(own[0], real))
            answer = await there.read(65536)
            if to in request and not lost[0]:
                lost[0] += 1
                break
            writer.write(answer)
        for end in (here, writer):
            end.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    own[0] = f"127.0.0.1:{server.sockets[0].getsockname()[1]}".encode()
    async with server:
        yield f"http://{own[0].decode()}/mcp"
    assert lost == [1]


async def test_a_call_whose_answer_is_lost_is_made_again_and_done_once(tmp_path: Path) -> None:
    async with mcp_team_door(tmp_path) as door, losing_an_answer(door.url, to=b'"message_send"') as url:

        async def find_url() -> str:
            return url

        async with bridged(find_url) as bridge:
            await bridge.list_tools(Client(), None)  # type: ignore[arg-type]  # it is not looked at
            sent = answer(await call(bridge, "message_send", to="human", body="once"))
        kinds = [event.kind for event in await door.team.events()]
        assert (kinds.count("message.sent"), sent["message"]["body"]) == (1, "once")


async def test_progress_of_a_held_call_reaches_a_client_that_asked(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door, McpServer(door.desk, progress_every_s=0.05) as server:
        await server.ready()

        async def find_url() -> str:
            return server.url

        await _wait_both_ways(find_url)


async def _wait_both_ways(find_url: Callable[[], Awaitable[str]]) -> None:
    async with bridged(find_url) as bridge:
        asking, silent = Client(meta={"progress_token": 1}), Client()
        arguments = {"for": ["mail"], "timeout_s": 0.5}
        assert answer(await call(bridge, "wait", asking, **arguments))["woken_by"] == []
        await call(bridge, "wait", silent, **arguments)
        assert (bool(asking.told), silent.told) == (True, [])


async def test_a_stranger_at_the_engines_old_port_is_sent_nothing() -> None:
    """A8: the control socket says first that the engine is there; without it no connection is made."""
    met: list[bytes] = []

    async def squat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(await reader.read(65536))
        writer.close()

    async def gone() -> str:
        raise EngineNotRunning

    async with await asyncio.start_server(squat, "127.0.0.1", 0), bridged(gone) as bridge:
        await call(bridge, "whoami")
    assert met == []


async def test_canary_without_its_keys_a_lost_answer_means_a_second_message(tmp_path: Path) -> None:
    async with mcp_team_door(tmp_path) as door, losing_an_answer(door.url, to=b'"message_send"') as url:

        async def find_url() -> str:
            return url

        async with bridged(find_url) as bridge:
            await bridge.list_tools(Client(), None)  # type: ignore[arg-type]  # it is not looked at
            bridge._keyed = frozenset()
            await call(bridge, "message_send", to="human", body="once")
        kinds = [event.kind for event in await door.team.events()]
        assert kinds.count("message.sent") == 2
