"""Taking over from an engine that died, before this engine's own run has begun."""

from __future__ import annotations

from pathlib import Path

from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.views import whole_world
from supervisor.engine.recovery import take_over
from supervisor.model.approval import Mode
from supervisor.model.task import TaskState
from supervisor.store.store import Store
from supervisor.testing.small_team import SMALL_TEAM, small_team


async def test_what_a_dead_engine_held_is_free_and_told_in_the_run_it_belongs_to(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        task = await team.add_task()
        await team.claim("worker-1")
    async with Store(tmp_path / "coordinator.db", team.clock) as store:
        coordinator = Coordinator(store, team.clock, SMALL_TEAM, Mode.INTERACTIVE)
        assert await take_over(coordinator, former_session=None, booted_at=0.0) == len(team.actors)
        freed = await coordinator.read(lambda scope: scope.task(task.id))
        assert (freed.state, freed.holder, freed.failures) == (TaskState.PENDING, None, 0)
        (left,) = (await store.read(whole_world)).tables["handoff"].values()
        assert (left.task, left.to, left.run) == (task.id, "worker-1", 1)


async def test_where_nothing_ran_there_is_nothing_to_take_over(tmp_path: Path) -> None:
    async with small_team(tmp_path, pools=()) as team:
        assert await take_over(team.coordinator, former_session=None, booted_at=0.0) == 0
