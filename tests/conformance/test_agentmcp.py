"""AgentMCP's tutorial, in our words: a planner and a worker, one track, locks, boards, shared memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from supervisor.coordinator import upkeep
from supervisor.model.agent import Role
from supervisor.model.team import PoolSpec
from tests.team_door import McpTeamDoor, mcp_team_door

POOLS = (
    PoolSpec(name="planner", role=Role.PLANNER, command=("planner",)),
    PoolSpec(name="worker", role=Role.WORKER, command=("worker",)),
)


@asynccontextmanager
async def planned(directory: Path) -> AsyncIterator[McpTeamDoor]:
    """Give a team whose planner has said all that the tutorial's planner says."""
    async with mcp_team_door(directory, pools=POOLS) as door:
        assert (await door.call("planner", "agent_register", name="planner"))["role"] == "planner"
        made = await door.call(
            "planner",
            "plan_create",
            name="Sprint 1",
            project="API v2",
            tasks=[
                {"title": "Design the data schema", "key": "design", "track": "main", "order": 0},
                {"title": "Implement the API endpoints", "key": "build", "track": "main", "order": 1},
                {"title": "Review the plan", "key": "review", "track": "review", "order": 0},
            ],
        )
        assert (made["milestone"]["project"], set(made["tasks"])) == ("API v2", {"design", "build", "review"})
        for task in ("T1", "T2"):
            await door.call(
                "planner",
                "task_assign",
                task_id=task,
                assignee="worker",
                work_role="implementer",
                instructions="Follow existing patterns.",
            )
        await door.call("planner", "message_send", to="worker", body="Tasks ready in P1. Sprint 1 is live.")
        await door.call(
            "planner", "memory_set", key="db", value="v3, JSONB for agent_config", scope="task:T1"
        )
        await door.call("planner", "memory_set", key="project_id", value="API v2", scope="milestone:P1")
        yield door


async def mine(door: McpTeamDoor) -> dict[str, str]:
    listed = await door.call("worker", "task_list", mine=True, state="open")
    return {task["id"]: task["state"] for task in listed["tasks"]}


async def recommended(door: McpTeamDoor) -> Any:
    task = (await door.call("worker", "task_next"))["task"]
    return None if task is None else task["id"]


async def test_two_agents_work_through_a_track_in_order(tmp_path: Path) -> None:
    async with planned(tmp_path) as door:
        assert (await door.call("worker", "wait", **{"for": ["mail"]}))["woken_by"] == ["mail"]
        (signal,) = (await door.call("worker", "inbox", unread=True))["messages"]
        assert signal["sender"] == "planner"
        assert (await door.call("worker", "message_ack", sender="planner"))["acked"] == 1

        assert await mine(door) == {"T1": "pending", "T2": "blocked"}
        assert await recommended(door) == "T1"
        assert await door.code("worker", "task_claim", task_id="T2") == "wrong_state"
        claim = await door.call("worker", "task_claim", task_id="T1", lock_minutes=60)
        assert claim["task"]["instructions"] == "Follow existing patterns."
        held = {"task_id": "T1", "token": claim["token"]}
        await door.call("worker", "task_board", **held, text="Starting: Design the data schema")
        await door.call("worker", "task_board", **held, text="Done: all criteria met.", append=True)
        board = (await door.call("planner", "task_get", task_id="T1"))["board"]["text"]
        assert board == "Starting: Design the data schema\nDone: all criteria met."
        await door.call("worker", "task_complete", **held, result="schema v3")

        assert await recommended(door) == "T2"
        claim = await door.call("worker", "task_claim", task_id="T2")
        assert [each["result"] for each in claim["dependencies"]] == []
        recalled = await door.call("worker", "memory_get", key="project_id", scope="task:T2")
        assert (recalled["entry"]["value"], recalled["entry"]["scope"]) == ("API v2", "milestone:P1")
        recalled = await door.call("worker", "memory_get", key="db", scope="task:T1")
        assert (recalled["entry"]["value"], recalled["entry"]["author"]) == (
            "v3, JSONB for agent_config",
            "planner",
        )


async def test_a_task_can_be_reserved_for_an_agent_before_it_runs(tmp_path: Path) -> None:
    async with mcp_team_door(tmp_path, pools=POOLS) as door:
        await door.team.crash("worker")
        await door.call("planner", "task_create", title="Design the data schema")
        reserved = await door.call("planner", "task_assign", task_id="T1", assignee="worker")
        assert (reserved["task"]["state"], reserved["task"]["assignee"]) == ("pending", "worker")
        await door.call("planner", "message_send", to="worker", body="tasks ready")
        await door.team.start("worker")
        found = await door.call("worker", "task_next")
        assert (found["task"]["id"], "reserved for you" in found["reason"]) == ("T1", True)
        assert found["footer"]["unread"] == 1


async def test_a_cancelled_task_lets_the_next_one_go_on(tmp_path: Path) -> None:
    async with planned(tmp_path) as door:
        await door.call("planner", "task_cancel", task_id="T1", reason="the schema stands")
        assert await recommended(door) == "T2"


async def test_tracks_run_side_by_side(tmp_path: Path) -> None:
    async with planned(tmp_path) as door:
        await door.call("worker", "task_claim", task_id="T1")
        assert (await door.call("worker", "task_claim", task_id="T3"))["task"]["track"] == "review"


async def test_a_lock_that_runs_out_returns_the_task_and_voids_late_writes(tmp_path: Path) -> None:
    async with planned(tmp_path) as door:
        claim = await door.call("worker", "task_claim", task_id="T1", lock_minutes=60)
        await door.team.clock.advance(60 * 60)
        alive = {"worker": door.team.clock.now()}
        await door.team.do(lambda scope: upkeep.tick(scope, alive))
        task = (await door.call("planner", "task_get", task_id="T1"))["task"]
        assert (task["state"], task["holder"], task["failures"]) == ("pending", None, 0)
        late = {"task_id": "T1", "token": claim["token"]}
        assert await door.code("worker", "task_board", **late, text="late") == "stale_token"
        assert await door.code("worker", "task_complete", **late, result="late") == "stale_token"
        assert (await door.call("worker", "task_claim", task_id="T1"))["token"] == claim["token"] + 1


async def test_nobody_writes_without_a_name_or_under_anothers(tmp_path: Path) -> None:
    async with planned(tmp_path) as door:
        before = door.team.store.last_seq
        call = {"name": "memory_set", "arguments": {"key": "k", "value": "v"}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        async with httpx2.AsyncClient() as nameless:
            answer = await nameless.post(door.url, json=body)
        assert answer.status_code == 401
        assert await door.code("worker", "agent_register", name="planner") == "forbidden"
        assert door.team.store.last_seq == before


async def test_mail_to_self_reaches_the_next_session_of_the_same_name(tmp_path: Path) -> None:
    async with planned(tmp_path) as door:
        await door.call("worker", "message_ack", sender="planner")
        await door.call("worker", "message_send", to="self", body="the fixture is flaky")
        await door.call("worker", "memory_set", key="habit", value="run ruff first", scope="agent:worker")
        assert (await door.call("worker", "inbox"))["messages"] == []
        await door.team.crash("worker")
        await door.team.start("worker")
        (note,) = (await door.call("worker", "inbox"))["messages"]
        assert note["body"] == "the fixture is flaky"
        own = await door.call("worker", "memory_get", key="habit", scope="agent:worker")
        assert own["entry"]["value"] == "run ruff first"


async def test_an_endless_milestone_makes_its_tasks_anew_and_puts_the_old_away(tmp_path: Path) -> None:
    async with planned(tmp_path) as door:
        loop = await door.call(
            "planner", "plan_create", name="patrol", kind="loop", max_cycles=2, tasks=[{"title": "look"}]
        )
        (first,) = loop["tasks"].values()
        claim = await door.call("worker", "task_claim", task_id=first)
        await door.call("worker", "task_complete", task_id=first, token=claim["token"], result="quiet")
        await door.team.do(lambda scope: upkeep.tick(scope, {}))
        page = await door.call("planner", "milestone_get", milestone_id=loop["milestone"]["id"])
        assert [(task["title"], task["state"], task["cycle"]) for task in page["tasks"]] == [
            ("look", "pending", 2)
        ]


@pytest.mark.parametrize("what", ["mail", "task"])
async def test_waiting_for_a_signal_is_held_and_needs_no_polling(tmp_path: Path, what: str) -> None:
    async with mcp_team_door(tmp_path, pools=POOLS) as door:
        assert (await door.call("worker", "wait", timeout_s=0, **{"for": [what]}))["woken_by"] == []
        if what == "mail":
            await door.call("planner", "message_send", to="worker", body="tasks ready")
        else:
            await door.call("planner", "task_create", title="a task")
        assert (await door.call("worker", "wait", **{"for": [what]}))["woken_by"] == [what]
