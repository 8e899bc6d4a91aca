"""A terminal for tests: a real pty, its bytes drawn by an emulator, keys typed as a person types them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self, cast

import pexpect
import psutil
import pyte

DEADLINE_S = 60.0


class Terminal:
    """A program in a terminal of its own. Use as a context manager; leaving it closes the terminal."""

    def __init__(
        self,
        program: str,
        *words: str,
        columns: int = 80,
        rows: int = 24,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self._emulator = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._emulator)
        self.child = pexpect.spawn(
            program,
            list(words),
            dimensions=(rows, columns),
            cwd=None if cwd is None else str(cwd),
            env={**os.environ, "TERM": "xterm-256color", **(env or {})},
            timeout=DEADLINE_S,
        )
        self.raw = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.close(force=True)

    @property
    def text(self) -> str:
        """Return what the terminal shows now."""
        return "\n".join(line.rstrip() for line in self._emulator.display)

    def press(self, *keys: str) -> None:
        """Type keys."""
        for key in keys:
            self.child.send(key)

    def until(self, *wanted: str) -> str:
        """Return the screen once it shows every wanted text; fail with the last screen."""
        return self.until_it(
            lambda shown: all(each.lower() in shown.lower() for each in wanted), " and ".join(wanted)
        )

    def until_it(self, holds: Callable[[str], bool], what: str) -> str:
        """Return the screen once the predicate holds for it."""
        end = time.monotonic() + DEADLINE_S
        while not holds(self.text):
            if time.monotonic() > end or not self._read(max(0.1, end - time.monotonic())):
                raise AssertionError(f"never saw {what} on:\n{self.text}")
        return self.text

    def until_bright(self, wanted: str) -> None:
        """Return once a text that is greyed while its key is inert is shown bright."""
        self.until_it(lambda _shown: self._brightness(wanted) > 0x90, f"a bright `{wanted}`")

    def _brightness(self, wanted: str) -> int:
        for row, line in enumerate(self._emulator.display):
            column = line.find(wanted)
            if column >= 0:
                colour = self._emulator.buffer[row][column].fg
                return int(colour[:2], 16) if len(colour) == len("rrggbb") else 0
        return 0

    def watch(self, seconds: float) -> str:
        """Take in what is painted for so long; return the screen."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._read(left)
        return self.text

    def wipe(self) -> None:
        """Empty the terminal, as another program that used it would leave it."""
        self._emulator.reset()

    def until_stopped(self) -> None:
        """Return once the program has been stopped by job control."""
        end = time.monotonic() + DEADLINE_S
        process = psutil.Process(self.child.pid)
        while process.status() != psutil.STATUS_STOPPED:
            if time.monotonic() > end:
                raise AssertionError(f"never stopped, still {process.status()}:\n{self.text}")
            self._read(0.1)

    def ended(self) -> int:
        """Wait until the program has ended; return its exit code."""
        while self._read():
            pass
        self.child.close()
        return (
            self.child.exitstatus if self.child.exitstatus is not None else -int(self.child.signalstatus or 0)
        )

    def _read(self, timeout_s: float = DEADLINE_S) -> bool:
        try:
            chunk = cast("bytes", self.child.read_nonblocking(65536, timeout=timeout_s))
        except (pexpect.EOF, pexpect.TIMEOUT):
            return False
        self.raw += chunk
        self._stream.feed(chunk)
        return True


class Screen(Terminal):
    """A verb of ours in a terminal."""

    def __init__(self, *words: str, project: Path, columns: int = 80, rows: int = 24) -> None:
        super().__init__(
            sys.executable,
            *("-m", "supervisor", *words, "--project", str(project)),
            columns=columns,
            rows=rows,
        )
