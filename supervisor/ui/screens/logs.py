"""Logs: what exactly happened."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

from textual.containers import Vertical
from textual.widget import Widget

from supervisor.ui.keymap import bindings
from supervisor.ui.safe_text import safe
from supervisor.ui.scene import Scene
from supervisor.ui.screens.log_follower import LogFollower
from supervisor.ui.screens.pane import Pane
from supervisor.ui.spans import Line, Span, Tone, line, say
from supervisor.ui.view_models.logs import EMPTY, SOURCE_COLUMNS, source_rows
from supervisor.ui.view_models.words import count_of
from supervisor.ui.widgets.line_table import LineTable
from supervisor.ui.widgets.log_view import LogView
from supervisor.ui.widgets.one_line import OneLine


class LogsScreen(Pane):
    """The sources, and the lines of the chosen one."""

    BINDINGS = bindings("logs")
    mode: ClassVar[str] = "logs"
    filter_hint: ClassVar[str] = "search this log; enter goes to the next match, n and N go on"

    def parts(self) -> Iterable[Widget]:
        """Lay out sources and lines."""
        yield LineTable(SOURCE_COLUMNS, glyphs=self.desk.glyphs, dom_id="sources")
        with Vertical(id="log-side", classes="details"):
            yield OneLine(dom_id="log-title")
            yield LogView(glyphs=self.desk.glyphs, empty=EMPTY, dom_id="log")

    def on_mount(self) -> None:
        """Set up the reader."""
        self._follower = LogFollower(self._view)

    @property
    def _view(self) -> LogView:
        return self.query_one("#log", LogView)

    def paint(self, scene: Scene) -> None:
        """Show the sources and the chosen one."""
        sources = self.query_one("#sources", LineTable)
        sources.set_rows(source_rows(scene))
        self._follower.read(scene, sources.key)
        self._show_title()

    def _show_title(self) -> None:
        source = self.query_one("#sources", LineTable).key or ""
        self.query_one("#log-title", OneLine).show(self._title(source))

    def _title(self, source: str) -> Line:
        view = self._view
        return line(
            Span(safe(f" {source}"), Tone.STRONG),
            say(f"  {count_of(view.line_count, 'line')}", Tone.MUTED),
            say("  following" if view.follows else "", Tone.GOOD),
            say("  wrapped" if view.wraps else "", Tone.MUTED),
        )

    def beat(self) -> None:
        """Look for new lines."""
        self._follower.beat()
        self._show_title()

    def filter_by(self, words: str) -> None:
        """Mark what matches."""
        self.wanted = words
        self._view.search_for(re.compile(re.escape(safe(words)), re.IGNORECASE) if words else None)

    def keep_filter(self) -> None:
        """Go to the first match."""
        super().keep_filter()
        self.set_focus(self._view)
        self.action_match(1)

    def action_match(self, step: int) -> None:
        """Go to the next or the previous match."""
        if self.wanted:
            self._follower.search(self.wanted, step)
        else:
            self.action_filter()

    def action_follow(self) -> None:
        """Stay at the end, or stop doing so."""
        self._view.set_follow(follow=not self._view.follows)
        self.repaint()

    def action_wrap(self) -> None:
        """Break long lines, or let them run out."""
        self._view.toggle_wrap()
        self.repaint()

    def action_shift(self, columns: int) -> None:
        """See further right or left."""
        self._view.shift(columns)
