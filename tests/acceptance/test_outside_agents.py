"""An agent that the engine did not start joins with a key, outlives engines, and is put out."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from supervisor.workspace.remembered_port import remembered_port
from supervisor.workspace.state_dir import open_state
from tests.acceptance.project import Project

IDLE_TEAM = (
    'name = "idle"\n[[pools]]\nname = "keeper"\nrole = "monitor"\n'
    'command = ["{python}", "-c", "import time; time.sleep(600)"]\nstart_timeout_s = 600\n'
)


@pytest.fixture
def idle(project: Project) -> Project:
    """A project whose only inside agent does nothing, so that the run goes on."""
    project.profile.write_text(IDLE_TEAM)
    return project


def must(project: Project, *words: str) -> str:
    """Run a verb that must succeed and return what it printed."""
    ended = project.run(*words)
    assert ended.returncode == 0, (words, ended.stdout, ended.stderr)
    return ended.stdout


def up(project: Project) -> None:
    must(project, "up", str(project.profile), "--detach")


def address(project: Project) -> str:
    told = json.loads(must(project, "join", "--client", "mcp-json", "--json"))
    url: str = json.loads(told["text"])["mcpServers"]["supervisor"]["url"]
    return url


@asynccontextmanager
async def client(url: str, key: str, mode: str = "auto") -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as connected,
    ):
        yield connected


async def call(connected: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await connected.call_tool(tool, arguments)
    content: dict[str, Any] = json.loads(result.content[0].text)  # type: ignore[union-attr]
    assert not result.is_error, content
    return content


async def is_refused(url: str, key: str) -> bool:
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=30) as http:
        answer = await http.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    return answer.status_code == 401


def listed(project: Project) -> dict[str, Any]:
    (key,) = json.loads(must(project, "key", "list", "--json"))["keys"]
    found: dict[str, Any] = key
    return found


async def test_a_key_is_made_used_over_a_restart_rotated_and_revoked(idle: Project) -> None:
    up(idle)
    key = must(idle, "key", "create", "scout", "--role", "worker", "--quiet").strip()
    task = json.loads(must(idle, "task", "add", "look around", "--json"))["task"]["id"]
    url = address(idle)
    async with client(url, key) as connected:
        assert (await call(connected, "whoami"))["incarnation"] == 1
        claimed = await call(connected, "task_claim", task_id=task)
        assert "scout" in must(idle, "ps")
    must(idle, "down")

    up(idle)
    assert address(idle) == url
    async with client(url, key) as connected:
        me = await call(connected, "whoami")
        assert (me["incarnation"], [held["id"] for held in me["held"]]) == (2, [task])
        await call(connected, "task_complete", task_id=task, token=claimed["token"], result="seen")
    assert listed(idle)["last_used_at"] is not None

    rotated = must(idle, "key", "rotate", "scout", "--quiet").strip()
    assert await is_refused(url, key)
    async with client(url, rotated, mode="legacy") as connected:
        assert (await call(connected, "whoami"))["incarnation"] == 3

    must(idle, "key", "revoke", "scout", "--yes")
    assert await is_refused(url, rotated)
    must(idle, "down")
    assert listed(idle)["state"] == "revoked"
    await idle.check()
    for secret in (key, rotated):
        stored = (path for path in idle.root.rglob("*") if path.is_file())
        assert not [path for path in stored if secret.encode() in path.read_bytes()]


def command_lines() -> bytes:
    """Return the command lines of all processes, as every user of the machine can read them."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes())
        except OSError:
            continue
    return b"\n".join(lines)


async def test_the_bridge_goes_on_over_a_restart_and_a_rotation_and_shows_no_key(idle: Project) -> None:
    up(idle)
    written = must(idle, "join", "scout", "--client", "claude", "--role", "worker", "--stdio", "--write")
    assert written == ""
    entry = json.loads((idle.root / ".mcp.json").read_text())["mcpServers"]["supervisor"]
    key_file = Path(entry["args"][-1])
    bridge = StdioServerParameters(command=entry["command"], args=entry["args"], cwd=Path.cwd())
    async with Client(bridge, mode="legacy") as connected:
        assert (await call(connected, "whoami"))["name"] == "scout"
        assert key_file.read_bytes().strip() not in command_lines()
        must(idle, "down")
        up(idle)
        assert (await call(connected, "whoami"))["incarnation"] == 2
        must(idle, "key", "rotate", "scout", "--save")
        assert (await call(connected, "whoami"))["incarnation"] == 3
    must(idle, "down")


async def test_a_killed_engine_leaves_an_outside_agent_its_task(idle: Project) -> None:
    up(idle)
    key = must(idle, "key", "create", "scout", "--role", "worker", "--quiet").strip()
    must(idle, "task", "add", "look around")
    url = address(idle)
    async with client(url, key) as connected:
        await call(connected, "task_claim")
    idle.end_detached()
    assert "its engine died" in must(idle, "ps")
    up(idle)
    async with client(url, key) as connected:
        me = await call(connected, "whoami")
        assert (me["incarnation"], len(me["held"])) == (2, 1)
    must(idle, "down")
    await idle.check()


async def test_a_taken_port_is_given_up_for_once_and_said_so(idle: Project) -> None:
    up(idle)
    must(idle, "down")
    port = remembered_port(open_state(idle.root, create=False))
    assert port is not None
    with socket.create_server(("127.0.0.1", port)):
        up(idle)
        assert str(port) not in address(idle)
        must(idle, "down")
        log = (idle.root / ".supervisor" / "logs" / "engine.log").read_text()
        assert f"port {port} is taken" in log
    up(idle)
    assert str(port) in address(idle)
    must(idle, "down")


async def test_a_profile_that_disputes_an_agents_name_is_not_started(idle: Project) -> None:
    up(idle)
    must(idle, "down")
    must(idle, "key", "create", "scout", "--role", "worker", "--quiet")
    idle.profile.write_text(IDLE_TEAM.replace("keeper", "scout"))
    refused = idle.run("run", str(idle.profile))
    assert refused.returncode == 2
    assert "supervisor key revoke scout" in refused.stderr
    must(idle, "key", "revoke", "scout", "--yes")
