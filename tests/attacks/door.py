"""A small desk behind a real endpoint, and a client that sends exactly the bytes that it is given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from supervisor.coordinator.actor import Actor
from supervisor.errors import Forbidden, InvalidArgument
from supervisor.model.agent import Role
from supervisor.transports.mcp.gate import ACTOR, AsgiApp, Gate, Receive, Scope, Send
from supervisor.transports.mcp.server import McpServer
from supervisor.transports.mcp.tool_spec import ToolSpec

WORKER_KEY: Final = "w" * 43
JUDGE_KEY: Final = "j" * 43
OLD_KEY: Final = "o" * 43
WORKER: Final = Actor(name="worker-1", role=Role.WORKER, incarnation=2, run=1)
JUDGE: Final = Actor(name="judge-1", role=Role.JUDGE, incarnation=1, run=1)
DEADLINE_S: Final = 20.0
Headers: TypeAlias = Mapping[str, str | None]


def spec(name: str, *fields: str, held: bool = False) -> ToolSpec:
    schema = {"type": "object", "properties": {each: {} for each in fields}, "additionalProperties": False}
    return ToolSpec(name=name, title=name.title(), description=f"{name} it", input_schema=schema, held=held)


EVERYONES: Final = (
    spec("echo", "text", "n"),
    spec("hold", held=True),
    spec("break"),
    spec("read_task", "task_id"),
)
JUDGES: Final = (spec("approve", "task_id"),)


@dataclass
class Desk:
    """Knows two living keys, records what reaches it, and can hold calls."""

    living: dict[str, Actor] = field(default_factory=lambda: {WORKER_KEY: WORKER, JUDGE_KEY: JUDGE})
    calls: list[tuple[Actor, str, dict[str, Any]]] = field(default_factory=list)
    held: int = 0
    abandoned: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def authenticate(self, key: str) -> Actor | None:
        return self.living.get(key)

    def tools_for(self, role: Role) -> tuple[ToolSpec, ...]:
        return EVERYONES + JUDGES if role is Role.JUDGE else EVERYONES

    def shown_to(self, actor: Actor) -> frozenset[str]:
        return frozenset(spec.name for spec in self.tools_for(actor.role))

    async def call(self, actor: Actor, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        known = next(each for each in EVERYONES + JUDGES if each.name == tool).input_schema["properties"]
        if unknown := sorted(arguments.keys() - known.keys()):
            raise InvalidArgument(f"unknown argument `{unknown[0]}`", known=sorted(known))
        self.calls.append((actor, tool, arguments))
        match tool:
            case "hold":
                await self._hold()
            case "break":
                raise RuntimeError("secret of the inside")
            case "read_task" if arguments.get("task_id") != f"T-{actor.name}":
                raise Forbidden("that task is another agent's")
        return {"who": actor.name, **arguments}

    async def _hold(self) -> None:
        await self._count(held=1)
        try:
            await asyncio.Event().wait()
        finally:
            await self._count(abandoned=1)

    async def _count(self, *, held: int = 0, abandoned: int = 0) -> None:
        async with self.changed:
            self.held += held
            self.abandoned += abandoned
            self.changed.notify_all()

    async def until(self, *, held: int = 0, abandoned: int = 0) -> None:
        """Return once so many calls were held and abandoned."""
        async with asyncio.timeout(DEADLINE_S), self.changed:
            await self.changed.wait_for(lambda: self.held >= held and self.abandoned >= abandoned)


class OpenGate(Gate):
    """What a canary puts in the gate's place: everybody is the worker."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, ACTOR: WORKER}, receive, send)


class Ungated(McpServer):
    """The same endpoint without its gate: each attack must get in here, or its test proves nothing."""

    def _guard(self, app: AsgiApp) -> Gate:
        return OpenGate(app, host="", authenticate=lambda _: WORKER)


@asynccontextmanager
async def serving(desk: Desk, kind: type[McpServer] = McpServer, **options: Any) -> AsyncIterator[Door]:
    async with kind(desk, **options) as server, asyncio.timeout(60):
        await server.ready()
        yield Door(server.url)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> Any:
        """Return the JSON-RPC message, be it alone or an SSE event."""
        data = [line[6:] for line in self.body.splitlines() if line.startswith(b"data: ")]
        return json.loads(data[-1] if data else self.body)


class Door:
    """Sends raw requests to one endpoint."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.host = urlsplit(url).netloc
        self.port = int(urlsplit(url).port or 0)

    def head(self, changes: Headers | None = None) -> str:
        """Spell the headers of a good request, some changed; None leaves one out."""
        headers = {
            "Host": self.host,
            "Authorization": f"Bearer {WORKER_KEY}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2025-11-25",
            "Connection": "close",
            **(changes or {}),
        }
        return "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)

    async def post(
        self, body: bytes, headers: Headers | None = None, *, target: str = "POST /mcp HTTP/1.1"
    ) -> Answer:
        """Send one request whose body is `body`."""
        sized = {"Content-Length": str(len(body)), **(headers or {})}
        return await self.send(f"{target}\r\n{self.head(sized)}\r\n".encode("latin-1") + body)

    async def call(
        self, tool: str, arguments: dict[str, Any] | None = None, headers: Headers | None = None
    ) -> Answer:
        """Call a tool with a well-formed body."""
        return await self.post(call_body(tool, arguments or {}), headers)

    async def send(self, request: bytes, *, address: str = "127.0.0.1") -> Answer:
        """Send bytes and read the answer to the end."""
        async with asyncio.timeout(DEADLINE_S):
            reader, writer = await asyncio.open_connection(address, self.port)
            try:
                writer.write(request)
                return await _read(reader)
            finally:
                writer.close()


def call_body(tool: str, arguments: dict[str, Any]) -> bytes:
    params = {"name": tool, "arguments": arguments}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip()
    status, *lines = head.split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in pairs}
    length = headers.get("content-length")
    try:
        body = await reader.read() if length is None else await reader.readexactly(int(length))
    except asyncio.IncompleteReadError as cut:
        body = cut.partial  # the answer to HEAD declares a body that does not come
    return Answer(int(status.split()[1]), headers, body)
