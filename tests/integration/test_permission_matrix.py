"""Every role with every tool on every object in every state: each call ends as the tables say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import runs, steering
from supervisor.coordinator.coordinator import Coordinator
from supervisor.errors import SupervisorError
from supervisor.model.agent import Role
from supervisor.model.approval import APPROVAL_MOVES, Mode
from supervisor.model.message import DELIVERY_MOVES
from supervisor.model.milestone import MILESTONE_MOVES
from supervisor.model.question import QUESTION_MOVES
from supervisor.model.transitions import TASK_MOVES
from supervisor.model.vote import VOTE_MOVES
from supervisor.store import database
from supervisor.testing.clock import VirtualClock
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam
from supervisor.transports.mcp.team_desk import TeamDesk
from supervisor.transports.mcp.tools.table import TOOLS
from supervisor.transports.mcp.tools.tool import Tool
from tests.integration.swift_store import SwiftStore
from tests.permission_scenes import AGENTS, OK, Scene
from tests.permission_table import RIGHTS, ROWS, Cell, cells, knows
from tests.team_door import mark

SPEC = replace(SMALL_TEAM, pools=tuple(replace(pool, wip=100_000) for pool in SMALL_TEAM.pools))
MOVES: dict[str, dict[Any, Any]] = {
    "task": dict(TASK_MOVES),
    "subtask": dict(TASK_MOVES),
    "vote": dict(VOTE_MOVES),
    "approval": dict(APPROVAL_MOVES),
    "question": dict(QUESTION_MOVES),
    "milestone": dict(MILESTONE_MOVES),
    "mail": dict(DELIVERY_MOVES),
}


@dataclass(kw_only=True)
class Matrix:
    """A team on which cells are tried; an object that a refusal left as it was serves the next cell too."""

    team: SmallTeam
    desk: TeamDesk
    objects: dict[tuple[str, str], str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    tried: int = 0

    async def subject(self, scene: Scene, caller: str) -> str:
        """Return an object as the scene has it; one per caller until something was done to it."""
        key = (scene.name, caller)
        if key not in self.objects:
            self.objects[key] = await self.team.do(lambda scope: scene.make(scope, caller))
        return self.objects[key]

    async def try_cell(self, cell: Cell) -> None:
        """Make a cell's call; note if it ends otherwise than it must, or a refusal changed anything."""
        caller = AGENTS[cell.role]
        subject = await self.subject(cell.scene, caller)
        self.tried += 1
        before, code = await self.team.store.read(mark), OK
        await self.team.clock.advance(2)
        try:
            await self.desk.call(self.team[caller], cell.tool, cell.arguments(subject))
        except SupervisorError as error:
            code = error.code
        changed = await self.team.store.read(mark) != before
        if code != cell.code:
            self.wrong.append(f"{cell.name}: {code}, not {cell.code}")
        if changed and (code != OK or not TOOLS[cell.tool].mutates):
            self.wrong.append(f"{cell.name}: {code}, but it changed something")
        if changed:
            await self._check_move(cell, subject)
            self.objects.clear()

    async def _check_move(self, cell: Cell, subject: str) -> None:
        """Note if the object came into a state that its table does not lead to."""
        noun = cell.scene.noun
        if noun not in {"task", "subtask", "milestone"}:
            return
        state = await self.team.coordinator.read(
            lambda scope: (scope.milestone(subject) if noun == "milestone" else scope.task(subject)).state
        )
        if state != cell.scene.state and state not in MOVES[noun][type(state)(cell.scene.state)]:
            self.wrong.append(f"{cell.name}: it went to {state}")


@asynccontextmanager
async def matrix(directory: Path) -> AsyncIterator[Matrix]:
    clock = VirtualClock()
    async with SwiftStore(directory / "coordinator.db", clock) as store:
        coordinator = Coordinator(store, clock, SPEC, Mode.INTERACTIVE)
        begun = await coordinator.write(lambda scope: runs.begin_run(scope, SPEC, new=False))
        store.run = begun.run.id
        team = SmallTeam(coordinator=coordinator, clock=clock)
        for pool in SPEC.pools:
            for name in pool.agent_names:
                await team.start(name)
        await team.add_task("the first")
        desk = TeamDesk(coordinator, facts={}, on_call=lambda _: None, stopping=lambda _: False)
        yield Matrix(team=team, desk=desk)


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = tuple(each.replace("synchronous = FULL", "synchronous = OFF") for each in database._PRAGMAS)
    monkeypatch.setattr(database, "_PRAGMAS", fast)


def test_every_tool_is_in_the_matrix_with_its_rights() -> None:
    assert RIGHTS.keys() == TOOLS.keys()
    assert {row.tool for row in ROWS} == TOOLS.keys()
    assert {name: set(tool.operations) for name, tool in TOOLS.items()} == {
        name: set(operations) for name, operations in RIGHTS.items()
    }


def test_every_state_of_every_noun_is_in_the_matrix() -> None:
    for noun, moves in MOVES.items():
        assert {scene.state for row in ROWS for scene in row.scenes if scene.noun == noun} == {
            state.value for state in moves
        }


@pytest.mark.parametrize("role", Role)
async def test_every_cell_ends_as_the_tables_say(
    ground: Path, role: Role, campaign: Callable[[str], None]
) -> None:
    async with matrix(ground) as tried:
        for cell in cells(role):
            await tried.try_cell(cell)
        await tried.team.check_invariants()
    campaign(f"rights: {tried.tried} cells of the role {role} ended as the tables say")
    assert tried.wrong == []


@pytest.mark.parametrize("role", Role)
async def test_a_tool_that_a_role_does_not_know_would_refuse_it_too(
    ground: Path, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tool, "visible_to", lambda *_: True)
    async with matrix(ground) as tried:
        for cell in cells(role, behind_the_door=True):
            if not knows(role, cell.tool):
                await tried.try_cell(cell)
    assert tried.wrong == []


async def test_canary_a_right_too_many_is_found(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steering, "may", lambda *_: True)
    async with matrix(ground) as tried:
        for cell in cells(Role.WORKER):
            if cell.tool == "task_skip":
                await tried.try_cell(cell)
    assert "worker task_skip on task pending of nobody: ok, not forbidden" in tried.wrong


async def test_canary_a_refusal_that_changes_something_is_found(
    ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Coordinator.look

    async def look(self: Coordinator, actor: Any, use_case: Any) -> Any:
        await self.write(lambda scope: scope.tx.tell("test.touched", "x", actor="supervisor"))
        return await whole(self, actor, use_case)

    monkeypatch.setattr(Coordinator, "look", look)
    async with matrix(ground) as tried:
        for cell in cells(Role.MONITOR):
            if cell.tool == "task_get":
                await tried.try_cell(cell)
    assert "monitor task_get on task pending of nobody: ok, but it changed something" in tried.wrong
