"""What signals tell the engine: to stop, to read its profile again, or to show what goes on inside it."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from supervisor.engine.stopping import StopSwitch

ENDING: Final = (signal.SIGTERM, signal.SIGINT)
SHOWING: Final = signal.SIGUSR1

DUMP_MAX: Final = 4 << 20
"""Bytes after which the file of dumps begins anew."""

_log = logging.getLogger(__name__)


class EngineSignals:
    """Takes the signals of one engine while its context is open.

    TERM and INT stop the team, a second one at once. HUP does so, too, for a team in the foreground, whose
    terminal has gone; one in the background reads its profile again. USR1 writes a dump: the stacks of all
    threads at once, even if the loop hangs, then, from the loop, what `describe` tells.
    """

    def __init__(self, switch: StopSwitch, *, foreground: bool, dump_file: Path) -> None:
        """Stop by `switch`."""
        self.reload_asked: Final = asyncio.Event()
        self._switch: Final = switch
        self._foreground: Final = foreground
        self._dump_file: Final = dump_file

    @contextmanager
    def taken(self, describe: Callable[[], str]) -> Iterator[None]:
        """Take signals until the end of the context."""
        loop = asyncio.get_running_loop()
        descriptor = _open(self._dump_file)
        for number in ENDING:
            loop.add_signal_handler(number, self._switch.signalled, number)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        loop.add_signal_handler(SHOWING, self._show, descriptor, describe)
        faulthandler.register(SHOWING, descriptor, all_threads=True, chain=True)
        try:
            yield
        finally:
            faulthandler.unregister(SHOWING)
            for number in (*ENDING, signal.SIGHUP, SHOWING):
                loop.remove_signal_handler(number)
            os.close(descriptor)

    def _hung_up(self) -> None:
        if self._foreground:
            self._switch.signalled(signal.SIGHUP)
        else:
            self.reload_asked.set()

    def _show(self, descriptor: int, describe: Callable[[], str]) -> None:
        """Add to the stacks what the loop knows; a full disk must not end the team."""
        try:
            text = describe().encode("utf-8", "backslashreplace")
            if os.fstat(descriptor).st_size > DUMP_MAX:
                os.ftruncate(descriptor, 0)
            os.write(descriptor, text)
        except Exception:  # noqa: BLE001 - a look at the engine must not end it
            _log.exception("the engine's state could not be shown")
        else:
            _log.warning("SIGUSR1: the engine's state was written to %s", self._dump_file)


def _open(path: Path) -> int:
    """Begin the file of dumps: readable by its owner alone, and never through somebody's link."""
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, 0o600)
