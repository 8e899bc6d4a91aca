"""What the engine itself uses."""

from __future__ import annotations

import os
import time
from typing import Final

from supervisor.clock import Clock
from supervisor.model.agent import EngineMetrics
from supervisor.runtime.close_look import look_closely
from supervisor.runtime.loop_lag import Lag
from supervisor.runtime.proc_table import read_stat


class SelfGauge:
    """Measures this process, its memory closely every `close_every_s` seconds. Reads /proc."""

    def __init__(self, clock: Clock, *, close_every_s: float) -> None:
        """Count CPU from now on."""
        self._clock: Final = clock
        self._close_every_s: Final = close_every_s
        self._cpu: tuple[float, float] = (clock.monotonic(), time.process_time())
        self._close: tuple[float, int | None] = (clock.monotonic(), None)

    def read(self, lag: Lag) -> EngineMetrics:
        """Return what was used since the last call, and what is used now; blocks for a millisecond."""
        now, cpu_s = self._clock.monotonic(), time.process_time()
        before, cpu_before = self._cpu
        self._cpu = now, cpu_s
        due_at, pss = self._close
        if now >= due_at:
            pss = look_closely([os.getpid()]).pss_bytes
            self._close = now + self._close_every_s, pss
        stat = read_stat(os.getpid())
        return EngineMetrics(
            cpu_percent=round(100 * (cpu_s - cpu_before) / (now - before), 1) if now > before else 0.0,
            rss_bytes=stat.rss_bytes if stat is not None else 0,
            pss_bytes=pss,
            lag_p99_ms=round(lag.p99_ms, 1),
            lag_max_ms=round(lag.max_ms, 1),
        )
