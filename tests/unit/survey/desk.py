"""The survey's agents at the real coordinator, without processes and HTTP between them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coordinator import Refused
from judge import judge
from planner import plan_survey
from reviewer import review
from supervisor.config.profile import load_profile
from supervisor.coordinator.actor import Actor
from supervisor.errors import SupervisorError
from supervisor.model.approval import Mode
from supervisor.testing.small_team import SmallTeam, small_team
from supervisor.transports.mcp.team_desk import TeamDesk
from tests.unit.survey.conftest import PROGRAMS
from worker import work

Answer = dict[str, Any]
DEADLINE_S = 30


class Died(Exception):
    """The agent's process is gone."""


@dataclass
class DeskTools:
    """Calls tools as one agent. `before` may look at each call, and die."""

    desk: TeamDesk
    actor: Actor
    before: Callable[[str, Answer], Awaitable[None]] | None = None
    stop_requested: bool = False
    calls: list[str] = field(default_factory=list)

    async def call(self, tool: str, /, **arguments: Any) -> Answer:
        self.calls.append(tool)
        if self.before is not None:
            await self.before(tool, arguments)
        try:
            answer = await self.desk.call(self.actor, tool, arguments)
        except SupervisorError as error:
            raise Refused(error.code, error.message, error.details) from error
        as_sent: Answer = json.loads(json.dumps(answer))
        return as_sent


@dataclass
class Survey:
    """A survey team on a project; tests start its agents."""

    team: SmallTeam
    desk: TeamDesk

    def tools(self, name: str) -> DeskTools:
        return DeskTools(self.desk, self.team[name])

    async def plan(self) -> None:
        await plan_survey(self.tools("planner"))

    async def tasks(self) -> dict[str, Answer]:
        listed = (await self.tools("planner").call("task_list"))["tasks"]
        return {next(tag for tag in task["tags"] if tag != "survey"): task for task in listed}

    async def until_ended(self, *labels: str) -> None:
        planner = self.tools("planner")
        tasks = await self.tasks()
        for label in labels:
            while not (await planner.call("wait", **{"for": [f"task:{tasks[label]['id']}"]}))["woken_by"]:
                pass

    @asynccontextmanager
    async def at_work(self, *names: str) -> AsyncIterator[None]:
        """Let these agents run until the block ends."""
        mains: dict[str, Callable[[Any], Awaitable[None]]] = {
            "worker": work,
            "judge": judge,
            "reviewer": review,
        }
        async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
            running = [
                group.create_task(_run(mains[name.partition("-")[0]], self.tools(name))) for name in names
            ]
            yield
            for task in running:
                task.cancel()


async def _run(main: Callable[[Any], Awaitable[None]], tools: DeskTools) -> None:
    await main(tools)


@asynccontextmanager
async def survey_team(
    project: Path, state: Path, *, mode: Mode = Mode.HEADLESS, **changes: Any
) -> AsyncIterator[Survey]:
    spec = load_profile(str(PROGRAMS.parent / "survey.toml"))
    wanted = {name: getattr(spec, name) for name in ("name", "pools", "approvals", "settings")} | changes
    async with small_team(state, mode=mode, **wanted) as team:
        desk = TeamDesk(
            team.coordinator,
            facts={"project": str(project), "report_dir": str(state)},
            on_call=lambda _actor: None,
            stopping=lambda _name: False,
        )
        yield Survey(team, desk)
