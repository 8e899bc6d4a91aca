"""NOTIFY_FD: a pipe on which a newline means ready, as s6 has it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final

VARIABLE: Final = "NOTIFY_FD"
READ_MAX: Final = 65_536
"""Bytes without a newline after which none is waited for any more."""

_CHUNK: Final = 4096


class NotifyPipe:
    """One incarnation's pipe. The child is given `child_end`; give that one up once it is spawned.

    Ours stays open until the end, so that a child which writes on is not killed for it; it waits.
    """

    def __init__(self) -> None:
        """Open the pipe; raises OSError."""
        self._fd, self.child_end = os.pipe()
        self._has_child_end = True
        self._read = 0
        self._on_newline: Callable[[], None] | None = None
        self._loop: Final = asyncio.get_running_loop()
        os.set_blocking(self._fd, False)

    def give_up_child_end(self) -> None:
        """Close what was the child's, so that its end is the pipe's end."""
        if self._has_child_end:
            self._has_child_end = False
            os.close(self.child_end)

    def listen(self, on_newline: Callable[[], None]) -> None:
        """Call back once, with the first newline."""
        self._on_newline = on_newline
        self._loop.add_reader(self._fd, self._readable)

    def close(self) -> None:
        """Close both ends that are still ours."""
        self.give_up_child_end()
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _readable(self) -> None:
        try:
            chunk = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        self._read += len(chunk)
        is_ready = b"\n" in chunk
        if is_ready or not chunk or self._read >= READ_MAX:
            self._loop.remove_reader(self._fd)
        if is_ready and self._on_newline is not None:
            self._on_newline()
