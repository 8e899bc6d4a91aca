"""A process that imports once and forks a life for each order: to be killed, starved or recorded.

    python -m supervisor.testing.zygote SOCKET_FD

An order is a JSON object `{"trial", …}` that comes over the socket with a descriptor to speak on. The zygote
answers with the pid, and after that life has ended with how. A life begins when it reads a byte; then it
writes one JSON line per fact.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Fact = dict[str, Any]
Trial = Callable[[Fact, Callable[[Fact], None]], None]

ROOT: Final = Path(__file__).resolve().parents[2]
DEADLINE_S: Final = 60.0
FAILED: Final = 3
"""The exit code of a life that ended by an exception; it told it as the fact `failed`."""


@dataclass
class Life:
    """One life, seen from outside; its pid cannot be another's before its end was asked for."""

    pid: int
    words: socket.socket
    zygote: Zygote
    heard: bytes = b""

    def go(self) -> None:
        """Let it begin."""
        self.words.send(b"!")

    def hear(self, lines: int) -> None:
        """Read until so many facts were told, or the life has ended."""
        end = time.monotonic() + DEADLINE_S
        while self.heard.count(b"\n") < lines and time.monotonic() < end:
            if select.select([self.words], [], [], 1)[0]:
                piece = self._listen()
                if not piece:
                    return
                self.heard += piece

    def _listen(self) -> bytes:
        """Read a piece; a life that was killed before it read our byte resets the connection."""
        with suppress(ConnectionResetError):
            return self.words.recv(65536)
        return b""

    def told(self) -> list[Fact]:
        """Return the whole facts that were heard so far."""
        return [json.loads(line) for line in self.heard[: self.heard.rfind(b"\n") + 1].splitlines()]

    def kill(self) -> list[Fact]:
        """Kill it, unless it is dead, and return all that it said."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        status, facts = self._end()
        if not os.WIFSIGNALED(status):
            raise AssertionError(
                f"the life ended by itself with {os.waitstatus_to_exitcode(status)}: {facts}"
            )
        return facts

    def end(self) -> tuple[bool, list[Fact]]:
        """Let it live to its end; tell whether a signal ended it, and all that it said."""
        status, facts = self._end()
        killed = os.WIFSIGNALED(status)
        if not killed and os.waitstatus_to_exitcode(status) != 0:
            raise AssertionError(f"the life failed: {facts[-1:] or status}")
        return killed, facts

    def _end(self) -> tuple[int, list[Fact]]:
        self.words.settimeout(DEADLINE_S)
        while piece := self._listen():
            self.heard += piece
        self.words.close()
        status = self.zygote.ended()
        return status, [json.loads(line) for line in self.heard.splitlines()]


@dataclass
class Zygote:
    """The process that forks lives, seen from outside."""

    orders: socket.socket
    living: int | None = None

    def begin(self, trial: str, project: Path, **order: Any) -> Life:
        """Fork a life, which waits for `go`; one that a failed test left is ended first."""
        self.abandon()
        ours, theirs = socket.socketpair()
        words = json.dumps({"trial": trial, "project": str(project), **order}).encode()
        socket.send_fds(self.orders, [words], [theirs.fileno()])
        theirs.close()
        self.living = json.loads(self.orders.recv(4096))["pid"]
        return Life(self.living, ours, self)

    def run(self, trial: str, project: Path, **order: Any) -> tuple[bool, list[Fact]]:
        """Fork a life and let it live to its end."""
        life = self.begin(trial, project, **order)
        life.go()
        return life.end()

    def ended(self) -> int:
        """Return the wait status of the life that was begun last."""
        self.orders.settimeout(DEADLINE_S)
        status = int(json.loads(self.orders.recv(4096))["status"])
        self.living = None
        return status

    def abandon(self) -> None:
        """Kill the life that a failed test left; its pid is its own until its end was asked for."""
        if self.living is not None:
            os.kill(self.living, signal.SIGKILL)
            self.ended()


@contextmanager
def zygote() -> Iterator[Zygote]:
    """Give a zygote for as long as it is needed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "supervisor.testing.zygote", str(theirs.fileno())]
    with subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()]) as process, ours:
        theirs.close()
        running = Zygote(ours)
        try:
            yield running
        finally:
            running.abandon()
            ours.close()
            process.wait(DEADLINE_S)


def serve(orders: socket.socket, trials: dict[str, Trial]) -> None:
    """Fork a life for each order, until the other side is gone."""
    while True:
        line, fds, _, _ = socket.recv_fds(orders, 1 << 20, 1)
        if not line:
            return
        order, spoken_on = json.loads(line), fds[0]
        pid = os.fork()
        if pid == 0:
            orders.close()
            _live(order, spoken_on, trials[order["trial"]])
        os.close(spoken_on)
        orders.send(json.dumps({"pid": pid}).encode())
        _, status = os.waitpid(pid, 0)
        orders.send(json.dumps({"status": status}).encode())


def _live(order: Fact, spoken_on: int, trial: Trial) -> None:
    say = os.write

    def speak(fact: Fact) -> None:
        say(spoken_on, json.dumps(fact).encode() + b"\n")

    code = 0
    try:
        if os.read(spoken_on, 1):
            trial(order, speak)
    except BaseException:  # noqa: BLE001 - told to the other side, who waits for it
        speak({"failed": traceback.format_exc()})
        code = FAILED
    finally:
        os._exit(code)


if __name__ == "__main__":
    from supervisor.testing.trials import TRIALS

    serve(socket.socket(fileno=int(sys.argv[1])), TRIALS)
