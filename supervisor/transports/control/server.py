"""The engine's end of the control socket."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from supervisor.errors import InvalidArgument, PathTooLong, StateUnsafe, SupervisorError, TooLarge, TooMany
from supervisor.model.wire import to_wire
from supervisor.model.world import Snapshot
from supervisor.transports.control.peer import is_own_user
from supervisor.transports.control.protocol import (
    REQUEST_MAX,
    SNAPSHOT,
    SUBSCRIBE,
    Bye,
    Frame,
    Lagged,
    Request,
    answer_lines,
    frame_line,
    parse_request,
    refusal_line,
)

CONNECTIONS_MAX: Final = 64
DRAIN_TIMEOUT_S: Final = 30.0
FAREWELL_S: Final = 0.2
_SOCKET_PATH_MAX: Final = 107
_BACKLOG: Final = 64

logger = logging.getLogger(__name__)


class ControlBackend(Protocol):
    """What the control socket needs from the engine."""

    async def snapshot(self) -> Snapshot:
        """Return everything at this instant."""
        ...

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        """Carry out one verb and return JSON data; raise SupervisorError to refuse it."""
        ...

    def subscribe(self) -> AbstractAsyncContextManager[AsyncIterator[Frame]]:
        """Open a stream of frames that never holds up the engine; it ends after Bye or Lagged."""
        ...


class ControlServer:
    """Serves the backend on a Unix socket of mode 0600 while its context is open."""

    def __init__(self, backend: ControlBackend, path: Path) -> None:
        """Serve `backend` at `path`, whose directory exists and is private."""
        self._backend = backend
        self._path = path
        self._tasks = asyncio.TaskGroup()
        self._served: set[asyncio.Task[None]] = set()
        self._connections: set[_Connection] = set()

    async def __aenter__(self) -> Self:
        """Listen; raise PathTooLong or StateUnsafe when the path cannot be used."""
        self._listener = _listen(self._path)
        await self._tasks.__aenter__()
        self._accepting = self._tasks.create_task(self._accept())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say goodbye to every subscriber, close every connection and remove the socket."""
        self._accepting.cancel()
        try:
            await self._let_feeds_end()
        finally:
            for task in self._served:
                task.cancel()
            try:
                # Only a cancellation is the group's business: other errors pass through it unwrapped.
                ours = (kind, error, trace) if kind is asyncio.CancelledError else (None, None, None)
                await self._tasks.__aexit__(*ours)
            finally:
                self._listener.close()
                self._path.unlink(missing_ok=True)

    async def _let_feeds_end(self) -> None:
        """Give a Bye of the backend the moment that it needs to reach the subscribers."""
        feeds = [each.feed for each in self._connections if each.feed is not None]
        if feeds:
            await asyncio.wait(feeds, timeout=FAREWELL_S)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, _ = await loop.sock_accept(self._listener)
            except OSError:
                logger.exception("a control connection could not be accepted")
                await asyncio.sleep(1)  # out of descriptors: give others time to free some
                continue
            task = self._tasks.create_task(self._serve(peer))
            self._served.add(task)
            task.add_done_callback(self._served.discard)

    async def _serve(self, peer: socket.socket) -> None:
        if not is_own_user(peer):
            logger.warning("refused a control connection of another user")
            peer.close()
            return
        reader, writer = await asyncio.open_unix_connection(sock=peer, limit=REQUEST_MAX)
        connection = _Connection(self._backend, reader, writer)
        self._connections.add(connection)
        try:
            if len(self._served) > CONNECTIONS_MAX:
                connection.refuse(
                    TooMany(f"over {CONNECTIONS_MAX} control connections are open", retry_after_s=1.0)
                )
            else:
                await connection.serve()
        except* OSError:
            logger.info("a control client went away")
        except* Exception:
            logger.exception("a control connection failed")
        finally:
            self._connections.discard(connection)
            writer.close()


class _Connection:
    """One client: its requests one after the other, and beside them its frames if it subscribed."""

    def __init__(
        self, backend: ControlBackend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._backend = backend
        self._reader = reader
        self._writer = writer
        self._subscribed = False
        self.feed: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Answer until the client hangs up or sends what cannot be read as a line."""
        async with asyncio.TaskGroup() as tasks:
            while (line := await self._read_line()) is not None:
                await self._answer(line, tasks)
            if self.feed is not None:
                self.feed.cancel()

    def refuse(self, error: SupervisorError, number: int | None = None) -> None:
        """Write a refusal."""
        self._writer.write(refusal_line(number, error))

    async def _read_line(self) -> bytes | None:
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            self.refuse(TooLarge(f"a request line is at most {REQUEST_MAX} bytes"))
        except asyncio.IncompleteReadError as error:
            if error.partial:
                self.refuse(InvalidArgument("the request line was not ended"))
        return None

    async def _answer(self, line: bytes, tasks: asyncio.TaskGroup) -> None:
        try:
            request = parse_request(line)
        except SupervisorError as error:
            self.refuse(error)
        else:
            await self._carry_out(request, tasks)
        await self._drain()

    async def _carry_out(self, request: Request, tasks: asyncio.TaskGroup) -> None:
        try:
            data = await self._result(request, tasks)
        except SupervisorError as error:
            self.refuse(error, request.id)
        except Exception:
            logger.exception("control verb %s failed", request.verb[:40])
            self.refuse(
                SupervisorError("the engine failed on this; see `supervisor logs engine`"), request.id
            )
        else:
            for line in answer_lines(request.id, data):
                self._writer.write(line)

    async def _result(self, request: Request, tasks: asyncio.TaskGroup) -> Any:
        if request.verb not in {SNAPSHOT, SUBSCRIBE}:
            return await self._backend.call(request.verb, request.args)
        if request.args:
            raise InvalidArgument(f"`{request.verb}` takes no arguments")
        if request.verb == SNAPSHOT:
            return to_wire(await self._backend.snapshot())
        if not self._subscribed:
            self._subscribed = True
            opened = asyncio.Event()
            self.feed = tasks.create_task(self._send_frames(opened))
            await opened.wait()
        return {}

    async def _send_frames(self, opened: asyncio.Event) -> None:
        """Pass frames on until the stream ends; a stop of the server is told as Bye."""
        try:
            async with self._backend.subscribe() as frames:
                opened.set()
                async for frame in frames:
                    # Cleared before the client can read it, so that its next `subscribe` counts.
                    self._subscribed = not isinstance(frame, Bye | Lagged)
                    self._writer.write(frame_line(frame))
                    await self._drain()
        except asyncio.CancelledError:
            if self._subscribed:
                self._writer.write(frame_line(Bye(reason="stopped")))
            raise
        finally:
            opened.set()

    async def _drain(self) -> None:
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            await self._writer.drain()


def _listen(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > _SOCKET_PATH_MAX:
        raise PathTooLong(
            f"the socket path {path} is over {_SOCKET_PATH_MAX} bytes; set a shorter XDG_RUNTIME_DIR"
        )
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)  # noqa: FBT003 - positional by its signature
        listener.bind(str(path))
        path.chmod(0o600)  # before listen: until then nobody can connect
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    """Remove the socket that a killed engine left; the engine lock says that no other one lives."""
    with suppress(FileNotFoundError):
        found = path.lstat()
        if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
            raise StateUnsafe(f"{path} is in the way of the control socket and is not ours; remove it")
        path.unlink()
