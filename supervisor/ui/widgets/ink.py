"""How tones become styles: each widget that draws lines itself asks its own ink."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from supervisor.ui.spans import Line, Tone

INK_CLASSES: frozenset[str] = frozenset(f"ink--{tone.value}" for tone in Tone)


class Inked(Widget):
    """A widget that draws lines of toned spans."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(INK_CLASSES)

    def ink(self, tone: Tone) -> Style:
        """Return what the theme adds for a tone."""
        return self.get_component_rich_style(f"ink--{tone.value}", partial=True)

    def drawn(self, content: Line, base: Style) -> Iterable[Segment]:
        """Turn a line into segments upon a base style."""
        return [
            Segment(span.text, base if span.tone is Tone.PLAIN else base + self.ink(span.tone))
            for span in content
        ]

    def strip_of(self, content: Line, width: int, base: Style | None = None) -> Strip:
        """Draw one line, cut or filled up to `width` cells."""
        style = self.rich_style if base is None else base
        return Strip(self.drawn(content, style)).adjust_cell_length(max(width, 0), style)
