"""Waiting, but not for ever, on a clock that comes in as an argument."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from supervisor.clock import Clock


async def wait_at_most(wait: Coroutine[Any, Any, object], clock: Clock, seconds: float) -> bool:
    """Run `wait` for at most `seconds`, then cancel it; tell whether it came to its end."""
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(wait)
        nap = tasks.create_task(clock.sleep(seconds))
        await asyncio.wait({waiting, nap}, return_when=asyncio.FIRST_COMPLETED)
        done = waiting.done()
        waiting.cancel()
        nap.cancel()
    return done
