"""Death at a given change of the disk: before it, in the middle of a write, or right after it."""

from __future__ import annotations

import errno
import os
import signal
from dataclasses import dataclass
from enum import StrEnum

from supervisor.testing.disk_tap import Change, DiskCall, Fault


class Moment(StrEnum):
    """When, with respect to the change, the process dies; only a write has a middle."""

    BEFORE = "before"
    HALF = "half"
    AFTER = "after"


@dataclass
class Killer:
    """Counts changes once `armed`, and kills its own process at number `nth`."""

    nth: int
    moment: Moment
    armed: bool = False
    count: int = 0

    def before(self, call: DiskCall) -> Fault | None:
        """Die before the change, or cut a write in its middle."""
        self.count += self.armed
        if not self._due:
            return None
        if self.moment is Moment.BEFORE:
            _die()
        if self.moment is Moment.HALF and call.change is Change.WRITE:
            return Fault(number=errno.EIO, written=len(call.data) // 2)
        return None

    def after(self, call: DiskCall, *, made: bool) -> None:
        """Die when the change, or the half of it, is made."""
        if self._due:
            _die()

    @property
    def _due(self) -> bool:
        return self.armed and self.count == self.nth


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
