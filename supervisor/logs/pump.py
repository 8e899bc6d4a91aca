"""The one thread that writes all logs, each in its turn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final


class WritePump:
    """Runs jobs one after the other in a thread of its own; a job that waits already is not added twice.

    `changed` guards what jobs and their owners share; owners notify it when they are done.
    """

    def __init__(self) -> None:
        """Start the thread with the first job."""
        self.changed: Final = threading.Condition()
        self._waiting: Final[dict[Callable[[], None], None]] = {}
        self._thread: threading.Thread | None = None

    def schedule(self, job: Callable[[], None]) -> None:
        """Put `job` at the end of the row; the caller holds `changed`."""
        self._waiting[job] = None
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
            self._thread.start()
        self.changed.notify_all()

    def _run(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self._waiting)
                job = next(iter(self._waiting))
                del self._waiting[job]
            job()
