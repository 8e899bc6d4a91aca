"""Where the engine's own words go: `.supervisor/logs/engine.log`, which `supervisor logs engine` shows."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from supervisor.errors import StateUnsafe
from supervisor.model.escape import visible

LOG_MAX: Final = 10 << 20
NAME: Final = "engine.log"


class SafeFormatter(logging.Formatter):
    """Spells out whatever foreign text a message or a traceback quotes."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as lines that any terminal may print."""
        return visible(super().format(record), newlines=True)


def open_log(directory: Path) -> int:
    """Open the engine's log for appending; one that has grown large makes way first."""
    path = directory / NAME
    with suppress(FileNotFoundError):
        if path.lstat().st_size > LOG_MAX:
            path.replace(path.with_name(f"{NAME}.1"))
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise StateUnsafe(f"cannot write {path}: {error.strerror}. Mend or remove it") from error


class EngineLogFile(logging.FileHandler):
    """Opens the engine's log with the first line, when the state directory is there.

    On a full disk the lines are lost, which is told once: the team's own output must stay readable.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory / NAME, encoding="utf-8", delay=True)
        self._told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say once why lines are missing, instead of a traceback for each."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._told:
            self._told = True
            reason = visible(f"{self.baseFilename} cannot be written: {error.strerror}")
            sys.stderr.write(f"{reason}. Make room; until then its lines are lost\n")

    def _open(self) -> TextIOWrapper:
        descriptor = open_log(Path(self.baseFilename).parent)
        return TextIOWrapper(os.fdopen(descriptor, "ab", buffering=0), encoding="utf-8", write_through=True)


@contextmanager
def logging_to(handler: logging.Handler) -> Iterator[None]:
    """Have this process log to `handler`: what supervisor does, and what libraries warn of."""
    handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root, own = logging.getLogger(), logging.getLogger("supervisor")
    before = own.level
    own.setLevel(logging.INFO)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
        own.setLevel(before)
