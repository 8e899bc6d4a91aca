"""The peer of benchmarks.mcp_calls: the official MCP SDK with one tool that does nothing.

python -m benchmarks.bare_sdk stream|json
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)


async def list_tools(_context: Any, _params: PaginatedRequestParams | None) -> ListToolsResult:
    """List the one tool."""
    return ListToolsResult(tools=[Tool(name="noop", input_schema={"type": "object"})])


async def call_tool(_context: Any, _params: CallToolRequestParams) -> CallToolResult:
    """Do nothing."""
    return CallToolResult(content=[TextContent(type="text", text="{}")])


async def main() -> None:
    """Serve until ended; print the port first."""
    server: Server[Any] = Server("bare", on_list_tools=list_tools, on_call_tool=call_tool)
    manager = StreamableHTTPSessionManager(server, stateless=True, json_response=sys.argv[1] == "json")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    config = uvicorn.Config(
        manager.handle_request,
        interface="asgi3",
        loop="asyncio",
        http="h11",
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    print(listener.getsockname()[1], flush=True)
    async with manager.run():
        await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(main())
