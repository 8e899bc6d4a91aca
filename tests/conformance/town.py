"""A team of sleeping programs on its real engine: verbs for people, tools by the key of each agent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
from click.testing import CliRunner, Result
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from supervisor.cli.main import supervisor
from supervisor.workspace.state_dir import open_state
from tests.acceptance.project import Project

POOL: Final = (
    '[[pools]]\nname = "{}"\nrole = "{}"\nstart_timeout_s = 600\n'
    'command = ["{{python}}", "-c", "import time; time.sleep(600)"]\n'
)


def profile_of(name: str, **pools: str) -> str:
    """Spell a profile of one agent for each pool with its role."""
    return f'name = "{name}"\n' + "".join(POOL.format(pool, role) for pool, role in pools.items())


@dataclass(kw_only=True)
class Town:
    """A project with its running team: verbs of the command line, and tools in the name of each agent."""

    project: Project
    clients: AsyncExitStack
    _known: dict[str, Client] = field(default_factory=dict)
    _joined: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)

    def run(self, *words: str) -> Result:
        """Run a verb beside the test's own loop, which waits."""
        line = [*words, "--project", str(self.project.root)]
        with ThreadPoolExecutor() as aside:
            return aside.submit(CliRunner().invoke, supervisor, line, prog_name="supervisor").result()

    def verb(self, *words: str) -> Any:
        """Run a verb that must succeed and return what it prints as JSON."""
        ended = self.run(*words, "--json")
        assert ended.exit_code == 0, (words, ended.output)
        return json.loads(ended.stdout)

    def refused(self, *words: str) -> Result:
        """Run a verb that must be refused."""
        ended = self.run(*words)
        assert ended.exit_code not in {0, 70}, (words, ended.output)
        return ended

    def events(self) -> int:
        """Return how many events there are."""
        return len(self.run("events").stdout.splitlines())

    async def call(self, agent: str, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """Call a tool with the key of this agent; a refusal is an answer, too."""
        result = await (await self.client(agent)).call_tool(tool, arguments)
        return dict(result.structured_content or {})

    async def client(self, agent: str) -> Client:
        """Return the client of an agent: one from outside by its key, else by what the engine gave it."""
        if agent not in self._known:
            url, headers = self._joined.get(agent) or self._kit(agent)
            http = await self.clients.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=30))
            client = Client(streamable_http_client(url, http_client=http))
            self._known[agent] = await self.clients.enter_async_context(client)
        return self._known[agent]

    def _kit(self, agent: str) -> tuple[str, dict[str, str]]:
        kit = open_state(self.project.root, create=False).agents / agent / "mcp.json"
        server = json.loads(kit.read_text())["mcpServers"]["supervisor"]
        return server["url"], server["headers"]

    def join(self, name: str, *words: str) -> dict[str, Any]:
        """Make a key for an agent from outside, and return what was said about it."""
        made: dict[str, Any] = self.verb("key", "create", name, *words)
        url = json.loads(self.verb("join", "--client", "mcp-json")["text"])["mcpServers"]["supervisor"]["url"]
        self._joined[name] = (url, {"Authorization": f"Bearer {made['secret']}"})
        return made

    async def work_off(self, agent: str, result: str, task: str | None = None) -> dict[str, Any]:
        """Let an agent claim what is recommended, or this task, and hand it in."""
        claim = await self.call(agent, "task_claim", **({} if task is None else {"task_id": task}))
        assert "error" not in claim, claim
        number, token = claim["task"]["id"], claim["token"]
        await self.call(agent, "task_complete", task_id=number, token=token, result=result)
        return claim


@asynccontextmanager
async def town_of(project: Project) -> AsyncIterator[Town]:
    """Start the project's team, and give it with every agent begun; afterwards everything adds up."""
    started = project.run("up", str(project.profile), "--detach")
    assert started.returncode == 0, started.stderr
    async with AsyncExitStack() as clients:
        town = Town(project=project, clients=clients)
        async with project.watched() as watcher:
            await watcher.until(lambda world: all(each.incarnation for each in world.agents.values()))
        yield town
    assert town.run("down", "--now").exit_code == 0
    await project.check()
