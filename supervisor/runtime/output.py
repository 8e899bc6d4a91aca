"""What a child writes, read in chunks with a budget, so that no child can hold the loop or our memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final

from supervisor.clock import Clock

CHUNK_BYTES: Final = 65_536
CHUNKS_PER_TURN: Final = 4
_LARGEST_PIPE_BYTES: Final = 1_048_576
_HOLD_S: Final = 0.02

OnOutput = Callable[[bytes], object]
"""Is handed each chunk; when it answers False it is full, and the child is held back for a moment."""


class OutputPipe:
    """The read end of one child's pipe. Reads at most 256 KiB of it in one turn of the loop."""

    def __init__(self, fd: int, on_output: OnOutput, clock: Clock) -> None:
        """Take over `fd`, which must not block, and begin to read it."""
        self.last_output_at: float | None = None
        self._fd: int | None = fd
        self._on_output: Final = on_output
        self._clock: Final = clock
        self._loop: Final = asyncio.get_running_loop()
        self._held: asyncio.TimerHandle | None = None
        self._loop.add_reader(fd, self._readable)

    def drain(self) -> None:
        """Read what is in the pipe now: at most what a pipe can hold, whoever goes on writing."""
        for _ in range(_LARGEST_PIPE_BYTES // CHUNK_BYTES):
            if self._read() is None:
                return

    def close(self) -> None:
        """Close our end; whoever still writes gets EPIPE."""
        if self._held is not None:
            self._held.cancel()
            self._held = None
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None

    def _readable(self) -> None:
        for _ in range(CHUNKS_PER_TURN):
            answer = self._read()
            if answer is None:
                return
            if answer is False:
                self._hold()
                return

    def _read(self) -> bool | None:
        """Read one chunk and hand it on; None when there is no more now."""
        if self._fd is None:
            return None
        try:
            chunk = os.read(self._fd, CHUNK_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            chunk = b""
        if not chunk:
            self.close()
            return None
        self.last_output_at = self._clock.monotonic()
        return self._on_output(chunk) is not False

    def _hold(self) -> None:
        """Stop reading for a moment: the pipe fills and only this child waits."""
        if self._fd is not None and self._held is None:
            self._loop.remove_reader(self._fd)
            self._held = self._loop.call_later(_HOLD_S, self._resume)

    def _resume(self) -> None:
        self._held = None
        if self._fd is not None:
            self._loop.add_reader(self._fd, self._readable)
