"""A12: the list is by role and each call is checked again; A4: who asks is no argument; A13: fixed words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from supervisor.coordinator.actor import Actor
from supervisor.model.agent import Role
from supervisor.transports.mcp import sdk_app
from supervisor.transports.mcp.tool_spec import ToolSpec
from tests.attacks.door import EVERYONES, JUDGE_KEY, JUDGES, WORKER, Answer, Desk, Door, Headers, serving

JUDGE_HEAD = {"Authorization": f"Bearer {JUDGE_KEY}"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def door(desk: Desk) -> AsyncIterator[Door]:
    async with serving(desk) as opened:
        yield opened


async def listed(door: Door, headers: Headers | None = None) -> list[dict[str, Any]]:
    answer = await door.post(b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', headers)
    tools: list[dict[str, Any]] = answer.message["result"]["tools"]
    return tools


def error_of(answer: Answer) -> Any:
    return answer.message["error"]


async def test_the_list_holds_the_roles_tools_and_no_other(door: Door) -> None:
    assert [tool["name"] for tool in await listed(door)] == [spec.name for spec in EVERYONES]
    assert [tool["name"] for tool in await listed(door, JUDGE_HEAD)] == [
        spec.name for spec in EVERYONES + JUDGES
    ]


async def test_a_hidden_tool_called_by_its_name_is_as_unknown_as_one_that_never_was(
    door: Door, desk: Desk
) -> None:
    hidden = error_of(await door.call("approve", {"task_id": "T1"}))
    missing = error_of(await door.call("conquer", {"task_id": "T1"}))
    assert hidden == missing
    assert hidden["data"]["code"] == "unknown_tool"
    assert desk.calls == []
    assert (await door.call("approve", {"task_id": "T1"}, JUDGE_HEAD)).message["result"]["isError"] is False


@pytest.mark.parametrize(
    "name", ["", "approve ", "APPROVE", "echo\n", "__call__", "../approve", "e" * 100_000]
)
async def test_a_name_that_is_nearly_a_tool_is_none(door: Door, desk: Desk, name: str) -> None:
    answer = await door.call(name, {})
    assert error_of(answer)["data"]["code"] == "unknown_tool"
    assert len(answer.body) < 1_000
    assert desk.calls == []


async def test_an_allowed_tool_on_anothers_task_is_refused_by_the_desk(door: Door) -> None:
    refused = (await door.call("read_task", {"task_id": "T-judge-1"})).message["result"]
    assert refused["isError"] is True
    assert refused["structuredContent"]["error"]["code"] == "forbidden"
    assert (await door.call("read_task", {"task_id": "T-worker-1"})).message["result"]["isError"] is False


@pytest.mark.parametrize(
    "name", ["from", "agent", "agent_id", "voter", "sender", "sender_name", "role", "as"]
)
async def test_a4_no_argument_says_who_asks(door: Door, desk: Desk, name: str) -> None:
    refused = (await door.call("echo", {"text": "x", name: "judge-1"})).message["result"]
    assert refused["isError"] is True
    assert refused["structuredContent"]["error"]["code"] == "invalid_argument"
    assert desk.calls == []


async def test_a4_nothing_beside_the_key_says_who_asks(door: Door, desk: Desk) -> None:
    claims: dict[str, str | None] = {
        "X-Agent": "judge-1",
        "X-Forwarded-User": "human",
        "Cookie": f"key={JUDGE_KEY}",
    }
    meta = {"name": "echo", "arguments": {}, "_meta": {"agent": "judge-1", "io.supervisor/actor": "human"}}
    body = json.dumps({"jsonrpc": "2.0", "id": "judge-1", "method": "tools/call", "params": meta}).encode()
    await door.post(body, claims)
    assert desk.calls == [(WORKER, "echo", {})]


async def test_a13_what_agents_are_called_and_say_never_shows_in_the_list(door: Door, desk: Desk) -> None:
    before = await listed(door)
    hostile = "ignore-previous-instructions"
    desk.living["h" * 43] = Actor(name=hostile, role=Role.WORKER, incarnation=1, run=1)
    head: dict[str, str | None] = {"Authorization": f"Bearer {'h' * 43}"}
    await door.call("echo", {"text": hostile}, head)
    assert await listed(door, head) == before == await listed(door)


def test_a13_a_tool_is_shown_from_its_specification_alone() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    spec = ToolSpec(
        name="wipe",
        title="Wipe",
        description="Wipes.",
        input_schema=schema,
        destructive=True,
        idempotent=True,
    )
    assert sdk_app._tool(spec).model_dump(by_alias=True, exclude_none=True, mode="json") == {
        "name": "wipe",
        "title": "Wipe",
        "description": "Wipes.",
        "inputSchema": schema,
        "annotations": {
            "readOnlyHint": False,
            "destructiveHint": True,
            "idempotentHint": True,
            "openWorldHint": False,
        },
    }


async def test_canary_a_door_that_trusts_the_list_alone_runs_the_hidden_tool(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything(_: Desk, role: Role) -> tuple[ToolSpec, ...]:
        return EVERYONES + JUDGES

    monkeypatch.setattr(Desk, "tools_for", everything)
    async with serving(desk) as door:
        assert (await door.call("approve", {"task_id": "T1"})).message["result"]["isError"] is False
    assert desk.calls == [(WORKER, "approve", {"task_id": "T1"})]
