"""The coordinator as an agent sees it: tools called over MCP with the key of this incarnation."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import httpx2  # the SDK takes headers only by its own HTTP client
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextContent

WAIT_S: Final = 40.0
READ_TIMEOUT_S: Final = 70.0
TRIES_WHEN_BUSY: Final = 5
SHORTEST_PAUSE_S: Final = 0.05

Answer = dict[str, Any]


class Refused(Exception):
    """The coordinator refused a call; nothing changed. `code` says why, in one word."""

    def __init__(self, code: str, message: str, details: dict[str, Any]) -> None:
        self.code = code
        self.details = details
        super().__init__(f"{code}: {message}")


class Tools(Protocol):
    """Whatever answers tool calls."""

    async def call(self, tool: str, /, **arguments: Any) -> Answer:
        """Call a tool; raise Refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """Where the coordinator is, and the headers that prove who asks."""

    url: str
    headers: dict[str, str]


def read_kit() -> Kit:
    """Read the file that the environment names; its key is never in the environment itself."""
    with open(os.environ["SUPERVISOR_MCP_CONFIG"], encoding="utf-8") as file:
        server = json.load(file)["mcpServers"]["supervisor"]
    return Kit(url=server["url"], headers=dict(server["headers"]))


class Coordinator:
    """Calls tools and turns what they answer into plain data."""

    def __init__(self, client: Client, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._client = client
        self._sleep = sleep
        self.stop_requested = False

    async def call(self, tool: str, /, **arguments: Any) -> Answer:
        """Call a tool; raise Refused. Asked to slow down, it waits and tries again."""
        for _ in range(TRIES_WHEN_BUSY):
            try:
                return await self._call(tool, arguments)
            except Refused as refused:
                if refused.code != "too_many":
                    raise
                await self._sleep(max(SHORTEST_PAUSE_S, float(refused.details.get("retry_after_s", 1.0))))
        return await self._call(tool, arguments)

    async def _call(self, tool: str, arguments: dict[str, Any]) -> Answer:
        result = await self._client.call_tool(tool, arguments)
        answer: Answer | None = result.structured_content
        if answer is None:
            texts = [block.text for block in result.content if isinstance(block, TextContent)]
            answer = json.loads(texts[0]) if texts else {}
        if result.is_error:
            error = dict(answer.get("error", {}))
            raise Refused(error.pop("code", "error"), str(error.pop("message", answer)), error)
        self.stop_requested = bool(answer.get("footer", {}).get("stop_requested"))
        return answer


@asynccontextmanager
async def connected(kit: Kit) -> AsyncIterator[Coordinator]:
    """Hold a connection to the coordinator; network errors come out of it as an exception group."""
    timeout = httpx2.Timeout(10.0, read=READ_TIMEOUT_S)
    async with (
        httpx2.AsyncClient(headers=kit.headers, timeout=timeout, trust_env=False) as http,
        Client(
            streamable_http_client(kit.url, http_client=http, terminate_on_close=False),
            read_timeout_seconds=READ_TIMEOUT_S,
            cache=None,
        ) as client,
    ):
        yield Coordinator(client)


async def wait_for(tools: Tools, *conditions: str) -> list[str]:
    """Wait until one of the conditions holds; return which, or none after a while."""
    answer = await tools.call("wait", **{"for": list(conditions), "timeout_s": WAIT_S})
    return [str(condition) for condition in answer["woken_by"]]
