"""The real Codex with a scripted model: what is particular to it, beyond what every driver must do."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from supervisor.adapters.codex import CodexAdapter
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    CoordinatorLink,
    LoginNeeded,
    Permission,
    RateLimited,
    Retry,
    Started,
    TurnReason,
    Unknown,
    Usage,
)
from supervisor.model.agent import Role
from supervisor.model.driving import Allowed, ClientHome
from supervisor.model.team import PoolSpec
from supervisor.testing.conversation import Conversation, context_in, conversing
from supervisor.testing.driver_exam import KEY
from supervisor.testing.scripted_coordinator import ScriptedCoordinator
from supervisor.testing.scripted_environment import variables_for
from supervisor.testing.scripted_model import ScriptedModel
from tests.agents import programs

Talking = Callable[..., Any]

FEW_RETRIES = (
    *("-c", "model_providers.by-key.request_max_retries=0"),
    *("-c", "model_providers.by-key.stream_max_retries=1"),
)


@pytest.fixture
def talking(tmp_path: Path, model: ScriptedModel, coordinator: ScriptedCoordinator) -> Talking:
    """Return what starts the real program in this test's directory."""

    @asynccontextmanager
    async def start(
        *, url: str = coordinator.url, pool: dict[str, Any] | None = None, **settings: Any
    ) -> AsyncIterator[Conversation]:
        variables = {**variables_for("codex", model.address), "NO_PROXY": "127.0.0.1"}
        settled = PoolSpec(
            **{
                "name": "worker",
                "role": Role.WORKER,
                "command": (str(programs.program("codex")), "app-server"),
                "args": FEW_RETRIES,
                "model": "scripted",
                "env": variables,
                **(pool or {}),
            }
        )
        environ = {"PATH": programs.search_path(), "HOME": str(tmp_path / "home")}
        context = context_in(tmp_path, settled, url=url, key=KEY, environ=environ, **settings)
        async with conversing(CodexAdapter(), context) as talk:
            yield talk

    return start


def heard_by(model: ScriptedModel, words: str) -> bool:
    return any(words in json.dumps(body) for body in model.calls.bodies())


async def test_a_turn_with_the_team_s_tools_a_shell_and_words_in_between(
    talking: Talking, model: ScriptedModel
) -> None:
    async with talking(role="You are the quiet one.") as talk:
        before = talk.prompt(
            "SCRIPT: mcp whoami {} ;; sh echo $agent > out.txt ;; sh touch no ;; say all done"
        )
        asked = await talk.until(Permission)
        assert asked.payload["command"] == "echo worker-1 > out.txt"
        assert talk.driver.inject("words in between")
        assert talk.answer(asked.request, Answer(allow=True))
        second = await talk.until(Permission, fits=lambda one: one.title == "touch no")
        assert talk.answer(second.request, Answer(allow=False, words="words of a denial"))
        end = await talk.allow_all(before)
        assert (end.ok, end.final_text) == (True, "all done")
        assert (talk.project / "out.txt").read_text() == "worker-1\n"
        assert not (talk.project / "no").exists()
        assert talk.all(CoordinatorLink) == [CoordinatorLink(connected=True)]
        for words in ("You are the quiet one.", "words in between", "words of a denial"):
            assert heard_by(model, words), words


async def test_killed_in_a_tool_call_it_goes_on_and_counts_only_what_is_new(talking: Talking) -> None:
    async with talking(pool={"allowed": Allowed.ALL}) as talk:
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


async def test_an_interrupt_is_heeded_at_any_moment_and_leaves_no_shell(talking: Talking) -> None:
    async with talking(pool={"allowed": Allowed.ALL}) as talk:
        before = talk.prompt("SCRIPT: sh echo $$ > pid; sleep 60 ;; say never")
        place = talk.project / "pid"
        while not (place.exists() and place.read_text().endswith("\n")):
            await asyncio.sleep(0.01)
        assert talk.driver.interrupt()
        assert (await talk.allow_all(before)).reason is TurnReason.INTERRUPTED
        while Path(f"/proc/{int(place.read_text())}").exists():
            await asyncio.sleep(0.01)
        before = talk.prompt("SCRIPT: sleep 60 ;; say never")
        assert talk.driver.interrupt()  # before Codex says that the turn runs
        assert (await talk.allow_all(before)).reason is TurnReason.INTERRUPTED


async def test_what_the_model_refuses_is_told_by_its_kind(talking: Talking) -> None:
    async with talking() as talk:
        assert (await talk.turn("SCRIPT: http 429 1 3600 ;; say on")).reason is TurnReason.LIMIT
        assert abs((talk.all(RateLimited)[0].until or 0) - time.time() - 3_600) < 120
        assert (await talk.turn("SCRIPT: http 529 9 ;; say on")).reason is TurnReason.ERROR
        assert {retry.status for retry in talk.all(Retry)} == {529}
        assert (await talk.turn("SCRIPT: http 401 9 ;; say on")).reason is TurnReason.ERROR
        assert talk.all(LoginNeeded)
        assert (await talk.turn("SCRIPT: say on", fresh=True)).final_text == "on"
        assert len(talk.all(Started)) == 2


async def test_without_the_coordinator_no_turn_is_paid_for(talking: Talking, model: ScriptedModel) -> None:
    asked = len(model.calls)
    async with talking(url="http://127.0.0.1:1/mcp") as talk:
        end = await talk.turn("SCRIPT: say on")
        assert not end.ok
        assert [link.connected for link in talk.all(CoordinatorLink)] == [False]
    assert not any(call.counts for call in list(model.calls)[asked:])


@pytest.mark.parametrize(("allowed", "is_started"), [(Allowed.EDIT, False), (Allowed.ALL, True)])
async def test_a_project_s_own_configuration_starts_programs_only_if_it_is_trusted(
    talking: Talking, tmp_path: Path, allowed: Allowed, is_started: bool
) -> None:
    settings, mark = tmp_path / "project" / ".codex", tmp_path / "started"
    settings.mkdir(parents=True)
    start = {"command": "/bin/sh", "args": ["-c", f"touch {mark}"]}
    (settings / "config.toml").write_text(
        "[mcp_servers.evil]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in start.items())
    )
    async with talking(pool={"allowed": allowed}) as talk:
        assert (await talk.turn("SCRIPT: say on")).ok
    assert mark.exists() is is_started


async def test_the_person_s_own_model_and_login_are_used_without_a_key(
    talking: Talking, tmp_path: Path, model: ScriptedModel
) -> None:
    own = tmp_path / "home" / ".codex"
    own.mkdir(parents=True)
    provider = {"name": "mine", "base_url": f"{model.address}/v1", "wire_api": "responses"}
    spelled = ", ".join(f"{name} = {json.dumps(value)}" for name, value in provider.items())
    (own / "config.toml").write_text(
        f'model_provider = "mine"\nmodel_providers.mine = {{ {spelled} }}\nnotify = ["/bin/false"]\n'
    )
    pool = {"env": {"NO_PROXY": "127.0.0.1"}, "args": (), "home": ClientHome.OWN}
    async with talking(pool=pool) as talk:
        assert (await talk.turn("SCRIPT: say on")).final_text == "on"
        link = tmp_path / "kit" / "codex" / "auth.json"
        assert link.readlink() == own / "auth.json"
        assert not talk.all(LoginNeeded)


async def test_a_missing_login_is_told_before_anything_is_asked(talking: Talking) -> None:
    pool = {"env": {"NO_PROXY": "127.0.0.1"}, "args": (), "home": ClientHome.OWN}
    async with talking(pool=pool) as talk:
        assert "codex login" in (await talk.until(LoginNeeded)).detail


async def test_a_conversation_that_is_not_there_begins_anew(talking: Talking) -> None:
    missing = "01a1f9af-5534-7930-a7fd-2ff49e175e00"
    async with talking(resume=missing) as talk:
        assert (await talk.turn("SCRIPT: say on")).ok
        assert talk.session != missing
        assert f"conversation {missing} cannot be resumed" in [one.what for one in talk.all(Unknown)]
