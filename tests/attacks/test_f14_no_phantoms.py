"""F14: after any death of the engine nothing is shown or kept as running that does not run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from supervisor.coordinator import ending, upkeep
from supervisor.engine.offline import read_offline
from supervisor.model.agent import ALIVE, AgentState
from supervisor.model.task import TaskState
from supervisor.testing.small_team import SMALL_TEAM
from supervisor.workspace.state_dir import StateDir, open_state
from tests.team_door import TeamDoor, set_scene, team_door


async def dead_engine(project: Path, living: Path) -> StateDir:
    """Leave what an engine leaves that is killed in the midst of work: its files as they are."""
    project.mkdir()
    living.mkdir()
    state = open_state(project, create=True)
    async with team_door(living) as door:
        await set_scene(door)
        await door.call("judge", "review_take")
        for suffix in ("", "-wal"):
            copied = shutil.copy(living / f"coordinator.db{suffix}", f"{state.database}{suffix}")
            Path(copied).chmod(0o600)
    return state


async def phantoms(door: TeamDoor) -> list[str]:
    """Name agents and tasks that look as if somebody were at work."""
    agents = await door.team.coordinator.read(lambda scope: scope.agents())
    tasks = await door.team.coordinator.read(
        lambda scope: [scope.task(f"T{number}") for number in range(1, 5)]
    )
    live = await door.team.store.read(lambda tx: tx.all("incarnation.live"))
    return [
        *(agent.name for agent in agents if agent.state in ALIVE or agent.pid is not None or agent.task),
        *(task.id for task in tasks if task.state is TaskState.IN_PROGRESS or task.holder or task.reviewer),
        *(row["agent"] for row in live),
    ]


async def test_a_project_without_its_engine_shows_nobody_at_work(tmp_path: Path) -> None:
    state = await dead_engine(tmp_path / "project", tmp_path / "living")
    shown = await read_offline(state.project)
    assert {agent["state"] for agent in shown.tables["agent"]} == {"pending"}
    assert {(agent["pid"], agent["task"]) for agent in shown.tables["agent"]} == {(None, None)}


async def test_the_next_start_frees_everything_before_anybody_works(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        await door.call("judge", "review_take")
        assert {"worker-1", "T2", "T3"} <= set(await phantoms(door))
        await door.team.do(upkeep.engine_was_lost)
        assert await phantoms(door) == []
        freed = await door.team.task("T2")
        assert (freed.state, freed.failures, freed.lease_until) == (TaskState.PENDING, 0, None)


async def test_freed_work_is_claimable_at_once_and_the_old_token_is_void(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        await door.team.do(upkeep.engine_was_lost)
        await door.team.start("worker-2")
        claim = await door.call("worker-2", "task_claim", task_id="T2")
        assert claim["token"] == 2


@pytest.mark.parametrize("state", sorted(ALIVE))
async def test_no_state_of_a_dead_slot_keeps_a_task(tmp_path: Path, state: AgentState) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        if state not in {AgentState.STARTING, AgentState.WORKING}:
            await door.team.news("worker-1", state, incarnation=1, pid=1)
        await door.team.do(upkeep.engine_was_lost)
        assert await phantoms(door) == []


async def test_a_silent_holder_that_still_lives_loses_its_task_within_two_leases(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        begun = door.team.clock.now()
        for _ in range(int(2 * SMALL_TEAM.lease_s / 5) + 1):
            await door.team.clock.advance(5)
            await door.team.do(lambda scope: upkeep.tick(scope, {"worker-1": begun}))
        assert (await door.team.task("T2")).state is TaskState.PENDING


async def test_canary_a_start_that_frees_nothing_leaves_phantoms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "holder_gone", lambda *_, **__: None)
    async with team_door(tmp_path) as door:
        await set_scene(door)
        await door.team.do(upkeep.engine_was_lost)
        assert "T2" in await phantoms(door)
