"""A small program for terminals that plays scripts: what tests of the `pty` adapter talk with.

Run as `python -m supervisor.testing.scripted_tui [--full] [--plain]`. It takes a prompt, pasted or typed,
and plays its script (`testing/script.py`): it writes, asks before each `sh`, shows a limit for `http 429`.
`--full` paints on the other screen with a line of state at the bottom; `--plain` knows no pastes.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
import tty
from collections.abc import Iterator
from typing import Final

from supervisor.testing.script import Step, script_in

PROMPT: Final = "\u276f "
BUSY: Final = "working, esc to interrupt"
_PASTE_END: Final = b"\x1b[201~"


class Interrupted(Exception):
    """Somebody pressed escape."""


def write(text: str) -> None:
    """Write to the terminal, at once."""
    os.write(1, text.encode())


class Tui:
    """The program: one prompt after the other, until ctrl+d."""

    def __init__(self, *, full: bool, plain: bool) -> None:
        """Take the terminal; nothing is given back, it ends with the program."""
        self._full = full
        self._unread = b""
        tty.setraw(0)
        write("" if plain else "\x1b[?2004h")
        write("\x1b[?1049h\x1b[H" if full else "")
        write("\x1b]0;scripted\x07Welcome.\r\n")

    def run(self) -> None:
        """Play what is prompted."""
        while True:
            self._state(" ready")
            write(PROMPT)
            prompt = self._prompt()
            write("\r\n")
            self._state(BUSY)
            try:
                self._play(script_in(prompt) or (Step("say", "told: " + prompt.splitlines()[0]),))
            except Interrupted:
                write("interrupted\r\n")

    def _state(self, words: str) -> None:
        if self._full:
            rows = os.get_terminal_size(0).lines
            write(f"\x1b7\x1b[{rows};1H\x1b[2K{words}\x1b8")

    def _key(self, timeout: float | None = None) -> bytes:
        if not self._unread and select.select([0], [], [], timeout)[0]:
            self._unread = os.read(0, 65_536)
            if not self._unread:
                sys.exit(0)
        key, self._unread = self._unread[:1], self._unread[1:]
        return key

    def _prompt(self) -> str:
        text = b""
        while True:
            key = self._key()
            if key == b"\x04":
                sys.exit(0)
            if key == b"\r":
                return text.decode("utf-8", "replace")
            if key == b"\x1b":
                text += self._pasted()
            else:
                text += key
                os.write(1, key)

    def _pasted(self) -> bytes:
        for _ in range(5):
            self._key()
        text = b""
        while not text.endswith(_PASTE_END):
            text += self._key()
        text = text.removesuffix(_PASTE_END)
        os.write(1, text.replace(b"\n", b"\r\n"))
        return text

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._key(left) == b"\x1b":
                raise Interrupted

    def _play(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            match step.verb:
                case "say" | "note" | "think":
                    write(f"\u23fa {step.rest}\r\n")
                case "sh":
                    self._shell(step.rest)
                case "sleep":
                    self._rest(float(step.rest))
                case "hang":
                    self._rest(3600)
                case "http":
                    write(f"API error {step.rest}\r\n")
                case "line" | "flood":
                    for line in self._lines(step):
                        write(line)
                case "die":
                    sys.exit(int(step.rest or 0))
                case _:
                    write(f"cannot {step.verb} at a terminal\r\n")
        write("* done\r\n")

    def _lines(self, step: Step) -> Iterator[str]:
        if step.verb == "line":
            yield step.rest.encode().decode("unicode_escape") + "\r\n"
        else:
            yield from (f"{number:>8} {'x' * 90}\r\n" for number in range(int(step.rest) // 100))

    def _shell(self, command: str) -> None:
        write(f"\r\nAllow this command?\r\n  {command}\r\n(y/n)")
        while (key := self._key()) not in {b"y", b"n"}:
            if key == b"\x1b":
                raise Interrupted
        write("\x1b[2K\x1b[A\x1b[2K\x1b[A\x1b[2K\r")
        if key == b"n":
            write(f"\u23fa denied: {command}\r\n")
            return
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
        write(f"\u23fa {command}: {done.returncode}\r\n")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        Tui(full="--full" in sys.argv, plain="--plain" in sys.argv).run()
