"""Where the log view gets its lines from: a file by its line index, or lines in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from supervisor.logs.line_index import LineIndex
from supervisor.ui.safe_text import SafeText, safe
from supervisor.ui.spans import Line, Span, Tone, line, say

LINE_SHOWN: Final = 8192
GOES_ON: Final = (say(" the line goes on below", Tone.MUTED),)


class FileLines:
    """The lines of a log file; `extend` looks for new ones and is meant for a thread."""

    def __init__(self, path: Path) -> None:
        """Know nothing of the file yet."""
        self.index = LineIndex(path)

    def extend(self) -> None:
        """Take in what was written since."""
        self.index.extend()

    def close(self) -> None:
        """Let the file go."""
        self.index.close()

    @property
    def count(self) -> int:
        """Return how many lines are known."""
        return self.index.count

    def lines(self, start: int, stop: int) -> Sequence[Line]:
        """Read some lines and make them safe."""
        return [
            line(Span(shown(raw)), *(GOES_ON if self.index.goes_on(number) else ()))
            for number, raw in enumerate(self.index.lines(start, stop), start=start)
        ]


def shown(raw: bytes) -> SafeText:
    """Make one line of a log fit for the screen."""
    start = raw[: 4 * LINE_SHOWN]  # a character is at most four bytes
    return safe(start.rstrip(b"\r\n").decode("utf-8", "replace"), LINE_SHOWN)


class MemoryLines:
    """Lines that are there already."""

    def __init__(self, lines: Sequence[Line]) -> None:
        """Keep the lines."""
        self._lines = lines

    @property
    def count(self) -> int:
        """Return how many there are."""
        return len(self._lines)

    def lines(self, start: int, stop: int) -> Sequence[Line]:
        """Return some of them."""
        return self._lines[start:stop]
