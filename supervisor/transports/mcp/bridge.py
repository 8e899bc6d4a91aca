"""A stdio server for clients that speak no HTTP: it hands each call on to the engine's endpoint.

It outlives the engine: a call waits for the next one a while. What changes something gets an idempotency
key if it has none, so that a call whose answer was lost can be made again without being done twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeVar

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)

from supervisor import __version__
from supervisor.clock import Clock
from supervisor.errors import EngineError, EngineNotRunning, SupervisorError
from supervisor.transports.mcp.gate import STOPPING
from supervisor.transports.mcp.sdk_app import INSTRUCTIONS

PATIENCE_S: Final = 20.0
"""How long a call waits for an engine that does not run: shorter than clients wait for a call."""
AGAIN_S: Final = 0.25
CALL_MAX_S: Final = 120.0
PROTOCOL: Final = "2026-07-28"
KEYED: Final = "idempotency_key"

T = TypeVar("T")
Context = ServerRequestContext[Any, Any]


class Bridge:
    """Serves one agent's client on stdin and stdout."""

    def __init__(
        self,
        *,
        find_url: Callable[[], Awaitable[str]],
        read_key: Callable[[], str],
        clock: Clock,
        new_id: Callable[[], str],
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Ask `find_url` before each call: its answer proves that the engine, and nobody else, is there.

        `read_key` is asked each time too, so a key that was rotated in its file is taken at once.
        """
        self._find_url = find_url
        self._read_key = read_key
        self._clock = clock
        self._new_id = new_id
        self._patience_s = patience_s
        self._keyed: frozenset[str] | None = None
        # One for all calls: making one takes 40 ms. A proxy must never see a key.
        self._http = httpx2.AsyncClient(timeout=CALL_MAX_S, trust_env=False)

    async def serve(self) -> None:
        """Answer until the client closes its end."""
        server: Server[Any] = Server(
            "supervisor",
            version=__version__,
            instructions=INSTRUCTIONS,
            on_list_tools=self.list_tools,
            on_call_tool=self.call_tool,
        )
        async with self.connected(), stdio_server() as (received, sent):
            await server.run(received, sent, server.create_initialization_options())

    def connected(self) -> AbstractAsyncContextManager[object]:
        """Keep connections to the engine open until left."""
        return self._http

    async def list_tools(self, _: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        """List what the key's role may use."""
        try:
            return ListToolsResult(tools=await self._tools())
        except SupervisorError as error:
            raise MCPError(INTERNAL_ERROR, error.message) from error

    async def call_tool(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        """Hand one call on; where no engine answers in time, that is the tool's answer."""
        try:
            return await self._hand_on(context, params)
        except SupervisorError as error:
            return CallToolResult(content=[TextContent(type="text", text=error.message)], is_error=True)

    async def _hand_on(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        if self._keyed is None:
            await self._tools()
        arguments = dict(params.arguments or {})
        if params.name in (self._keyed or ()):
            arguments.setdefault(KEYED, self._new_id())
        asks = context.meta is not None and "progress_token" in context.meta

        async def progressed(progress: float, total: float | None, message: str | None) -> None:
            await context.session.report_progress(progress, total, message)

        return await self._ask(
            lambda client: client.call_tool(params.name, arguments, CALL_MAX_S, progressed if asks else None)
        )

    async def _tools(self) -> list[Tool]:
        listed = (await self._ask(lambda client: client.list_tools())).tools
        self._keyed = frozenset(tool.name for tool in listed if KEYED in tool.input_schema["properties"])
        return listed

    async def _ask(self, request: Callable[[Client], Awaitable[T]]) -> T:
        """Make one request, again and again while no engine answers."""
        until = self._clock.monotonic() + self._patience_s
        while True:
            try:
                return await self._ask_once(request)
            except BaseExceptionGroup as group:
                problem = next(_leaves(group))
                if not all(_may_pass(each) for each in _leaves(group)):
                    raise problem from group
            except (SupervisorError, MCPError, httpx2.TransportError) as error:
                problem = error
                if not _may_pass(error):
                    raise
            if self._clock.monotonic() >= until:
                raise EngineNotRunning("no engine answers; start it with `supervisor up`") from problem
            await self._clock.sleep(AGAIN_S)

    async def _ask_once(self, request: Callable[[Client], Awaitable[T]]) -> T:
        url = await self._find_url()
        self._http.headers["Authorization"] = f"Bearer {self._read_key()}"
        async with Client(streamable_http_client(url, http_client=self._http), mode=PROTOCOL) as client:
            return await request(client)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _may_pass(error: BaseException) -> bool:
    """Tell whether the engine is only away: then the same request may be made again."""
    if isinstance(error, MCPError):
        return error.code == CONNECTION_CLOSED or error.message == STOPPING
    return isinstance(error, EngineNotRunning | EngineError | httpx2.TransportError)
