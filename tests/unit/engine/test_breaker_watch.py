"""The circuit breaker is told of once for the team, each time that it opens."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from supervisor.engine.breaker_watch import tell_of_breaker
from supervisor.model.event import Event
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.processes import ChangeLog, PaperLauncher
from supervisor.testing.small_team import small_team
from tests.unit.supervision.conftest import child


def hear(heard: asyncio.Queue[Event], events: list[Event]) -> None:
    for event in events:
        heard.put_nowait(event)


async def test_the_team_is_told_that_starts_are_held_and_that_they_are_free_again(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team, asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        heard: asyncio.Queue[Event] = asyncio.Queue()
        team.store.listen(lambda events: hear(heard, events))
        launcher = PaperLauncher()
        agent = child("a", intensity=99)
        supervisor = Supervisor([agent], launcher, ChangeLog(), team.clock, random.Random(1))
        telling = tasks.create_task(tell_of_breaker(supervisor, team.coordinator, team.clock))
        running = tasks.create_task(supervisor.run())
        for _ in range(6):
            await team.clock.settle()
            launcher.last("a").kill()
            await team.clock.settle()
            supervisor.restart("a")
        held = await heard.get()
        often = "more than 5 restarts in 60 s in the whole team"
        assert (held.kind, held.reason) == ("engine.starts_held", f"{often}; the last: a killed by SIGKILL")
        await team.clock.settle()
        supervisor.ready("a", launcher.starts("a"))
        freed = await heard.get()
        assert (freed.kind, heard.empty()) == ("engine.starts_freed", True)
        telling.cancel()
        await supervisor.stop()
        await running
