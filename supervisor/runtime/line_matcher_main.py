"""The program that tries regular expressions on lines. Standard library only.

    python -S -E line_matcher_main.py FD

Foreign lines can make a regular expression run for hours, and while it runs nothing else in its process
does; so it runs here, and a timer of the kernel's interrupts it. Each request is one JSON line,
{"pattern": …, "lines": […]}; the answer is {"tried": N, "hit": true|false}: so many of the lines were tried
to the end, and whether the next one or the last of them matches. Tried none: the first took too long.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
from types import FrameType
from typing import Final

TURN_S: Final = 0.1
"""How long one request may take; the rest of its lines has to be asked again, after others had their turn."""

_PATTERNS_MAX: Final = 256


class _TooLong(Exception):
    pass


class _Turn:
    """One request's time. An alarm that comes when its request is answered says nothing."""

    def __init__(self) -> None:
        self._is_on = False
        signal.signal(signal.SIGALRM, self._ring)

    def take(self, compiled: re.Pattern[str], lines: list[str]) -> tuple[int, bool]:
        """Try lines until one matches or the time is over; tell how many were tried, and whether one did."""
        tried, hit = 0, False
        try:
            self._is_on = True
            signal.setitimer(signal.ITIMER_REAL, TURN_S)
            for line in lines:
                hit = compiled.search(line) is not None
                tried += 1
                if hit:
                    break
            self._is_on = False
        except _TooLong:
            pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        return tried, hit

    def _ring(self, _signum: int, _frame: FrameType | None) -> None:
        if self._is_on:
            self._is_on = False
            raise _TooLong


def main(fd: int) -> None:
    """Answer until the other end is closed."""
    turn = _Turn()
    patterns: dict[str, re.Pattern[str]] = {}
    with socket.socket(fileno=fd) as door, door.makefile("rwb") as file:
        for request in file:
            asked = json.loads(request)
            pattern = asked["pattern"]
            if len(patterns) >= _PATTERNS_MAX:
                patterns.clear()
            if pattern not in patterns:
                patterns[pattern] = re.compile(pattern)
            tried, hit = turn.take(patterns[pattern], asked["lines"])
            file.write(json.dumps({"tried": tried, "hit": hit}).encode() + b"\n")
            file.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
