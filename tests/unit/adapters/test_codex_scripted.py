"""Codex' adapter with a process that speaks its protocol: what a prompt asks for is done and told."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from supervisor.adapters.codex import CodexAdapter
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    Broken,
    Compacted,
    CoordinatorLink,
    LoginNeeded,
    Permission,
    Plan,
    Question,
    RateLimited,
    RequestGone,
    Retry,
    Started,
    Text,
    Thinking,
    ToolEnd,
    ToolStart,
    TurnReason,
    Usage,
)
from supervisor.model.agent import Role
from supervisor.model.driving import Allowed
from supervisor.model.team import PoolSpec
from supervisor.testing.conversation import Conversation, context_in, conversing
from supervisor.testing.scripted_coordinator import ScriptedCoordinator, coordinator_apart

KEY = "k" * 64
COMMAND = (sys.executable, "-m", "supervisor.testing.scripted_codex", "app-server")


@pytest.fixture(scope="module")
def coordinator() -> Iterator[ScriptedCoordinator]:
    with coordinator_apart(KEY) as serving:
        yield serving


@asynccontextmanager
async def talking(
    directory: Path, url: str, *, allowed: Allowed = Allowed.READ, **settings: Any
) -> AsyncIterator[Conversation]:
    pool = PoolSpec(
        name="worker",
        role=Role.WORKER,
        size=1,
        command=COMMAND,
        allowed=allowed,
        env={"OPENAI_API_KEY": "dummy"},
    )
    context = context_in(directory, pool, url=url, key=KEY, environ=dict(os.environ), **settings)
    async with conversing(CodexAdapter(), context) as talk:
        yield talk


async def test_a_turn_from_begin_to_end(tmp_path: Path, coordinator: ScriptedCoordinator) -> None:
    async with talking(tmp_path, coordinator.url) as talk:
        before = talk.prompt(
            "SCRIPT: think hm ;; note so ;; usage 10 5 2 ;; mcp whoami {} ;; sh echo $agent > out.txt ;; "
            'sh exit 3 ;; tool update_plan {"plan": [{"step": "a", "status": "inProgress"}]} ;; '
            "tool compact {} ;; say all done"
        )
        end = await talk.allow_all(before)
        assert (end.ok, end.final_text) == (True, "all done")
        assert talk.all(CoordinatorLink) == [CoordinatorLink(connected=True)]
        assert [thought.text for thought in talk.all(Thinking)] == ["hm"]
        assert [text.text for text in talk.all(Text)] == ["so", "all done"]
        assert [start.title for start in talk.all(ToolStart)][1:] == ["echo $agent > out.txt", "exit 3"]
        assert [end.ok for end in talk.all(ToolEnd)] == [True, True, False]
        assert talk.all(Plan) == [Plan(steps=(("in_progress", "a"),))]
        assert len(talk.all(Compacted)) == 1
        used = talk.all(Usage)
        assert {(use.input_tokens, use.output_tokens, use.cached_tokens) for use in used} == {(10, 5, 2)}
        assert used[0].context_window == 200_000
        assert (tmp_path / "project" / "out.txt").exists()


async def test_the_key_stands_in_one_private_file_only(
    tmp_path: Path, coordinator: ScriptedCoordinator
) -> None:
    async with talking(tmp_path, coordinator.url) as talk:
        await talk.until(CoordinatorLink)
        holders = [
            file for file in tmp_path.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()
        ]
        assert {file.name for file in holders} == {"config.toml", "mcp.json"}
        assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in holders)
        assert KEY.encode() not in bytes(talk.sent)


async def test_permissions_are_answered_once_for_the_session_and_not_at_all(
    tmp_path: Path, coordinator: ScriptedCoordinator
) -> None:
    async with talking(tmp_path, coordinator.url) as talk:
        before = talk.prompt("SCRIPT: sh touch a ;; sh touch a ;; write b.txt words ;; sh touch c ;; say end")
        first = await talk.until(Permission)
        assert first.payload["command"] == "touch a"
        assert not talk.answer(first.request, Answer(allow=True, option="forEver"))
        assert talk.answer(first.request, Answer(allow=True, option="acceptForSession"))
        assert not talk.answer(first.request, Answer(allow=True))
        patch = await talk.until(Permission, fits=lambda asked: asked.kind == "edit")
        assert patch.payload["changes"][0]["diff"] == "words"
        assert patch.title == "b.txt"
        assert talk.answer(patch.request, Answer(allow=False))
        last = await talk.until(Permission, fits=lambda asked: asked.title == "touch c")
        assert talk.answer(last.request, Answer(allow=False, words="leave that"))
        end = await talk.allow_all(before)
        assert len(talk.all(Permission)) == 3
        assert [tool.ok for tool in talk.all(ToolEnd)] == [True, True, False, False]
        assert "heard: leave that" in [text.text for text in talk.all(Text)]
        assert end.ok
        assert sorted(file.name for file in talk.project.iterdir()) == ["a"]


async def test_what_may_be_done_without_asking_is_not_asked(
    tmp_path: Path, coordinator: ScriptedCoordinator
) -> None:
    async with talking(tmp_path, coordinator.url, allowed=Allowed.ALL) as talk:
        end = await talk.turn("SCRIPT: sh touch a ;; write b.txt words ;; say end")
        assert end.ok
        assert not talk.all(Permission)


async def test_a_question_is_answered_by_words(tmp_path: Path, coordinator: ScriptedCoordinator) -> None:
    async with talking(tmp_path, coordinator.url) as talk:
        talk.prompt(
            'SCRIPT: tool request_user_input {"questions": [{"id": "c", "header": "h", "question": "Which?", '
            '"options": [{"label": "red"}, {"label": "blue"}]}]} ;; mcp whoami {"word": "x"} ;; say end'
        )
        asked = await talk.until(Question)
        assert (asked.text, asked.choices) == ("Which?", ("red", "blue"))
        assert talk.answer(asked.request, Answer(allow=True, words="red"))
        assert b'{"answers":{"c":{"answers":["red"]}}}' in bytes(talk.sent)


async def test_words_an_interrupt_and_what_it_leaves_running(
    tmp_path: Path, coordinator: ScriptedCoordinator
) -> None:
    async with talking(tmp_path, coordinator.url, allowed=Allowed.ALL) as talk:
        before = talk.prompt("SCRIPT: sh echo ready ;; sh touch begun; sleep 60 ;; say end")
        await talk.until(ToolStart, fits=lambda start: "sleep" in start.title)
        while not (talk.project / "begun").exists():
            await asyncio.sleep(0.01)
        assert talk.driver.inject("hurry")
        assert talk.driver.interrupt()
        end = await talk.allow_all(before)
        assert end.reason is TurnReason.INTERRUPTED
        assert b"backgroundTerminals/clean" in bytes(talk.sent)
        end = await talk.turn("SCRIPT: say on")
        assert end.final_text == "on"


async def test_a_conversation_goes_on_in_a_new_process_and_counts_only_what_is_new(
    tmp_path: Path, coordinator: ScriptedCoordinator
) -> None:
    async with talking(tmp_path, coordinator.url) as talk:
        await talk.turn("SCRIPT: usage 100 10 ;; mcp whoami {} ;; say one")
        session = talk.session
    async with talking(tmp_path, coordinator.url, incarnation=2, resume=session) as talk:
        await talk.turn("SCRIPT: usage 7 1 ;; say two")
        assert talk.session == session
        assert [use.input_tokens for use in talk.all(Usage)] == [7]
        await talk.turn("SCRIPT: usage 3 1 ;; say three", fresh=True)
        assert talk.session != session
        assert [use.input_tokens for use in talk.all(Usage)] == [7, 3]
        assert len(talk.all(Started)) == 2


async def test_what_the_model_refuses_is_told(tmp_path: Path, coordinator: ScriptedCoordinator) -> None:
    async with talking(tmp_path, coordinator.url) as talk:
        assert (await talk.turn("SCRIPT: http 500 2 ;; say on")).ok
        assert [(retry.status, retry.attempt) for retry in talk.all(Retry)] == [(500, 1), (500, 2)]
        assert (await talk.turn("SCRIPT: http 429 9 60 ;; say on")).reason is TurnReason.LIMIT
        assert (talk.all(RateLimited)[0].until or 0) > 1_700_000_000
        assert (await talk.turn("SCRIPT: http 401 9 ;; say on")).reason is TurnReason.ERROR
        assert len(talk.all(LoginNeeded)) == 1
        assert (await talk.turn("SCRIPT: http 400 1 ;; say on")).detail == "unexpected status 400: scripted"
        assert (await talk.turn("SCRIPT: say on")).ok


async def test_noise_a_flood_and_a_death_in_a_request(
    tmp_path: Path, coordinator: ScriptedCoordinator
) -> None:
    async with talking(tmp_path, coordinator.url) as talk:
        assert (await talk.turn("SCRIPT: line \x1b[2J{not json ;; flood 5000000 ;; say on")).ok
        assert len(talk.all(Broken)) == 2
        talk.prompt("SCRIPT: par sh sleep 9 && sh true ;; die 3")
        asked = await talk.until(Permission)
        os.kill(talk.process.pid, signal.SIGKILL)
        await talk.ended()
        assert talk.all(RequestGone) == [RequestGone(request=asked.request, why="the turn is over")]
        assert [end.ok for end in talk.all(ToolEnd)] == [False]
        assert not talk.answer(asked.request, Answer(allow=True))


async def test_it_dies_in_a_turn(tmp_path: Path, coordinator: ScriptedCoordinator) -> None:
    async with talking(tmp_path, coordinator.url) as talk:
        before = talk.prompt("SCRIPT: note now ;; die 3")
        await talk.ended()
        end = await talk.allow_all(before)
        assert end.reason is TurnReason.LOST


async def test_without_the_coordinator_no_conversation_begins(tmp_path: Path) -> None:
    async with talking(tmp_path, "http://127.0.0.1:1/mcp") as talk:
        end = await talk.turn("SCRIPT: say on")
        assert not end.ok
        assert [link.connected for link in talk.all(CoordinatorLink)] == [False]


async def test_closing_its_stdin_ends_it(tmp_path: Path, coordinator: ScriptedCoordinator) -> None:
    async with talking(tmp_path, coordinator.url) as talk:
        await talk.until(Started)
        await talk.stop()
        assert talk.process.exit is not None
        assert talk.process.exit.code == 0
