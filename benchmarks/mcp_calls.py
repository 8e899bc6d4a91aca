"""Tool calls over MCP: how many a second, how long one takes, beside the bare SDK with an empty tool.

The client speaks HTTP by hand over connections kept open, because the SDK's client costs several
times what the server does and both share this machine.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.memory import cpu_seconds
from benchmarks.table import Table, median, percentile
from benchmarks.team import ROOT, running, sleepers

WARM_UP_ROUNDS: Final = 2
"""Calls of each agent before anything is measured: its first one makes it ready, which is written."""
CALL_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to call, by which key, and which process answers."""

    url: str
    headers: dict[str, str]
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What was measured: each call's ms, over how many seconds, at which share of a core."""

    times_ms: list[float]
    seconds: float
    cpu_percent: float


class Connection:
    """One caller's connection: calls a tool, reads the answer, keeps the connection."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        """Prepare to call by each key in turn, so that no agent exceeds its rate."""
        self._headers = [endpoint.headers for endpoint in endpoints]
        self._address = urlsplit(endpoints[0].url)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._number = 0

    async def call(self, tool: str, arguments: dict[str, Any]) -> float:
        """Call once and return the ms it took; raise RuntimeError if the call was refused."""
        begun = time.perf_counter()
        await self.ask(tool, arguments)
        return (time.perf_counter() - begun) * 1000

    async def ask(self, tool: str, arguments: dict[str, Any]) -> bytes:
        """Call once and return the answer's body; raise RuntimeError if the call was refused."""
        self._number += 1
        request = {
            "jsonrpc": "2.0",
            "id": self._number,
            "method": "tools/call",
            "params": {"name": tool, "arguments": arguments},
        }
        async with asyncio.timeout(CALL_TIMEOUT_S):
            status, body = await self._exchange(json.dumps(request).encode())
        if status != 200 or b'"result"' not in body or b'"isError":true' in body:
            raise RuntimeError(f"{tool}: HTTP {status}: {body[:500].decode(errors='replace')}")
        return body

    async def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            await self._writer.wait_closed()

    async def _exchange(self, body: bytes) -> tuple[int, bytes]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                self._address.hostname, self._address.port
            )
        headers = {
            "Host": self._address.netloc,
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "Content-Length": str(len(body)),
            **self._headers[self._number % len(self._headers)],
        }
        head = f"POST {self._address.path} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in headers.items()
        )
        self._writer.write(head.encode() + b"\r\n" + body)
        await self._writer.drain()
        return await _answer(self._reader)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    if b"transfer-encoding: chunked" not in head:
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        return status, await reader.readexactly(length)
    body = bytearray()
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return status, bytes(body)


def tables(rounds: int) -> Iterator[Table]:
    """Measure calls a second at full speed, then 200 agents that call once a second."""
    calls = 4000 if rounds > 3 else 500
    agents = 200 if rounds > 3 else 20
    columns = ("tool", "callers", "calls/s", "p50 ms", "p99 ms", "server CPU % of a core")
    full, paced = Table("Calls at full speed", columns), Table("Each agent calls once a second", columns)
    for form in ("stream", "json"):
        with _bare_sdk(form) as bare:
            for callers in (1, 8):
                load = asyncio.run(_flat_out([bare] * callers, callers, "noop", {}, calls))
                _report(full, f"bare SDK, empty tool, {form}", callers, load)
    with running(sleepers(agents)) as team:
        endpoints = [
            Endpoint(url=kit["url"], headers=kit["headers"], pid=team.pid) for kit in team.kits(agents)
        ]
        asyncio.run(_flat_out(endpoints, 1, "whoami", {}, WARM_UP_ROUNDS * agents))
        for callers in (1, 8):
            for tool, arguments in (("whoami", {}), ("memory_set", {"key": "k", "value": "v"})):
                load = asyncio.run(_flat_out(endpoints, callers, tool, arguments, calls))
                _report(full, f"`{tool}`", callers, load)
        for tool, arguments in (("whoami", {}), ("memory_set", {"key": "k", "value": "v"})):
            _report(
                paced, f"`{tool}`", agents, asyncio.run(_paced(endpoints, tool, arguments, seconds=rounds))
            )
    yield full
    yield paced


def _report(table: Table, tool: str, callers: int, load: Load) -> None:
    speed = len(load.times_ms) / load.seconds
    table.add(tool, callers, speed, median(load.times_ms), percentile(load.times_ms, 99), load.cpu_percent)


async def _flat_out(
    endpoints: list[Endpoint], callers: int, tool: str, arguments: dict[str, Any], calls: int
) -> Load:
    """Let each caller call as fast as it is answered."""

    async def caller(connection: Connection) -> list[float]:
        return [await connection.call(tool, arguments) for _ in range(calls // callers)]

    connections = [Connection(endpoints[number::callers]) for number in range(callers)]
    return await _measured(endpoints[0].pid, connections, caller)


async def _paced(endpoints: list[Endpoint], tool: str, arguments: dict[str, Any], *, seconds: int) -> Load:
    """Let each agent call once a second, spread evenly over the second."""

    async def agent(connection: Connection) -> list[float]:
        await asyncio.sleep(connections.index(connection) / len(connections))
        times_ms = []
        for _ in range(seconds):
            times_ms.append(await connection.call(tool, arguments))
            await asyncio.sleep(max(0.0, 1 - times_ms[-1] / 1000))
        return times_ms

    connections = [Connection([endpoint]) for endpoint in endpoints]
    for connection in connections:
        await connection.call(tool, arguments)
    return await _measured(endpoints[0].pid, connections, agent)


async def _measured(pid: int, connections: list[Connection], caller: Any) -> Load:
    busy, begun = cpu_seconds(pid), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        callers = [group.create_task(caller(connection)) for connection in connections]
    seconds = time.perf_counter() - begun
    percent = (cpu_seconds(pid) - busy) / seconds * 100
    for connection in connections:
        await connection.close()
    return Load(
        times_ms=[took for each in callers for took in each.result()], seconds=seconds, cpu_percent=percent
    )


@contextmanager
def _bare_sdk(form: str) -> Iterator[Endpoint]:
    """Run the peer: the official SDK with one tool that does nothing, stateless, without any check."""
    command = [sys.executable, "-m", "benchmarks.bare_sdk", form]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        port = int((server.stdout or sys.stdin.buffer).readline())
        yield Endpoint(url=f"http://127.0.0.1:{port}/mcp", headers={}, pid=server.pid)
    finally:
        server.terminate()
        server.wait(timeout=10)
