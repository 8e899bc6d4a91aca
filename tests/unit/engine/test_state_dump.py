"""What an engine tells of its inside: clocks, queues, slots and tasks."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from supervisor.engine.state_dump import state_dump
from supervisor.engine.steady_clock import SteadyClock
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.processes import ChangeLog, PaperLauncher
from supervisor.testing.small_team import small_team
from supervisor.transports.control.frame_hub import FrameHub
from supervisor.transports.control.protocol import BellFrame


async def test_it_tells_of_clocks_queues_slots_limits_and_stacks(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team, asyncio.TaskGroup() as tasks:
        clock, hub = SteadyClock(team.clock), FrameHub()
        supervisor = Supervisor(
            [ChildSpec(name="hand", pool="hand")], PaperLauncher(), ChangeLog(), clock, random.Random(1)
        )
        tasks.create_task(supervisor.run(), name="supervisor")
        await team.clock.settle()

        def dump() -> str:
            return state_dump(coordinator=team.coordinator, supervisor=supervisor, hub=hub, clock=clock)

        told = dump()
        assert "hand: starting, incarnation 1, pid 1001, attempt 1" in told
        assert "start_timeout in 60.0 s" in told
        assert "runtime_cap in 7200.0 s" in told
        assert "0 wait, sound" in told
        assert "no subscriber" in told
        assert "  supervisor\n" in told
        async with hub.subscribe():
            hub.publish(BellFrame(at=0.0, about="x"))
            assert "feed: 1 (unread" in dump()
        await supervisor.stop(now=True)
