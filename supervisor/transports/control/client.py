"""The operator's end of the control socket, for the UI, the CLI and headless runs."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections import deque
from collections.abc import AsyncGenerator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

from supervisor.errors import EngineError, EngineNotRunning, InvalidArgument, StateUnsafe, SupervisorError
from supervisor.model.event import Event
from supervisor.model.wire import from_wire
from supervisor.model.world import Snapshot
from supervisor.transports.control.peer import is_own_user
from supervisor.transports.control.protocol import (
    LINE_MAX,
    SNAPSHOT,
    SUBSCRIBE,
    BellFrame,
    Bye,
    Frame,
    Lagged,
    MetricsFrame,
    Request,
    parse_frame,
    request_line,
)
from supervisor.transports.error_wire import error_from_wire

CALL_TIMEOUT_S: Final = 30.0
LOST: Final = "lost"
"""The reason of the Bye that `feed` makes itself when the connection ends without a word."""

FeedItem: TypeAlias = Snapshot | Event | MetricsFrame | BellFrame | Bye


class ControlClient:
    """Asks one engine. Calls go one after the other; every feed has a connection of its own."""

    def __init__(self, path: Path, line: _Line) -> None:
        """Use `connect` instead."""
        self._path = path
        self._line = line
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, path: Path, *, timeout_s: float = 2.0) -> Self:
        """Connect to the engine's socket; raise EngineNotRunning if nobody listens there."""
        return cls(path, await _Line.open(path, timeout_s))

    async def __aenter__(self) -> Self:
        """Return the connected client."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self.close()

    async def snapshot(self) -> Snapshot:
        """Fetch everything at one instant."""
        return from_wire(Snapshot, await self.call(SNAPSHOT))

    async def call(self, verb: str, **args: Any) -> Any:
        """Have one verb carried out and return its data; the engine's refusal is raised as its own class."""
        async with self._turn:
            return await self._line.ask(verb, args)

    async def feed(self) -> AsyncGenerator[FeedItem, None]:
        """Yield a Snapshot, then every frame after it in order, and last a Bye.

        Whenever frames were missed a new Snapshot comes first. Stale events never come.
        """
        line = await _Line.open(self._path, CALL_TIMEOUT_S)
        try:
            async for item in _follow(line):
                yield item
        except EngineNotRunning:
            yield Bye(reason=LOST)
        finally:
            line.close()

    async def close(self) -> None:
        """Hang up."""
        self._line.close()


async def _follow(line: _Line) -> AsyncGenerator[FeedItem, None]:
    while True:
        await line.ask(SUBSCRIBE, {})
        snapshot = from_wire(Snapshot, await line.ask(SNAPSHOT, {}))
        yield snapshot
        seen, gap = snapshot.version, False
        while not gap:
            frame = await line.next_frame()
            if isinstance(frame, Event):
                gap = frame.seq > seen + 1
                if gap or frame.seq <= seen:
                    continue
                seen = frame.seq
            if isinstance(frame, Lagged):
                break
            yield frame
            if isinstance(frame, Bye):
                return


class _Line:
    """One connection: sends requests, keeps the frames that come between their answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._frames: deque[Frame] = deque()

    @classmethod
    async def open(cls, path: Path, timeout_s: float) -> Self:
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_unix_connection(str(path), limit=LINE_MAX + 1)
        except (OSError, TimeoutError) as error:
            raise EngineNotRunning from error
        connected: socket.socket = writer.get_extra_info("socket")
        if not is_own_user(connected):
            writer.close()
            raise StateUnsafe(f"another user answers at {path}; nothing was sent")
        return cls(reader, writer)

    async def ask(self, verb: str, args: dict[str, Any]) -> Any:
        """Send one request and return its answer's data."""
        request = Request(id=next(self._numbers), verb=verb, args=args)
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                self._writer.write(request_line(request))
                await self._writer.drain()
                return await self._answer_to(request.id)
        except TimeoutError as error:
            raise EngineError(f"the engine did not answer `{verb}` within {CALL_TIMEOUT_S:.0f} s") from error
        except ConnectionError as error:
            raise EngineNotRunning("the engine went away") from error

    async def next_frame(self) -> Frame:
        """Return the next frame, waiting for it as long as it takes."""
        while not self._frames:
            await self._read()
        return self._frames.popleft()

    def close(self) -> None:
        self._writer.close()

    async def _answer_to(self, number: int) -> Any:
        parts: list[str] = []
        while True:
            message = await self._read()
            if message is None or message.get("id") not in (number, None):
                continue  # a frame, now kept, or the late answer to a request given up
            if "part" in message:
                parts.append(message["part"])
            elif not message.get("ok"):
                raise error_from_wire(message.get("error"))
            else:
                return json.loads("".join(parts)) if parts else message.get("data")

    async def _read(self) -> dict[str, Any] | None:
        """Read one line: an answer is returned, a frame is kept."""
        try:
            message = json.loads(await self._reader.readuntil(b"\n"))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise EngineNotRunning("the engine went away") from error
        except (asyncio.LimitOverrunError, ValueError) as error:
            raise SupervisorError("the engine sent what is no line of this protocol") from error
        if not isinstance(message, dict):
            raise InvalidArgument("the engine sent a line that is no object")
        if "frame" not in message:
            return message
        self._frames.append(parse_frame(message))
        return None
