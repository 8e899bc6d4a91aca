"""What a child with a terminal runs first: it takes the terminal at its stdin and becomes the agent.

Run as `python -I -S terminal_main.py PROGRAM ARGV…` as the first of a session. It imports nothing of this
project, so that it starts at once.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import termios

IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
CANNOT_START = 127


def main(program: str, argv: list[str]) -> None:
    """Take the terminal and become the program."""
    for signum in IGNORED_BY_PYTHON:
        signal.signal(signum, signal.SIG_DFL)
    try:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        os.execv(program, argv)  # noqa: S606 - no shell is the point
    except OSError as problem:
        os.write(2, f"cannot start {program}: {problem.strerror}\n".encode())
    os._exit(CANNOT_START)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
