"""The real Qwen Code with a scripted model: where it differs from Claude Code, whose protocol it speaks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.adapters.claude import ClaudeAdapter
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    CoordinatorLink,
    Permission,
    Question,
    Started,
    Text,
    ToolEnd,
    TurnEnd,
    TurnReason,
    Usage,
)
from supervisor.config.presets import PRESETS
from supervisor.model.agent import Role
from supervisor.model.team import PoolSpec
from supervisor.testing.conversation import STOP, Conversation, context_in, conversing
from supervisor.testing.driver_exam import KEY
from supervisor.testing.scripted_coordinator import ScriptedCoordinator
from supervisor.testing.scripted_environment import variables_for
from supervisor.testing.scripted_model import ScriptedModel
from tests.agents import programs

Talking = Callable[..., Any]

COLOURS = json.dumps(
    {
        "questions": [
            {
                "question": "Which colour?",
                "header": "Colour",
                "multiSelect": False,
                "options": [{"label": "red", "description": "r"}, {"label": "blue", "description": "b"}],
            }
        ]
    }
)


@pytest.fixture
def talking(tmp_path: Path, model: ScriptedModel, coordinator: ScriptedCoordinator) -> Talking:
    """Return what starts the real program in this test's directory."""
    (tmp_path / "home").mkdir()

    @asynccontextmanager
    async def start(*, url: str = coordinator.url, **settings: Any) -> AsyncIterator[Conversation]:
        pool = PoolSpec(
            name="worker",
            role=Role.WORKER,
            agent="qwen",
            command=(str(programs.program("qwen")),),
            model="scripted",
            env={**variables_for("qwen", model.address), "NO_PROXY": "127.0.0.1"},
        )
        environ = {"PATH": programs.search_path(), "HOME": str(tmp_path / "home")}
        context = context_in(tmp_path, pool, url=url, key=KEY, environ=environ, **settings)
        async with conversing(ClaudeAdapter(), context) as talk:
            yield talk

    return start


async def test_it_is_ready_before_any_request_to_a_model_and_knows_its_role_and_tools(
    talking: Talking, model: ScriptedModel, tmp_path: Path
) -> None:
    before = len(model.calls)
    async with talking(role="You are the quiet one.") as talk:
        assert (await talk.until(CoordinatorLink)).connected
        assert talk.all(Started)[0].version == PRESETS["qwen"].tried
        assert len(model.calls) == before
        end = await talk.turn("SCRIPT: mcp whoami {} ;; say all done")
        assert (end.ok, end.final_text) == (True, "all done")
        assert [text.text.strip() for text in talk.all(Text)] == ["all done"], "not what the roll call said"
        assert talk.all(Permission) == []
        assert talk.all(ToolEnd)[0].ok
        told = json.dumps(model.calls.bodies()[-1])
        assert "You are the quiet one." in told
        assert "/about" not in told
    assert not (tmp_path / "home" / ".qwen").exists(), "with a key of its own it has a home of its own"


async def test_what_it_asks_is_answered_by_number_and_what_it_would_do_cannot_be_changed(
    talking: Talking,
) -> None:
    async with talking() as talk:
        before = talk.prompt(f"SCRIPT: tool ask_user_question {COLOURS} ;; sh touch made ;; say done")
        question = await talk.until(Question)
        talk.answer(question.request, Answer(allow=True, words="red"))
        asked = await talk.until(Permission, after=before)
        other = {**asked.payload, "command": "touch other"}
        assert not asked.rewritable
        assert not talk.driver.answer(asked.request, Answer(allow=True, payload=other))
        talk.answer(asked.request, Answer(allow=True))
        await talk.until(TurnEnd, after=before)
        assert sorted(place.name for place in talk.project.iterdir()) == ["made"]


async def test_words_become_turns_and_an_interrupt_or_the_end_is_heeded_at_any_moment(
    talking: Talking, model: ScriptedModel
) -> None:
    async with talking() as talk:
        await talk.until(CoordinatorLink)
        before = talk.prompt("SCRIPT: sh touch made ;; say first")
        asked = await talk.until(Permission, after=before)
        assert talk.driver.inject("SCRIPT: say late")
        talk.answer(asked.request, Answer(allow=True))
        assert (await talk.until(TurnEnd, after=before)).final_text == "late"
        before, heard = talk.prompt("SCRIPT: hang"), len(model.calls)
        await model.calls.until(lambda call: call.step == "hang", after=heard)
        assert talk.driver.inject("SCRIPT: hang")
        assert talk.driver.interrupt()
        end = await talk.until(TurnEnd, after=before)
        assert end.reason is TurnReason.INTERRUPTED
        assert len(talk.all(TurnEnd, after=before)) == 1
        before = talk.prompt("SCRIPT: hang")
        assert talk.driver.interrupt(), "before it has begun"
        assert (await talk.until(TurnEnd, after=before)).reason is TurnReason.INTERRUPTED
        assert (await talk.turn("SCRIPT: say next")).final_text == "next"
        before, heard = talk.prompt("SCRIPT: hang"), len(model.calls)
        await model.calls.until(lambda call: call.step == "hang", after=heard)
        await talk.stop(replace(STOP, polite_s=30))
        ended = await talk.process.wait()
        assert ended.code in {0, 1}, "it was asked, and did not have to be made to"
        assert talk.all(TurnEnd, after=before)[0].reason is TurnReason.INTERRUPTED


async def test_it_goes_on_with_a_conversation_or_begins_one_and_counts_only_what_is_new(
    talking: Talking, model: ScriptedModel
) -> None:
    async with talking() as talk:
        await talk.turn("the word is xyzzy\nSCRIPT: usage 1000 10 ;; say one")
        session = talk.session
        await talk.stop()
    async with talking(incarnation=2, resume=session) as talk:
        await talk.turn("SCRIPT: usage 7 1 ;; say two")
        assert talk.session == session
        assert "xyzzy" in json.dumps(model.calls.bodies()[-1])
        await talk.turn("SCRIPT: usage 8 1 ;; say three", fresh=True)
        assert talk.session != session
        assert "xyzzy" not in json.dumps(model.calls.bodies()[-1])
        used = [(use.input_tokens, use.output_tokens) for use in talk.all(Usage)]
        assert used == [(7, 1), (8, 1)]
