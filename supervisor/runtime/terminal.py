"""A terminal for one child: opened by us, and made the child's own by a program that becomes the child.

Between fork and exec nothing of ours may run, so a child cannot take its terminal there: what is started is
`terminal_main.py`, which takes what it finds at its stdin and then becomes the agent.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import termios
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

END_OF_INPUT: Final = b"\x04"
"""What ends the input of a program that reads lines from a terminal."""

SIDE_MAX: Final = 500
"""Rows or columns; a larger terminal helps nobody and costs memory."""

_PROGRAM: Final = Path(__file__).resolve().with_name("terminal_main.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalSize:
    """How many rows and columns a terminal has."""

    rows: int = 40
    columns: int = 120

    def __post_init__(self) -> None:
        """Refuse a size that no terminal has."""
        if not (1 <= self.rows <= SIDE_MAX and 1 <= self.columns <= SIDE_MAX):
            raise ValueError(
                f"a terminal has 1 to {SIDE_MAX} rows and columns, not {self.rows}x{self.columns}"
            )


def open_terminal(size: TerminalSize) -> tuple[int, int, int, int]:
    """Open a terminal; return our end twice, to read and to write, and the child's end twice.

    Raises OSError, and then nothing is left open.
    """
    opened: list[int] = []
    try:
        ours, theirs = os.openpty()
        opened += [ours, theirs]
        set_size(ours, size)
        opened += [os.dup(ours)]
        opened += [os.dup(theirs)]
    except OSError:
        for fd in opened:
            os.close(fd)
        raise
    return opened[0], opened[2], opened[1], opened[3]


def set_size(fd: int, size: TerminalSize) -> None:
    """Say how large the terminal is; the kernel sends SIGWINCH to whom it is in the foreground for."""
    with suppress(OSError):  # the child has closed it
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))


def at_terminal(program: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command that takes the terminal at its stdin and becomes `program` with `argv`."""
    return (sys.executable, "-I", "-S", str(_PROGRAM), program, *argv)
