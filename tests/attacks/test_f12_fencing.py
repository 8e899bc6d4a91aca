"""F12: of many claimers one gets the task, and a holder that slept past its lease writes nothing more."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import upkeep, work
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.coordinator import Coordinator
from supervisor.errors import AlreadyClaimed
from supervisor.model.task import TaskState
from supervisor.testing.small_team import SMALL_TEAM
from tests.team_door import TeamDoor, team_door

LEASE_S = SMALL_TEAM.lease_s
WRITES: dict[str, dict[str, Any]] = {
    "task_progress": {"percent": 1},
    "task_checkpoint": {"percent": 1},
    "task_complete": {"result": "r"},
    "task_fail": {"error": "e"},
    "task_release": {"reason": "r"},
    "task_note": {"body": "b"},
    "help": {"body": "b"},
}
TASKS, CLAIMERS = 60, 20
CROWD = replace(SMALL_TEAM.pools[1], name="crowd", size=CLAIMERS, wip=TASKS)
CROWDED = (*SMALL_TEAM.pools, CROWD)


async def overtaken(door: TeamDoor) -> None:
    """Let worker-1 claim T1, sleep past its lease, and worker-2 claim it."""
    await door.call("planner", "task_create", title="x")
    assert (await door.call("worker-1", "task_claim"))["token"] == 1
    await door.team.clock.advance(LEASE_S + 5)
    await door.team.do(lambda scope: upkeep.tick(scope, {}))
    assert (await door.call("worker-2", "task_claim"))["token"] == 2


@pytest.mark.parametrize("tool", WRITES)
async def test_the_sleeper_is_refused_by_every_write_about_the_task(tmp_path: Path, tool: str) -> None:
    async with team_door(tmp_path) as door:
        await overtaken(door)
        for token in (0, 1, 2, 3, -1, 2**63 - 1):
            assert (
                await door.code("worker-1", tool, task_id="T1", token=token, **WRITES[tool]) == "stale_token"
            )


async def test_tokens_rise_with_every_claim_and_never_return(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await door.call("planner", "task_create", title="x")
        tokens = []
        for number in range(6):
            name = f"worker-{number % 2 + 1}"
            tokens.append((await door.call(name, "task_claim"))["token"])
            await door.team.clock.advance(LEASE_S + 5)
            await door.team.do(lambda scope: upkeep.tick(scope, {}))
        assert tokens == [1, 2, 3, 4, 5, 6]


async def winners(door: TeamDoor) -> list[int]:
    """Let many agents claim each task at once, in their own names, and count who was told to have it."""
    counts = []
    for number in range(1, TASKS + 1):
        await door.call("planner", "task_create", title="x")
        claimers = [_claim(door.team.coordinator, name, f"T{number}") for name in CROWD.agent_names]
        ends = await asyncio.gather(*claimers, return_exceptions=True)
        assert all(isinstance(end, AlreadyClaimed | str) for end in ends)
        counts.append(Counter(isinstance(end, str) for end in ends)[True])
    return counts


async def _claim(coordinator: Coordinator, name: str, task: str) -> str:
    actor = Actor(name=name, role=SMALL_TEAM.pools[1].role, incarnation=1, run=1)
    claim = await coordinator.write(lambda scope: work.claim(scope, actor, task))
    return claim.task.holder or ""


async def test_of_many_claimers_at_once_one_is_told_that_it_has_the_task(tmp_path: Path) -> None:
    async with team_door(tmp_path, pools=CROWDED) as door:
        assert await winners(door) == [1] * TASKS


async def test_canary_looking_in_one_transaction_and_claiming_in_another_claims_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What measured systems do: SELECT, then UPDATE what was seen."""

    async def claim_what_was_seen(coordinator: Coordinator, name: str, task: str) -> str:
        seen = await coordinator.read(lambda scope: scope.task(task))
        if seen.state is not TaskState.PENDING:
            raise AlreadyClaimed
        taken = replace(seen, state=TaskState.IN_PROGRESS, holder=name, token=seen.token + 1)
        await coordinator.write(lambda scope: scope.save_task("task.claimed", taken, actor=name))
        return name

    monkeypatch.setitem(globals(), "_claim", claim_what_was_seen)
    with pytest.raises(AssertionError, match="its token went from 1 to 1"):
        async with team_door(tmp_path, pools=CROWDED) as door:
            counted = await winners(door)
    assert max(counted) > 1


async def test_canary_without_the_fence_the_sleeper_ends_the_others_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "held_task", lambda scope, _actor, spelled, _token: scope.task(spelled))
    async with team_door(tmp_path) as door:
        await overtaken(door)
        stolen = await door.call("worker-1", "task_complete", task_id="T1", token=1, result="late")
        assert stolen["task"]["state"] == "done"
