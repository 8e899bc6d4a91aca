"""The base of every list: rows drawn by line, a cursor that stays with its row, frugal repaints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from supervisor.ui.glyphs import UNICODE, Glyphs
from supervisor.ui.keymap import bindings
from supervisor.ui.spans import Line, fit, say, width_of
from supervisor.ui.widgets.ink import INK_CLASSES
from supervisor.ui.widgets.line_scroll import LineScroll


class Keyed(Protocol):
    """Anything that can be a row: known by its key, equal when it looks equal."""

    @property
    def key(self) -> str:
        """Name the row."""
        ...


class RowView(LineScroll):
    """Show rows of fixed height. Subclasses draw one row; everything else is here."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*INK_CLASSES, "row--cursor", "row--cursor-blurred"}
    BINDINGS = bindings("lists")

    row_height: ClassVar[int] = 1
    header_height: ClassVar[int] = 0

    cursor: reactive[int] = reactive(0, repaint=False)

    @dataclass
    class Moved(Message):
        """The cursor stands on another row."""

        view: RowView
        key: str | None

        @property
        def control(self) -> RowView:
            """Return the list, for `on(..., selector)`."""
            return self.view

    @dataclass
    class Chosen(Message):
        """Enter or a second click on the row under the cursor."""

        view: RowView
        key: str

        @property
        def control(self) -> RowView:
            """Return the list, for `on(..., selector)`."""
            return self.view

    def __init__(
        self, *, glyphs: Glyphs = UNICODE, empty: tuple[Line, ...] = (), dom_id: str | None = None
    ) -> None:
        """Begin empty; `empty` teaches what will appear."""
        super().__init__(id=dom_id)
        self.glyphs = glyphs
        self._empty = empty
        self._rows: Sequence[Keyed] = ()

    # What is shown

    @property
    def rows(self) -> Sequence[Keyed]:
        """Return the rows as last set."""
        return self._rows

    @property
    def key(self) -> str | None:
        """Return the key under the cursor."""
        return self._rows[self.cursor].key if self._selectable(self.cursor) else None

    def set_empty(self, empty: tuple[Line, ...]) -> None:
        """Change what is said when there are no rows."""
        if empty != self._empty:
            self._empty = empty
            self.refresh()

    def set_rows(self, rows: Sequence[Keyed]) -> None:
        """Take new rows: repaint those that differ, keep the cursor on its key."""
        old, before = self._rows, self.key
        if old is rows:
            return
        self._rows = rows
        self._resize_content()
        if len(old) != len(rows) and not (old and rows):
            self.refresh()
        else:
            self._refresh_differences(old, rows)
        self._keep_cursor(before)

    def _refresh_differences(self, old: Sequence[Keyed], rows: Sequence[Keyed]) -> None:
        first, last = self._visible_range()
        for index in range(first, last):
            was = old[index] if index < len(old) else None
            is_now = rows[index] if index < len(rows) else None
            if was is not is_now and was != is_now:
                self._refresh_row(index)

    def _keep_cursor(self, before: str | None) -> None:
        if before is not None:
            for index, row in enumerate(self._rows):
                if row.key == before and self._selectable(index):
                    self._place(index)
                    return
        self._place(self._nearest(min(self.cursor, len(self._rows) - 1)))
        if self.key != before:
            self.post_message(self.Moved(self, self.key))

    def _place(self, index: int) -> None:
        if index != self.cursor:
            old = self.cursor
            self.set_reactive(RowView.cursor, max(index, 0))
            self._refresh_row(old)
            self._refresh_row(self.cursor)

    # Geometry

    def _resize_content(self) -> None:
        height = len(self._rows) * self.row_height + self.header_height
        self.set_content_height(height)

    def on_resize(self) -> None:
        """Fit the content to the new width."""
        self._resize_content()
        self.refresh()

    def _visible_range(self) -> tuple[int, int]:
        top = self.scroll_offset.y // self.row_height
        return top, top + self.size.height // self.row_height + 2

    def _refresh_row(self, index: int) -> None:
        y = index * self.row_height - self.scroll_offset.y + self.header_height
        self.refresh(Region(0, y, self.size.width, self.row_height))

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw one line of the viewport."""
        width = self.size.width
        if not self._rows:
            return self._empty_line(y, width)
        if y < self.header_height:
            return self.header_line(width)
        index, part = divmod(y - self.header_height + self.scroll_offset.y, self.row_height)
        if index >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        return self.row_line(index, part, width)

    def _empty_line(self, y: int, width: int) -> Strip:
        top = max((self.size.height - len(self._empty)) // 2 - 1, 0)
        index = y - top
        if not 0 <= index < len(self._empty):
            return Strip.blank(width, self.rich_style)
        content = self._empty[index]
        lead = say(" " * max((width - width_of(content)) // 2, 0))
        return self.strip_of(fit((lead, *content), width, ellipsis=self.glyphs.ellipsis), width)

    def header_line(self, width: int) -> Strip:
        """Draw the line above the rows, if the subclass has one."""
        return Strip.blank(width, self.rich_style)

    def row_line(self, index: int, part: int, width: int) -> Strip:
        """Draw line `part` of a row."""
        raise NotImplementedError

    def base_style(self, index: int) -> Style:
        """Return the style under a row: the cursor's if it stands there."""
        if index != self.cursor or not self._selectable(index):
            return self.rich_style
        name = "row--cursor" if self.has_focus else "row--cursor-blurred"
        return self.rich_style + self.get_component_rich_style(name, partial=True)

    def cursor_mark(self, index: int) -> str:
        """Return the mark left of a row: the cursor shows without colours, too."""
        return (
            self.glyphs.cursor if index == self.cursor and self._selectable(index) and self.has_focus else " "
        )

    def on_focus(self) -> None:
        """Show the cursor as active."""
        self._refresh_row(self.cursor)

    def on_blur(self) -> None:
        """Show the cursor as waiting."""
        self._refresh_row(self.cursor)

    # Moving

    def _selectable(self, index: int) -> bool:
        return 0 <= index < len(self._rows) and getattr(self._rows[index], "heading", None) is None

    def _nearest(self, index: int, step: int = 1) -> int:
        """Return the row that can be chosen at `index` or next to it, first in the direction of `step`."""
        for direction in (step, -step):
            at = max(index, 0)
            while 0 <= at < len(self._rows):
                if self._selectable(at):
                    return at
                at += direction
        return max(index, 0)

    def move_to(self, index: int, *, step: int = 1) -> None:
        """Put the cursor on a row and scroll it into view."""
        if not self._rows:
            return
        target = self._nearest(max(0, min(index, len(self._rows) - 1)), step)
        if target != self.cursor:
            self._place(target)
            self.post_message(self.Moved(self, self.key))
        self._show_cursor()

    def move_to_key(self, key: str) -> bool:
        """Put the cursor on the row of that key; tell whether there is one."""
        for index, row in enumerate(self._rows):
            if row.key == key and self._selectable(index):
                self.move_to(index)
                return True
        return False

    def _show_cursor(self) -> None:
        top = self.cursor * self.row_height
        if self._nearest(0) == self.cursor:
            top = 0
        height = self.size.height - self.header_height
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True)
        elif top + self.row_height > self.scroll_offset.y + height:
            self.scroll_to(y=top + self.row_height - height, animate=False, immediate=True)

    def action_move(self, rows: int) -> None:
        """Move the cursor by some rows."""
        self.move_to(self.cursor + rows, step=1 if rows > 0 else -1)

    def action_move_page(self, half_pages: int) -> None:
        """Move the cursor by half pages."""
        page = max((self.size.height - self.header_height) // self.row_height // 2, 1)
        self.action_move(page * half_pages)

    def action_move_first(self) -> None:
        """Move the cursor to the first row."""
        self.move_to(0)

    def action_move_last(self) -> None:
        """Move the cursor to the last row."""
        self.move_to(len(self._rows) - 1, step=-1)

    def action_choose(self) -> None:
        """Open the row under the cursor."""
        if self.key is not None:
            self.post_message(self.Chosen(self, self.key))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse points; a second click opens."""
        index = (event.y - self.header_height + self.scroll_offset.y) // self.row_height
        if event.y < self.header_height or not self._selectable(index):
            return
        if index == self.cursor and event.chain > 1:
            self.action_choose()
        self.move_to(index)
