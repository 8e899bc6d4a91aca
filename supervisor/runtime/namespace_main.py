"""The init of one agent's PID namespace: it starts the agent, buries whoever dies, and ends with the agent.

Run as `python -I -S namespace_main.py STATUS NOFILE NICE OOM PROGRAM ARGV…` as the first process of the
namespace. What became of the agent is written to the descriptor STATUS: `code 3`, `signal 15`. NOFILE is
`SOFT,HARD` or empty; NICE and OOM are the kernel's own numbers. It imports nothing of this project, so that
it starts at once and stays small.
"""

from __future__ import annotations

import os
import resource
import signal
import sys

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
CANNOT_START = 127


def settle(files: str, nice: str, oom_score_adj: str) -> None:
    """Take the limits of the profile, as far as the machine lets us; the agent inherits them."""
    try:
        if files:
            soft, hard = files.split(",")
            resource.setrlimit(resource.RLIMIT_NOFILE, (int(soft), int(hard)))
        if int(nice):
            os.setpriority(os.PRIO_PROCESS, 0, int(nice))
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - pathlib would double its start
            file.write(oom_score_adj)
    except (OSError, ValueError) as problem:
        os.write(2, f"a limit cannot be set: {problem}\n".encode())


def start(program: str, argv: list[str]) -> int:
    """Start the agent as the first of a session of its own."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for signum in (*FORWARDED, *IGNORED_BY_PYTHON):
            signal.signal(signum, signal.SIG_DFL)
        os.execv(program, argv)  # noqa: S606 - no shell is the point
    except OSError as problem:
        os.write(2, f"cannot start {program}: {problem.strerror}\n".encode())
    os._exit(CANNOT_START)


def bury_all_until(agent: int) -> str:
    """Bury every orphan until the agent itself has ended; say how it did."""
    while True:
        pid, status = os.wait()
        if pid == agent:
            code = os.waitstatus_to_exitcode(status)
            return f"code {code}" if code >= 0 else f"signal {-code}"


def main(status: int, program: str, argv: list[str]) -> None:
    """Live as long as the agent; the kernel kills whom it leaves."""
    os.set_inheritable(status, False)  # noqa: FBT003 - the standard library's own signature
    agent = start(program, argv)
    for signum in FORWARDED:
        signal.signal(signum, lambda number, _frame: os.kill(agent, number))
    word = bury_all_until(agent)
    os.write(status, f"{word}\n".encode())
    kind, _, number = word.partition(" ")
    os._exit(int(number) if kind == "code" else 128 + int(number))


if __name__ == "__main__":
    settle(*sys.argv[2:5])
    main(int(sys.argv[1]), sys.argv[5], sys.argv[6:])
