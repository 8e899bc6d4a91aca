"""A log of any length: only the lines on screen are ever read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from textual import events
from textual.strip import Strip

from supervisor.ui.glyphs import UNICODE, Glyphs
from supervisor.ui.keymap import bindings
from supervisor.ui.safe_text import SafeText
from supervisor.ui.spans import BLANK, Line, Span, Tone, fit, say, text_of, width_of, wrap
from supervisor.ui.widgets.line_scroll import LineScroll


class LineSource(Protocol):
    """Lines by number; the number of lines grows, and shrinks only when the log starts anew."""

    @property
    def count(self) -> int:
        """Return how many lines there are now."""
        ...

    def lines(self, start: int, stop: int) -> Sequence[Line]:
        """Return some lines."""
        ...


class NoLines:
    """A log with nothing in it."""

    count = 0

    def lines(self, start: int, stop: int) -> Sequence[Line]:
        """Return nothing."""
        return ()


class LogView(LineScroll):
    """Show a line source; follow its end, wrap its lines, mark what was searched for."""

    BINDINGS = bindings("texts")

    def __init__(
        self, *, glyphs: Glyphs = UNICODE, empty: tuple[Line, ...] = (), dom_id: str | None = None
    ) -> None:
        """Begin without a log, following."""
        super().__init__(id=dom_id)
        self._glyphs = glyphs
        self._empty = empty
        self._source: LineSource = NoLines()
        self._count = 0
        self._page: tuple[int, list[Line]] = (0, [])
        self._shift = 0
        self.match_line = -1
        self.follows = True
        self.wraps = False
        self.pattern: re.Pattern[str] | None = None

    # What is shown

    def open(self, source: LineSource) -> None:
        """Show another log from its end."""
        self._shift, self.follows, self.match_line = 0, True, -1
        self.replace_source(source)

    def replace_source(self, source: LineSource) -> None:
        """Show another state of the same log, from where the reader is."""
        self._source = source
        self.update_lines()

    def update_lines(self) -> None:
        """Take note that the source may have grown; repaint only if something on screen changed."""
        self._count = self._source.count
        self._resize_content()
        if self.follows:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)
        self._read_page()

    def _resize_content(self) -> None:
        height = self._count
        if self.wraps and height:
            height = self._last_top() + max(self.size.height, 1)
        self.set_content_height(height)

    def _last_top(self) -> int:
        """Return the first line on screen when the end is shown and lines are wrapped."""
        rows, top = 0, self._count
        tail_start = max(self._count - max(self.size.height, 1), 0)
        for content in reversed(self._source.lines(tail_start, self._count)):
            rows += len(self._parts(content))
            if rows > self.size.height:
                break
            top -= 1
        return min(top, max(self._count - 1, 0))

    def _parts(self, content: Line) -> Sequence[Line]:
        return wrap(content, max(self.size.width - 2, 8), 2) if self.wraps else (content,)

    def _read_page(self) -> None:
        top, height = self.scroll_offset.y, self.size.height
        page = [
            part
            for content in self._source.lines(top, min(top + height, self._count))
            for part in self._parts(content)
        ]
        old_top, old = self._page
        page = page[:height]
        self._page = (top, page)
        if old_top != top or len(old) > len(page):
            self.refresh()
            return
        for y, content in enumerate(page):
            if y >= len(old) or old[y] != content:
                self.refresh_line(y + top)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Read the lines that came into view."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._read_page()

    def on_resize(self) -> None:
        """Read and wrap anew."""
        self.update_lines()
        self.refresh()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw one line of the viewport."""
        width = self.size.width
        if not self._count:
            return self._empty_line(y, width)
        page = self._page[1]
        content = page[y] if y < len(page) else BLANK
        strip = Strip(self.drawn(self._marked(content), self.rich_style))
        if self._shift and not self.wraps:
            strip = strip.crop(self._shift)
        return Strip([*self.strip_of((say(" "),), 1), *strip]).adjust_cell_length(width, self.rich_style)

    def _empty_line(self, y: int, width: int) -> Strip:
        index = y - max((self.size.height - len(self._empty)) // 2 - 1, 0)
        if not 0 <= index < len(self._empty):
            return Strip.blank(width, self.rich_style)
        content = self._empty[index]
        lead = say(" " * max((width - width_of(content)) // 2, 0))
        return self.strip_of(fit((lead, *content), width), width)

    def _marked(self, content: Line) -> Line:
        """Set off what was searched for."""
        if self.pattern is None:
            return content
        spans: list[Span] = []
        for span in content:
            end = 0
            for match in self.pattern.finditer(span.text):
                if match.end() > match.start():
                    spans.append(Span(SafeText(span.text[end : match.start()]), span.tone))
                    spans.append(Span(SafeText(match[0]), Tone.MATCH))
                    end = match.end()
            spans.append(Span(SafeText(span.text[end:]), span.tone))
        return tuple(span for span in spans if span.text)

    # Moving

    @property
    def text(self) -> str:
        """Return the lines on screen as plain text, for copying."""
        return "\n".join(text_of(content) for content in self._page[1])

    @property
    def line_count(self) -> int:
        """Return how many lines the log has."""
        return self._count

    def go_to(self, number: int) -> None:
        """Bring a line into view, a third from the top, and stop following."""
        self.follows, self.match_line = False, number
        self.scroll_to(y=max(number - self.size.height // 3, 0), animate=False, immediate=True)
        self.refresh()

    def set_follow(self, *, follow: bool) -> None:
        """Stay at the end from now on, or stop doing so."""
        self.follows = follow
        self.update_lines()

    def toggle_wrap(self) -> None:
        """Break long lines, or let them run out."""
        self.wraps = not self.wraps
        self._page = (0, [])
        self.update_lines()
        self.refresh()

    def shift(self, columns: int) -> None:
        """See further right or left."""
        self._shift = max(self._shift + columns, 0)
        self.refresh()

    def search_for(self, pattern: re.Pattern[str] | None) -> None:
        """Mark what matches."""
        self.pattern = pattern
        self.refresh()

    def action_scroll_by(self, lines: int) -> None:
        """Scroll by some lines; scrolling back stops following."""
        target = min(max(self.scroll_offset.y + lines, 0), self.max_scroll_y)
        self.follows = target >= self.max_scroll_y
        self.scroll_to(y=target, animate=False, immediate=True)

    def action_scroll_pages(self, half_pages: int) -> None:
        """Scroll by half pages."""
        self.action_scroll_by(half_pages * max(self.size.height // 2, 1))

    def action_scroll_first(self) -> None:
        """Go to the first line."""
        self.action_scroll_by(-self.scroll_offset.y)

    def action_scroll_last(self) -> None:
        """Go to the end and follow it."""
        self.action_scroll_by(int(self.max_scroll_y))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Stop following when the wheel goes back."""
        event.stop()
        event.prevent_default()
        self.action_scroll_by(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll on; at the end follow again."""
        event.stop()
        event.prevent_default()
        self.action_scroll_by(3)
