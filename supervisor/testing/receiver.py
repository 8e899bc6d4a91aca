"""A real HTTP server on this machine that receives notices, and misbehaves as it is told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came over the wire. Header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


Manner: TypeAlias = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What becomes of a connection once its request was read."""


@dataclass
class Receiver:
    """Answers each request by the next of `manners`, and when they are used up by `manner`."""

    url: str = ""
    manner: Manner = field(default_factory=lambda: answering(OK))
    manners: list[Manner] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def until(self, count: int, *, seconds: float = 20.0) -> list[Received]:
        """Return what was received once it is `count` requests."""
        async with asyncio.timeout(seconds), self.arrived:
            await self.arrived.wait_for(lambda: len(self.received) >= count)
        return self.received

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request and treat it as told."""
        self.open.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            request = await _read(reader)
            async with self.arrived:
                self.received.append(request)
                self.arrived.notify_all()
            manner = self.manners.pop(0) if self.manners else self.manner
            await manner(writer)
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
        async with self.arrived:
            self.open.discard(writer)
            self.arrived.notify_all()

    async def end(self) -> None:
        """Break every connection and return when the last was dealt with."""
        self.over.set()
        for writer in self.open:
            writer.transport.abort()
        async with asyncio.timeout(10), self.arrived:
            await self.arrived.wait_for(lambda: not self.open)

    def hanging(self) -> Manner:
        """Say nothing for as long as the server lives."""

        async def _hang(_writer: asyncio.StreamWriter) -> None:
            await self.over.wait()

        return _hang


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(path=head[0].split(" ")[1], headers=headers, body=body)


def answering(whole: bytes) -> Manner:
    """Write these bytes as the answer."""

    async def _answer(writer: asyncio.StreamWriter) -> None:
        writer.write(whole)
        await writer.drain()

    return _answer


def status(code: int, body: bytes = b"", **headers: str) -> Manner:
    """Answer with a status, headers (`retry_after="3"`) and a body."""
    lines = [f"HTTP/1.1 {code} Said", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return answering("\r\n".join([*lines, "", ""]).encode() + body)


async def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection without a word."""
    writer.transport.abort()


async def endless(writer: asyncio.StreamWriter) -> None:
    """Refuse, and go on talking for as long as somebody listens."""
    writer.write(b"HTTP/1.1 500 Said\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        writer.write(b"\x1b[2Jspam " * 8192)
        await writer.drain()


@asynccontextmanager
async def receiver(*, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[Receiver]:
    """Give a receiver that listens on 127.0.0.1."""
    here = Receiver()
    server = await asyncio.start_server(here.serve, "127.0.0.1", port, ssl=tls)
    number = server.sockets[0].getsockname()[1]
    here.url = f"{'https' if tls else 'http'}://127.0.0.1:{number}/hook/s3cr3t-t0ken?key=another-secret"
    try:
        yield here
    finally:
        server.close()
        await server.wait_closed()
        await here.end()
