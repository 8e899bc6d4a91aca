"""The agents' way to the coordinator: real HTTP, real signals, and a coordinator that goes away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import agent
from agent import say
from coordinator import Coordinator, Kit, Refused, connected, read_kit, wait_for
from supervisor.adapters.kit import write_kit
from supervisor.model.agent import Role
from supervisor.transports.mcp.server import McpServer
from tests.unit.survey.conftest import PROGRAMS
from tests.unit.survey.desk import Survey, survey_team
from tests.unit.survey.project import Project

DEADLINE_S = 30


@dataclass
class Door:
    """A survey team behind its real endpoint."""

    survey: Survey
    url: str

    def kit(self, name: str) -> Kit:
        return Kit(url=self.url, headers={"Authorization": f"Bearer key-{name}-1"})


@asynccontextmanager
async def served(survey: Survey) -> AsyncIterator[Door]:
    async with McpServer(survey.desk) as server:
        await server.ready()
        yield Door(survey, server.url)


@pytest.fixture
async def door(project: Project, tmp_path: Path) -> AsyncIterator[Door]:
    async with survey_team(project.root, tmp_path) as survey, served(survey) as opened:
        yield opened


async def test_a_call_is_answered_with_plain_data(door: Door) -> None:
    async with connected(door.kit("worker-1")) as coordinator:
        me = await coordinator.call("whoami")
        async with connected(door.kit("worker-2")) as another:
            await another.call("message_send", to="worker-1", body="remember")
        assert await wait_for(coordinator, "mail", "task") == ["mail"]

    assert (me["name"], me["role"], me["held"]) == ("worker-1", "worker", [])


async def test_a_refusal_carries_its_code(door: Door) -> None:
    async with connected(door.kit("worker-1")) as coordinator:
        with pytest.raises(Refused) as caught:
            await coordinator.call("task_claim")

    assert caught.value.code == "nothing_to_do"


async def test_asked_to_slow_down_an_agent_waits_and_tries_again(door: Door) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await door.survey.team.clock.advance(seconds)

    async with connected(door.kit("worker-1")) as connection:
        coordinator = Coordinator(connection._client, sleep=sleep)
        for _ in range(210):
            await coordinator.call("whoami")

    assert slept


async def test_a_coordinator_that_goes_away_ends_its_agents(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "RETRY_DELAYS_S", (0.01,) * 5)
    begun: list[str] = []
    async with survey_team(project.root, tmp_path) as survey, AsyncExitStack() as stack:
        door = await stack.enter_async_context(served(survey))

        async def main(coordinator: Coordinator) -> None:
            begun.append((await coordinator.call("whoami"))["name"])
            await stack.aclose()
            await coordinator.call("whoami")

        assert await agent._serve(main, door.kit("worker-1")) == 1

    assert begun == ["worker-1"]


async def test_a_lost_connection_is_made_again(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "RETRY_DELAYS_S", (0.01,) * 5)
    begun: list[int] = []

    async def main(coordinator: Coordinator) -> None:
        begun.append(len(begun))
        await coordinator.call("whoami")
        if len(begun) < 3:
            raise ConnectionResetError

    assert await agent._serve(main, door.kit("worker-1")) == 0
    assert begun == [0, 1, 2]


async def test_a_mistake_of_the_agent_is_no_lost_connection(door: Door) -> None:
    async def main(coordinator: Coordinator) -> None:
        await coordinator.call("whoami")
        raise KeyError("mistake")

    with pytest.raises(KeyError, match="mistake"):
        await agent._serve(main, door.kit("worker-1"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/mcp"])
async def test_an_agent_that_finds_nobody_gives_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "RETRY_DELAYS_S", (0.01, 0.01))

    async def main(_coordinator: Coordinator) -> None:
        raise AssertionError("nobody is there")

    assert await agent._serve(main, Kit(url=url, headers={})) == 1


async def test_an_agent_with_an_old_key_gives_up(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "RETRY_DELAYS_S", (0.01,))

    async def main(coordinator: Coordinator) -> None:
        await coordinator.call("whoami")

    assert await agent._serve(main, Kit(url=door.url, headers={"Authorization": "Bearer old"})) == 1


@pytest.mark.parametrize("name", ["worker-1", "judge", "reviewer-2"])
async def test_a_waiting_agent_told_to_stop_ends_well_and_at_once(
    door: Door, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "kit"
    folder.mkdir(mode=0o700)
    kit = write_kit(
        folder, url=door.url, key=f"key-{name}-1", agent=name, incarnation=1, role=Role.WORKER, prompt=""
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAMS / f"{name.partition('-')[0]}.py"),
        env={"PATH": os.environ["PATH"], "SUPERVISOR_MCP_CONFIG": str(kit.mcp_config)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        assert name.encode() in await process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert await process.stdout.read() == b"stopped\n"
        assert await process.wait() == 0


def test_the_kit_is_read_from_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(
        json.dumps({"mcpServers": {"supervisor": {"url": "http://x/mcp", "headers": {"A": "b"}}}})
    )
    monkeypatch.setenv("SUPERVISOR_MCP_CONFIG", str(path))

    assert read_kit() == Kit(url="http://x/mcp", headers={"A": "b"})


def test_an_agents_log_holds_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    say("mail: \x1b]0;x\x07 \u202e back\\slash\nnext")

    assert capsys.readouterr().out == "mail: \\x1b]0;x\\x07 \\xe2\\x80\\xae back\\slash\\x0anext\n"
