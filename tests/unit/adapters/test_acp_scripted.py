"""A conversation with a real process that speaks ACP by the protocol's own package."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    ActKind,
    Broken,
    LoginNeeded,
    OptionScope,
    Permission,
    RateLimited,
    RequestGone,
    Started,
    Text,
    Thinking,
    ToolEnd,
    TurnEnd,
    TurnReason,
    Usage,
)
from supervisor.model.driving import Allowed
from tests.unit.adapters.acp_stage import context_for, is_balanced, live, scripted_pool


class Team:
    """The team's endpoint, as far as an agent needs it: it remembers who asked for what."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, str]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        message = json.loads(await reader.readexactly(int(fields["content-length"])))
        self.asked.append((message["method"], fields.get("authorization", "")))
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": _result_of(message)}).encode()
        lines = ("HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}")
        writer.write("\r\n".join((*lines, "Connection: close", "", "")).encode() + body)
        await writer.drain()
        writer.close()


def _result_of(message: dict[str, Any]) -> dict[str, Any]:
    if message["method"] == "tools/list":
        return {"tools": [{"name": "task_next", "inputSchema": {}}]}
    if message["method"] == "tools/call":
        return {"content": [{"type": "text", "text": json.dumps({"task_id": "T-1", **message["params"]})}]}
    return {"protocolVersion": "2025-11-25"}


@asynccontextmanager
async def _team() -> AsyncIterator[Team]:
    team = Team()
    server = await asyncio.start_server(team.serve, "127.0.0.1", 0)
    team.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    async with server:
        yield team


NOWHERE = "http://127.0.0.1:1/mcp"


async def test_a_turn_calls_the_team_asks_to_act_and_ends(tmp_path: Path) -> None:
    async with _team() as team, live(context_for(tmp_path, scripted_pool(), url=team.url)) as talk:
        note = 'mcp task_note {"of": "$task_id"}'
        talk.driver.prompt(
            f"SCRIPT: think hm ;; mcp task_next {{}} ;; sh echo $((6*7)) ;; {note} ;; say all done"
        )
        started = await talk.until(Started)
        permission = await talk.until(Permission)
        assert Thinking(text="hm") in talk.passed
        assert talk.driver.answer(permission.request, Answer(allow=True))
        assert not talk.driver.answer(permission.request, Answer(allow=True))
        ended = await talk.until(ToolEnd, such=lambda end: end.call == permission.call)
        end = await talk.until(TurnEnd)
    assert started.version == "1.2.3"
    assert (permission.kind, permission.title, permission.tool) == (ActKind.SHELL, "echo $((6*7))", "sh")
    assert permission.payload["command"] == "echo $((6*7))"
    assert permission.payload["cwd"] == permission.cwd == str(tmp_path / "project")
    scopes = [option.scope for option in permission.options]
    assert scopes == [OptionScope.ONCE, OptionScope.SESSION, OptionScope.ALWAYS, OptionScope.DENY]
    assert ended == ToolEnd(call=permission.call, ok=True, summary="42")
    assert end == TurnEnd(ok=True, reason=TurnReason.DONE, final_text="all done")
    assert {key for _, key in team.asked} == {"bearer sk-secret"}
    assert [method for method, _ in team.asked] == ["initialize", "tools/list", "tools/call", "tools/call"]
    told = [event for event in talk.passed if isinstance(event, ToolEnd)]
    assert '"of": "T-1"' in told[-1].summary
    used = [event for event in talk.passed if isinstance(event, Usage)]
    assert [(each.cost_usd, each.input_tokens) for each in used] == [(0.00011, None), (None, 60)]


async def test_a_denied_act_is_not_done_and_the_turn_goes_on(tmp_path: Path) -> None:
    async with live(context_for(tmp_path, scripted_pool(), url=NOWHERE)) as talk:
        talk.driver.prompt("SCRIPT: write a.txt hello ;; say went on")
        permission = await talk.until(Permission)
        assert talk.driver.answer(permission.request, Answer(allow=False))
        end = await talk.until(TurnEnd)
        assert [event.ok for event in talk.passed if isinstance(event, ToolEnd)] == [False]
    assert (permission.kind, end.final_text) == (ActKind.EDIT, "went on")
    assert not (tmp_path / "project" / "a.txt").exists()


@pytest.mark.parametrize(
    ("allowed", "asked"),
    [(Allowed.READ, ["edit", "shell"]), (Allowed.EDIT, ["shell"]), (Allowed.ALL, [])],
)
async def test_what_a_pool_allows_is_not_asked_for(
    tmp_path: Path, allowed: Allowed, asked: list[str]
) -> None:
    async with live(context_for(tmp_path, scripted_pool(allowed=allowed), url=NOWHERE)) as talk:
        talk.driver.prompt("SCRIPT: write a.txt hello ;; sh true ;; say x")
        for kind in asked:
            permission = await talk.until(Permission)
            assert permission.kind == kind
            talk.driver.answer(permission.request, Answer(allow=True))
        await talk.until(TurnEnd)
        assert not any(isinstance(event, Permission) for event in talk.passed)
    assert (tmp_path / "project" / "a.txt").read_text() == "hello"


async def test_an_interrupted_turn_ends_and_the_conversation_goes_on(tmp_path: Path) -> None:
    async with live(context_for(tmp_path, scripted_pool(), url=NOWHERE)) as talk:
        talk.driver.prompt("SCRIPT: sh true ;; say never")
        permission = await talk.until(Permission)
        assert talk.driver.interrupt()
        gone = await talk.until(RequestGone)
        end = await talk.until(TurnEnd)
        assert (gone.request, end.reason) == (permission.request, TurnReason.INTERRUPTED)
        assert not talk.driver.answer(permission.request, Answer(allow=True))
        talk.driver.prompt("SCRIPT: think now ;; note x ;; hang")
        await talk.until(Thinking)
        assert talk.driver.interrupt()
        assert (await talk.until(TurnEnd)).reason is TurnReason.INTERRUPTED
        talk.driver.prompt("SCRIPT: say still here")
        assert (await talk.until(TurnEnd)).final_text == "still here"


async def test_a_session_is_gone_on_with_by_another_process_without_its_past(tmp_path: Path) -> None:
    pool = scripted_pool()
    async with live(context_for(tmp_path, pool, url=NOWHERE)) as talk:
        talk.driver.prompt("SCRIPT: say one")
        session = (await talk.until(Started)).session_id
        await talk.until(TurnEnd)
    async with live(context_for(tmp_path, pool, url=NOWHERE, resume=session)) as talk:
        talk.driver.prompt("SCRIPT: say two")
        assert (await talk.until(Started)).session_id == session
        end = await talk.until(TurnEnd)
        assert [event.text for event in talk.passed if isinstance(event, Text)] == ["two"] == [end.final_text]
    kept = (tmp_path / ".scripted-acp" / session).read_text()
    assert kept.count("You are `w`, in the role `worker`") == 1


async def test_a_session_that_is_lost_is_replaced(tmp_path: Path) -> None:
    async with live(context_for(tmp_path, scripted_pool(), url=NOWHERE, resume="lost")) as talk:
        assert (await talk.until(Started)).session_id.startswith("session-")


async def test_a_fresh_turn_has_a_session_of_its_own_in_the_same_process(tmp_path: Path) -> None:
    async with live(context_for(tmp_path, scripted_pool(), url=NOWHERE)) as talk:
        talk.driver.prompt("SCRIPT: say one", fresh=True)
        first = await talk.until(Started)
        await talk.until(TurnEnd)
        talk.driver.prompt("SCRIPT: say two", fresh=True)
        assert (await talk.until(Started)).session_id != first.session_id
        assert (await talk.until(TurnEnd)).final_text == "two"


async def test_an_agent_that_wants_a_key_from_the_environment_gets_to_work(tmp_path: Path) -> None:
    pool = scripted_pool("--locked", env={"SCRIPTED_ACP_KEY": "k"})
    async with live(context_for(tmp_path, pool, url=NOWHERE)) as talk:
        talk.driver.prompt("SCRIPT: say in")
        assert (await talk.until(TurnEnd)).final_text == "in"


@pytest.mark.parametrize("option", ["--locked", "--no-login"])
async def test_an_agent_that_is_not_logged_in_says_so(tmp_path: Path, option: str) -> None:
    env = {"SCRIPTED_ACP_KEY": "k"} if option == "--no-login" else {}
    async with live(context_for(tmp_path, scripted_pool(option, env=env), url=NOWHERE)) as talk:
        talk.driver.prompt("SCRIPT: say in")
        await talk.until(LoginNeeded)
        assert (await talk.until(TurnEnd)).reason is TurnReason.ERROR


@pytest.mark.parametrize(
    ("code", "event", "reason"),
    [("429", RateLimited, TurnReason.LIMIT), ("401", LoginNeeded, TurnReason.ERROR)],
)
async def test_what_the_model_s_service_refuses_has_its_name(
    tmp_path: Path, code: str, event: type, reason: TurnReason
) -> None:
    async with live(context_for(tmp_path, scripted_pool(), url=NOWHERE)) as talk:
        talk.driver.prompt(f"SCRIPT: http {code} 99")
        await talk.until(event)
        end = await talk.until(TurnEnd)
        assert (end.ok, end.reason, end.detail) == (
            False,
            reason,
            f"Internal error: {code} refused",
        )


async def test_noise_and_a_line_of_five_megabytes_end_nothing(tmp_path: Path) -> None:
    async with live(context_for(tmp_path, scripted_pool(), url=NOWHERE)) as talk:
        talk.driver.prompt("SCRIPT: line {not json ;; flood 5000000 ;; say went on")
        await talk.until(Broken)
        await talk.until(Broken)
        assert (await talk.until(TurnEnd)).final_text == "went on"


@pytest.mark.parametrize("script", ["die 3", "sh true"], ids=["in a turn", "while it waits for an answer"])
async def test_an_agent_that_dies_leaves_nothing_open(tmp_path: Path, script: str) -> None:
    async with live(context_for(tmp_path, scripted_pool(), url=NOWHERE)) as talk:
        talk.driver.prompt(f"SCRIPT: note x ;; {script}")
        if script == "sh true":
            await talk.until(Permission)
        else:
            await talk.process.wait()
    events = talk.passed + talk.told
    assert is_balanced(events, prompts=1)
    assert [e.reason for e in events if isinstance(e, TurnEnd)] == [TurnReason.LOST]


async def test_an_agent_that_answers_nothing_ends_its_turn_with_its_process(tmp_path: Path) -> None:
    async with live(context_for(tmp_path, scripted_pool("--deaf"), url=NOWHERE)) as talk:
        talk.driver.prompt("SCRIPT: say x")
        assert not talk.driver.inject("hello?")
    assert [type(event) for event in talk.told] == [TurnEnd]
