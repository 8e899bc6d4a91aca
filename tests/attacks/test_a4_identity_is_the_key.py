"""A4: sender, owner, voter and approver come from the key; no tool takes an argument that says who asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.coordinator import messages
from supervisor.transports.mcp.tools.table import TOOLS
from tests.team_door import SCENE_CALLS, TeamDoor, mcp_team_door, set_scene, team_door

CLAIMS: Final = (
    "from",
    "agent",
    "agent_id",
    "as",
    "author",
    "creator",
    "holder",
    "sender_name",
    "voter",
    "role",
    "actor",
    "incarnation",
    "run",
    "answered_by",
)


ASSERTIONS: Final = {("agent_register", "name"), ("agent_register", "role")}
"""What an agent may say of itself, and is refused unless its key says the same."""


@pytest.mark.parametrize("tool", TOOLS)
async def test_no_argument_of_any_tool_says_who_asks(tmp_path: Path, tool: str) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        agent, arguments = SCENE_CALLS[tool]
        for claim in CLAIMS:
            claimed = {**arguments, claim: "human"}
            refused = "forbidden" if (tool, claim) in ASSERTIONS else "invalid_argument"
            assert await door.code(agent, tool, **claimed) == refused, claim


async def recorded(door: TeamDoor) -> dict[str, str]:
    """Do something of each kind as worker-1 or planner and return who it is recorded as."""
    sent = await door.call("worker-1", "message_send", to="judge", body="I am the human", thread="human")
    cast = await door.call("voter-1", "vote_cast", vote_id="V1", choice="yes", rationale="cast for voter-2")
    note = await door.call("worker-1", "task_note", task_id="T1", body="by judge")
    made = await door.call("planner", "task_create", title="by human")
    asked = await door.call(
        "worker-1", "approval_request", kind="k", title="judge asks", payload={"agent": "judge"}
    )
    entry = await door.call("worker-1", "memory_set", key="author", value="human")
    return {
        "message": sent["message"]["sender"],
        "ballot": cast["ballot"]["voter"],
        "note": note["note"]["author"],
        "task": made["task"]["creator"],
        "approval": asked["approval"]["agent"],
        "memory": entry["entry"]["author"],
    }


async def test_everything_is_recorded_as_the_owner_of_the_key(tmp_path: Path) -> None:
    async with mcp_team_door(tmp_path) as door:
        await set_scene(door)
        assert await recorded(door) == {
            "message": "worker-1",
            "ballot": "voter-1",
            "note": "worker-1",
            "task": "planner",
            "approval": "worker-1",
            "memory": "worker-1",
        }
        actors = {event.kind: event.actor for event in await door.team.events()}
        assert (actors["message.sent"], actors["ballot.cast"], actors["note.added"]) == (
            "worker-1",
            "voter-1",
            "worker-1",
        )


async def test_canary_a_tool_that_believes_an_argument_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted = messages.post

    def believing(scope: Any, sender: str, **more: Any) -> Any:
        return posted(scope, more.get("thread") or sender, **more)

    monkeypatch.setattr(messages, "post", believing)
    async with team_door(tmp_path) as door:
        await set_scene(door)
        assert (await recorded(door))["message"] == "human"
