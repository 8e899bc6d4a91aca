"""What we tell a child by its stdin, never waiting for it: a child that does not read fills its own queue."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from typing import Final

QUEUE_BYTES: Final = 1_048_576


class InputPipe:
    """The write end of one child's stdin, with at most 1 MiB that the child has not taken yet."""

    def __init__(self, fd: int) -> None:
        """Take over `fd`, which must not block."""
        self._fd: int | None = fd
        self._loop: Final = asyncio.get_running_loop()
        self._queue: Final[deque[bytes]] = deque()
        self._queued: int = 0
        self._is_last = False
        self._waits = False

    def write(self, data: bytes) -> bool:
        """Send all of `data` or queue it; False, and nothing is sent, if it is closed or too much waits."""
        if self._fd is None or self._is_last or self._queued + len(data) > QUEUE_BYTES:
            return False
        self._queue.append(data)
        self._queued += len(data)
        if not self._waits:
            self._send()
        return True

    @property
    def fd(self) -> int | None:
        """Return the descriptor; None once it is closed."""
        return self._fd

    def finish(self) -> None:
        """Close it as soon as the child has taken what waits."""
        self._is_last = True
        if not self._waits:
            self._send()

    def close(self) -> None:
        """Close it now, and forget what waits."""
        if self._fd is not None:
            if self._waits:
                self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._fd = None
            self._queue.clear()
            self._queued = 0
            self._waits = False

    def _send(self) -> None:
        while self._fd is not None and self._queue:
            try:
                sent = os.write(self._fd, self._queue[0])
            except BlockingIOError:
                self._wait(self._fd)
                return
            except OSError:
                self.close()  # nobody reads any more
                return
            self._queued -= sent
            self._queue[0] = self._queue[0][sent:]
            if not self._queue[0]:
                self._queue.popleft()
        if self._fd is not None and self._waits:
            self._loop.remove_writer(self._fd)
            self._waits = False
        if self._is_last:
            self.close()

    def _wait(self, fd: int) -> None:
        if not self._waits:
            self._loop.add_writer(fd, self._send)
            self._waits = True
