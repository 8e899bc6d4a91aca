"""The only door from foreign text to the screen: hidden characters spelled out, nothing ever parsed."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NewType

from rich.segment import Segment
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter

from supervisor.model.escape import is_hidden, visible

SafeText = NewType("SafeText", str)
"""Text without control, bidi or other hidden characters, on one line; only `safe` makes it."""

_TAB: Final = "    "
_WORD: Final = re.compile(r"\w+")
_LOOK_ALIKE_SCRIPTS: Final = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
_HARMLESS: Final = frozenset("\n\r\t")


def safe(text: str, limit: int = 4096) -> SafeText:
    """Make text fit for one line of the screen; beyond `limit` characters it says how many are left out."""
    shown = visible(text[:limit]).replace("\t", _TAB)
    if len(text) > limit:
        shown = f"{shown} ... {len(text) - limit} more characters"
    return SafeText(shown)


def safe_lines(text: str, limit: int = 70_000) -> list[SafeText]:
    """Split text at its line feeds and make each line safe."""
    lines = [safe(line, limit) for line in text[:limit].split("\n")]
    if len(text) > limit:
        lines.append(safe(f"... {len(text) - limit} more characters are not shown"))
    return lines


def first_line(text: str, limit: int = 400) -> SafeText:
    """Return the first line that holds anything, with a mark if more follows."""
    stripped = text.strip("\n ")
    head, more, _ = stripped.partition("\n")
    return safe(f"{head} ..." if more else head, limit)


def literal(text: SafeText) -> Content:
    """Wrap safe text for a widget of the toolkit, so that brackets in it are never read as markup."""
    return Content(text)


def deceptions(text: str) -> tuple[str, ...]:
    """Say in words why text may not be what it looks like; empty for honest text."""
    found: list[str] = []
    if any(is_hidden(ord(character)) and character not in _HARMLESS for character in text):
        found.append("hidden characters")
    if any(_is_mixed(word) for word in _WORD.findall(text)):
        found.append("look-alike letters of another script")
    return tuple(found)


def _is_mixed(word: str) -> bool:
    if word.isascii():
        return False
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in word if letter.isalpha()}
    return len(scripts.intersection(_LOOK_ALIKE_SCRIPTS)) > 1


class Scrub(LineFilter):
    """The last line of defence: no segment leaves for the terminal with a control or bidi character."""

    _BAD: Final = dict.fromkeys(
        [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], "\ufffd"
    )

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Replace what must not be there; control segments are the toolkit's own and stay."""
        return [
            segment
            if segment.control or (segment.text.isascii() and segment.text.isprintable())
            else Segment(segment.text.translate(self._BAD), segment.style)
            for segment in segments
        ]
