"""Orphans are buried even while nothing else looks at the process table."""

from __future__ import annotations

import asyncio
import os

import pytest

from supervisor.engine import undertaker
from supervisor.testing.clock import VirtualClock


@pytest.mark.parametrize(("pid", "seconds"), [(1, 1.0), (4711, 10.0)])
async def test_orphans_are_buried_now_and_then_and_as_init_every_second(
    monkeypatch: pytest.MonkeyPatch, pid: int, seconds: float
) -> None:
    looked = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(os, "getpid", lambda: pid)
    monkeypatch.setattr(undertaker, "reap_adopted", lambda: loop.call_soon_threadsafe(looked.set))
    clock = VirtualClock()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(undertaker.bury_orphans(clock))
        for _ in range(2):
            while clock.next_wake is None:
                await asyncio.sleep(0)
            await clock.advance(seconds - 0.1)
            assert not looked.is_set()
            await clock.advance(0.1)
            await looked.wait()
            looked.clear()
        keeping.cancel()
