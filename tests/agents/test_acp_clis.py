"""The real Gemini CLI, OpenCode and Qwen Code over ACP: what is particular to them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from supervisor.adapters.acp import AcpAdapter
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import ActKind, OptionScope, Permission, Started, ToolStart, TurnEnd, Usage
from supervisor.model.agent import Role
from supervisor.model.driving import Allowed, ClientHome
from supervisor.model.team import PoolSpec
from supervisor.testing.conversation import Conversation, context_in, conversing
from supervisor.testing.driver_exam import KEY
from supervisor.testing.scripted_coordinator import ScriptedCoordinator
from supervisor.testing.scripted_environment import MODEL, variables_for
from supervisor.testing.scripted_model import ScriptedModel
from tests.agents.programs import program, search_path

Talking = Callable[..., Any]

AGENTS = {
    "gemini": (("gemini", "--acp"), "gemini-2.5-pro"),
    "opencode": (("opencode", "acp"), f"scripted/{MODEL}"),
    "qwen": (("qwen", "--acp"), MODEL),
}


@pytest.fixture
def talking(tmp_path: Path, model: ScriptedModel, coordinator: ScriptedCoordinator) -> Talking:
    """Return what starts one of them in this test's directory."""

    @asynccontextmanager
    async def start(
        agent: str, *, allowed: Allowed = Allowed.READ, resume: str = ""
    ) -> AsyncIterator[Conversation]:
        command, name = AGENTS[agent]
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        pool = PoolSpec(
            name="worker",
            role=Role.WORKER,
            adapter="acp",
            agent=agent,
            command=(str(program(command[0])), *command[1:]),
            model=name,
            env={**variables_for(agent, model.address), "NO_PROXY": "127.0.0.1"},
            home=ClientHome.PRIVATE,
            allowed=allowed,
        )
        environ = {"PATH": search_path(), "HOME": str(home)}
        context = context_in(
            tmp_path,
            pool,
            url=coordinator.url,
            key=KEY,
            environ=environ,
            resume=resume,
            role="You are the quiet one.",
        )
        async with conversing(AcpAdapter(), context) as talk:
            yield talk

    return start


def heard_by(model: ScriptedModel, words: str) -> bool:
    return any(words in json.dumps(body) for body in model.calls.bodies())


@pytest.mark.parametrize("agent", AGENTS)
async def test_a_turn_with_the_team_s_tools_a_shell_and_words_in_between(
    talking: Talking, model: ScriptedModel, tmp_path: Path, agent: str
) -> None:
    async with talking(agent) as talk:
        script = "mcp whoami {} ;; sh echo $agent > out.txt ;; sh touch no ;; say all done"
        before = talk.prompt(f"SCRIPT: {script}")
        asked = await talk.until(Permission)
        assert (asked.kind, asked.payload["command"]) == (ActKind.SHELL, "echo worker-1 > out.txt")
        assert {OptionScope.ONCE, OptionScope.DENY} < {option.scope for option in asked.options}
        is_heard = talk.driver.inject("words in between")
        assert talk.answer(asked.request, Answer(allow=True))
        second = await talk.until(Permission, fits=lambda one: one.payload["command"] == "touch no")
        assert talk.answer(second.request, Answer(allow=False))
        await talk.until(TurnEnd, after=before)
        assert (talk.project / "out.txt").read_text() == "worker-1\n"
        assert not (talk.project / "no").exists()
        assert talk.all(ToolStart)[0].kind is ActKind.MCP
        assert heard_by(model, "You are the quiet one.")
        assert is_heard == (agent != "gemini") == heard_by(model, "words in between")
        assert talk.all(Usage)
    assert not list((tmp_path / "home").rglob("*.json")), "it wrote into the person's home"


@pytest.mark.parametrize("agent", AGENTS)
async def test_a_session_outlives_its_process_where_we_say_so(
    talking: Talking, model: ScriptedModel, agent: str
) -> None:
    async with talking(agent) as talk:
        await talk.turn("SCRIPT: say remember the word kumquat")
        session = talk.session
        os.kill(talk.process.pid, signal.SIGKILL)
        await talk.ended()
    async with talking(agent, resume=session) as talk:
        end = await talk.turn("SCRIPT: say which word was it")
        assert end.final_text == "which word was it"
        assert [event.final_text for event in talk.all(TurnEnd)] == ["which word was it"]
        goes_on = agent != "gemini"
        assert (talk.session == session) == goes_on
        assert len(talk.all(Started)) == 1
        last = json.dumps(list(model.calls.bodies())[-1])
        assert goes_on == ("kumquat" in last)


@pytest.mark.parametrize("agent", AGENTS)
async def test_allowed_to_edit_it_asks_for_the_shell_alone(talking: Talking, agent: str) -> None:
    tool = {
        "gemini": 'write_file {"file_path": "%s", "content": "hi"}',
        "opencode": 'write {"filePath": "%s", "content": "hi"}',
        "qwen": 'write_file {"file_path": "%s", "content": "hi"}',
    }[agent]
    async with talking(agent, allowed=Allowed.EDIT) as talk:
        place = talk.project / "note.txt"
        end = await talk.allow_all(talk.prompt(f"SCRIPT: tool {tool % place} ;; sh touch yes ;; say done"))
        assert end.final_text == "done"
        assert place.read_text() == "hi"
        assert [one.kind for one in talk.all(Permission)] == [ActKind.SHELL]
