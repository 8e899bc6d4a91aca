"""The agents' logs: one for each, together under a cap; what is lost or removed is told, not too often."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.clock import Clock
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.engine.persistence import until_taken
from supervisor.logs.space import LogSpace, file_bytes
from supervisor.logs.writer import AgentLog
from supervisor.model.ids import SUPERVISOR
from supervisor.model.team import LOG_CAP_MIB

LAST_LINES: Final = 50
LAST_CHARACTERS: Final = 4_096
ENGINE_LOG: Final = "engine.log"
LOOK_EVERY_S: Final = 1.0
WARN_EVERY_S: Final = 60.0
_MIB: Final = 1 << 20

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Lost:
    """What of one agent's output was dropped, and how much of that was told."""

    told_bytes: int = 0
    next_at: float = 0.0


class AgentLogs:
    """Opens each agent's log with its first start and remembers what it said last."""

    def __init__(self, directory: Path, *, cap_mib: int = LOG_CAP_MIB, agents: int = 1) -> None:
        """Keep the logs in `directory` under so many MiB; `agents` is how many there may be."""
        cap_bytes = cap_mib * _MIB
        self._directory: Final = directory
        self._file_bytes: Final = file_bytes(cap_bytes, agents + 1)
        self._space: Final = LogSpace(
            directory, cap_bytes=cap_bytes, file_bytes=self._file_bytes, others=(ENGINE_LOG,)
        )
        self._logs: Final[dict[str, AgentLog]] = {}
        self._lost: Final[dict[str, _Lost]] = {}
        self._is_cap_told = False

    def begin(self, agent: str) -> AgentLog:
        """Return the log for a new incarnation's output."""
        log = self._logs.get(agent)
        if log is None:
            path = self._directory / f"{agent}.log"
            log = self._logs[agent] = AgentLog(path, max_bytes=self._file_bytes, space=self._space)
        log.begin()
        return log

    def last_words(self, agent: str) -> tuple[str, ...]:
        """Return what the agent's newest incarnation wrote last, whether the disk took it or not.

        It is foreign text: 50 lines or 4,096 characters at most, of a line too long the end.
        """
        log = self._logs.get(agent)
        kept: list[str] = []
        room = LAST_CHARACTERS
        for line in reversed(log.last_words(LAST_LINES) if log is not None else []):
            if room <= 0:
                break
            kept.append(line.decode("utf-8", "replace").rstrip("\r")[-room:])
            room -= len(kept[-1]) + 1
        return tuple(reversed(kept))

    async def keep_watch(self, coordinator: Coordinator, clock: Clock) -> None:
        """Tell of dropped output, once a minute for each agent, and once that the cap was reached."""
        while True:
            await clock.sleep(LOOK_EVERY_S)
            for agent, log in tuple(self._logs.items()):  # a log may begin meanwhile
                lost = self._lost.setdefault(agent, _Lost())
                if log.dropped_bytes > lost.told_bytes and clock.monotonic() >= lost.next_at:
                    count, lost.told_bytes = log.dropped_bytes - lost.told_bytes, log.dropped_bytes
                    lost.next_at = clock.monotonic() + WARN_EVERY_S
                    await _tell_dropped(coordinator, clock, agent, count, log.problem)
            if self._space.removed_bytes and not self._is_cap_told:
                self._is_cap_told = True
                await _tell_cap(coordinator, clock, self._space.cap_bytes // _MIB)

    async def close(self) -> None:
        """Write out and close every log."""
        for log in self._logs.values():
            await asyncio.to_thread(log.close)


async def _tell_dropped(coordinator: Coordinator, clock: Clock, agent: str, count: int, cause: str) -> None:
    reason = f"{count} bytes of its output were dropped: {cause}"
    _log.warning("%s: %s", agent, reason)
    await _tell(coordinator, clock, "engine.output_dropped", agent, reason, dropped_bytes=count)


async def _tell_cap(coordinator: Coordinator, clock: Clock, cap_mib: int) -> None:
    reason = f"all logs together reached {cap_mib} MiB; from now on the oldest rotated ones are removed"
    _log.warning("%s (run.log_cap_mib)", reason)
    await _tell(coordinator, clock, "engine.logs_capped", "logs", reason, cap_mib=cap_mib)


async def _tell(
    coordinator: Coordinator, clock: Clock, kind: str, subject: str, reason: str, **facts: int
) -> None:
    def tell(scope: Scope) -> None:
        scope.tx.tell(kind, subject, actor=SUPERVISOR, reason=reason, **facts)

    await until_taken(lambda: coordinator.write(tell), clock, what=f"that {reason}")
