"""The engine's own time: no wall clock moves it, and what it could not live through does not count.

Three clocks of the machine go into it. The wall clock is read once, at the start; from then on `now` goes by
the time since the boot, so that setting the clock by an hour or a day moves no deadline. `monotonic` leaves
out gaps: stretches in which this process did not run, because the machine slept, the process was stopped or
the machine was too busy. Whatever sleeps or measures by it, waits or grows older only while it could act.

A gap is noticed by whoever asks the clock first, so nobody can act on a deadline that only a gap made pass.
`now` leaves a gap out too until it is settled: until then all stored deadlines keep their distance, and the
transaction that moves them by the gap is the one after which `now` takes it in.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from supervisor.clock import MachineTime

TICK_S: Final = 1.0
GAP_S: Final = 3 * TICK_S
"""How late a tick must be to count as a gap."""

_AT_ONE_INSTANT_S: Final = 0.05
_CLOSE_ENOUGH_S: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Time that the engine did not live through; for `asleep_s` of it the machine was suspended."""

    seconds: float
    asleep_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Instant:
    monotonic: float
    boottime: float


class SteadyClock:
    """Fill the Clock protocol with the time of one engine; gaps are looked for while `watch` runs.

    `now` and `monotonic` may be asked in any thread.
    """

    def __init__(self, machine: MachineTime) -> None:
        """Read the wall clock, for the last time."""
        self._machine = machine
        self._lock = threading.Lock()
        self._watching = False
        self._seen = self._instant()
        self._stalled_s = 0.0
        self._unsettled_s = self._unsettled_asleep_s = 0.0
        self.booted_at: Final = machine.now() - self._seen.boottime

    def now(self) -> float:
        """Return seconds since the epoch, by the wall clock as it stood at the start."""
        with self._lock:
            return self.booted_at + self._look().boottime - self._unsettled_s

    def monotonic(self) -> float:
        """Return seconds that neither jump nor pass in a gap."""
        with self._lock:
            return self._look().monotonic - self._stalled_s

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` in which the engine lived."""
        until = self.monotonic() + seconds
        await self._machine.sleep(seconds)
        while (left := until - self.monotonic()) > _CLOSE_ENOUGH_S:
            await self._machine.sleep(left)

    async def watch(self) -> None:
        """Look for gaps, each second, until cancelled."""
        with self._lock:
            self._seen = self._instant()
            self._watching = True
        try:
            while True:
                await self._machine.sleep(TICK_S)
                self.monotonic()
        finally:
            self._watching = False

    def unsettled(self) -> Gap | None:
        """Return all gaps that are not settled yet, as one; None without any."""
        with self._lock:
            self._look()
            if self._unsettled_s < _CLOSE_ENOUGH_S:
                return None
            return Gap(seconds=self._unsettled_s, asleep_s=self._unsettled_asleep_s)

    def settle(self, gap: Gap) -> None:
        """Let `now` take a gap in: the stored deadlines were moved by it."""
        with self._lock:
            self._unsettled_s -= gap.seconds
            self._unsettled_asleep_s -= gap.asleep_s

    def wall_is_ahead_s(self) -> float:
        """Return how far the wall clock was set forward, or back if it is negative, since the start."""
        return self._machine.now() - self._machine.boottime() - self.booted_at

    def _look(self) -> _Instant:
        """Take the time, and note a gap before it."""
        instant = self._instant()
        if self._watching:
            self._compare(self._seen, instant)
        self._seen = instant
        return instant

    def _compare(self, before: _Instant, after: _Instant) -> None:
        awake_s = after.monotonic - before.monotonic
        asleep_s = max(0.0, after.boottime - before.boottime - awake_s)
        stalled_s = max(0.0, awake_s - TICK_S)
        if asleep_s + stalled_s > GAP_S:
            self._stalled_s += stalled_s
            self._unsettled_s += asleep_s + stalled_s
            self._unsettled_asleep_s += asleep_s

    def _instant(self) -> _Instant:
        """Read both clocks at one instant: this process may be stopped between two readings."""
        while True:
            before = self._machine.boottime()
            monotonic = self._machine.monotonic()
            after = self._machine.boottime()
            if after - before < _AT_ONE_INSTANT_S:
                return _Instant(monotonic=monotonic, boottime=after)
