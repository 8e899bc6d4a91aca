"""Ourselves in the supervision benchmark: the engine as `up` starts it, and its supervision alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.keeper import Order
from benchmarks.nursery import PATIENCE_S
from benchmarks.team import ROOT, SUPERVISOR, Team, engine_of, profile

FREE_AFTER_S: Final = 13.0
"""Ready after two seconds, and ten more until the first restart is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningEngine:
    """An engine at work and its guardian."""

    ordered_at: float
    team: Team

    @property
    def pids(self) -> list[int]:
        """Return the engine and its guardian."""
        return [self.team.pid, *self.guardian]

    @property
    def guardian(self) -> list[int]:
        """Return the guardian, which is the engine's child that runs our program."""
        children = Path(f"/proc/{self.team.pid}/task/{self.team.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"guardian" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def stop(self) -> None:
        """End the team as a person does."""
        subprocess.run(
            [*SUPERVISOR, "down", "--project", str(self.team.project)],
            check=False,
            capture_output=True,
            timeout=PATIENCE_S,
            cwd=ROOT,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The engine with everything: database, event log, agents' door, sampling."""

    name: str = "supervisor"
    most: int = 200
    settle_s: float = FREE_AFTER_S

    @contextmanager
    def keep(self, order: Order) -> Iterator[RunningEngine]:
        """Start a team of so many agents that are ready when they have lived for two seconds."""
        pools = {f"w{first // 100}": min(100, order.copies - first) for first in range(0, order.copies, 100)}
        (order.directory / "bench.toml").write_text(kept_for_good(profile(pools, list(order.argv))))
        at = time.monotonic()
        _up(order.directory)
        yield from self._running(order, at)

    @contextmanager
    def begin_again(self, order: Order) -> Iterator[RunningEngine]:
        """Start on what a killed engine left."""
        at = time.monotonic()
        _up(order.directory)
        yield from self._running(order, at)

    def _running(self, order: Order, at: float) -> Iterator[RunningEngine]:
        try:
            yield RunningEngine(
                ordered_at=at, team=Team(project=order.directory, engine=engine_of(order.directory))
            )
        finally:
            subprocess.run(
                [*SUPERVISOR, "down", "--now", "--project", str(order.directory)],
                check=False,
                capture_output=True,
                timeout=PATIENCE_S,
                cwd=ROOT,
            )


def kept_for_good(text: str) -> str:
    """Have the agents of a profile restarted whenever they end, and ready by living on."""
    return text.replace(
        'restart = "temporary"\nstart_timeout_s = 3600\n',
        'restart = "permanent"\nready = { by = "settle" }\n',
    )


def _up(project: Path) -> None:
    subprocess.run(
        [*SUPERVISOR, "up", str(project / "bench.toml"), "--detach", "--project", str(project)],
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
        cwd=ROOT,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningHost:
    """The host program at work."""

    ordered_at: float
    process: subprocess.Popen[bytes]

    @property
    def pids(self) -> list[int]:
        """Return the program; its guardian is counted with the engine's."""
        return [self.process.pid]

    def stop(self) -> None:
        """Ask it to end and wait."""
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """Supervision and runtime without the coordinator."""

    name: str = "its supervision alone"
    most: int = 1000
    settle_s: float = 11.0

    @contextmanager
    def keep(self, order: Order) -> Iterator[RunningHost]:
        """Start the host program."""
        command = json.dumps(list(order.argv))  # in one word: the children's mark must not be ours
        words = [sys.executable, "-m", "benchmarks.host", str(order.directory), str(order.copies), command]
        at = time.monotonic()
        with (order.directory / "own.out").open("ab") as out:
            process = subprocess.Popen(words, cwd=ROOT, stdout=out, stderr=out, env=dict(os.environ))
        try:
            yield RunningHost(ordered_at=at, process=process)
        finally:
            process.kill()
            process.wait()

    begin_again = keep
