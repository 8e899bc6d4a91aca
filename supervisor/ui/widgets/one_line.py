"""Widgets of a single line: status, tabs, titles, notices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.message import Message
from textual.strip import Strip

from supervisor.ui.spans import BLANK, Line, Span, Tone, fit, line, say, width_of
from supervisor.ui.view_models.status import Tab
from supervisor.ui.widgets.ink import INK_CLASSES, Inked


class OneLine(Inked):
    """One line of toned text; painted only when it changes."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(INK_CLASSES)

    def __init__(
        self, content: Line = BLANK, *, dom_id: str | None = None, classes: str | None = None
    ) -> None:
        """Begin with the given line."""
        super().__init__(id=dom_id, classes=classes)
        self._content = content

    @property
    def content_line(self) -> Line:
        """Return what is shown."""
        return self._content

    def show(self, content: Line) -> None:
        """Show another line."""
        if content != self._content:
            self._content = content
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw the line at the top and nothing below."""
        width = self.size.width
        return self.strip_of(fit(self._content, width) if y == 0 else BLANK, width)


class TabStrip(OneLine):
    """The screens with their digits and badges; a click switches."""

    @dataclass
    class Picked(Message):
        """The mouse chose a screen."""

        mode: str

    def __init__(self, mode: str) -> None:
        """Mark the screen that this strip stands on."""
        super().__init__()
        self._mode = mode
        self._tabs: tuple[Tab, ...] = ()

    def show_tabs(self, tabs: tuple[Tab, ...]) -> None:
        """Show the screens."""
        self._tabs = tabs
        self.show(tuple(span for tab in tabs for span in self._tab(tab)))

    def _tab(self, tab: Tab) -> tuple[Span, ...]:
        here = tab.mode == self._mode
        badge_tone = Tone.NOTICE if tab.urgent else Tone.LINK
        return line(
            say(f" {tab.digit} ", Tone.STRONG if here else Tone.FAINT),
            say(tab.title, Tone.TITLE if here else Tone.MUTED),
            say(f" {tab.badge}" if tab.badge else "", badge_tone),
            say("  "),
        )

    def on_click(self, event: events.Click) -> None:
        """Switch to the screen under the mouse."""
        right = 0
        for tab in self._tabs:
            right += width_of(self._tab(tab))
            if event.x < right:
                self.post_message(self.Picked(tab.mode))
                return
