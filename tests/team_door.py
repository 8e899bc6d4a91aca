"""A small team behind its desk, called directly or through the real endpoint, and a scene for each tool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from supervisor.coordinator import approvals, questions
from supervisor.errors import SupervisorError
from supervisor.model.approval import Approval
from supervisor.store.transaction import Transaction
from supervisor.testing.small_team import SmallTeam, small_team
from supervisor.transports.error_wire import error_from_wire
from supervisor.transports.mcp.server import McpServer
from supervisor.transports.mcp.team_desk import TeamDesk

Answer = dict[str, Any]

PRIVATE: Final = {
    "dependency": "SELECT count(*), coalesce(sum(task * 31 + dep), 0) FROM dependency",
    "unmet": "SELECT coalesce(sum(unmet), 0) FROM task",
    "answered_call": "SELECT count(*) FROM answered_call",
    "incarnation": "SELECT count(*), count(ended_at) FROM incarnation",
    "silenced_pair": "SELECT count(*), coalesce(sum(until), 0) FROM silenced_pair",
}
"""What can change without an event."""


def mark(tx: Transaction) -> tuple[object, ...]:
    """Return what is different after any change: with the fold of events checked, nothing else can be."""
    private = (tuple(tx._connection.execute(query).fetchone()) for query in PRIVATE.values())
    return (tx.end, *private)


@dataclass(kw_only=True)
class TeamDoor:
    """Calls tools in the name of an agent, by the desk itself."""

    team: SmallTeam
    desk: TeamDesk
    heard: list[str] = field(default_factory=list)
    stopping: set[str] = field(default_factory=set)

    async def call(self, agent: str, tool: str, /, **arguments: Any) -> Answer:
        """Call a tool as this agent; raise what it is refused with."""
        await self.team.clock.advance(1)
        return await self.desk.call(self.team[agent], tool, arguments)

    async def refused(self, agent: str, tool: str, /, **arguments: Any) -> SupervisorError:
        """Return what the call is refused with, after checking that it changed nothing."""
        before = await self.team.store.read(mark)
        with pytest.raises(SupervisorError) as caught:
            await self.call(agent, tool, **arguments)
        assert await self.team.store.read(mark) == before
        return caught.value

    async def code(self, agent: str, tool: str, /, **arguments: Any) -> str:
        """Return the code of a refusal."""
        return (await self.refused(agent, tool, **arguments)).code

    async def answer(self, approval_id: str, *, allow: bool) -> Approval:
        """Answer a request as the person at the terminal does."""

        def decide(scope: Any) -> Approval:
            shown = approvals.the_approval(scope, approval_id)
            return approvals.answer(scope, approval_id, digest=shown.digest, allow=allow)

        approval: Approval = await self.team.do(decide)
        return approval


@asynccontextmanager
async def team_door(directory: Path, **team: Any) -> AsyncIterator[TeamDoor]:
    """Give a small team behind its desk."""
    async with small_team(directory, **team) as running:
        heard: list[str] = []
        stopping: set[str] = set()
        desk = TeamDesk(
            running.coordinator,
            facts={"project": "/project", "report_dir": "/project/report"},
            on_call=lambda actor: heard.append(actor.name),
            stopping=stopping.__contains__,
        )
        yield TeamDoor(team=running, desk=desk, heard=heard, stopping=stopping)


@dataclass(kw_only=True)
class McpTeamDoor(TeamDoor):
    """Calls tools through the endpoint with the official client, one per agent."""

    url: str
    mode: str
    clients: AsyncExitStack
    _known: dict[tuple[str, int], Client] = field(default_factory=dict)

    async def call(self, agent: str, tool: str, /, **arguments: Any) -> Answer:
        """Call a tool over HTTP; turn an error answer into the error again."""
        await self.team.clock.advance(1)
        try:
            result = await (await self.client(agent)).call_tool(tool, arguments)
        except MCPError as error:
            raise error_from_wire(error.data) from error
        content = dict(result.structured_content or {})
        if not result.is_error:
            return content
        details = dict(content["error"])
        code, message = details.pop("code"), details.pop("message")
        raise error_from_wire({"code": code, "message": message, "details": details})

    async def client(self, agent: str) -> Client:
        """Return the client of an agent's live incarnation."""
        number = self.team[agent].incarnation
        if (agent, number) not in self._known:
            headers = {"Authorization": f"Bearer key-{agent}-{number}"}
            http = await self.clients.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=30))
            transport = streamable_http_client(self.url, http_client=http)
            client = Client(transport, mode=self.mode)
            self._known[agent, number] = await self.clients.enter_async_context(client)
        return self._known[agent, number]


@asynccontextmanager
async def mcp_team_door(
    directory: Path, *, mode: str = "2026-07-28", **team: Any
) -> AsyncIterator[McpTeamDoor]:
    """Give a small team behind the real endpoint; `mode` is the client's generation of the protocol."""
    async with (
        team_door(directory, **team) as door,
        McpServer(door.desk) as server,
        AsyncExitStack() as clients,
    ):
        await server.ready()
        yield McpTeamDoor(
            team=door.team,
            desk=door.desk,
            heard=door.heard,
            stopping=door.stopping,
            url=server.url,
            mode=mode,
            clients=clients,
        )


SCENE_CALLS: Final[dict[str, tuple[str, Answer]]] = {
    "whoami": ("worker-1", {}),
    "task_list": ("watcher", {"state": "pending", "limit": 10}),
    "task_get": ("watcher", {"task_id": "T2"}),
    "task_next": ("worker-2", {}),
    "task_claim": ("worker-2", {"task_id": "T1"}),
    "task_progress": ("worker-1", {"task_id": "T2", "token": 1, "percent": 40, "action": "reading"}),
    "task_note": ("judge", {"task_id": "T3", "body": "look at line 3"}),
    "task_checkpoint": (
        "worker-1",
        {"task_id": "T2", "token": 1, "percent": 50, "completed": ["a"], "remaining": ["b"], "state": "{}"},
    ),
    "task_complete": ("worker-1", {"task_id": "T2", "token": 1, "result": "it works"}),
    "task_fail": ("worker-1", {"task_id": "T2", "token": 1, "error": "no compiler", "permanent": True}),
    "task_release": ("worker-1", {"task_id": "T2", "token": 1, "reason": "not mine"}),
    "help": ("worker-1", {"body": "which port?", "task_id": "T2", "token": 1}),
    "task_create": ("planner", {"title": "more", "depends_on": ["T1"], "tags": ["x"], "priority": "high"}),
    "task_why": ("watcher", {"task_id": "T4"}),
    "task_board": ("worker-1", {"task_id": "T2", "token": 1, "text": "half way", "append": True}),
    "task_handoff": ("worker-1", {"to": "role:judge", "notes": "look", "task_id": "T2", "token": 1}),
    "task_update": ("planner", {"task_id": "T1", "title": "first of all", "complexity": 3}),
    "task_assign": ("planner", {"task_id": "T1", "assignee": "worker-2", "instructions": "with care"}),
    "task_hold": ("planner", {"task_id": "T1", "reason": "not yet"}),
    "task_unhold": ("planner", {"task_id": "T5"}),
    "task_skip": ("planner", {"task_id": "T1", "reason": "not needed"}),
    "task_reopen": ("planner", {"task_id": "T6", "reason": "again"}),
    "task_expand": ("planner", {"task_id": "T1", "parts": 3}),
    "complexity_report": ("watcher", {}),
    "plan_create": (
        "planner",
        {
            "name": "sprint",
            "kind": "sprint",
            "tasks": [
                {"title": "a", "key": "a", "wave": 1},
                {"title": "b", "key": "b", "wave": 2, "depends_on": ["a"]},
            ],
        },
    ),
    "plan_push": ("planner", {"name": "file", "key": "file", "tasks": [{"title": "a", "key": "a"}]}),
    "milestone_list": ("watcher", {}),
    "milestone_get": ("watcher", {"milestone_id": "P1"}),
    "milestone_close": ("planner", {"milestone_id": "P1", "reason": "enough", "now": True}),
    "review_list": ("judge", {}),
    "team_load": ("watcher", {}),
    "task_link": ("planner", {"task_id": "T1", "depends_on": ["T2"]}),
    "task_cancel": ("planner", {"task_id": "T1", "reason": "not needed"}),
    "review_take": ("voter-1", {}),
    "task_approve": ("judge", {"task_id": "T3", "note": "well done"}),
    "task_reject": ("judge", {"task_id": "T3", "feedback": "tests are missing"}),
    "inbox": ("worker-1", {"limit": 5}),
    "message_send": (
        "worker-1",
        {"to": "role:judge", "body": "please look", "kind": "review", "thread": "t"},
    ),
    "message_ack": ("worker-1", {"ids": ["M1"]}),
    "group_list": ("watcher", {}),
    "dead_letters": ("planner", {"limit": 5}),
    "memory_set": ("worker-1", {"key": "port", "value": "8080"}),
    "memory_get": ("judge", {"key": "language"}),
    "memory_list": ("judge", {"scope": "team"}),
    "memory_delete": ("worker-1", {"key": "language", "expect_version": 1}),
    "memory": ("worker-1", {"op": "set", "key": "port", "value": "8080", "ttl_s": 60.0}),
    "vote_close": ("planner", {"vote_id": "V1", "reason": "enough"}),
    "state_save": ("worker-1", {"summary": "half way", "work_items": ["the rest"]}),
    "state_get": ("judge", {"of": "worker-1"}),
    "ask_human": ("worker-1", {"question": "which port?", "options": ["8080", "9090"], "task_id": "T2"}),
    "question_get": ("worker-1", {"question_id": "Q1"}),
    "handoff_list": ("watcher", {"limit": 5}),
    "vote_open": (
        "planner",
        {"question": "ship?", "options": ["yes", "no"], "electorate": ["group:council"]},
    ),
    "vote_cast": ("voter-1", {"vote_id": "V1", "choice": "yes", "rationale": "ready"}),
    "vote_get": ("watcher", {"vote_id": "V1"}),
    "vote_list": ("watcher", {"open": True}),
    "approval_request": (
        "worker-1",
        {"kind": "write_file", "title": "write", "payload": {"path": "a"}, "tier": 2},
    ),
    "approval_get": ("worker-1", {"approval_id": "A1"}),
    "approval_use": ("worker-1", {"approval_id": "A1", "payload": {"path": "b", "lines": [1, 2]}}),
    "agent_register": ("worker-1", {"name": "worker-1", "role": "worker"}),
    "agent_update": ("worker-1", {"state": "working", "task_id": "T2", "note": "reading the code"}),
    "agent_list": ("watcher", {"sort": "load"}),
    "wait": ("worker-1", {"for": ["mail", "task"], "timeout_s": 0}),
}
"""For each tool, who calls it with what in the scene of `set_scene`, and it succeeds."""


async def set_scene(door: TeamDoor) -> None:
    """Bring a team to where every tool has something to do.

    T1 pending · T2 held by worker-1 under token 1 · T3 of worker-2 in review · T4 waits for T1 ·
    M1 to worker-1 · V1 open among the council · A1 of worker-1 approved, A2 of worker-2 pending ·
    Q1 of worker-1 answered · T5 on hold · T6 cancelled · P1 a milestone without tasks.
    """
    for title, more in (("first", {}), ("second", {}), ("third", {"review": True}), ("fourth", {})):
        depends_on = ["T1"] if title == "fourth" else []
        await door.call("planner", "task_create", title=title, depends_on=depends_on, **more)
    await door.call("worker-1", "task_claim", task_id="T2")
    claimed = await door.call("worker-2", "task_claim", task_id="T3")
    await door.call("worker-2", "task_complete", task_id="T3", token=claimed["token"], result="done")
    await door.call("planner", "message_send", to="worker-1", body="welcome")
    await door.call("planner", "memory_set", key="language", value="python")
    council = {"options": ["yes", "no"], "electorate": ["group:council"]}
    await door.call("planner", "vote_open", question="begin?", **council)
    payload = {"path": "b", "lines": [1, 2]}
    await door.call("worker-1", "approval_request", kind="write_file", title="write b", payload=payload)
    await door.answer("A1", allow=True)
    await door.call("worker-1", "ask_human", question="which one?", options=["this", "that"])
    await door.team.do(lambda scope: questions.answer(scope, "Q1", choice="this"))
    await door.call("worker-2", "approval_request", kind="push", title="push", payload={"to": "main"}, tier=3)
    for title in ("fifth", "sixth"):
        await door.call("planner", "task_create", title=title)
    await door.call("planner", "task_hold", task_id="T5", reason="later")
    await door.call("planner", "task_cancel", task_id="T6", reason="not needed")
    await door.call("planner", "plan_create", name="later")
