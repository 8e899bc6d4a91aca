"""Finding the next or the previous line that matches, in slices, so that a caller can stop in between."""

from __future__ import annotations

import re
from typing import Final

from supervisor.logs.line_index import LineIndex

_SLICE: Final = 500


def find(index: LineIndex, pattern: re.Pattern[bytes], start: int, *, backward: bool = False) -> int | None:
    """Return the nearest line from `start` on (or back) that `pattern` matches. Blocks."""
    return _find_back(index, pattern, start) if backward else _find_on(index, pattern, start)


def _find_on(index: LineIndex, pattern: re.Pattern[bytes], start: int) -> int | None:
    for first in range(max(start, index.first), index.count, _SLICE):
        for number, line in enumerate(index.lines(first, first + _SLICE), start=first):
            if pattern.search(line):
                return number
    return None


def _find_back(index: LineIndex, pattern: re.Pattern[bytes], start: int) -> int | None:
    for stop in range(min(start, index.count - 1) + 1, index.first, -_SLICE):
        first = max(stop - _SLICE, index.first)
        lines = index.lines(first, stop)
        for number in reversed(range(len(lines))):
            if pattern.search(lines[number]):
                return first + number
    return None
