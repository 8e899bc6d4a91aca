"""NOTIFY_SOCKET: where one incarnation says that it is ready, that it lives, and what it does.

Each incarnation has a socket of its own, so that no flood fills another's queue. Whoever can reach the path
can write to it, so the kernel's word on the sender's pid decides: only the incarnation's own tree is heard.
"""

from __future__ import annotations

import array
import asyncio
import errno
import logging
import os
import secrets
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from supervisor.runtime.kinship import is_kin
from supervisor.runtime.notification import MESSAGE_MAX, NOTHING, Notification, read_notification
from supervisor.runtime.proc_table import ProcRef

VARIABLE: Final = "NOTIFY_SOCKET"
HAS_CREDENTIALS: Final = hasattr(socket, "SO_PASSCRED") and sys.platform == "linux"
PATH_MAX: Final = 107
MESSAGES_PER_WINDOW: Final = 20
WINDOW_S: Final = 0.025
"""800 messages a second are read of one socket; whoever sends more waits for room in the queue."""

_PREFIX: Final = "notify-"
_CREDENTIALS: Final = struct.Struct("3i")
_FDS_MAX: Final = 16
_NAMES_TRIED: Final = 8

_log = logging.getLogger(__name__)


class NotifySocket:
    """One incarnation's socket, from before its spawn until its end.

    What comes before `listen` waits in the kernel's queue.
    """

    def __init__(self, directory: Path, *, agent: str) -> None:
        """Bind a socket of a random name in `directory`, which is private; raises OSError."""
        if not HAS_CREDENTIALS:
            raise OSError("this system does not say who sent a datagram; use another way to be ready")
        self._agent: Final = agent
        self._socket: Final = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)  # noqa: FBT003 - its only argument
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            os.fchmod(self._socket.fileno(), 0o600)  # before the name exists: no moment with another mode
            self.path: Final = _bound(self._socket, directory)
        except OSError:
            self._socket.close()
            raise
        self._loop: Final = asyncio.get_running_loop()
        self._leader: ProcRef | None = None
        self._on_message: Callable[[Notification], None] | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._window_ends_at = 0.0
        self._left = 0
        self._complained: Final[set[str]] = set()

    def listen(self, leader: ProcRef, on_message: Callable[[Notification], None]) -> None:
        """Hear the tree of `leader` from now on; each message is handed on in its order."""
        self._leader, self._on_message = leader, on_message
        self._loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        """Hear nothing more, and remove the name."""
        if self._socket.fileno() < 0:
            return
        if self._resting is not None:
            self._resting.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        with suppress(OSError):
            self.path.unlink()

    def _readable(self) -> None:
        now = self._loop.time()
        if now >= self._window_ends_at:
            self._window_ends_at, self._left = now + WINDOW_S, MESSAGES_PER_WINDOW
        while self._left > 0:
            if not self._take():
                return
            self._left -= 1
        self._loop.remove_reader(self._socket)
        self._resting = self._loop.call_at(self._window_ends_at, self._resume)

    def _resume(self) -> None:
        self._resting = None
        self._loop.add_reader(self._socket, self._readable)

    def _take(self) -> bool:
        """Take one message off the queue; False when it is empty."""
        try:
            message, ancillary, flags, _ = self._socket.recvmsg(
                MESSAGE_MAX,
                socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(_FDS_MAX * 4),
                socket.MSG_CMSG_CLOEXEC,
            )
        except BlockingIOError:
            return False
        except OSError as problem:
            _log.warning("the notify socket of %s cannot be read: %s", self._agent, problem.strerror)
            return False
        with _Received(ancillary) as pid:  # what came with it is closed after it is heard, not before
            self._hear(message, pid, is_cut=bool(flags & socket.MSG_TRUNC))
        return True

    def _hear(self, message: bytes, pid: int | None, *, is_cut: bool) -> None:
        if self._leader is None or self._on_message is None or pid is None or not is_kin(pid, self._leader):
            self._complain("stranger", f"process {pid}, which is not of its tree or has ended already")
        elif is_cut:
            self._complain("long", f"process {pid}: more than {MESSAGE_MAX} bytes")
        elif (said := read_notification(message)) != NOTHING:
            self._on_message(said)

    def _complain(self, about: str, words: str) -> None:
        if about not in self._complained:
            self._complained.add(about)
            _log.warning(
                "ignored a message on the notify socket of %s from %s (told once)", self._agent, words
            )


class _Received:
    """What came beside a message: the sender's pid, and descriptors that nobody asked for.

    They are closed only after the message was heard: that is what the sender of BARRIER=1 waits for.
    """

    def __init__(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        self._pid: int | None = None
        self._fds: Final[list[int]] = []
        for level, kind, data in ancillary:
            if level != socket.SOL_SOCKET:
                continue
            if kind == socket.SCM_CREDENTIALS and len(data) >= _CREDENTIALS.size:
                self._pid = _CREDENTIALS.unpack_from(data)[0]
            elif kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
                self._fds.extend(fds)

    def __enter__(self) -> int | None:
        return self._pid

    def __exit__(self, *_: object) -> None:
        for fd in self._fds:
            with suppress(OSError):
                os.close(fd)


def _bound(sock: socket.socket, directory: Path) -> Path:
    """Bind to a name that did not exist; what is there, a link also, is never followed or replaced."""
    for _ in range(_NAMES_TRIED):
        path = directory / f"{_PREFIX}{secrets.token_hex(6)}"
        if len(os.fsencode(path)) > PATH_MAX:
            raise OSError(f"the path {path} is longer than the {PATH_MAX} bytes that a socket can have")
        try:
            sock.bind(os.fspath(path))
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise
        else:
            return path
    raise OSError(f"no free name for a socket in {directory}")


def remove_stale(directory: Path) -> None:
    """Remove the sockets that an engine which was killed left in its private directory."""
    for path in directory.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            path.unlink()
