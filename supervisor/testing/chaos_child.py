"""A child that behaves badly on purpose, for tests of the runtime. Standard library only.

    python -S -E chaos_child.py MODE [ARGUMENT]

Every mode that lives on first prints one JSON line {"ready": [PID, …]} that names its whole tree.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Final

_PIPE_R, _PIPE_W = os.pipe()


def _print(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def _sleep() -> None:
    while True:
        time.sleep(3600)


def _report_self() -> None:
    os.write(_PIPE_W, f"{os.getpid()}\n".encode())


def _ignore_signals() -> None:
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)


def _silence() -> None:
    """Let go of the inherited output, as daemons do."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def _member(*, setsid: bool = False, daemon: bool = False, ignore: bool = False, hold: bool = False) -> None:
    """Start one member of the tree that reports its pid and then sleeps."""
    if os.fork():
        return
    if setsid or daemon:
        os.setsid()
    if daemon and os.fork():
        os._exit(0)
    if ignore:
        _ignore_signals()
    if not hold:
        _silence()
    _report_self()
    _sleep()


def _ready(members: int) -> None:
    """Print the pids of this process and of `members` others, once all have reported."""
    pids = [os.getpid()]
    unread = b""
    while len(pids) <= members:
        unread += os.read(_PIPE_R, 4096)
        *whole, unread = unread.split(b"\n")
        pids += [int(pid) for pid in whole]
    _print(json.dumps({"ready": pids}))


def crash(code: str = "1") -> None:
    """End at once with an exit code."""
    _print("about to crash")
    sys.exit(int(code))


def abort() -> None:
    """End at once by a signal."""
    os.kill(os.getpid(), signal.SIGKILL)


def idle() -> None:
    """Do nothing, politely."""
    _ready(0)
    _sleep()


def ignore_term() -> None:
    """Ignore TERM, INT and HUP."""
    _ignore_signals()
    _ready(0)
    _sleep()


def group() -> None:
    """Have a silent member in the same process group."""
    _member()
    _ready(1)
    _sleep()


def setsid() -> None:
    """Have a grandchild in a session of its own."""
    _member(setsid=True)
    _ready(1)
    _sleep()


def daemon() -> None:
    """Have a double-forked daemon."""
    _member(daemon=True)
    _ready(1)
    _sleep()


def tree() -> None:
    """Have every shape of member at once."""
    _member()
    _member(setsid=True)
    _member(daemon=True)
    _member(ignore=True)
    _member(setsid=True, ignore=True)
    _ready(5)
    _sleep()


def tree_and_crash() -> None:
    """Have every shape of member, then end with code 7 and leave them."""
    _member()
    _member(setsid=True)
    _member(daemon=True)
    _member(ignore=True)
    _ready(4)
    sys.exit(7)


def stubborn_member() -> None:
    """End on TERM while a member of the group ignores it."""
    _member(ignore=True)
    _ready(1)
    _sleep()


def hold_output() -> None:
    """End at once with code 0 while a grandchild keeps our output open."""
    _member(setsid=True, hold=True)
    _ready(1)


def unmarked() -> None:
    """Have a grandchild in a session of its own that threw its environment away."""
    if not os.fork():
        os.setsid()
        _report_self()
        _silence()
        os.execve("/bin/sleep", ["sleep", "3600"], {})  # noqa: S606 - no shell is the point
    _ready(1)
    _sleep()


def close_output() -> None:
    """Close stdin, stdout and stderr and live on."""
    _ready(0)
    for fd in (0, 1, 2):
        os.close(fd)
    _sleep()


def flood(total: str = "0") -> None:
    """Write numbered lines as fast as they are taken: `total` bytes, or for ever."""
    limit, written, number = int(total), 0, 0
    while not limit or written < limit:
        lines = b"".join(b"%015d %s\n" % (number + i, b"x" * 83) for i in range(1000))
        number += 1000
        block = lines[: limit - written] if limit else lines
        written += len(block)
        while block:
            block = block[os.write(1, block) :]


def huge_line(total: str) -> None:
    """Write one line of `total` bytes and no newline at its end."""
    left = int(total)
    while left:
        left -= os.write(1, b"y" * min(left, 65_536))


def hopper(seconds: str = "5") -> None:
    """Have a member that flees: it forks into a new session and ends, again and again, for some seconds."""
    if not os.fork():
        _silence()
        until = time.monotonic() + float(seconds)
        while time.monotonic() < until:
            if os.fork():
                os._exit(0)
            os.setsid()
            time.sleep(0.002)
        os._exit(0)
    _ready(0)
    _sleep()


def bomb(size: str = "200") -> None:
    """Be a fork bomb: everyone forks as fast as he can, until `size` processes were made."""
    tokens_r, tokens_w = os.pipe()
    os.write(tokens_w, b"." * int(size))
    os.close(tokens_w)
    _ready(0)
    _silence()
    while os.read(tokens_r, 1):
        os.fork()
    _sleep()


def shim() -> None:
    """Be a shim as agents have: forward TERM to the real agent, which says `term` for each that it hears."""
    agent = os.fork()
    if not agent:
        signal.signal(signal.SIGTERM, lambda *_: _print("term"))
        _report_self()
        _sleep()
    signal.signal(signal.SIGTERM, lambda *_: os.kill(agent, signal.SIGTERM))
    _ready(1)
    _sleep()


def leave_on(name: str, code: str = "0") -> None:
    """Ignore TERM, INT and HUP but for one of them, and end by that with an exit code."""
    _ignore_signals()
    signal.signal(signal.Signals[name], lambda *_: os._exit(int(code)))
    _ready(0)
    _sleep()


def until_eof() -> None:
    """Ignore signals, and end with code 0 when there is no more to read."""
    _ignore_signals()
    _ready(0)
    while os.read(0, 65_536):
        pass


def obey(word: str) -> None:
    """Ignore signals, and end with code 0 when told this word."""
    _ignore_signals()
    _ready(0)
    with open(0, "rb", buffering=0, closefd=False) as stdin:
        while stdin.readline().strip() != word.encode():
            pass


def witness() -> None:
    """Say the number of each signal that can be caught, and never end by one."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(number, lambda caught, _frame: _print(f"signal {caught}"))
    _ready(0)
    _sleep()


def stop_self() -> None:
    """Freeze, as a program does that wants a terminal."""
    _ready(0)
    os.kill(os.getpid(), signal.SIGSTOP)
    _sleep()


def oom(mib: str = "64", ready_first: str = "1") -> None:
    """Take so much memory, and touch every page of it, so that it is really taken."""
    if int(ready_first):
        _ready(0)
    taken = []
    for _ in range(int(mib)):
        taken.append(bytearray(b"x" * (1 << 20)))
        time.sleep(0.001)
    _print(f"took {len(taken)} MiB")
    _sleep()


def naked_daemon() -> None:
    """Leave a daemon that threw its environment away: of group, session, descent and marker it has none."""
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        _report_self()
        _silence()
        os.execve("/bin/sleep", ["sleep", "3600"], {})  # noqa: S606 - no shell is the point
    os.wait()
    _ready(1)
    _sleep()


def escape_as(program: str) -> None:
    """Leave a daemon that runs another program, and end with code 0."""
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        _report_self()
        _silence()
        os.execv(program, [program, "3600"])  # noqa: S606 - no shell is the point
    _ready(1)


def _notify(*words: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto("\n".join(words).encode(), os.environ["NOTIFY_SOCKET"])


def notify(*words: str) -> None:
    """Say words on NOTIFY_SOCKET, all in one message."""
    _ready(0)
    _notify(*words)
    _sleep()


def slow_start(seconds: str = "0") -> None:
    """Take some seconds, then say that it is ready in every way there is: socket, pipe and a line."""
    _ready(0)
    time.sleep(float(seconds))
    if "NOTIFY_SOCKET" in os.environ:
        _notify("READY=1", "STATUS=up")
    if "NOTIFY_FD" in os.environ:
        os.write(int(os.environ["NOTIFY_FD"]), b"\n")
    _print("now up and running")
    _sleep()


def beat(times: str = "0", every_s: str = "0.1") -> None:
    """Be ready, beat so often for the watchdog, and then fall silent."""
    _notify("READY=1")
    _ready(0)
    for _ in range(int(times)):
        _notify("WATCHDOG=1")
        time.sleep(float(every_s))
    _sleep()


MODES: Final[dict[str, Callable[..., None]]] = {
    mode.__name__.replace("_", "-"): mode
    for mode in (
        crash,
        abort,
        idle,
        ignore_term,
        group,
        setsid,
        daemon,
        tree,
        tree_and_crash,
        stubborn_member,
        hold_output,
        unmarked,
        close_output,
        flood,
        huge_line,
        hopper,
        bomb,
        shim,
        leave_on,
        until_eof,
        obey,
        witness,
        stop_self,
        oom,
        naked_daemon,
        escape_as,
        notify,
        slow_start,
        beat,
    )
}

if __name__ == "__main__":
    MODES[sys.argv[1]](*sys.argv[2:])
