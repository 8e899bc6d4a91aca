"""What one incarnation is given at its spawn so that it can tell how it is, until it has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from supervisor.model.health import ReadyBy
from supervisor.model.team import PoolSpec
from supervisor.runtime import notify_fd, notify_socket
from supervisor.runtime.line_matcher import LineMatcher, LineWatch
from supervisor.runtime.notification import Notification
from supervisor.runtime.notify_fd import NotifyPipe
from supervisor.runtime.notify_socket import NotifySocket
from supervisor.runtime.proc_table import ProcRef
from supervisor.runtime.process import Process
from supervisor.runtime.spawn import Launch, OnOutput
from supervisor.supervision.readiness import hears
from supervisor.workspace.safe_paths import make_private_dir

WATCHDOG_VARIABLE: Final = "WATCHDOG_USEC"

OnMessage = Callable[[Notification], None]

OnLine = Callable[[str], None]
"""Hears which of the expressions a line matched, once for each."""


class Fitting:
    """A socket, a pipe and watched lines, as far as the pool asks for them.

    Spawn `launch` inside its context with the output going to `sink`: if that fails, all is given back.
    """

    def __init__(
        self, pool: PoolSpec, launch: Launch, *, directory: Path, matcher: LineMatcher, awaited: Iterable[str]
    ) -> None:
        """Open what is asked for, sockets in `directory`; raises OSError. Others wait for `awaited` lines."""
        self._pool: Final = pool
        self._matcher: Final = matcher
        self.awaited: Final = frozenset(awaited)
        self._on_line: OnLine = lambda _pattern: None
        self._lines: tuple[LineWatch, ...] = ()
        self._socket: NotifySocket | None = None
        self._pipe: NotifyPipe | None = None
        env: dict[str, str] = {}
        try:
            if hears(pool):
                make_private_dir(directory)
                self._socket = NotifySocket(directory, agent=launch.agent)
                env[notify_socket.VARIABLE] = str(self._socket.path)
            if pool.watchdog_s is not None:
                env[WATCHDOG_VARIABLE] = str(round(pool.watchdog_s * 1_000_000))
            if pool.ready.by is ReadyBy.FD:
                self._pipe = NotifyPipe()
                env[notify_fd.VARIABLE] = str(self._pipe.child_end)
        except OSError:
            self.close()
            raise
        passed = () if self._pipe is None else (self._pipe.child_end,)
        self.launch: Final = replace(launch, env={**launch.env, **env}, pass_fds=(*launch.pass_fds, *passed))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep what is the child's for the child alone; give all back if it could not be spawned."""
        if kind is not None:
            self.close()
        elif self._pipe is not None:
            self._pipe.give_up_child_end()

    def sink(self, write: OnOutput) -> OnOutput:
        """Return what takes the output: it writes all, and has lines tried as long as any is waited for."""
        own = {self._pool.ready.pattern} if self._pool.ready.by is ReadyBy.LOG else set()
        patterns = own | self.awaited
        if not patterns:
            return write
        self._lines = tuple(self._line(pattern) for pattern in sorted(patterns))

        def both(chunk: bytes) -> bool:
            fits = write(chunk) is not False
            for line in self._lines:
                fits = line.feed(chunk) and fits
            return fits

        return both

    def _line(self, pattern: str) -> LineWatch:
        return self._matcher.watch(pattern, lambda: self._on_line(pattern), who=self.launch.agent)

    def listen(
        self, process: Process, on_message: OnMessage, on_newline: Callable[[], None], on_line: OnLine
    ) -> None:
        """Hear the process's own tree from now on."""
        self._on_line = on_line
        if self._socket is not None:
            leader = ProcRef(pid=process.pid, start_time=process.start_time)
            self._socket.listen(leader, on_message)
        if self._pipe is not None:
            self._pipe.listen(on_newline)

    def close(self) -> None:
        """Hear nothing more, and leave nothing behind."""
        if self._socket is not None:
            self._socket.close()
        if self._pipe is not None:
            self._pipe.close()
        for line in self._lines:
            line.give_up()
