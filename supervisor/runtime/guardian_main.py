"""The guardian: a small process that outlives the engine by as long as it takes to empty its trees.

Run as `python -S -E guardian_main.py SESSION FD [CGROUP]`. FD is the read end of a pipe whose write end only
the engine holds: its end of file means that the engine is gone, however it went. CGROUP is the session's
control group, which dies whole and is removed. The guardian imports nothing of this project, so that it
starts at once and stays small.
"""

from __future__ import annotations

import os
import signal
import sys
import time

CLEAN_PASSES = 3
PASS_S = 0.02
GIVE_UP_S = 60.0


def read(path: str) -> bytes:
    """Read a /proc file; empty when the process is gone or forbids it."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib would double the guardian's start and size
            return file.read()
    except OSError:
        return b""


def stat_of(pid: int) -> tuple[bytes, int, bytes] | None:
    """Return state, parent and start time of a process."""
    fields = read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return (fields[0], int(fields[1]), fields[19]) if fields else None


def carries(pid: int, session: str) -> bool:
    """Say whether the environment of `pid` names `session` in its marker chain."""
    for entry in read(f"/proc/{pid}/environ").split(b"\0"):
        if entry.startswith(b"SUP_SESSION="):
            return session.encode() in entry[len(b"SUP_SESSION=") :].split(b"/")
    return False


def marked(session: str) -> dict[int, bytes]:
    """List the living processes of the session and their descendants, with their start times."""
    names = os.listdir("/proc")  # noqa: PTH208 - as above
    pids = {int(name) for name in names if name.isdigit()} - {os.getpid()}
    stats, found = {}, set()
    for pid in pids:  # one by one: who hops from process to process is gone in a moment
        if (stat := stat_of(pid)) and stat[0] not in b"ZX":
            stats[pid] = stat
            found |= {pid} if carries(pid, session) else set()
    while more := {pid for pid, stat in stats.items() if stat[1] in found} - found:
        found |= more
    return {pid: stats[pid][2] for pid in found}


def kill(pid: int, start_time: bytes) -> None:
    """Kill a process if it is still the same one."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        stat = stat_of(pid)
        if stat is not None and stat[2] == start_time:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        pass
    finally:
        os.close(handle)


def empty_cgroup(path: str) -> None:
    """Kill all who are in a control group, and remove it as far as nobody is left in it."""
    try:
        with open(f"{path}/cgroup.kill", "w") as file:  # noqa: PTH123 - as above
            file.write("1")
        for directory, _, _ in os.walk(path, topdown=False):
            os.rmdir(directory)  # noqa: PTH106 - as above
    except OSError:
        pass  # it is gone, or somebody in it is not dead yet: the next pass comes


def main(session: str, lifeline: int, cgroup: str = "") -> None:
    """Wait for the engine's end, then kill until three passes in a row find nobody."""
    for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(signum, signal.SIG_IGN)
    while os.read(lifeline, 1):
        pass
    clean, give_up_at = 0, time.monotonic() + GIVE_UP_S
    while clean < CLEAN_PASSES and time.monotonic() < give_up_at:
        if cgroup:
            empty_cgroup(cgroup)
        victims = marked(session)
        for pid, start_time in victims.items():
            kill(pid, start_time)
        clean = 0 if victims else clean + 1
        time.sleep(PASS_S)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
