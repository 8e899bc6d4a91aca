"""A disk that is full or broken: from a given change on, once or until it is mended."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Final

from supervisor.testing.disk_tap import Change, DiskCall, Fault

_GROWING: Final = frozenset({Change.WRITE, Change.CREATE, Change.SHARE, Change.LINK})
_SYNCING: Final = frozenset({Change.SYNC, Change.SYNC_DIR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ailment:
    """What is wrong: which changes fail, with which error, and whether half of a write is still made."""

    changes: frozenset[Change]
    number: int
    half: bool = False


AILMENTS: Final = {
    "full": Ailment(changes=_GROWING, number=errno.ENOSPC),
    "full in the middle of a write": Ailment(changes=_GROWING, number=errno.ENOSPC, half=True),
    "broken": Ailment(changes=frozenset(Change), number=errno.EIO),
    "losing names": Ailment(changes=frozenset({Change.SYNC_DIR}), number=errno.EIO),
    "failing to sync": Ailment(changes=_SYNCING, number=errno.EIO),
}


@dataclass
class FaultyDisk:
    """Counts the changes that can fail, and lets number `nth` fail; with `lasting`, all after it too."""

    ailment: Ailment
    nth: int
    lasting: bool
    armed: bool = True
    count: int = 0
    failed: int = 0

    def before(self, call: DiskCall) -> Fault | None:
        """Let it fail if its turn has come."""
        if not self.armed or call.change not in self.ailment.changes:
            return None
        self.count += 1
        if self.count != self.nth and not (self.lasting and self.count > self.nth):
            return None
        self.failed += 1
        half = len(call.data) // 2 if self.ailment.half else 0
        return Fault(number=self.ailment.number, written=half)

    def after(self, call: DiskCall, *, made: bool) -> None:
        """Nothing is left to do."""

    def mend(self) -> None:
        """Let nothing fail any more."""
        self.nth = 0
        self.lasting = False
