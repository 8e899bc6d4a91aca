"""Keeps a log view at its file: opens it, looks for new lines in a thread, searches."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from supervisor.logs.search import find
from supervisor.ui.log_source import FileLines, MemoryLines
from supervisor.ui.scene import Scene
from supervisor.ui.view_models.logs import EVENTS, event_lines, log_file_of
from supervisor.ui.widgets.log_view import LogView, NoLines


class LogFollower:
    """Reads one source at a time into one view. Files are read in worker threads, one at a time."""

    def __init__(self, view: LogView) -> None:
        """Serve this view."""
        self._view = view
        self._source: str | None = None
        self._file: FileLines | None = None
        self._busy = False

    def read(self, scene: Scene, source: str | None) -> None:
        """Show this source; the team's events are lines in memory, everything else is a file."""
        if source == EVENTS:
            self._close()
            self._source = source
            self._view.replace_source(MemoryLines(event_lines(scene)))
        elif source != self._source:
            self._open(scene, source)

    def _open(self, scene: Scene, source: str | None) -> None:
        self._close()
        self._source = source
        path = log_file_of(scene, source) if source is not None else None
        self._file = FileLines(Path(path)) if path is not None else None
        self._view.open(self._file or NoLines())
        self.beat()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def beat(self) -> None:
        """Look for new lines, unless a look is under way."""
        if self._file is not None and not self._busy:
            self._busy = True
            self._view.run_worker(self._extend(self._file), group="log", exit_on_error=False)

    async def _extend(self, file: FileLines) -> None:
        try:
            await asyncio.to_thread(file.extend)
        finally:
            self._busy = False
        if file is self._file:
            self._view.update_lines()

    def search(self, words: str, step: int) -> None:
        """Go to the next or previous line that contains the words, in either case of letters."""
        if self._file is not None and words:
            self._view.run_worker(
                self._find(self._file, words, step), group="search", exclusive=True, exit_on_error=False
            )

    async def _find(self, file: FileLines, words: str, step: int) -> None:
        pattern = re.compile(re.escape(words.encode()), re.IGNORECASE)
        start = self._view.match_line + step
        number = await asyncio.to_thread(find, file.index, pattern, start, backward=step < 0)
        if number is None or file is not self._file:
            self._view.app.bell()
            return
        self._view.go_to(number)
