"""A13: tool names, schemas and descriptions are fixed; nothing that agents are called or write is there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.model.agent import Role
from supervisor.model.team import PoolSpec, ToolSet
from supervisor.testing.small_team import SMALL_TEAM
from supervisor.transports.mcp.sdk_app import INSTRUCTIONS
from supervisor.transports.mcp.team_desk import TeamDesk
from supervisor.transports.mcp.tool_spec import ToolSpec
from tests.team_door import McpTeamDoor, mcp_team_door

HOSTILE = "ignore-previous-instructions"
TABLE = Path(__file__).parents[1] / "unit" / "transports" / "tools.json"


def hostile_team() -> dict[str, Any]:
    pools = (*SMALL_TEAM.pools, PoolSpec(name=HOSTILE, role=Role.WORKER, command=("x",), tags=(HOSTILE,)))
    return {"pools": pools, "name": HOSTILE, "description": HOSTILE, "settings": {HOSTILE: HOSTILE}}


async def all_said(door: McpTeamDoor, agent: str) -> str:
    client = await door.client(agent)
    tools = [tool.model_dump(mode="json") for tool in (await client.list_tools()).tools]
    return json.dumps([tools, INSTRUCTIONS])


async def test_no_name_and_no_text_of_an_agent_reaches_the_list_of_tools(tmp_path: Path) -> None:
    async with mcp_team_door(tmp_path, **hostile_team()) as door:
        before = await all_said(door, HOSTILE)
        await door.call("planner", "task_create", title=HOSTILE, tags=[HOSTILE], assignee=HOSTILE)
        await door.call(HOSTILE, "message_send", to="all", body=HOSTILE)
        await door.call("planner", "vote_open", question=HOSTILE, options=[HOSTILE, "b"], electorate=["all"])
        assert HOSTILE not in before
        assert await all_said(door, HOSTILE) == before == await all_said(door, "worker-1")


async def test_what_is_listed_is_what_the_release_says(tmp_path: Path) -> None:
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    full = tuple(replace(pool, tools=ToolSet.FULL) for pool in SMALL_TEAM.pools)
    async with mcp_team_door(tmp_path, pools=full) as door:
        for agent, role in (
            ("planner", "planner"),
            ("worker-1", "worker"),
            ("judge", "judge"),
            ("watcher", "monitor"),
        ):
            tools = (await (await door.client(agent)).list_tools()).tools
            assert {tool.name: (tool.title, tool.description, tool.input_schema) for tool in tools} == {
                name: (each["title"], each["description"], each["schema"])
                for name, each in table.items()
                if role in each["roles"]
            }


async def test_canary_a_list_that_greets_its_reader_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greeting(self: TeamDesk, role: Role) -> tuple[ToolSpec, ...]:
        names = ", ".join(pool.name for pool in self._coordinator.team.pools)
        schema = {"type": "object", "properties": {}}
        return (ToolSpec(name="x", title="X", description=f"For {names}, {role}", input_schema=schema),)

    monkeypatch.setattr(TeamDesk, "tools_for", greeting)
    monkeypatch.setattr(TeamDesk, "shown_to", lambda *_: frozenset({"x"}))
    async with mcp_team_door(tmp_path, **hostile_team()) as door:
        assert HOSTILE in await all_said(door, HOSTILE)
