"""How many more agents the machine's memory holds, and what its shortage asks: pure decisions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Final

from supervisor.model.agent import MachineMetrics

MIB: Final = 1024 * 1024
RESERVE_LEAST_BYTES: Final = 1024 * MIB
RESERVE_SHARE: Final = 0.1
"""What stays free for all else: a tenth of the machine's memory, and never less than a GiB."""

UNKNOWN_BYTES: Final = 350 * MIB
"""What an agent is taken to need until one of its pool was measured: some coding agents' idle tree."""

HOLD_PERCENT: Final = 10.0
SHED_PERCENT: Final = 5.0
SHED_IDLE_EVERY_S: Final = 2.0
SHED_BUSY_PERCENT: Final = 20.0
SHED_BUSY_AFTER_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """So many more agents fit; `why` says it in numbers."""

    agents: int
    why: str


def room_for(machine: MachineMetrics, need_bytes: int | None, *, promised_bytes: int = 0) -> Room | None:
    """Return how many more agents of a pool fit; None where the machine does not tell its memory.

    `need_bytes` is what 95 of 100 of its trees do not exceed, None while none was measured;
    `promised_bytes` go to agents that are just starting and have not taken theirs yet.
    """
    if not machine.memory_bytes:
        return None
    need = need_bytes or UNKNOWN_BYTES
    reserve = max(RESERVE_LEAST_BYTES, int(machine.memory_bytes * RESERVE_SHARE))
    spare = machine.available_bytes - reserve - promised_bytes
    words = (
        f"memory: {machine.available_bytes // MIB:,} MiB available, {reserve // MIB:,} stay in reserve"
        + (f", {promised_bytes // MIB:,} are for agents that start" if promised_bytes else "")
        + f", an agent needs {need // MIB:,}"
        + ("" if need_bytes else " (taken until one was measured)")
    )
    return Room(agents=max(0, spare // need), why=words)


class Squeeze(IntEnum):
    """What a shortage of memory asks: nothing, no more starts, one idle agent, one that works."""

    NONE = auto()
    HOLD = auto()
    SHED_IDLE = auto()
    SHED_BUSY = auto()


class PressureWatch:
    """Judges the kernel's pressure figures; where there are none, there is no shortage."""

    def __init__(self) -> None:
        """Begin at ease."""
        self._severe_since: float | None = None
        self._shed_at = -math.inf

    def judge(self, machine: MachineMetrics, now: float) -> Squeeze:
        """Say what the figures of `now` (monotonic) ask.

        `SHED_IDLE` is asked at most every two seconds, `SHED_BUSY` once per half a minute.
        """
        full, some = machine.pressure_full or 0.0, machine.pressure_some or 0.0
        if full <= SHED_BUSY_PERCENT:
            self._severe_since = None
        elif self._severe_since is None:
            self._severe_since = now
        elif now - self._severe_since >= SHED_BUSY_AFTER_S:
            self._severe_since = now
            return Squeeze.SHED_BUSY
        if full > SHED_PERCENT and now - self._shed_at >= SHED_IDLE_EVERY_S:
            self._shed_at = now
            return Squeeze.SHED_IDLE
        return Squeeze.HOLD if some > HOLD_PERCENT or full > SHED_PERCENT else Squeeze.NONE
