"""Leaving for a signal: the terminal is handed back as it was, also when nobody reads it any more."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final, Protocol

SIGNALS: Final = (signal.SIGHUP, signal.SIGTERM)

GRACE_S: Final = 1.0
"""How long the toolkit may take to leave the screen: a frozen terminal can hold it for ever."""

_INPUT: Final = 0
_SCREEN: Final = 2  # where the toolkit draws

PLAIN: Final = (
    b"\x1b[?2004l"  # pasting as typing
    b"\x1b[?1006l\x1b[?1015l\x1b[?1003l\x1b[?1000l"  # no mouse
    b"\x1b[?2048l\x1b[?1004l"  # no reports of size or focus
    b"\x1b[<u"  # the plain keyboard protocol
    b"\x1b[?1049l\x1b[?25h\x1b[0m"  # the shell's own screen, with a cursor, without colours
)
"""What brings a terminal back from a full-screen program, whatever it was in the middle of."""


class Leaving(Protocol):
    """An app that can be told to end."""

    def exit(self, result: str) -> None:
        """End with this result."""
        ...


class Departure:
    """Which signal ended the UI, if one did. `begin` is called where the app's loop runs."""

    def __init__(self) -> None:
        """Keep how the terminal is now, before the app changes it."""
        self.number: int | None = None
        self._modes = _modes()
        self._app: Leaving | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._last_resort = threading.Timer(GRACE_S, self._go)
        self._last_resort.daemon = True

    def begin(self, app: Leaving) -> None:
        """Know whom to end."""
        self._app, self._loop = app, asyncio.get_running_loop()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Take HUP and TERM until the end of the context."""
        former = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        try:
            yield
        finally:
            self._last_resort.cancel()
            for number, handler in former.items():
                signal.signal(number, handler)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        """Have the app end; should it hang, end without it."""
        if self.number is not None:
            return
        self.number = number
        self._last_resort.start()
        if self._loop is not None and self._app is not None:
            with suppress(RuntimeError):  # the loop has ended just now
                self._loop.call_soon_threadsafe(self._app.exit, "signal")

    def _go(self) -> None:
        """Restore the terminal as far as it takes that, and end this process."""
        with suppress(OSError, termios.error):
            if self._modes is not None:
                termios.tcsetattr(_INPUT, termios.TCSANOW, self._modes)
        with suppress(OSError):
            if os.isatty(_SCREEN) and select.select([], [_SCREEN], [], 0)[1]:
                os.write(_SCREEN, PLAIN)
        os._exit(128 + (self.number or 0))


def _modes() -> list[Any] | None:
    with suppress(OSError, termios.error):
        return termios.tcgetattr(_INPUT)
    return None
