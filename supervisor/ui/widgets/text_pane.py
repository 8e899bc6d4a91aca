"""A pane of wrapped lines for details; it never scrolls by itself."""

from __future__ import annotations

from textual.strip import Strip

from supervisor.ui.keymap import bindings
from supervisor.ui.spans import BLANK, Line, say, text_of, wrap
from supervisor.ui.widgets.line_scroll import LineScroll

_INDENT = 2


class TextPane(LineScroll):
    """Lines of toned text, wrapped to the width; the place of reading stays when they change."""

    BINDINGS = bindings("texts")

    def __init__(self, *, dom_id: str | None = None) -> None:
        """Begin empty."""
        super().__init__(id=dom_id)
        self._lines: tuple[Line, ...] = ()
        self._wrapped: list[Line] = []
        self._subject: object = None

    @property
    def text(self) -> str:
        """Return all of it as plain text, for copying."""
        return "\n".join(map(text_of, self._lines))

    @property
    def end_was_seen(self) -> bool:
        """Tell whether the last line is on screen now."""
        return self.is_mounted and self.size.height > 0 and self.scroll_offset.y >= self.max_scroll_y

    def show(self, lines: tuple[Line, ...], subject: object = None) -> None:
        """Show lines about a subject; another subject is shown from its top."""
        moved = subject != self._subject
        if lines == self._lines and not moved:
            return
        self._lines, self._subject = lines, subject
        self._rewrap()
        if moved:
            self.scroll_to(y=0, animate=False, immediate=True)

    def _rewrap(self) -> None:
        old = self._wrapped
        width = max(self.scrollable_content_region.width - 2, 8)
        self._wrapped = [
            part
            for content in self._lines
            for part in wrap(content, width, _INDENT if len(content) > 1 else 0)
        ]
        self.set_content_height(len(self._wrapped))
        for index in range(max(len(old), len(self._wrapped))):
            was = old[index] if index < len(old) else None
            if was != (self._wrapped[index] if index < len(self._wrapped) else None):
                self.refresh_line(index)

    def on_resize(self) -> None:
        """Wrap anew."""
        self._rewrap()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one line of the viewport."""
        index = y + self.scroll_offset.y
        content = self._wrapped[index] if index < len(self._wrapped) else BLANK
        return self.strip_of((say(" "), *content), self.size.width)

    def action_scroll_by(self, lines: int) -> None:
        """Scroll by some lines."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, immediate=True)

    def action_scroll_pages(self, half_pages: int) -> None:
        """Scroll by half pages."""
        self.action_scroll_by(half_pages * max(self.size.height // 2, 1))

    def action_scroll_first(self) -> None:
        """Scroll to the top."""
        self.scroll_to(y=0, animate=False, immediate=True)

    def action_scroll_last(self) -> None:
        """Scroll to the end."""
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)
