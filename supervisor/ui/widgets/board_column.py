"""One column of the board: cards of three lines and a gap."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from supervisor.ui.spans import Line, Tone, fit, line, say
from supervisor.ui.view_models.rows import Card
from supervisor.ui.widgets.row_view import RowView


class BoardColumn(RowView):
    """Cards under a title that tells their number."""

    row_height: ClassVar[int] = 4
    header_height: ClassVar[int] = 0
    is_current = False

    def base_style(self, index: int) -> Style:
        """Show where the cursor is only in the column that the person stands in."""
        return super().base_style(index) if self.has_focus or self.is_current else self.rich_style

    def row_line(self, index: int, part: int, width: int) -> Strip:
        """Draw one line of a card; the fourth is the gap between cards."""
        card = self._rows[index]
        if not isinstance(card, Card) or part >= len(card.lines):
            return Strip.blank(width, self.rich_style)
        base = self.base_style(index)
        marker = Segment(self.cursor_mark(index), base + self.ink(Tone.NOTICE))
        content = fit(card.lines[part], width - 2, ellipsis=self.glyphs.ellipsis)
        return Strip([marker, *self.drawn(content, base)]).adjust_cell_length(width, base)


def column_title(name: str, count: int) -> Line:
    """Title a column with the number of its cards."""
    return line(say(f" {name} ", Tone.TITLE), say(str(count), Tone.MUTED))
