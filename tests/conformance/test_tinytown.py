"""Tinytown's tutorial, in our words: its tasks.toml as it stands, parallel work that joins, urgent mail.

The engine, the command line and the endpoint are real; the tests speak with the keys of agents that sleep.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from click.testing import CliRunner, Result
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from supervisor.cli.main import supervisor
from supervisor.config.keys import AGENTS_MAX, POOL_SIZE_MAX
from supervisor.config.task_file import read_tasks
from supervisor.model.outside_key import KEYS_MAX
from supervisor.workspace.state_dir import open_state
from tests.acceptance.project import Project

TASKS_TOML: Final = """\
[meta]
description = "Auth API Pipeline"

[[tasks]]
id = "design"
description = "Design a REST API for user authentication with JWT tokens"
agent = "architect"
status = "pending"

[[tasks]]
id = "implement"
description = "Implement the auth API from the architect's design"
agent = "developer"
status = "pending"
parent = "design"

[[tasks]]
id = "test"
description = "Write comprehensive tests for the auth API"
agent = "tester"
status = "pending"
parent = "implement"
"""

POOL: Final = (
    '[[pools]]\nname = "{}"\nrole = "{}"\nstart_timeout_s = 600\n'
    'command = ["{{python}}", "-c", "import time; time.sleep(600)"]\n'
)
TEAM: Final = 'name = "multi-demo"\n' + "".join(
    POOL.format(name, role)
    for name, role in (
        ("conductor", "orchestrator"),
        ("architect", "worker"),
        ("developer", "worker"),
        ("tester", "worker"),
        ("reviewer", "judge"),
    )
)


@dataclass(kw_only=True)
class Town:
    """A project with its running team: verbs of the command line, and tools in the name of each agent."""

    project: Project
    clients: AsyncExitStack
    _known: dict[str, Client] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """Return the file of tasks."""
        return self.project.root / "tasks.toml"

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
        """Call a tool with the key that the engine gave this agent."""
        if agent not in self._known:
            kit = open_state(self.project.root, create=False).agents / agent / "mcp.json"
            server = json.loads(kit.read_text())["mcpServers"]["supervisor"]
            http = await self.clients.enter_async_context(
                httpx2.AsyncClient(headers=server["headers"], timeout=30)
            )
            client = Client(streamable_http_client(server["url"], http_client=http))
            self._known[agent] = await self.clients.enter_async_context(client)
        result = await self._known[agent].call_tool(tool, arguments)
        return dict(result.structured_content or {})

    async def work_off(self, agent: str, result: str, task: str | None = None) -> dict[str, Any]:
        """Let an agent claim what is recommended, or this task, and hand it in."""
        claim = await self.call(agent, "task_claim", **({} if task is None else {"task_id": task}))
        assert "error" not in claim, claim
        number, token = claim["task"]["id"], claim["token"]
        await self.call(agent, "task_complete", task_id=number, token=token, result=result)
        return claim


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    profile = tmp_path / "town.toml"
    profile.write_text(TEAM)
    made = Project(root=tmp_path / "multi-agent-demo", profile=profile)
    yield made
    made.end_detached()


@asynccontextmanager
async def town_of(project: Project) -> AsyncIterator[Town]:
    started = project.run("up", str(project.profile), "--detach")
    assert started.returncode == 0, started.stderr
    async with AsyncExitStack() as clients:
        town = Town(project=project, clients=clients)
        town.file.write_text(TASKS_TOML)
        async with project.watched() as watcher:
            await watcher.until(lambda world: all(each.incarnation for each in world.agents.values()))
        yield town
    assert town.run("down", "--now").exit_code == 0
    await project.check()


def states_in(town: Town) -> dict[str, str]:
    return read_tasks(town.file.read_text(), "tasks.toml").statuses


async def test_the_file_runs_from_design_over_implement_to_test(project: Project) -> None:
    async with town_of(project) as town:
        pushed = town.verb("sync", "push")
        ids = pushed["created"]
        assert list(ids) == ["design", "implement", "test"]
        order = (("architect", "design"), ("developer", "implement"), ("tester", "test"))
        for place, (agent, key) in enumerate(order):
            for other, later in order[place + 1 :]:
                assert (await town.call(other, "task_next"))["task"] is None
                refusal = await town.call(other, "task_claim", task_id=ids[later])
                assert refusal["error"]["code"] == "wrong_state"
            claim = await town.work_off(agent, f"{key} stands")
            assert claim["task"]["id"] == ids[key]
            before = [each["result"] for each in claim["dependencies"]]
            assert before == [f"{each} stands" for _, each in order[max(0, place - 1) : place]]
        done = town.verb("wait", pushed["milestone"]["id"], "--timeout", "30s")
        assert done["held"]


async def test_pushing_twice_changes_nothing_and_no_byte_of_the_file(project: Project) -> None:
    async with town_of(project) as town:
        town.verb("sync", "push")
        before = town.events()
        again = town.verb("sync", "push")
        assert (again["created"], again["updated"], list(again["unchanged"])) == (
            {},
            {},
            ["design", "implement", "test"],
        )
        assert town.events() == before
        assert town.file.read_text() == TASKS_TOML
        assert len(town.verb("task", "list")["tasks"]) == 3


async def test_pull_writes_the_states_back_and_leaves_the_rest_as_it_was(project: Project) -> None:
    async with town_of(project) as town:
        town.verb("sync", "push")
        await town.work_off("architect", "an outline")
        await town.call("developer", "task_claim")
        written = town.verb("sync", "pull")["written"]
        assert [(each["id"], each["written"]) for each in written] == [
            ("design", "completed"),
            ("implement", "in_progress"),
        ]
        assert states_in(town) == {"design": "completed", "implement": "in_progress", "test": "pending"}
        assert town.file.read_text().replace("completed", "pending").replace("in_progress", "pending") == (
            TASKS_TOML
        )
        assert town.verb("sync", "pull")["written"] == []
        assert town.verb("sync", "push")["created"] == {}


async def test_a_file_that_names_nobody_or_itself_in_a_circle_is_refused_whole(project: Project) -> None:
    async with town_of(project) as town:
        for written, told in (
            (TASKS_TOML.replace('"tester"', '"testre"'), "did you mean `tester`"),
            (TASKS_TOML.replace('agent = "tester"', 'agent = "reviewer"'), "claims no tasks"),
            (TASKS_TOML.replace('parent = "design"', 'parent = "desing"'), "did you mean"),
            (TASKS_TOML.replace('id = "design"', 'id = "design"\nparent = "test"'), "cycle"),
        ):
            town.file.write_text(written)
            before = town.events()
            assert told in town.refused("sync", "push").stderr
            assert town.events() == before


async def test_three_assigned_at_once_come_together_in_a_review(project: Project) -> None:
    async with town_of(project) as town:
        workers = ("architect", "developer", "tester")
        modules = [
            town.verb("task", "add", f"Implement module {name}", "--assignee", worker)["task"]["id"]
            for name, worker in zip("ABC", workers, strict=True)
        ]
        after = ",".join(modules)
        join = town.verb(
            "task", "add", "Put modules A, B and C together", "--after", after, "--on", "any", "--review"
        )["task"]
        assert join["state"] == "blocked"
        claims = {worker: await town.call(worker, "task_claim") for worker in workers}
        assert {worker: each["task"]["id"] for worker, each in claims.items()} == dict(
            zip(workers, modules, strict=True)
        )
        assert {each["holder"] for each in town.verb("task", "list")["tasks"]} == {*workers, None}
        for worker, claim in claims.items():
            ended = {"task_id": claim["task"]["id"], "token": claim["token"]}
            if worker == "tester":
                await town.call(worker, "task_fail", **ended, error="no runner", permanent=True)
            else:
                await town.call(worker, "task_complete", **ended, result=f"{worker}'s module")
        assert town.verb("wait", *modules, "--all", "--timeout", "30s")["held"]

        gathered = await town.work_off("developer", "A and B fit; C is missing", task=join["id"])
        assert [(each["state"], each["result"]) for each in gathered["dependencies"]] == [
            ("done", "architect's module"),
            ("done", "developer's module"),
            ("failed", ""),
        ]
        assert (await town.call("reviewer", "wait", **{"for": ["review"]}))["woken_by"] == ["review"]
        review = await town.call("reviewer", "review_take")
        assert review["task"]["result"] == "A and B fit; C is missing"
        await town.call("reviewer", "task_approve", task_id=join["id"])
        assert town.verb("task", "show", join["id"])["task"]["state"] == "done"


async def test_urgent_mail_overtakes_what_was_sent_before(project: Project) -> None:
    async with town_of(project) as town:
        town.verb("send", "reviewer", "Auth API implementation complete. Ready for review.")
        await town.call("developer", "message_send", to="reviewer", body="the tests are in, too")
        town.verb("send", "reviewer", "--urgent", "Critical bug found in module A!")
        assert (await town.call("reviewer", "whoami"))["footer"]["unread"] == 3
        inbox = await town.call("reviewer", "inbox")
        assert [(each["sender"], each["body"]) for each in inbox["messages"]] == [
            ("human", "Critical bug found in module A!"),
            ("human", "Auth API implementation complete. Ready for review."),
            ("developer", "the tests are in, too"),
        ]


async def test_everybody_is_seen_and_all_idle_can_be_waited_for(project: Project) -> None:
    async with town_of(project) as town:
        for agent in ("conductor", "architect", "developer", "tester", "reviewer"):
            await town.call(agent, "whoami")
        listed = {each["name"]: each["role"] for each in town.verb("ps")["agents"]}
        assert (listed["architect"], listed["reviewer"]) == ("worker", "judge")
        assert town.verb("wait", "idle", "--timeout", "30s")["holding"] == ["idle"]
        town.verb("sync", "push")
        await town.call("architect", "task_claim")
        assert town.refused("wait", "idle:architect", "--timeout", "0s").exit_code == 124
        counts = town.verb("status")["tasks"]
        assert (counts["in_progress"], counts["blocked"]) == (1, 2)


async def test_a_second_agent_of_a_living_name_is_refused(project: Project) -> None:
    async with town_of(project) as town:
        told = town.refused("key", "create", "architect", "--role", "worker").stderr
        assert "architect" in told
        town.verb("key", "create", "frontend", "--role", "worker")
        told = town.refused("key", "create", "frontend", "--role", "worker").stderr
        assert "supervisor key rotate frontend" in told
        assert len(town.verb("key", "list")["keys"]) == 1


async def test_more_agents_than_allowed_are_refused(project: Project) -> None:
    too_large = TEAM + POOL.format("crowd", "worker") + f"size = {POOL_SIZE_MAX + 1}\n"
    crowds = "".join(POOL.format(f"crowd-{name}", "worker") + f"size = {POOL_SIZE_MAX}\n" for name in "ab")
    for profile, told in ((too_large, f"{POOL_SIZE_MAX}"), (TEAM + crowds, f"{AGENTS_MAX}")):
        project.profile.write_text(profile)
        refused = project.run("up", str(project.profile), "--detach")
        assert (refused.returncode, told in refused.stderr) == (2, True)
        assert not (project.root / ".supervisor").exists()
    project.profile.write_text(TEAM)
    async with town_of(project) as town:
        async with project.watched() as watcher:
            for number in range(KEYS_MAX):
                await watcher.client.call("key_create", name=f"extra-{number}", role="monitor")
        told = town.refused("key", "create", "extra", "--role", "worker").stderr
        assert f"{KEYS_MAX} active keys" in told
