"""Lines of toned text: the one form in which view models hand text to widgets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from rich.cells import cell_len, get_character_cell_size, set_cell_size

from supervisor.ui.safe_text import SafeText


class Tone(StrEnum):
    """What a piece of text means; the theme decides how that looks."""

    PLAIN = "plain"
    MUTED = "muted"
    FAINT = "faint"
    STRONG = "strong"
    TITLE = "title"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    NOTICE = "notice"
    LINK = "link"
    MATCH = "match"
    FRAME = "frame"


@dataclass(frozen=True, slots=True)
class Span:
    """Some safe text in one tone."""

    text: SafeText
    tone: Tone = Tone.PLAIN


Line = tuple[Span, ...]
BLANK: Final[Line] = ()


def say(text: str, tone: Tone = Tone.PLAIN) -> Span:
    """Make a span of our own words (never of foreign text; that goes through `safe` first)."""
    return Span(SafeText(text), tone)


def line(*spans: Span) -> Line:
    """Put spans together to a line, leaving out empty ones."""
    return tuple(span for span in spans if span.text)


def width_of(content: Line) -> int:
    """Return how many cells the line takes."""
    return sum(cell_len(span.text) for span in content)


def text_of(content: Line) -> str:
    """Return the bare text of the line."""
    return "".join(span.text for span in content)


def fit(content: Line, width: int, *, right: bool = False, ellipsis: str = "…") -> Line:
    """Cut or pad the line to exactly `width` cells."""
    if width <= 0:
        return ()
    room = width - width_of(content)
    if room >= 0:
        padding = (say(" " * room),) if room else ()
        return (*padding, *content) if right else (*content, *padding)
    return _cut(content, width, ellipsis)


def _cut(content: Line, width: int, ellipsis: str) -> Line:
    left = width - cell_len(ellipsis)
    kept: list[Span] = []
    for span in content:
        size = cell_len(span.text)
        if size > left:
            kept.append(Span(SafeText(set_cell_size(span.text, max(left, 0)) + ellipsis), span.tone))
            break
        kept.append(span)
        left -= size
    return tuple(kept)


@lru_cache(maxsize=4096)
def wrap(content: Line, width: int, indent: int = 0) -> tuple[Line, ...]:
    """Break a line at spaces so that no part is wider than `width`.

    A first span in the frame's tone is repeated before every part, one that ends in a space is
    stood under; else later parts are indented by `indent`.
    """
    if width_of(content) <= width:
        return (content,)
    head, rest, hang = _hung(content, indent)
    if width_of(hang) > width // 2:
        head, rest, hang = (), content, ()
    letters = [(character, span.tone) for span in rest for character in span.text]
    parts: list[Line] = []
    start = 0
    while start < len(letters):
        lead = hang if parts else head
        room = width - max(width_of(hang), width_of(head)) if head else width - width_of(lead)
        end, resume = _break(letters, start, room)
        parts.append((*lead, *_joined(letters[start:end])))
        start = resume
    return tuple(parts)


def _hung(content: Line, indent: int) -> tuple[Line, Line, Line]:
    """Return what stands before the first part, what is broken, and what stands before later parts."""
    first = content[0]
    if first.tone is Tone.FRAME:
        return (first,), content[1:], (first,)
    if len(content) > 1 and first.text.endswith(" "):
        return (first,), content[1:], (say(" " * cell_len(first.text)),)
    return (), content, (say(" " * indent),) if indent else ()


def _break(letters: list[tuple[str, Tone]], start: int, width: int) -> tuple[int, int]:
    """Return where this part ends and where the next one begins."""
    used, space = 0, -1
    for index in range(start, len(letters)):
        character = letters[index][0]
        used += get_character_cell_size(character)
        if used > width:
            if character == " ":
                return index, index + 1
            return (space, space + 1) if space > start else (max(index, start + 1), max(index, start + 1))
        if character == " ":
            space = index
    return len(letters), len(letters)


def _joined(letters: Iterable[tuple[str, Tone]]) -> Line:
    spans: list[Span] = []
    text, tone = "", Tone.PLAIN
    for character, each in letters:
        if each is not tone and text:
            spans.append(Span(SafeText(text), tone))
            text = ""
        text, tone = text + character, each
    return (*spans, Span(SafeText(text), tone)) if text else tuple(spans)
