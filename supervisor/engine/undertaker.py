"""Burying the dead that come to us while nobody looks at the process table for another reason."""

from __future__ import annotations

import asyncio
import os
from typing import Final

from supervisor.clock import Clock
from supervisor.runtime.subreaper import reap_adopted

INIT_PERIOD_S: Final = 1.0
PERIOD_S: Final = 10.0


async def bury_orphans(clock: Clock) -> None:
    """Reap adopted orphans that have died, until cancelled.

    As the first process of a container every orphan in it comes to us, so there we look more often.
    """
    while True:
        await clock.sleep(INIT_PERIOD_S if os.getpid() == 1 else PERIOD_S)
        await asyncio.to_thread(reap_adopted)
