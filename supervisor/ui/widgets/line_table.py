"""A table of rows with columns that fit themselves to the width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.strip import Strip

from supervisor.ui.glyphs import UNICODE, Glyphs
from supervisor.ui.spans import Line, Span, Tone, fit, line, say
from supervisor.ui.view_models.rows import Column, Row, placed
from supervisor.ui.widgets.row_view import RowView

_GAP = "  "


class LineTable(RowView):
    """Rows of cells under a header that stays in place."""

    header_height: ClassVar[int] = 1

    def __init__(
        self,
        columns: tuple[Column, ...],
        *,
        glyphs: Glyphs = UNICODE,
        empty: tuple[Line, ...] = (),
        dom_id: str | None = None,
    ) -> None:
        """Begin empty."""
        super().__init__(glyphs=glyphs, empty=empty, dom_id=dom_id)
        self._columns = columns

    @property
    def table_rows(self) -> Sequence[Row]:
        """Return the rows as table rows."""
        return [row for row in self._rows if isinstance(row, Row)]

    def header_line(self, width: int) -> Strip:
        """Draw the columns' titles."""
        cells = [line(say(column.title, Tone.FAINT)) for column in self._columns]
        return self.strip_of(self._laid_out(tuple(cells), width), width)

    def row_line(self, index: int, part: int, width: int) -> Strip:
        """Draw one row, or a heading over all columns."""
        row = self._rows[index]
        if not isinstance(row, Row):
            return Strip.blank(width, self.rich_style)
        if row.heading is not None:
            return self.strip_of(fit((say(" "), *row.heading), width, ellipsis=self.glyphs.ellipsis), width)
        base = self.base_style(index)
        content = self._laid_out(row.cells, width)
        marker = Segment(self.cursor_mark(index), base + self.ink(Tone.NOTICE))
        return Strip([marker, *list(self.drawn(content, base))[1:]]).adjust_cell_length(width, base)

    def _laid_out(self, cells: tuple[Line, ...], width: int) -> Line:
        """Put the cells side by side after a gutter of one cell."""
        content: list[Span] = [say(" ")]
        for position, (index, cell_width) in enumerate(placed(self._columns, width - 2, len(_GAP))):
            column = self._columns[index]
            content += [say(_GAP)] if position else []
            content += fit(cells[index], cell_width, right=column.right, ellipsis=self.glyphs.ellipsis)
        return tuple(content)
