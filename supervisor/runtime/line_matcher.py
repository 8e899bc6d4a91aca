"""Waiting for a line of an agent's output that matches, whatever lines and expressions there are.

Expressions run in a process of their own (`line_matcher_main.py`), one for the engine, started with the
first line that is waited for. Whoever waits has turns of a tenth of a second; an agent that writes faster
than its lines can be tried is held back, so that none is missed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from supervisor.runtime.exits import ExitWatch, ProcessExit
from supervisor.runtime.subreaper import birth

LINE_MAX: Final = 4096
"""Bytes of a line that are looked at; what is beyond them is not."""

PENDING_MAX: Final = 262_144
"""Bytes that wait to be tried before an agent is held back."""

ANSWER_S: Final = 5.0
"""How long an answer may take until the process is taken for hung, and another started."""

RETRY_S: Final = 1.0
"""How long to wait before it is tried again to start the process."""

_BATCH_BYTES: Final = 65_536
_BATCH_LINES: Final = 512
_DEATH_S: Final = 1.0
_PROGRAM: Final = Path(__file__).resolve().with_name("line_matcher_main.py")

_log = logging.getLogger(__name__)


class LineWatch:
    """One expression that is waited for in one agent's output, until it is found or given up."""

    def __init__(self, pattern: str, on_line: Callable[[], None], *, who: str, wake: asyncio.Event) -> None:
        """Begin at the next byte, as at the start of a line; `on_line` is called once, on the loop."""
        self.pattern: Final = pattern
        self.who: Final = who
        self.is_over = False
        self.is_slow = False
        self._on_line: Final = on_line
        self._wake: Final = wake
        self._lines: Final[deque[bytes]] = deque()
        self._pending = 0
        self._begun = bytearray()

    def feed(self, chunk: bytes) -> bool:
        """Take some output; False asks to hold the agent back for a moment."""
        if self.is_over:
            return True
        first, *others = chunk.split(b"\n")
        self._extend(first)
        for part in others:
            self._pending += len(self._begun) + 1
            self._lines.append(bytes(self._begun))
            self._begun.clear()
            self._extend(part)
        if self._lines:
            self._wake.set()
        return self._pending < PENDING_MAX

    def give_up(self) -> None:
        """Wait no longer."""
        self.is_over = True
        self._lines.clear()
        self._pending = 0

    @property
    def has_lines(self) -> bool:
        """Whether a line waits to be tried."""
        return bool(self._lines)

    def batch(self) -> list[str]:
        """Return the lines to try next, without taking them."""
        chosen: list[str] = []
        size = 0
        for line in self._lines:
            size += len(line)
            if len(chosen) == _BATCH_LINES or (chosen and size > _BATCH_BYTES):
                break
            chosen.append(line.decode("utf-8", "replace").removesuffix("\r"))
        return chosen

    def tried(self, count: int, *, hit: bool) -> None:
        """Hear what became of a batch; the first line is passed over if it took too long."""
        if self.is_over:
            return
        if hit:
            self.give_up()
            self._on_line()
            return
        if count == 0 and not self.is_slow:
            self.is_slow = True
            _log.warning(
                "`%s` takes too long on a line of %s; it is passed over (told once)", self.pattern, self.who
            )
        for _ in range(min(max(count, 1), len(self._lines))):
            self._pending -= len(self._lines.popleft()) + 1

    def _extend(self, part: bytes) -> None:
        self._begun += part[: LINE_MAX - len(self._begun)]


class LineMatcher:
    """Tries lines for all who wait, in turn; `run` it beside the agents."""

    def __init__(self) -> None:
        """Begin without a process: it comes with the first line."""
        self._turns: Final[deque[LineWatch]] = deque()
        self._wake: Final = asyncio.Event()
        self._helper: MatchProcess | None = None

    def watch(self, pattern: str, on_line: Callable[[], None], *, who: str) -> LineWatch:
        """Wait for a line of somebody's output; hand the output to what is returned."""
        watch = LineWatch(pattern, on_line, who=who, wake=self._wake)
        self._turns.append(watch)
        return watch

    async def run(self) -> None:
        """Try lines until cancelled, and end the process then."""
        try:
            while True:
                self._wake.clear()
                while (watch := self._next()) is not None:
                    await self._try(watch)
                await self._wake.wait()
        finally:
            await self._end_helper()

    def _next(self) -> LineWatch | None:
        """Choose who has lines and had its turn longest ago; forget who waits no more."""
        for _ in range(len(self._turns)):
            watch = self._turns.popleft()
            if not watch.is_over:
                self._turns.append(watch)
                if watch.has_lines:
                    return watch
        return None

    async def _try(self, watch: LineWatch) -> None:
        try:
            self._helper = self._helper or MatchProcess()
        except OSError as problem:
            _log.warning("the process that tries lines cannot be started: %s", problem.strerror)
            await asyncio.sleep(RETRY_S)
            return
        try:
            async with asyncio.timeout(ANSWER_S):
                tried, hit = await self._helper.ask(watch.pattern, watch.batch())
        except (OSError, ValueError, KeyError) as problem:  # TimeoutError is an OSError
            _log.warning("lines of %s could not be tried (%r); the first is passed over", watch.who, problem)
            await self._end_helper()
            tried, hit = 0, False
        watch.tried(tried, hit=hit)

    async def _end_helper(self) -> None:
        if self._helper is not None:
            helper, self._helper = self._helper, None
            await helper.close()


class MatchProcess:
    """The process that does the trying, with one request at a time."""

    def __init__(self) -> None:
        """Start it; raises OSError."""
        self._ours, theirs = socket.socketpair()
        self._ended: Final[asyncio.Future[None]] = asyncio.get_running_loop().create_future()
        with birth, theirs:
            try:
                child = _popen(theirs.fileno())
            except OSError:
                self._ours.close()
                raise
            try:
                self._watch: Final = ExitWatch(child.pid, self._exited)
            except OSError:
                self._ours.close()
                child.kill()
                child.wait()
                raise
        child.returncode = 0  # its exit watch reads the status: Popen must not wait for this pid
        self._ours.setblocking(False)  # noqa: FBT003 - its only argument
        self._unread = b""

    async def ask(self, pattern: str, lines: list[str]) -> tuple[int, bool]:
        """Have lines tried; raises OSError or ValueError when the answer is none."""
        loop = asyncio.get_running_loop()
        request = json.dumps({"pattern": pattern, "lines": lines}).encode() + b"\n"
        await loop.sock_sendall(self._ours, request)
        while b"\n" not in self._unread:
            chunk = await loop.sock_recv(self._ours, 4096)
            if not chunk:
                raise ConnectionError("the process that tries lines has ended")
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        answer = json.loads(line)
        return int(answer["tried"]), bool(answer["hit"])

    async def close(self) -> None:
        """Kill it, and clear away what is left of it."""
        self._ours.close()
        self._watch.send(signal.SIGKILL)
        with suppress(TimeoutError):
            async with asyncio.timeout(_DEATH_S):
                await asyncio.shield(self._ended)
        self._watch.reap()

    def _exited(self, _found: ProcessExit) -> None:
        if not self._ended.done():
            self._ended.set_result(None)


def _popen(fd: int) -> subprocess.Popen[bytes]:
    """Start it in a session of its own, so that no terminal or group signal reaches it."""
    return subprocess.Popen(
        [sys.executable, "-S", "-E", str(_PROGRAM), str(fd)],
        cwd="/",
        env={"PATH": os.environ.get("PATH", os.defpath)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(fd,),
        start_new_session=True,
    )
