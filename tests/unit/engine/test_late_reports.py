"""What an agent reports on a task that is another's by now is refused, and told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import work
from supervisor.coordinator.scope import Scope
from supervisor.engine.late_reports import TOLD_MAX, LateReports
from supervisor.errors import StaleToken
from supervisor.model.event import Event
from supervisor.testing.small_team import SmallTeam, small_team


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[SmallTeam]:
    async with small_team(tmp_path) as team, asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(LateReports(team.coordinator, team.clock).keep())
        task = await team.add_task()
        await team.claim("worker-1", task.id)
        yield team
        keeping.cancel()


async def report(team: SmallTeam, name: str, token: int) -> None:
    def use_case(scope: Scope) -> dict[str, Any]:
        work.complete(scope, team[name], "T1", token, "late")
        return {}

    with pytest.raises(StaleToken):
        await team.coordinator.call(team[name], "task_complete", use_case)


async def told(team: SmallTeam) -> list[Event]:
    await team.clock.settle()
    await team.do(lambda scope: scope.now)
    return [event for event in await team.events() if event.kind == "late_report.refused"]


async def test_it_is_told_by_whom_and_who_holds_the_task(team: SmallTeam) -> None:
    for _ in range(3):
        await report(team, "worker-2", 1)
    (event,) = await told(team)
    assert (event.subject, event.after["tool"], event.after["holder"]) == (
        "worker-2",
        "task_complete",
        "worker-1",
    )
    assert "worker-2 called task_complete too late: you no longer hold task T1" in event.reason


async def test_who_makes_tokens_up_fills_no_log_and_the_next_life_is_told_anew(team: SmallTeam) -> None:
    for token in range(2, TOLD_MAX + 12):
        await report(team, "worker-2", token)
        await told(team)
    assert len(await told(team)) == TOLD_MAX
    await team.crash("worker-2")
    await team.start("worker-2")
    await report(team, "worker-2", 7)
    assert [event.after["life"] for event in await told(team)][-2:] == [1, 2]
