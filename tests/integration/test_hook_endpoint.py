"""The hook endpoint over a real socket: requests of programs that a person started reach the queue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import approvals
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.rates import BURST
from supervisor.dispatch.hooks import NOT_IN_TIME, Hooks
from supervisor.errors import TooMany
from supervisor.model.agent import Role
from supervisor.model.approval import Approval, ApprovalState, Mode
from supervisor.model.event import Event
from supervisor.model.outside_key import NewKey
from supervisor.testing.small_team import SmallTeam, small_team
from supervisor.transports.mcp.server import HOST, McpServer
from supervisor.transports.mcp.team_desk import TeamDesk


@dataclass(kw_only=True)
class Door:
    """A served team, a person's answers, and a client that posts to its hook endpoint."""

    team: SmallTeam
    server: McpServer
    key: str
    seen: list[Actor] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HOST, self.server.port)

    def request(self, body: bytes, *, key: str | None = None, path: str = "/hook", **headers: str) -> bytes:
        sent = {
            "host": f"{HOST}:{self.server.port}",
            "content-type": "application/json",
            "content-length": str(len(body)),
            "authorization": f"Bearer {self.key if key is None else key}",
            "connection": "close",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body

    async def post(self, told: Any, **more: Any) -> tuple[int, Any]:
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        reader, writer = await self.opened()
        writer.write(self.request(body, **more))
        async with asyncio.timeout(20):
            answer = await reader.read()
        writer.close()
        head, _, content = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(content) if content else None

    async def until(self, state: ApprovalState, number: int = 1) -> Approval:
        """Return the approval of this number once it has come so far."""
        async with asyncio.timeout(20):
            while True:
                self.moved.clear()
                all_of_them = await self.team.coordinator.read(
                    lambda scope: scope.tx.values(Approval, "approval.all")
                )
                if len(all_of_them) >= number and all_of_them[number - 1].state is state:
                    return all_of_them[number - 1]
                await self.moved.wait()

    async def answer(self, number: int = 1, **more: Any) -> Approval:
        asked = await self.until(ApprovalState.PENDING, number)
        answered: Approval = await self.team.do(
            partial(approvals.answer, spelled=asked.id, digest=asked.digest, **more)
        )
        return answered

    def committed(self, _events: list[Event]) -> None:
        self.moved.set()


@asynccontextmanager
async def door_of(
    directory: Path, *, hold_s: float = 30.0, mode: Mode = Mode.INTERACTIVE
) -> AsyncIterator[Door]:
    async with small_team(directory, mode=mode) as team:
        coordinator, seen = team.coordinator, list[Actor]()
        await coordinator.outsiders.open(session="session", boot_id="boot")
        _, key = await coordinator.outsiders.create(NewKey(name="lens", role=Role.WORKER))
        hooks = Hooks(
            coordinator,
            workspace=str(directory),
            own_tools=lambda: frozenset({"task_claim"}),
            on_call=seen.append,
            hold_s=hold_s,
        )
        desk = TeamDesk(coordinator, facts={}, on_call=seen.append, stopping=lambda _name: False)
        async with McpServer(desk, hooks=hooks) as server:
            door = Door(team=team, server=server, key=key, seen=seen)
            team.store.listen(door.committed)
            await server.ready()
            yield door
        await team.check_invariants()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with door_of(tmp_path) as served:
        yield served


def permission(command: str = "make all", **more: Any) -> dict[str, Any]:
    return {
        "session_id": "7d2f",
        "transcript_path": "/home/me/.claude/projects/x.jsonl",
        "cwd": "/home/me",
        "hook_event_name": "PermissionRequest",
        "tool_name": "Bash",
        "tool_input": {"command": command, "description": "Build"},
        **more,
    }


def decided(behavior: str, **more: str) -> tuple[int, dict[str, Any]]:
    decision = {"behavior": behavior, **more}
    return 200, {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": decision}}


async def test_a_persons_answer_reaches_the_program_that_waits(door: Door) -> None:
    async with asyncio.TaskGroup() as tasks:
        allowed = tasks.create_task(door.post(permission()))
        asked = await door.answer(allow=True)
        await door.until(ApprovalState.USED)
        denied = tasks.create_task(door.post(permission("curl example.org")))
        await door.answer(2, allow=False, reason="no network today")
    assert (asked.agent, asked.source, asked.kind, asked.tool) == ("lens", "hook", "shell", "Bash")
    assert (asked.title, asked.cwd, asked.tier) == ("Bash: make all", "/home/me", 2)
    assert allowed.result() == decided("allow")
    assert denied.result() == decided("deny", message="no network today")
    assert {actor.name for actor in door.seen} == {"lens"}


async def test_an_incarnations_own_key_is_taken_too_and_own_tools_and_other_events_pass_at_once(
    door: Door,
) -> None:
    key = "key-worker-1-1"
    own = permission(tool_name="mcp__supervisor__task_claim", tool_input={})
    assert await door.post(own, key=key) == decided("allow")
    for told in ({"hook_event_name": "Stop"}, permission(tool_name="AskUserQuestion")):
        assert await door.post(told, key=key) == (200, {})
    assert {actor.name for actor in door.seen} == {"worker-1"}


async def test_a_program_that_goes_away_takes_its_request_with_it(door: Door) -> None:
    _, writer = await door.opened()
    writer.write(door.request(json.dumps(permission()).encode()))
    await door.until(ApprovalState.PENDING)
    writer.close()

    assert (await door.until(ApprovalState.WITHDRAWN)).answered_by is None


async def test_what_is_not_answered_in_time_goes_back_to_the_programs_own_dialog(tmp_path: Path) -> None:
    async with door_of(tmp_path, hold_s=0.0) as door:
        assert await door.post(permission()) == (200, {})
        await door.until(ApprovalState.WITHDRAWN)
        (event,) = [each for each in await door.team.events() if each.kind == "approval.withdrawn"]
        assert event.reason == NOT_IN_TIME


async def test_without_a_person_a_hook_is_denied_at_once(tmp_path: Path) -> None:
    async with door_of(tmp_path, mode=Mode.HEADLESS) as door:
        status, answer = await door.post(permission())
        assert (status, answer["hookSpecificOutput"]["decision"]["behavior"]) == (200, "deny")


async def test_an_agent_that_ends_while_its_hook_waits_gets_no_decision(door: Door) -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(door.post(permission(), key="key-worker-1-1"))
        await door.until(ApprovalState.PENDING)
        await door.team.crash("worker-1")
    assert waiting.result() == (200, {})


async def test_hostile_bodies_wrong_keys_and_pages_decide_nothing(door: Door) -> None:
    hook = json.dumps(permission()).encode()
    refused = {
        401: [door.post(hook, key="wrong"), door.post(hook, authorization="Basic eA==")],
        403: [door.post(hook, origin="http://evil.example")],
        421: [door.post(hook, host="evil.example")],
        404: [door.post(hook, path="/hooks")],
        415: [door.post(hook, content_type="text/plain")],
        413: [door.post(hook, content_length=str(2 * 1024 * 1024))],
        400: [
            door.post(b"{"),
            door.post(b"[]"),
            door.post({"hook_event_name": 7}),
            door.post(b'{"hook_event_name": "Stop", "hook_event_name": "PermissionRequest"}'),
            door.post(permission(tool_name="")),
            door.post(permission(tool_name=["Bash"])),
            door.post(permission(tool_name="x" * 300)),
            door.post(permission(tool_input="rm -rf /")),
            door.post(b"[" * 20_000),
        ],
    }
    for status, tries in refused.items():
        for each in tries:
            assert (await each)[0] == status
    assert await door.team.coordinator.read(lambda scope: scope.tx.all("approval.all")) == []


async def test_a_flood_of_hooks_is_refused_and_leaves_the_program_its_own_dialog(door: Door) -> None:
    for _ in range(int(BURST) + 1):
        with suppress(TooMany):
            door.team.coordinator.spend(door.team["worker-1"])
    status, answer = await door.post(permission(), key="key-worker-1-1")

    assert status == 429
    assert "hookSpecificOutput" not in answer
