"""A5: a token, an approval, a mailbox or a memory of one agent is of no use to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.coordinator import approvals, work
from tests.team_door import TeamDoor, mcp_team_door, set_scene, team_door

HELD: Final[dict[str, dict[str, Any]]] = {
    "task_progress": {"percent": 1},
    "task_checkpoint": {"percent": 1},
    "task_complete": {"result": "r"},
    "task_fail": {"error": "e"},
    "task_release": {"reason": "r"},
    "help": {"body": "b"},
}
PAYLOAD: Final = {"path": "b", "lines": [1, 2]}


async def thefts(door: TeamDoor, thief: str) -> dict[str, str]:
    """Try everything with the handles of worker-1 and return how each was refused."""
    tries = {tool: await door.code(thief, tool, task_id="T2", token=1, **more) for tool, more in HELD.items()}
    for tool, more in {"approval_get": {}, "approval_use": {"payload": PAYLOAD}}.items():
        tries[tool] = await door.code(thief, tool, approval_id="A1", **more)
    tries["wait"] = await door.code(thief, "wait", **{"for": ["approval:A1"]})
    tries["memory_set"] = await door.code(thief, "memory_set", key="k", value="v", scope="agent:worker-1")
    return tries


@pytest.mark.parametrize("thief", ["worker-2", "solo"])
async def test_no_handle_of_another_agent_works(tmp_path: Path, thief: str) -> None:
    async with mcp_team_door(tmp_path) as door:
        await set_scene(door)
        refusals = await thefts(door, thief)
        assert {refusals[tool] for tool in HELD} == {"stale_token"}
        assert {refusals[tool] for tool in ("approval_get", "approval_use", "wait")} == {"not_found"}
        assert refusals["memory_set"] == "forbidden"
        assert (await door.call(thief, "message_ack", ids=["M1"]))["acked"] == 0
        assert (await door.call(thief, "inbox"))["messages"] == []


async def test_the_next_incarnation_of_the_same_name_is_another_principal(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        await door.team.crash("worker-1")
        await door.team.start("worker-1")
        refusals = await thefts_of_leave_and_lease(door)
        assert refusals == {"task_complete": "stale_token", "approval_use": "not_found"}


async def thefts_of_leave_and_lease(door: TeamDoor) -> dict[str, str]:
    late = {"task_id": "T2", "token": 1, "result": "r"}
    return {
        "task_complete": await door.code("worker-1", "task_complete", **late),
        "approval_use": await door.code("worker-1", "approval_use", approval_id="A1", payload=PAYLOAD),
    }


async def test_a_foreign_handle_looks_as_one_that_never_was(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        foreign = await door.refused("worker-2", "approval_get", approval_id="A1")
        missing = await door.refused("worker-2", "approval_get", approval_id="A7")
        assert foreign.message.replace("A1", "A7") == missing.message


async def test_canary_handles_that_are_not_bound_are_stolen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        approvals, "own_approval", lambda scope, _, spelled: approvals.the_approval(scope, spelled)
    )
    monkeypatch.setattr(work, "held_task", lambda scope, _, spelled, __: scope.task(spelled))
    async with team_door(tmp_path) as door:
        await set_scene(door)
        taken = await door.call("worker-2", "task_complete", task_id="T2", token=1, result="stolen")
        assert taken["task"]["state"] == "done"
        assert (await door.call("worker-2", "approval_get", approval_id="A1"))["approval"]["id"] == "A1"
