"""A coordinator of one tool, for tests that only want to see an agent reach it with its own key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from mcp.server import MCPServer
from mcp.types import ToolAnnotations

from supervisor.adapters.kit import SERVER_NAME
from supervisor.testing.loopback import in_thread, serving

_HARMLESS: Final = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)


@dataclass(slots=True)
class ScriptedCoordinator:
    """Answers `whoami` to who has the key; `asked` is how often it was asked, `refused` how often not."""

    key: str
    url: str = ""
    asked: list[str] = field(default_factory=list)
    refused: int = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ScriptedCoordinator]:
        """Serve on this loop for as long as the block lasts."""
        server = MCPServer(SERVER_NAME, log_level="CRITICAL")

        @server.tool(annotations=_HARMLESS, structured_output=False)
        def whoami(word: str = "") -> str:
            """Say who you are."""
            self.asked.append(word)
            return '{"agent": "worker-1", "task_id": "T7"}'

        app = server.streamable_http_app(stateless_http=True, host="127.0.0.1")

        async def guarded(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and not self._has_key(scope):
                self.refused += 1
                await send({"type": "http.response.start", "status": 401, "headers": []})
                await send({"type": "http.response.body", "body": b"no"})
                return
            await app(scope, receive, send)

        async with serving(guarded, has_lifespan=True) as address:
            self.url = f"{address}/mcp"
            yield self

    def _has_key(self, scope: Any) -> bool:
        return dict(scope["headers"]).get(b"authorization") == f"Bearer {self.key}".encode()


@contextmanager
def coordinator_apart(key: str) -> Iterator[ScriptedCoordinator]:
    """Serve in a thread, for fixtures that outlive the loop of one test."""
    with in_thread(lambda: ScriptedCoordinator(key).serving()) as coordinator:
        yield coordinator
