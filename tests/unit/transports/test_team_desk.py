"""The desk: who is heard, what every answer carries, what is done only once, what is held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from supervisor.errors import SupervisorError
from supervisor.model.agent import Role
from supervisor.transports.mcp.tools.table import TOOLS
from tests.team_door import SCENE_CALLS, TeamDoor, mark, set_scene, team_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[TeamDoor]:
    async with team_door(tmp_path, settings={"depth": "3"}) as opened:
        await set_scene(opened)
        yield opened


def test_the_scene_calls_every_tool() -> None:
    assert set(SCENE_CALLS) == set(TOOLS)


@pytest.mark.parametrize("tool", SCENE_CALLS)
async def test_every_tool_succeeds_and_answers_with_a_footer(door: TeamDoor, tool: str) -> None:
    agent, arguments = SCENE_CALLS[tool]
    answer = await door.call(agent, tool, **arguments)
    assert set(answer["footer"]) == {"unread", "lease_until", "stop_requested"}
    assert len(answer) > 1


@pytest.mark.parametrize("tool", [name for name, tool in TOOLS.items() if tool.mutates])
async def test_a_repeated_call_is_done_once_and_answered_the_same(door: TeamDoor, tool: str) -> None:
    agent, arguments = SCENE_CALLS[tool]
    first = await door.call(agent, tool, **arguments, idempotency_key="once")
    after = await door.team.store.read(mark)
    assert [await door.call(agent, tool, **arguments, idempotency_key="once") for _ in range(2)] == [
        first
    ] * 2
    assert await door.team.store.read(mark) == after
    other = "message_send" if tool == "inbox" else "inbox"
    extra = {"to": "planner", "body": "x"} if tool == "inbox" else {}
    assert await door.code(agent, other, **extra, idempotency_key="once") == "invalid_argument"


@pytest.mark.parametrize("tool", [name for name, tool in TOOLS.items() if not tool.mutates])
async def test_a_tool_that_only_looks_changes_nothing(door: TeamDoor, tool: str) -> None:
    before = await door.team.store.read(mark)
    agent, arguments = SCENE_CALLS[tool]
    await door.call(agent, tool, **arguments)
    assert await door.team.store.read(mark) == before


async def test_whoami_says_who_where_and_what_is_held(door: TeamDoor) -> None:
    me = await door.call("worker-1", "whoami")
    assert (me["name"], me["role"], me["pool"], me["incarnation"], me["run"], me["team"]) == (
        "worker-1",
        "worker",
        "worker",
        1,
        1,
        "small",
    )
    assert (me["project"], me["report_dir"], me["settings"]) == (
        "/project",
        "/project/report",
        {"depth": "3"},
    )
    assert ([task["id"] for task in me["held"]], me["unread"]) == (["T2"], 1)


async def test_the_footer_tells_of_mail_lease_and_stop(door: TeamDoor) -> None:
    footer = (await door.call("worker-1", "whoami"))["footer"]
    task = (await door.call("worker-1", "task_get", task_id="T2"))["task"]
    assert footer == {"unread": 1, "lease_until": task["lease_until"], "stop_requested": False}
    door.stopping.add("worker-1")
    assert (await door.call("worker-1", "inbox"))["footer"]["stop_requested"] is True
    assert (await door.call("worker-2", "inbox"))["footer"] == {
        "unread": 0,
        "lease_until": None,
        "stop_requested": False,
    }


async def test_a_held_call_is_woken_and_carries_the_footer_of_that_moment(door: TeamDoor) -> None:
    await door.call("worker-2", "task_claim")
    wanted = {"for": ["mail", "task:T2"], "timeout_s": 45}
    held = asyncio.ensure_future(door.desk.call(door.team["worker-2"], "wait", wanted))
    async with asyncio.timeout(10):
        while not len(door.team.coordinator.waiting):
            await asyncio.sleep(0)
    await door.call("planner", "message_send", to="worker-2", body="hello")
    answer = await held
    assert (answer["woken_by"], answer["footer"]["unread"]) == (["mail"], 1)


@pytest.mark.parametrize(
    ("agent", "wanted", "code"),
    [
        ("worker-1", {"for": []}, "invalid_argument"),
        ("worker-1", {"for": ["rain"]}, "invalid_argument"),
        ("worker-1", {"for": ["mail"], "timeout_s": 46}, "invalid_argument"),
        ("worker-1", {"for": ["review"]}, "forbidden"),
        ("judge", {"for": ["task"]}, "forbidden"),
        ("worker-1", {"for": ["task:T99"]}, "not_found"),
        ("worker-1", {"for": ["approval:A2"]}, "not_found"),
    ],
)
async def test_what_cannot_be_waited_for_is_refused(
    door: TeamDoor, agent: str, wanted: dict[str, object], code: str
) -> None:
    assert await door.code(agent, "wait", **wanted) == code


async def test_every_call_of_a_living_agent_is_heard_the_refused_ones_too(door: TeamDoor) -> None:
    door.heard.clear()
    await door.call("judge", "whoami")
    await door.code("worker-1", "conquer")
    assert door.heard == ["judge", "worker-1"]


async def test_a_key_is_known_while_its_incarnation_lives(door: TeamDoor) -> None:
    assert door.desk.authenticate("key-worker-1-1") == door.team["worker-1"]
    await door.team.crash("worker-1")
    assert door.desk.authenticate("key-worker-1-1") is None
    with pytest.raises(SupervisorError, match="revoked"):
        await door.desk.call(door.team["worker-1"], "inbox", {})


@pytest.mark.parametrize("role", Role)
def test_a_role_is_listed_its_tools_in_the_order_of_the_table(door: TeamDoor, role: Role) -> None:
    listed = [spec.name for spec in door.desk.tools_for(role)]
    assert listed == [name for name, tool in TOOLS.items() if tool.visible_to(role)]
