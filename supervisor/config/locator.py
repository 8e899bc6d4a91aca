"""On which line of a TOML text each key stands, which `tomllib` does not tell.

The scanner follows TOML's structure but judges nothing: it stops at what it cannot read and leaves
the verdict to `tomllib`. It also bounds what a hostile text may cost before `tomllib` sees it.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

KeyPath = tuple[str | int, ...]

DEPTH_MAX: Final = 16
ENTRIES_MAX: Final = 10_000

_SPACE: Final = re.compile(r"[ \t]*")
_BLANK: Final = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_COMMAS: Final = re.compile(r"(?:[ \t\r\n,]++|#[^\n]*+)*+")
_KEY: Final = re.compile(r"""([A-Za-z0-9_-]+)|"((?:[^"\\\n]++|\\.)*+)"|'([^'\n]*)'""")
_LONG_BASIC: Final = re.compile(r'"""(?:[^"\\]++|\\[\s\S]|"{1,2}(?!"))*+"{3,5}')
_LONG_LITERAL: Final = re.compile(r"'''(?:[^']++|'{1,2}(?!'))*+'{3,5}")
_SHORT: Final = re.compile(r'"(?:[^"\\\n]++|\\.)*+"|' + r"'[^'\n]*'")
_BARE: Final = re.compile(r"[^,\]}\n#]+")


class TooDeep(Exception):
    """The text nests deeper than DEPTH_MAX; carries the line."""


class TooManyEntries(Exception):
    """The text has more than ENTRIES_MAX keys and elements; carries the line."""


class _Unreadable(Exception):
    """The scanner met something that is no TOML; what was found so far stands."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A key that was set a second time."""

    path: KeyPath
    line: int
    first: int


class Locator:
    """The lines of one text's keys; raises TooDeep and TooManyEntries when it is made."""

    def __init__(self, text: str) -> None:
        """Scan the text once, front to back."""
        self._text = text
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[KeyPath, int] = {}
        self._arrays: dict[KeyPath, int] = {}
        self._headers: set[KeyPath] = set()
        self._entries = 0
        self.duplicates: list[Duplicate] = []
        try:
            self._document()
        except _Unreadable:
            return

    @property
    def last_line(self) -> int:
        """Return the number of the last line."""
        return self._line_at(max(0, len(self._text.rstrip()) - 1))

    def line_of(self, path: KeyPath) -> int:
        """Return the line of `path`, or of the nearest table around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def _line_at(self, position: int) -> int:
        return bisect_right(self._newlines, position - 1) + 1

    def _document(self) -> None:
        table: KeyPath = ()
        position = self._skip(_BLANK, 0)
        while position < len(self._text):
            if self._text[position] == "[":
                table, position = self._header(position)
            else:
                position = self._pair(position, table)
            position = self._skip(_BLANK, position)

    def _header(self, start: int) -> tuple[KeyPath, int]:
        brackets = "[[" if self._text.startswith("[[", start) else "["
        parts, position = self._dotted(start + len(brackets))
        *outer, last = parts
        path: KeyPath = ()
        for part in outer:
            self._lines.setdefault((*path, part), self._line_at(start))
            path = self._inside((*path, part))
        path = (*path, last)
        if brackets == "[[":
            self._arrays[path] = self._arrays.get(path, -1) + 1
            self._lines.setdefault(path, self._line_at(start))
            path = self._inside(path)
            self._record(path, start)
        else:
            self._table_header(path, start)
        closing = brackets.replace("[", "]")
        if not self._text.startswith(closing, position):
            raise _Unreadable
        return path, position + len(closing)

    def _table_header(self, path: KeyPath, start: int) -> None:
        if path in self._headers:
            self.duplicates.append(Duplicate(path, self._line_at(start), self._lines[path]))
            return
        self._headers.add(path)
        self._lines.pop(path, None)
        self._record(path, start)

    def _inside(self, path: KeyPath) -> KeyPath:
        """Step into the newest element where `path` is an array of tables."""
        return (*path, self._arrays[path]) if path in self._arrays else path

    def _pair(self, start: int, table: KeyPath) -> int:
        parts, position = self._dotted(start)
        if not self._text.startswith("=", position):
            raise _Unreadable
        path = table
        for part in parts[:-1]:
            path = (*path, part)
            self._lines.setdefault(path, self._line_at(start))
        path = (*path, parts[-1])
        self._record(path, start)
        return self._value(self._skip(_SPACE, position + 1), path)

    def _dotted(self, position: int) -> tuple[list[str], int]:
        parts: list[str] = []
        while True:
            position = self._skip(_SPACE, position)
            match = _KEY.match(self._text, position)
            if match is None:
                raise _Unreadable
            if len(parts) == DEPTH_MAX:
                raise TooDeep(self._line_at(position))
            self._count(position)
            parts.append(_spelled(match))
            position = self._skip(_SPACE, match.end())
            if not self._text.startswith(".", position):
                return parts, position
            position += 1

    def _value(self, position: int, path: KeyPath) -> int:
        match self._text[position : position + 1]:
            case "[":
                return self._array(position + 1, path)
            case "{":
                return self._inline_table(position + 1, path)
            case '"' | "'":
                return self._string(position)
            case _:
                return self._skip_some(_BARE, position)

    def _array(self, position: int, path: KeyPath) -> int:
        index = 0
        while True:
            position = self._skip(_COMMAS, position)
            if self._text.startswith("]", position):
                return position + 1
            self._count(position)
            self._record((*path, index), position)
            position = self._value(position, (*path, index))
            index += 1

    def _inline_table(self, position: int, path: KeyPath) -> int:
        while True:
            position = self._skip(_COMMAS, position)
            if self._text.startswith("}", position):
                return position + 1
            position = self._pair(position, path)

    def _string(self, position: int) -> int:
        for quotes, pattern in (('"""', _LONG_BASIC), ("'''", _LONG_LITERAL)):
            if self._text.startswith(quotes, position):
                return self._skip_some(pattern, position)
        return self._skip_some(_SHORT, position)

    def _skip(self, pattern: re.Pattern[str], position: int) -> int:
        match = pattern.match(self._text, position)
        return match.end() if match else position

    def _skip_some(self, pattern: re.Pattern[str], position: int) -> int:
        match = pattern.match(self._text, position)
        if match is None:
            raise _Unreadable
        return match.end()

    def _count(self, position: int) -> None:
        self._entries += 1
        if self._entries > ENTRIES_MAX:
            raise TooManyEntries(self._line_at(position))

    def _record(self, path: KeyPath, position: int) -> None:
        line = self._line_at(position)
        if len(path) > DEPTH_MAX:
            raise TooDeep(line)
        if path in self._lines:
            self.duplicates.append(Duplicate(path, line, self._lines[path]))
            return
        self._lines[path] = line


def _spelled(match: re.Match[str]) -> str:
    bare, basic, literal = match.groups()
    if bare is not None:
        return str(bare)
    if literal is not None:
        return str(literal)
    if "\\" not in basic:
        return str(basic)
    try:
        return str(tomllib.loads(f'key = "{basic}"')["key"])
    except ValueError as error:
        raise _Unreadable from error
