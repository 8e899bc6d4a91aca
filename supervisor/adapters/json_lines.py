"""Bytes cut anywhere, put together to lines of JSON; what is none is told, and nothing grows without end."""

from __future__ import annotations

import json
import re
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
        self._line = bytearray()
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
        if len(self._line) + len(piece) > self._max:
            self._too_long = True
            self._line = bytearray()
        else:
            self._line += piece

    def _end_line(self) -> None:
        line, is_too_long = self._line.strip(_SKIP_NOTHING), self._too_long
        self._line, self._too_long = bytearray(), False
        if is_too_long:
            self._on_broken(f"a line of more than {self._max} bytes was thrown away")
        elif line:
            self._read(line)

    def _read(self, line: bytearray) -> None:
        """Read a line; a byte that is no UTF-8 spoils a letter of it, not the message."""
        try:
            value = _DECODER.decode(line.decode("utf-8", "replace"))
            if _HALF_LETTER.search(line):
                value = _mended(value)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            self._on_object(value)
        else:
            self._on_broken(f"no JSON object: {line[:SHOWN_MAX].decode('utf-8', 'replace')}")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)
_HALF_LETTER: Final = re.compile(rb"\\u[dD][89a-fA-F]")
"""Escapes of surrogates: two of them may be a letter, one alone could be written nowhere."""


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(one) for one in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(one) for name, one in value.items()}
    return value


def spelled(message: dict[str, Any]) -> bytes:
    """Spell one message as a line."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
