"""Every tool as agents meet it: a small team behind the real endpoint, called by the official client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from supervisor.errors import Unauthenticated
from supervisor.model.agent import Role
from supervisor.transports.mcp.tools.shown import CORE
from supervisor.transports.mcp.tools.table import TOOLS
from tests.team_door import SCENE_CALLS, McpTeamDoor, mark, mcp_team_door, set_scene

ONE_OF_EACH_ROLE = {
    Role.PLANNER: "planner",
    Role.WORKER: "worker-1",
    Role.JUDGE: "judge",
    Role.MONITOR: "watcher",
    Role.SOLO: "solo",
    Role.ORCHESTRATOR: "chief",
}


@asynccontextmanager
async def scene(directory: Path) -> AsyncIterator[McpTeamDoor]:
    """Open the door in the test's own task: the SDK's clients must be left where they were entered."""
    async with mcp_team_door(directory) as door:
        await set_scene(door)
        yield door


@pytest.mark.parametrize("tool", SCENE_CALLS)
async def test_a_tool_answers_over_the_endpoint_and_refuses_what_it_does_not_take(
    tmp_path: Path, tool: str
) -> None:
    async with scene(tmp_path) as door:
        agent, arguments = SCENE_CALLS[tool]
        refusal = await door.refused(agent, tool, **arguments, agent_id="judge")
        assert refusal.code == "invalid_argument"
        assert "unknown argument `agent_id`" in refusal.message

        keyed = {"idempotency_key": "k"} if TOOLS[tool].mutates else {}
        answer = await door.call(agent, tool, **arguments, **keyed)
        assert set(answer["footer"]) == {"unread", "lease_until", "stop_requested"}
        after = await door.team.store.read(mark)
        if keyed:
            assert await door.call(agent, tool, **arguments, **keyed) == answer
        assert await door.team.store.read(mark) == after


@pytest.mark.parametrize("role", Role)
async def test_a_role_is_listed_its_few_tools_and_those_of_others_are_unknown_to_it(
    tmp_path: Path, role: Role
) -> None:
    async with scene(tmp_path) as door:
        agent = ONE_OF_EACH_ROLE[role]
        listed = {tool.name for tool in (await (await door.client(agent)).list_tools()).tools}
        assert listed == CORE[role]
        for hidden in {name for name, tool in TOOLS.items() if not tool.visible_to(role)}:
            _, arguments = SCENE_CALLS[hidden]
            assert await door.code(agent, hidden, **arguments) == "unknown_tool"


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28", "auto"])
async def test_a_team_plans_works_judges_votes_and_finishes(tmp_path: Path, mode: str) -> None:
    async with mcp_team_door(tmp_path, mode=mode) as door:
        waiting = asyncio.ensure_future(
            door.desk.call(door.team["worker-1"], "wait", {"for": ["task"], "timeout_s": 45})
        )
        async with asyncio.timeout(10):
            while not len(door.team.coordinator.waiting):
                await asyncio.sleep(0)
        await door.call("planner", "task_create", title="build", review=True)
        await door.call("planner", "task_create", title="ship", depends_on=["T1"])
        assert (await waiting)["woken_by"] == ["task"]

        claim = await door.call("worker-1", "task_claim")
        assert claim["task"]["id"] == "T1"
        stale = {"task_id": "T1", "token": claim["token"] - 1}
        assert await door.code("worker-1", "task_complete", **stale, result="late") == "stale_token"
        await door.call("worker-1", "task_complete", task_id="T1", token=claim["token"], result="built")
        await door.call("judge", "review_take")
        await door.call("judge", "task_approve", task_id="T1")
        assert (await door.call("worker-2", "task_next"))["task"]["id"] == "T2"

        council = {
            "question": "ship?",
            "options": ["yes", "no"],
            "electorate": ["group:council"],
            "early": False,
        }
        await door.call("planner", "vote_open", **council)
        for voter in ("voter-1", "voter-2", "voter-3"):
            assert (await door.call(voter, "wait", **{"for": ["ballot"]}))["woken_by"] == ["ballot"]
            await door.call(voter, "vote_cast", vote_id="V1", choice="yes")
        over = await door.call("planner", "wait", **{"for": ["vote:V1", "mail"]})
        assert set(over["woken_by"]) == {"vote:V1", "mail"}
        assert over["footer"]["unread"] == 1


async def test_a_refusal_carries_its_facts_over_the_wire(tmp_path: Path) -> None:
    async with scene(tmp_path) as door:
        refusal = await door.refused("worker-2", "task_claim", task_id="T2")
        assert refusal.code == "already_claimed"
        assert refusal.details["holder"] == "worker-1"
        assert float(str(refusal.details["lease_until"])) > door.team.clock.now()


async def test_the_next_incarnation_has_its_own_key_and_goes_on_from_the_checkpoint(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as door:
        await door.call("worker-1", "task_checkpoint", task_id="T2", token=1, percent=60, state="line 60")
        await door.team.crash("worker-1")
        await door.team.start("worker-1")
        claim = await door.call("worker-1", "task_claim", task_id="T2")
        assert (claim["token"], claim["checkpoint"]["state"]) == (2, "line 60")
        assert (await door.call("worker-1", "whoami"))["incarnation"] == 2


async def test_a_call_that_outlives_its_incarnation_is_refused(tmp_path: Path) -> None:
    async with scene(tmp_path) as door:
        dead = door.team["worker-1"]
        await door.team.crash("worker-1")
        before = await door.team.store.read(mark)
        with pytest.raises(Unauthenticated):
            await door.desk.call(dead, "task_complete", {"task_id": "T2", "token": 1, "result": "late"})
        assert await door.team.store.read(mark) == before
