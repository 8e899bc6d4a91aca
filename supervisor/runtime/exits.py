"""How we learn that a child has ended: from its pidfd, never from end of file or from SIGCHLD.

The status is looked at without reaping. The zombie keeps the pid, and with it the process group's number,
from being used again until the rest of the tree is gone.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from supervisor.runtime.subreaper import disown, own

HAS_PIDFD: Final = hasattr(os, "pidfd_open")

_NO_PIDFD: Final = frozenset({errno.EPERM, errno.EACCES, errno.ENOSYS})
"""What an old kernel answers, or the seccomp filter of an old container runtime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessExit:
    """How a process ended: `code` or `signal`; both None when somebody else took its status.

    `oom`: it is proved that the kernel killed it for want of memory.
    """

    code: int | None = None
    signal: int | None = None
    oom: bool = False


class ExitWatch:
    """Watches one child of this process and calls back once, on the loop, when it has ended."""

    def __init__(self, pid: int, on_exit: Callable[[ProcessExit], None]) -> None:
        """Begin to watch; raises OSError when the kernel has no descriptor left."""
        self.pid: Final = pid
        self._on_exit: Final = on_exit
        self._loop: Final = asyncio.get_running_loop()
        self._pidfd: int | None = _open_pidfd(pid)
        self._is_reaped = False
        self._holds_pid = True
        own(pid)
        if self._pidfd is None:
            threading.Thread(target=self._wait_in_thread, name=f"exit-{pid}", daemon=True).start()
        else:
            self._loop.add_reader(self._pidfd, self._pidfd_readable)

    def send(self, signum: int) -> None:
        """Signal the child; nothing happens when it has ended. Our zombie keeps the pid from others."""
        if not self._holds_pid:
            return
        with suppress(ProcessLookupError):
            if self._pidfd is None:
                os.kill(self.pid, signum)
            else:
                signal.pidfd_send_signal(self._pidfd, signum)

    def send_group(self, signum: int) -> None:
        """Signal the process group the child began, which may outlive it."""
        if not self._holds_pid:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signum)

    def reap(self) -> bool:
        """Let the kernel forget the ended child; False while it still runs."""
        if self._is_reaped:
            return True
        try:
            status = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            status = None
        else:
            if status is None:
                return False
        self._is_reaped, self._holds_pid = True, False
        disown(self.pid)
        self._close()
        return True

    def _pidfd_readable(self) -> None:
        found = _look(self.pid, os.WNOHANG)
        if found is None or self._pidfd is None:
            return
        self._loop.remove_reader(self._pidfd)
        self._ended(found)

    def _wait_in_thread(self) -> None:
        found = _look(self.pid, 0)
        with suppress(RuntimeError):  # the loop may be closed by then
            self._loop.call_soon_threadsafe(self._ended, found or ProcessExit())

    def _ended(self, found: ProcessExit) -> None:
        """Pass the end on. A status that somebody else took means the pid may be anybody's by now."""
        self._holds_pid = found != ProcessExit()
        self._on_exit(found)

    def _close(self) -> None:
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None


def _open_pidfd(pid: int) -> int | None:
    if not HAS_PIDFD:
        return None
    try:
        return os.pidfd_open(pid)
    except NotImplementedError:
        return None
    except OSError as problem:
        if problem.errno in _NO_PIDFD:
            return None
        raise


def _look(pid: int, flags: int) -> ProcessExit | None:
    """Read how the child ended and leave it a zombie; None while it runs."""
    try:
        status = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | flags)
    except ChildProcessError:
        return ProcessExit()
    if status is None:
        return None
    if status.si_code == os.CLD_EXITED:
        return ProcessExit(code=status.si_status)
    return ProcessExit(signal=status.si_status)
