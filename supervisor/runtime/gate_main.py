"""What a child runs until it is where it belongs: it waits at the gate and then becomes the agent.

Run as `python -I -S gate_main.py GATE PROGRAM ARGV…`. GATE is the read end of a pipe: its end of file means
that the process is in its control group. It imports nothing of this project, so that it starts at once.
"""

from __future__ import annotations

import os
import signal
import sys

IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
CANNOT_START = 127


def main(gate: int, program: str, argv: list[str]) -> None:
    """Wait, let go of the gate, and become the program."""
    while os.read(gate, 1):
        pass
    os.close(gate)
    for signum in IGNORED_BY_PYTHON:
        signal.signal(signum, signal.SIG_DFL)
    try:
        os.execv(program, argv)  # noqa: S606 - no shell is the point
    except OSError as problem:
        os.write(2, f"cannot start {program}: {problem.strerror}\n".encode())
    os._exit(CANNOT_START)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
