"""Bytes cut anywhere, put together to lines of JSON; what is none is told, and nothing grows without end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

LINE_BYTES_MAX: Final = 32 << 20
"""A longer line is thrown away whole: agents do send results of several MiB in one line."""

SHOWN_MAX: Final = 2_000

_SKIP_NOTHING: Final = b" \t\r"


class JsonLines:
    """Hands on each JSON object as it comes; anything else is told by `on_broken`, in words."""

    def __init__(
        self,
        on_object: Callable[[dict[str, Any]], None],
        on_broken: Callable[[str], None],
        *,
        line_bytes_max: int = LINE_BYTES_MAX,
    ) -> None:
        """Begin with nothing heard."""
        self._on_object: Final = on_object
        self._on_broken: Final = on_broken
        self._max: Final = line_bytes_max
        self._parts: list[bytes] = []
        self._size = 0
        self._too_long = False

    def feed(self, data: bytes) -> None:
        """Take in a piece; each whole line in it is handed on before this returns."""
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._add(piece)
            self._end_line()
        self._add(rest)

    def finish(self) -> None:
        """Take what came last as a line, though no newline ended it."""
        self._end_line()

    def _add(self, piece: bytes) -> None:
        if self._too_long or not piece:
            return
        self._size += len(piece)
        if self._size > self._max:
            self._too_long = True
            self._parts.clear()
        else:
            self._parts.append(piece)

    def _end_line(self) -> None:
        line, is_too_long = b"".join(self._parts).strip(_SKIP_NOTHING), self._too_long
        self._parts, self._size, self._too_long = [], 0, False
        if is_too_long:
            self._on_broken(f"a line of more than {self._max} bytes was thrown away")
        elif line:
            self._read(line)

    def _read(self, line: bytes) -> None:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            self._on_object(value)
        else:
            self._on_broken(f"no JSON object: {line[:SHOWN_MAX].decode('utf-8', 'replace')}")


def spelled(message: dict[str, Any]) -> bytes:
    """Spell one message as a line."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
