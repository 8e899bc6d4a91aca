"""What child.c does, for machines without a compiler: `python -S child.py MARK LOG MODE [N]`."""

from __future__ import annotations

import os
import signal
import sys
import time

LINE = b"x" * 99 + b"\n"


def report() -> None:
    """Append our pid and the time to the log."""
    log = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.write(log, b"%d %d\n" % (os.getpid(), time.monotonic_ns()))
    os.close(log)


def member(*, own_session: bool = False, daemon: bool = False, ignores: bool = False) -> None:
    """Fork one more process of the tree."""
    if os.fork():
        return
    if own_session:
        os.setsid()
    if daemon and os.fork():
        os._exit(0)
    if ignores:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    report()
    while True:
        signal.pause()


def main() -> None:
    """Be a child of the mode asked for."""
    mode = sys.argv[3]
    if mode == "tree":
        member()
        member(own_session=True)
        member(own_session=True, daemon=True)
        member(ignores=True)
        member(own_session=True, ignores=True)
    report()
    while mode == "lines":
        os.write(1, LINE)
        time.sleep(1 / int(sys.argv[4]))
    while mode == "flood":
        os.write(1, LINE * 655)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
