"""Small building blocks of the detail panes: headings, facts, paragraphs."""

from __future__ import annotations

from typing import Final

from supervisor.ui.safe_text import safe, safe_lines
from supervisor.ui.spans import Line, Span, Tone, line, say

FACT_WIDTH: Final = 11


def heading(title: str) -> Line:
    """Title a part of a detail pane."""
    return line(say(title, Tone.TITLE))


def fact(name: str, value: str, tone: Tone = Tone.PLAIN) -> Line:
    """Show a name and its value, the values aligned."""
    return line(say(name.ljust(FACT_WIDTH), Tone.MUTED), Span(safe(value), tone))


def paragraph(text: str, tone: Tone = Tone.PLAIN, lead: str = "") -> tuple[Line, ...]:
    """Show foreign text of several lines, each after `lead`."""
    return tuple(line(say(lead, Tone.FRAME), Span(each, tone)) for each in safe_lines(text.rstrip("\n")))
