"""What an agent's processes do while it says nothing: which of them are tools, and whether anything moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from supervisor.model.health import StallLimits
from supervisor.supervision.liveness import is_busy

CHILD_S: Final = 5.0
"""How long a process must live to count as a tool: clients look at their repository again and again."""

SUSTAINED: Final = 2.0
"""For how many windows a tree must move to count as having worked: a blip fills no more than one."""


@dataclass(slots=True)
class Movement:
    """Keeps track of one incarnation's processes, sample by sample; all times are monotonic.

    `usual` are those that were there while it held no work: its helpers. `moved_at` is when anything
    moved last, `worked_at` when that was more than a blip, `stopped_since` when its leader was stopped.
    """

    moved_at: float | None = None
    worked_at: float | None = None
    stopped_since: float | None = None
    children: int = 0
    _usual: set[int] = field(default_factory=set)
    _seen: dict[int, float] = field(default_factory=dict)
    _moving_since: float | None = None

    def look(
        self, others: Iterable[int], now: float, limits: StallLimits, *, holds_work: bool, stopped: bool
    ) -> None:
        """Take in which processes beside its leader live now, and whether that is stopped.

        One that outlasts any tool is a helper, too.
        """
        pids = set(others)
        self._seen = {pid: self._seen.get(pid, now) for pid in pids}
        self._usual = self._usual & pids if holds_work else pids
        self.children = sum(
            CHILD_S <= now - since < limits.tool_s
            for pid, since in self._seen.items()
            if pid not in self._usual
        )
        if not stopped:
            self.stopped_since = None
        elif self.stopped_since is None:
            self.stopped_since = now

    def measure(
        self, cpu_percent: float | None, io_bytes: int | None, now: float, limits: StallLimits
    ) -> None:
        """Take in what the tree used over the window; after `look`."""
        if not self.children and not is_busy(cpu_percent, io_bytes, limits):
            self._moving_since = None
            return
        self.moved_at = now
        self._moving_since = now if self._moving_since is None else self._moving_since
        if self.children or now - self._moving_since >= SUSTAINED * limits.window_s:
            self.worked_at = now
