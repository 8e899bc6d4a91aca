"""Stop an engine and see it gone."""

from __future__ import annotations

import os
import select
import signal
import time
from pathlib import Path
from typing import Final, Self

from supervisor.cli.engine_door import ask
from supervisor.cli.output import note
from supervisor.errors import EngineError, EngineNotRunning

PATIENCE_S: Final = 10.0
"""How often the wait for a draining engine says what it waits for."""

SIGNAL_GAP_S: Final = 0.2
"""Between two signals, since equal ones that are both pending arrive as one."""


def stop_engine(project: Path, *, now: bool) -> int:
    """Ask the engine to stop, or signal it if it does not answer; return its pid once it is gone.

    Ctrl-C while waiting asks for an immediate stop; a second one gives up waiting.
    """
    pid = running_pid(project)
    with _Watch(pid) as watch:
        if running_pid(project) != pid:  # the pid may have been reused before it was watched
            raise EngineNotRunning(f"the engine (pid {pid}) has just ended")
        _ask_down(project, watch, now=now)
        try:
            watch.wait_gone()
        except KeyboardInterrupt:
            note("stopping now")
            _ask_down(project, watch, now=True)
            watch.wait_gone()
    return pid


def running_pid(project: Path) -> int:
    """Return the pid of the engine that holds the project's lock; raise EngineNotRunning if none does."""
    from supervisor.workspace.engine_lock import holder_of
    from supervisor.workspace.state_dir import open_state

    state = open_state(project, create=False)
    holder = holder_of(state.lock_file)
    if holder is None:
        raise EngineNotRunning(f"no engine runs on {state.project}")
    pid = holder.get("pid")
    if type(pid) is not int:
        raise EngineError(f"an engine is just starting on {state.project}. Try again in a moment")
    return pid


def _ask_down(project: Path, watch: _Watch, *, now: bool) -> None:
    try:
        ask(project, "down", now=now)
    except EngineNotRunning:
        if watch.gone(0):
            return
        note(f"the engine (pid {watch.pid}) does not answer; sending it SIGTERM")
        watch.signal(times=2 if now else 1)


class _Watch:
    """Looks at one process by its pidfd, so that a reused pid is never mistaken for it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError as error:
            raise EngineNotRunning(f"the engine (pid {pid}) has just ended") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._pidfd)

    def gone(self, timeout_s: float) -> bool:
        """Tell whether the process has ended, waiting up to `timeout_s` for it."""
        readable, _, _ = select.select([self._pidfd], [], [], timeout_s)
        return bool(readable)

    def signal(self, *, times: int) -> None:
        """Send SIGTERM; the engine takes a second one as `now`."""
        for _ in range(times):
            if not self.gone(SIGNAL_GAP_S):
                signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)

    def wait_gone(self) -> None:
        """Return when the process has ended, saying now and then that it still drains."""
        begun = time.monotonic()
        while not self.gone(PATIENCE_S):
            waited = time.monotonic() - begun
            note(f"the engine still stops its agents after {waited:.0f} s; Ctrl-C stops them now")
