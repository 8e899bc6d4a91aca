"""One process of somebody else, watched and signalled so that no other is ever meant."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Final, Self

from supervisor.errors import EngineNotRunning
from supervisor.runtime.exits import HAS_PIDFD
from supervisor.runtime.proc_table import read_stat

SIGNAL_GAP_S: Final = 0.2
"""Between two signals, since equal ones that are both pending arrive as one."""

LOOK_S: Final = 0.05
"""How often the process table is looked at where the system has no handles for processes."""


class Watch:
    """Looks at the process that has a pid now, until it has ended, though the pid be used again."""

    def __init__(self, pid: int) -> None:
        """Begin to watch; raise EngineNotRunning if there is no such process any more."""
        self.pid: Final = pid
        self._pidfd: int | None = None
        found = read_stat(pid)
        if found is None:
            raise EngineNotRunning(f"the engine (pid {pid}) has just ended")
        self._ref: Final = found.ref
        if HAS_PIDFD:
            try:
                self._pidfd = os.pidfd_open(pid)
            except ProcessLookupError as error:
                raise EngineNotRunning(f"the engine (pid {pid}) has just ended") from error

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of it."""
        if self._pidfd is not None:
            os.close(self._pidfd)

    def gone(self, timeout_s: float) -> bool:
        """Tell whether the process has ended, waiting up to `timeout_s` for it."""
        if self._pidfd is not None:
            readable, _, _ = select.select([self._pidfd], [], [], timeout_s)
            return bool(readable)
        end = time.monotonic() + timeout_s
        while self._lives():
            if time.monotonic() >= end:
                return False
            time.sleep(LOOK_S)
        return True

    def terminate(self, *, times: int) -> None:
        """Send SIGTERM; the engine takes a second one as `now`."""
        for _ in range(times):
            if not self.gone(SIGNAL_GAP_S):
                self._send(signal.SIGTERM)

    def wake(self) -> None:
        """Let a stopped process go on, to see the signals that wait for it."""
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """End it without asking."""
        self._send(signal.SIGKILL)

    def _lives(self) -> bool:
        found = read_stat(self.pid)
        return found is not None and found.ref == self._ref and found.alive

    def _send(self, number: int) -> None:
        if self.gone(0):
            return
        if self._pidfd is not None:
            signal.pidfd_send_signal(self._pidfd, number)
        else:
            os.kill(self.pid, number)
