"""Kill -9 at any instant: what was answered is there, what was not is not half there, and it goes on."""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.engine.fsck import fsck
from supervisor.model.event import Event
from supervisor.store.database import reading
from supervisor.store.queries import QUERIES
from supervisor.store.transaction import event_of
from supervisor.workspace.state_dir import open_state

ROOT: Final = Path(__file__).resolve().parents[2]
PROJECTS, LIVES = 10, 6
DEADLINE_S: Final = 30.0
SYSCALLS: Final = ("pwrite64", "fdatasync", "fsync", "openat", "ftruncate")


@dataclass
class Zygote:
    """The process that forks lives; `begin` starts one, its words are read as they come."""

    orders: socket.socket

    def begin(self, project: Path, seed: int, fault: str = "") -> Life:
        ours, theirs = socket.socketpair()
        order = json.dumps({"project": str(project), "seed": seed, "fault": fault}).encode()
        socket.send_fds(self.orders, [order], [theirs.fileno()])
        theirs.close()
        return Life(json.loads(self.orders.recv(4096))["pid"], ours, self)

    def ended(self) -> int:
        """Return the wait status of the life that was begun last."""
        self.orders.settimeout(DEADLINE_S)
        return int(json.loads(self.orders.recv(4096))["status"])


@dataclass
class Life:
    """One life: its pid cannot be another's before the zygote was asked how it ended."""

    pid: int
    words: socket.socket
    zygote: Zygote
    heard: bytes = b""

    def go(self) -> None:
        self.words.send(b"!")

    def hear(self, lines: int) -> None:
        """Read until so many answers were told, or the life has ended."""
        end = time.monotonic() + DEADLINE_S
        while self.heard.count(b"\n") < lines and time.monotonic() < end:
            if select.select([self.words], [], [], 1)[0]:
                piece = self.words.recv(65536)
                if not piece:
                    return
                self.heard += piece

    def kill(self) -> list[dict[str, Any]]:
        """Kill it, unless it is dead, and return all that it said."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        status = self.zygote.ended()
        assert os.WIFSIGNALED(status), f"the life ended by itself with {os.waitstatus_to_exitcode(status)}"
        while piece := self.words.recv(65536):
            self.heard += piece
        self.words.close()
        return [json.loads(line) for line in self.heard.splitlines()]


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "supervisor.testing.crash_workload", str(theirs.fileno())]
    with subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()]) as process, ours:
        theirs.close()
        yield Zygote(ours)
        ours.close()
        process.wait(DEADLINE_S)


@dataclass
class History:
    """What a project's lives were told, to be compared with what is on disk."""

    project: Path
    acknowledged: list[dict[str, Any]] = field(default_factory=list)

    async def violations(self) -> list[str]:
        """Name everything that is not as promised."""
        database = self.project / ".supervisor" / "coordinator.db"
        if not database.exists():
            return ["the database is gone"] if self.acknowledged else []
        report = await fsck(self.project)
        found = [f"{name}: {detail}" for name, holds, detail in report.checks if not holds]
        with reading(database) as connection:
            rows = connection.execute(QUERIES["event.since"], {"since": 0, "limit": 10**9})
            hashes = {event.seq: event.hash for event in map(event_of, rows)}
            keys = {row["key"] for row in connection.execute("SELECT key FROM answered_call")}
        for fact in self.acknowledged:
            if hashes.get(fact["seq"]) != fact["hash"]:
                found.append(f"acknowledged event {fact['seq']} is not there")
            if fact.get("key") is not None and fact["key"] not in keys:
                found.append(f"acknowledged call {fact['key']} is not there")
        return found


def after_some_answers(life: Life, rng: random.Random) -> None:
    """Let it work for a while, so that the kill falls anywhere in a commit."""
    life.go()
    life.hear(rng.randrange(60))
    time.sleep(rng.random() * 0.004)


def at_a_system_call(life: Life, rng: random.Random) -> None:
    """Have the kernel kill it as it enters the n-th write, sync or open of one of its threads."""
    syscall = rng.choice(SYSCALLS)
    inject = f"inject={syscall}:signal=SIGKILL:when={rng.randrange(1, 80)}"
    command = ["strace", "-f", "-o", os.devnull, "-e", f"trace={syscall}", "-e", inject, "-p", str(life.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        life.go()
        life.hear(60)
        with suppress(ProcessLookupError):
            os.kill(life.pid, signal.SIGKILL)
        tracer.wait(DEADLINE_S)


@contextmanager
def sleeper() -> Iterator[int]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def can_trace() -> bool:
    """Tell whether strace is here and may attach and inject."""
    if shutil.which("strace") is None:
        return False
    with sleeper() as pid:
        command = ["strace", "-o", os.devnull, "-e", "inject=fsync:signal=SIGKILL:when=1", "-p", str(pid)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            attached = "attached" in tracer.stderr.readline()
            tracer.terminate()
    return attached


def ways_to_die() -> tuple[Callable[[Life, random.Random], None], ...]:
    return (after_some_answers, at_a_system_call) if can_trace() else (after_some_answers,)


async def test_whatever_was_answered_survives_any_kill_and_the_next_start_goes_on(
    zygote: Zygote, tmp_path: Path, long: int
) -> None:
    ways, points, answers = ways_to_die(), 0, 0
    for number in range(PROJECTS * long):
        rng = random.Random(number)
        history = History(tmp_path / f"p{number}")
        history.project.mkdir()
        for turn in range(LIVES):
            life = zygote.begin(history.project, seed=number * LIVES + turn)
            ways[points % len(ways)](life, rng)
            history.acknowledged += life.kill()
            assert await history.violations() == [], f"project {number}, life {turn}"
            points += 1
        answers += len(history.acknowledged)
        shutil.rmtree(history.project)
    assert points == PROJECTS * LIVES * long
    assert answers > points * 5


@pytest.mark.parametrize("fault", ["told before the commit", "event apart"])
async def test_canary_a_writer_that_breaks_its_promise_is_caught(
    zygote: Zygote, tmp_path: Path, fault: str
) -> None:
    rng = random.Random(7)
    for number in range(40):
        history = History(tmp_path / f"p{number}")
        history.project.mkdir()
        life = zygote.begin(history.project, seed=number, fault=fault)
        life.go()
        life.hear(rng.randrange(5, 40))
        history.acknowledged += life.kill()
        if await history.violations():
            return
    pytest.fail("40 kills of a faulty writer were not noticed")


async def test_after_a_kill_nothing_is_shown_as_running(zygote: Zygote, tmp_path: Path) -> None:
    history = History(tmp_path)
    first = zygote.begin(tmp_path, seed=1)
    first.go()
    first.hear(60)
    history.acknowledged += first.kill()
    second = zygote.begin(tmp_path, seed=2)
    second.go()
    second.hear(1)
    history.acknowledged += second.kill()
    assert await history.violations() == []
    with reading(open_state(tmp_path, create=False).database) as connection:
        freed: list[Event] = [
            event_of(row)
            for row in connection.execute(QUERIES["event.since"], {"since": 0, "limit": 10**9})
            if "engine died" in row["reason"]
        ]
    assert {event.kind for event in freed} >= {"agent.backoff"}


def test_a_life_that_is_not_told_to_begin_does_nothing(zygote: Zygote, tmp_path: Path) -> None:
    life = zygote.begin(tmp_path, seed=1)
    with closing(life.words.dup()):
        assert life.kill() == []
    assert list(tmp_path.iterdir()) == []
