"""The log of one agent, written off the event loop so that no disk can hold the engine or the agent."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Final

from supervisor.logs.log_file import LogFile
from supervisor.logs.pump import WritePump
from supervisor.logs.space import LogSpace

_MIB: Final = 1_048_576
_FULL_BYTES: Final = _MIB
_MOST_QUEUED_BYTES: Final = 4 * _MIB
_MOST_REFUSALS: Final = 100
_CLOSE_S: Final = 2.0
_TAIL_BYTES: Final = 16_384
_PUMP: Final = WritePump()


class AgentLog:
    """Takes chunks at once and has them written in order; rotation keeps `keep` older files.

    `write` answers False when more is queued than the disk takes at the moment: the caller should hold
    back. When the disk takes nothing at all, or fails, output is dropped and counted, and a line in the
    log says so once it can be written again.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int = 10 * _MIB,
        keep: int = 5,
        space: LogSpace | None = None,
        file: LogFile | None = None,
    ) -> None:
        """Write to `path`, whose directory exists."""
        self.path: Final = path
        self.dropped_bytes = 0
        self.problem = ""
        self._file: Final = file or LogFile(path, max_bytes=max_bytes, keep=keep, space=space)
        self._queue: Final[deque[bytes]] = deque()
        self._queued_bytes = 0
        self._tail: Final[deque[bytes]] = deque()
        self._tail_bytes = 0
        self._refusals = 0
        self._untold_bytes = 0
        self._is_closed = False

    def write(self, data: bytes) -> bool:
        """Queue `data` for the file; False asks the caller to hold back for a moment."""
        self._remember(data[-_TAIL_BYTES:])
        with _PUMP.changed:
            if self._is_closed:
                self.dropped_bytes += len(data)
                return True
            if self._queued_bytes + len(data) > _MOST_QUEUED_BYTES:
                self._count_dropped(len(data), "the disk is too slow")
                return True
            self._queue.append(data)
            self._queued_bytes += len(data)
            _PUMP.schedule(self._pump)
            if self._queued_bytes <= _FULL_BYTES or self._refusals >= _MOST_REFUSALS:
                return True
            self._refusals += 1
            return False

    def begin(self) -> None:
        """Forget what was said so far: another process begins to write."""
        self._tail.clear()
        self._tail_bytes = 0

    def last_words(self, lines: int) -> list[bytes]:
        """Return the last lines since `begin`, of the last 16 KiB and whether the disk took them or not."""
        said = b"".join(self._tail)[-_TAIL_BYTES:].removesuffix(b"\n")
        return said.split(b"\n")[-lines:] if said else []

    def flush(self, *, timeout_s: float = _CLOSE_S) -> bool:
        """Wait until all that was queued is written; False when it was not by then."""
        with _PUMP.changed:
            return _PUMP.changed.wait_for(lambda: self._queued_bytes == 0, timeout_s)

    def close(self, *, timeout_s: float = _CLOSE_S) -> None:
        """Write what is queued, for at most so long, and close the file."""
        self.flush(timeout_s=timeout_s)
        with _PUMP.changed:
            self._is_closed = True
            _PUMP.schedule(self._pump)

    def _remember(self, end: bytes) -> None:
        self._tail.append(end)
        self._tail_bytes += len(end)
        while self._tail_bytes - len(self._tail[0]) >= _TAIL_BYTES:
            self._tail_bytes -= len(self._tail.popleft())

    def _pump(self) -> None:
        """Write what is queued now; runs in the pump's thread only."""
        with _PUMP.changed:
            data = b"".join(self._queue)
            self._queue.clear()
            told_bytes, cause = self._untold_bytes, self.problem
        mark = _mark(told_bytes, cause, ends_line=self._file.ends_line)
        lost, problem = self._file.append(mark + data)
        with _PUMP.changed:
            if lost <= len(data):
                self._untold_bytes -= told_bytes
            if lost:
                self._count_dropped(min(lost, len(data)), problem)
            self._queued_bytes -= len(data)
            self._refusals = 0
            _PUMP.changed.notify_all()
            is_over = self._is_closed and not self._queue
        if is_over:
            self._file.close()

    def _count_dropped(self, count: int, problem: str) -> None:
        self.problem = problem
        self.dropped_bytes += count
        self._untold_bytes += count


def _mark(dropped_bytes: int, cause: str, *, ends_line: bool) -> bytes:
    if not dropped_bytes:
        return b""
    line = f"[supervisor: {dropped_bytes} bytes of output were dropped: {cause}]\n".encode()
    return line if ends_line else b"\n" + line
