"""Lines to a stream that may be slow or gone, without holding up the loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO


class LineWriter:
    """Writes whole lines in a thread; a reader that left ends the writing, not the run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.broken = False

    async def write(self, lines: Sequence[str]) -> None:
        """Write and flush the lines; return when the reader has taken them or is known to be gone."""
        if lines and not self.broken:
            await asyncio.to_thread(self.write_now, lines)

    def write_now(self, lines: Sequence[str]) -> None:
        """Write and flush the lines from a plain thread."""
        try:
            self._stream.write("".join(f"{line}\n" for line in lines))
            self._stream.flush()
        except BrokenPipeError:
            self.broken = True
            lead_nowhere(self._stream)


def lead_nowhere(stream: TextIO) -> None:
    """Let what is still written to a stream without a reader vanish, its buffer included."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
