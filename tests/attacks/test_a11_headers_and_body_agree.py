"""A11: what the headers say of a request is what its body says, or nothing is done and nothing is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from supervisor.transports.mcp.gate import REQUEST, AsgiApp, Gate, Receive, Scope, Send
from supervisor.transports.mcp.server import McpServer
from tests.attacks.door import Answer, Desk, Door, Headers, serving

VERSION: Final = "2026-07-28"
MISMATCH: Final = -32020
UNSUPPORTED: Final = -32022
ENVELOPE: Final = "io.modelcontextprotocol/"


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def door(desk: Desk) -> AsyncIterator[Door]:
    async with serving(desk) as opened:
        yield opened


async def call(
    door: Door, tool: str = "echo", *, says: Headers | None = None, version: str = VERSION
) -> Answer:
    """Call a tool by the protocol of 2026, with some headers changed."""
    meta = {f"{ENVELOPE}protocolVersion": version, f"{ENVELOPE}clientCapabilities": {}}
    params = {"name": tool, "arguments": {}, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    headers = {"MCP-Protocol-Version": VERSION, "Mcp-Method": "tools/call", "Mcp-Name": tool, **(says or {})}
    return await door.post(json.dumps(body).encode(), headers)


DISAGREE: Final[dict[str, dict[str, Any]]] = {
    "another method": {"says": {"Mcp-Method": "tools/list"}},
    "the method in capitals": {"says": {"Mcp-Method": "TOOLS/CALL"}},
    "no method": {"says": {"Mcp-Method": None}},
    "an empty method": {"says": {"Mcp-Method": ""}},
    "another tool": {"says": {"Mcp-Name": "read_task"}},
    "the tool in capitals": {"says": {"Mcp-Name": "ECHO"}},
    "no tool": {"says": {"Mcp-Name": None}},
    "two tools": {"says": {"Mcp-Name": "echo", "mcp-name": "echo"}},
    "two methods": {"says": {"Mcp-Method": "tools/call", "mcp-method": "tools/list"}},
    "another version in the body": {"version": "2025-11-25"},
    "no version that ever was in the body": {"version": "2099-01-01"},
}


@pytest.mark.parametrize("tool", ["echo", "hold"])
@pytest.mark.parametrize("how", DISAGREE)
async def test_a_request_that_contradicts_itself_is_refused(
    door: Door, desk: Desk, how: str, tool: str
) -> None:
    answer = await call(door, tool, **DISAGREE[how])
    assert (answer.status, answer.message["error"]["code"]) == (400, MISMATCH)
    assert answer.message["id"] == 7
    assert desk.calls == []


async def test_nothing_is_told_about_a_tool_before_that(door: Door, desk: Desk) -> None:
    hidden = await call(door, "approve", says={"Mcp-Name": "echo"})
    missing = await call(door, "conquer", says={"Mcp-Name": "echo"})
    assert hidden.message["error"]["code"] == missing.message["error"]["code"] == MISMATCH
    assert (hidden.status, missing.status) == (400, 400)


async def test_a_version_that_is_not_spoken_is_refused_and_the_others_are_named(
    door: Door, desk: Desk
) -> None:
    answer = await call(door, says={"MCP-Protocol-Version": "2099-01-01"}, version="2099-01-01")
    assert (answer.status, answer.message["error"]["code"]) == (400, UNSUPPORTED)
    assert answer.message["error"]["data"] == {"supported": [VERSION], "requested": "2099-01-01"}
    assert desk.calls == []


async def test_agreement_is_served(door: Door, desk: Desk) -> None:
    answer = await call(door, says={"Mcp-Name": "  echo "})
    assert answer.status == 200
    assert len(desk.calls) == 1


async def test_canary_a_door_that_corrects_the_headers_serves_the_contradiction(desk: Desk) -> None:
    class Careless(McpServer):
        def _guard(self, app: AsgiApp) -> Gate:
            async def careless(scope: Scope, receive: Receive, send: Send) -> None:
                pairs = {**dict(scope["headers"]), b"mcp-name": scope[REQUEST]["params"]["name"].encode()}
                await app({**scope, "headers": [*pairs.items()]}, receive, send)

            return super()._guard(careless)

    async with serving(desk, Careless) as door:
        answer = await call(door, **DISAGREE["another tool"])
    assert answer.status == 200
    assert len(desk.calls) == 1
