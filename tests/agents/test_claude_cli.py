"""The real Claude Code with a scripted model: what is particular to it, beyond what every driver must do."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.adapters.claude import ClaudeAdapter
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    ActKind,
    CoordinatorLink,
    LoginNeeded,
    Permission,
    Question,
    RequestGone,
    Started,
    Text,
    ToolEnd,
    TurnEnd,
    TurnReason,
    Unknown,
    Usage,
)
from supervisor.config.presets import PRESETS
from supervisor.model.agent import Role
from supervisor.model.driving import Allowed
from supervisor.model.team import PoolSpec
from supervisor.testing.conversation import STOP, Conversation, context_in, conversing
from supervisor.testing.driver_exam import KEY
from supervisor.testing.scripted_coordinator import ScriptedCoordinator
from supervisor.testing.scripted_environment import variables_for
from supervisor.testing.scripted_model import ScriptedModel
from tests.agents import programs

Talking = Callable[..., Any]

NOBODY = "http://127.0.0.1:1/mcp"
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
    async def start(
        *,
        url: str = coordinator.url,
        pool: dict[str, Any] | None = None,
        env: dict[str, str] | None = None,
        **settings: Any,
    ) -> AsyncIterator[Conversation]:
        variables = {**variables_for("claude", model.address), "CLAUDE_CODE_MAX_RETRIES": "1"}
        settled = PoolSpec(
            **{
                "name": "worker",
                "role": Role.WORKER,
                "agent": "claude",
                "command": (str(programs.program("claude")),),
                "model": "scripted",
                "env": {**(variables if env is None else env), "NO_PROXY": "127.0.0.1"},
                **(pool or {}),
            }
        )
        environ = {"PATH": programs.search_path(), "HOME": str(tmp_path / "home")}
        context = context_in(tmp_path, settled, url=url, key=KEY, environ=environ, **settings)
        async with conversing(ClaudeAdapter(), context) as talk:
            yield talk

    return start


def prompts_heard(model: ScriptedModel, after: int) -> list[str]:
    return [call.prompt for call in model.calls if call.number > after]


async def test_it_is_ready_before_any_request_to_a_model_and_knows_its_role(
    talking: Talking, model: ScriptedModel, tmp_path: Path
) -> None:
    before = len(model.calls)
    async with talking(role="You are the quiet one.") as talk:
        link = await talk.until(CoordinatorLink)
        assert link.connected
        assert talk.all(Started)[0].version == PRESETS["claude"].tried
        assert prompts_heard(model, before) == []
        end = await talk.turn("SCRIPT: mcp whoami {} ;; say all done")
        assert (end.ok, end.final_text) == (True, "all done")
        assert talk.all(Permission, after=0) == [], "the team's own tools need nobody's leave"
        assert talk.all(ToolEnd)[0].ok
        told = json.dumps(model.calls.bodies()[-1])
        assert "You are the quiet one." in told
        assert KEY not in told
    left = {place.name for place in (tmp_path / "home").iterdir()}
    assert left <= {".cache"}, "with a key of its own it has a configuration of its own"


async def test_it_says_before_its_first_turn_that_it_cannot_reach_the_team(talking: Talking) -> None:
    async with talking(url=NOBODY) as talk:
        link = await talk.until(CoordinatorLink)
        assert not link.connected
        assert link.detail.startswith("failed: ")


async def test_a_new_conversation_begins_in_the_same_process_and_knows_nothing_of_the_old_one(
    talking: Talking, model: ScriptedModel
) -> None:
    async with talking() as talk:
        await talk.turn("the word is xyzzy\nSCRIPT: say one")
        first = talk.session
        await talk.turn("/clear\nSCRIPT: say two")
        assert talk.session == first, "words are no commands"
        assert "xyzzy" in json.dumps(model.calls.bodies()[-1])
        used = talk.all(Usage)
        end = await talk.turn("SCRIPT: say three", fresh=True)
        assert (end.final_text, talk.session != first) == ("three", True)
        assert "xyzzy" not in json.dumps(model.calls.bodies()[-1])
        assert talk.all(Usage)[-1].output_tokens == used[0].output_tokens, "it counts from zero again"
        assert [text.text for text in talk.all(Text)] == ["one", "two", "three"]


async def test_words_that_come_too_late_are_answered_before_the_turn_ends(talking: Talking) -> None:
    async with talking() as talk:
        before = talk.prompt("SCRIPT: note first ;; sh touch made ;; say second")
        asked = await talk.until(Permission, after=before)
        assert talk.driver.inject("this is folded in")
        talk.answer(asked.request, Answer(allow=True))
        assert (await talk.until(TurnEnd, after=before)).final_text == "second"
        before = talk.prompt("SCRIPT: drip 20 0.05 word ;; say first")
        await talk.until(Started)
        assert talk.driver.inject("SCRIPT: say late")
        end = await talk.until(TurnEnd, after=before)
        assert end.final_text == "late"
        assert len(talk.all(TurnEnd, after=before)) == 1


async def test_an_interrupt_is_heeded_at_any_moment_and_drops_what_is_queued(
    talking: Talking, model: ScriptedModel
) -> None:
    async with talking() as talk:
        await talk.until(CoordinatorLink)
        before = talk.prompt("SCRIPT: hang")
        assert talk.driver.interrupt(), "before it has begun"
        assert (await talk.until(TurnEnd, after=before)).reason is TurnReason.INTERRUPTED
        heard = len(model.calls)
        before = talk.prompt("SCRIPT: sh touch made ;; say never")
        asked = await talk.until(Permission, after=before)
        assert talk.driver.inject("SCRIPT: say what-was-queued")
        assert talk.driver.interrupt()
        assert (await talk.until(TurnEnd, after=before)).reason is TurnReason.INTERRUPTED
        assert talk.all(RequestGone)[0].request == asked.request
        assert (await talk.turn("SCRIPT: say next")).final_text == "next"
        assert not any(call.step == "say what-was-queued" for call in model.calls if call.number > heard)
        assert not (talk.project / "made").exists()


async def test_it_asks_in_words_and_for_plans_and_remembers_what_it_was_told(talking: Talking) -> None:
    async with talking() as talk:
        before = talk.prompt(f"SCRIPT: tool AskUserQuestion {COLOURS} ;; tool ExitPlanMode {{}} ;; say done")
        question = await talk.until(Question)
        assert (question.text, question.choices) == ("Which colour?", ("red", "blue"))
        talk.answer(question.request, Answer(allow=True, words="red"))
        asked = await talk.until_any(lambda event: isinstance(event, Permission | TurnEnd), what="plan")
        assert '"Which colour?"="red"' in talk.all(ToolEnd)[0].summary
        if isinstance(asked, Permission):
            assert asked.kind is ActKind.PLAN
            talk.answer(asked.request, Answer(allow=True))
        await talk.until(TurnEnd, after=before)
        before = talk.prompt("SCRIPT: sh touch one ;; sh touch two ;; say done")
        asked = await talk.until(Permission, after=before)
        mode = next(option.id for option in asked.options if "acceptEdits" in option.label)
        talk.answer(asked.request, Answer(allow=True, option=mode))
        await talk.until(TurnEnd, after=before)
        assert len(talk.all(Permission, after=before)) == 1, "the second was allowed by the first"
        assert (talk.project / "two").exists()


async def test_killed_in_a_tool_call_it_goes_on_and_counts_only_what_is_new(talking: Talking) -> None:
    async with talking(pool={"allowed": Allowed.ALL}) as talk:
        await talk.turn("SCRIPT: usage 1000 10 ;; say one")
        talk.prompt("SCRIPT: usage 1000 10 ;; sh touch begun; sleep 60 ;; say never")
        while not (talk.project / "begun").exists():
            await asyncio.sleep(0.01)
        session = talk.session
        os.kill(talk.process.pid, signal.SIGKILL)
        await talk.ended()
    async with talking(pool={"allowed": Allowed.ALL}, incarnation=2, resume=session) as talk:
        end = await talk.turn("SCRIPT: usage 7 1 ;; say on")
        assert (talk.session, end.final_text) == (session, "on")
        assert [use.input_tokens for use in talk.all(Usage)] == [7]


async def test_a_conversation_that_is_gone_is_told_before_any_prompt(talking: Talking) -> None:
    async with talking(resume="0b7b4b0e-0000-4000-8000-000000000000") as talk:
        complaint = await talk.until(Unknown)
        assert complaint.what.startswith("No conversation found")
        await talk.ended()


async def test_without_a_login_it_says_so(talking: Talking, model: ScriptedModel) -> None:
    env = {"ANTHROPIC_BASE_URL": model.address}
    async with talking(pool={"home": "private"}, env=env) as talk:
        end = await talk.turn("SCRIPT: say never")
        assert end.reason is TurnReason.ERROR
        assert "/login" in talk.all(LoginNeeded)[0].detail


async def test_asked_to_end_in_a_turn_it_ends_at_once(talking: Talking) -> None:
    async with talking(pool={"args": ("--max-turns", "1")}) as talk:
        end = await talk.turn("SCRIPT: mcp whoami {} ;; say never")
        assert end.reason is TurnReason.LIMIT
        before = talk.prompt("SCRIPT: hang")
        await asyncio.sleep(0)
        await talk.stop(replace(STOP, polite_s=30))
        ended = await talk.process.wait()
        assert ended.code in {0, 1}, "it was asked, and did not have to be made to"
        assert talk.all(TurnEnd, after=before)[0].reason in {TurnReason.INTERRUPTED, TurnReason.LOST}
