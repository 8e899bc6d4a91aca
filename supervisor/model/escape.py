"""Foreign text made safe to print: every character that does not show itself is spelled out."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_CACHE_MAX: Final = 4096
_MARKS_MAX: Final = 4
_SHORT_FORMS: Final = {0x0A: "\\n", 0x0D: "\\r"}

_HIDDEN_RANGES: Final = (
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian selectors
    (0x2800, 0x2800),  # blank Braille pattern
    (0x3164, 0x3164),  # Hangul filler
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
    (0xE0000, 0xE0FFF),  # tags and more selectors
)
"""Characters that Unicode calls letters, marks or symbols and that nevertheless show nothing."""

_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


def is_hidden(code: int) -> bool:
    """Tell whether the character shows nothing, something else than itself, or acts on the terminal."""
    if code in {0x09, 0x20}:
        return False
    if any(first <= code <= last for first, last in _HIDDEN_RANGES):
        return True
    return unicodedata.category(chr(code)) in _HIDDEN_CATEGORIES


def spelled(code: int) -> str:
    r"""Spell a character as Python would: `\n`, `\x1b`, `\u202e`, `\U000e0001`."""
    if code in _SHORT_FORMS:
        return _SHORT_FORMS[code]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class _Spelling(dict[int, str]):
    """A table for `str.translate` that answers for all of Unicode and remembers a bounded part."""

    def __missing__(self, code: int) -> str:
        shown = spelled(code) if is_hidden(code) else chr(code)
        if len(self) < _CACHE_MAX:
            self[code] = shown
        return shown


_ONE_LINE: Final = _Spelling()
_MANY_LINES: Final = _Spelling({0x0A: "\n"})
_MARK_RUN: Final = re.compile(rf"[^\x00-\u02ff]{{{_MARKS_MAX + 1},}}")


def visible(text: str, *, newlines: bool = False) -> str:
    """Spell out control, bidi, zero-width and other hidden characters; the answer is safe to print.

    Tabs stay. Line feeds stay only with `newlines=True`. More than four combining marks in a row
    are spelled out as well, since they would climb over the neighbouring lines.
    """
    if text.isascii() and text.isprintable():
        return text
    shown = text.translate(_MANY_LINES if newlines else _ONE_LINE)
    return shown if shown.isascii() else _MARK_RUN.sub(_marks_spelled, shown)


def _marks_spelled(run: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for character in run[0]:
        marks = marks + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        kept.append(character if marks <= _MARKS_MAX else spelled(ord(character)))
    return "".join(kept)
