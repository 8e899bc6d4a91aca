"""What a child writes, read in chunks with a budget, so that no child can hold the loop or our memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from supervisor.clock import Clock

CHUNK_BYTES: Final = 65_536
CHUNKS_PER_TURN: Final = 4
_LARGEST_PIPE_BYTES: Final = 1_048_576
_HOLD_S: Final = 0.02
_ROUND_S: Final = 0.02
_STEADY_S: Final = 0.04
"""Who writes again so soon, and little, is read by rounds: being woken for each line costs far more."""

_LITTLE_BYTES: Final = 4_096
_MUCH_BYTES: Final = 16_384

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
        self._rounds: Final = _rounds_of(self._loop)
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
        self._rounds.leave(self)
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None

    def _readable(self) -> None:
        """Read as the loop says that there is something; whoever writes little and often joins the rounds."""
        before = self.last_output_at
        is_little = self._read_a_turn() <= _LITTLE_BYTES
        now = self.last_output_at
        if is_little and before is not None and now is not None and 0 < now - before < _STEADY_S:
            self._go_over(to_rounds=True)

    def read_round(self) -> None:
        """Read what came since the last round; who wrote nothing, or too much for rounds, leaves them."""
        if not 0 < self._read_a_turn() <= _MUCH_BYTES:
            self._go_over(to_rounds=False)

    def _go_over(self, *, to_rounds: bool) -> None:
        if self._fd is None or self._held is not None:
            return
        if to_rounds:
            self._loop.remove_reader(self._fd)
            self._rounds.join(self)
        else:
            self._rounds.leave(self)
            self._loop.add_reader(self._fd, self._readable)

    def _read_a_turn(self) -> int:
        """Read what there is, at most so many chunks, and return how many bytes it was."""
        total = 0
        for _ in range(CHUNKS_PER_TURN):
            size = self._read()
            total += size or 0
            if size is None or size < CHUNK_BYTES or self._held is not None:
                break
        return total

    def _read(self) -> int | None:
        """Read one chunk and hand it on; return its size, None when there is no more now."""
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
        if self._on_output(chunk) is False:
            self._hold()
        return len(chunk)

    def _hold(self) -> None:
        """Stop reading for a moment: the pipe fills and only this child waits."""
        if self._fd is not None and self._held is None:
            self._rounds.leave(self)
            self._loop.remove_reader(self._fd)
            self._held = self._loop.call_later(_HOLD_S, self._resume)

    def _resume(self) -> None:
        self._held = None
        if self._fd is not None:
            self._loop.add_reader(self._fd, self._readable)


class _Rounds:
    """Reads all pipes whose children write steadily, fifty times a second and in one go."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop: Final = loop
        self._pipes: Final[dict[OutputPipe, None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def join(self, pipe: OutputPipe) -> None:
        self._pipes[pipe] = None
        if self._timer is None:
            self._timer = self._loop.call_later(_ROUND_S, self._go)

    def __contains__(self, pipe: OutputPipe) -> bool:
        return pipe in self._pipes

    def leave(self, pipe: OutputPipe) -> None:
        self._pipes.pop(pipe, None)

    def _go(self) -> None:
        for pipe in list(self._pipes):
            pipe.read_round()
        self._timer = self._loop.call_later(_ROUND_S, self._go) if self._pipes else None


_ROUNDS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Rounds]] = WeakKeyDictionary()


def _rounds_of(loop: asyncio.AbstractEventLoop) -> _Rounds:
    if loop not in _ROUNDS:
        _ROUNDS[loop] = _Rounds(loop)
    return _ROUNDS[loop]
