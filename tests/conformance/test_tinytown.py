"""Tinytown's tutorial, in our words: its tasks.toml as it stands, parallel work that joins, urgent mail.

The engine, the command line and the endpoint are real; the tests speak with the keys of agents that sleep.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from supervisor.config.keys import AGENTS_MAX, POOL_SIZE_MAX
from supervisor.config.task_file import read_tasks
from supervisor.model.outside_key import KEYS_MAX
from tests.acceptance.project import Project
from tests.conformance.town import POOL, Town, profile_of, town_of

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

TEAM: Final = profile_of(
    "multi-demo",
    conductor="orchestrator",
    architect="worker",
    developer="worker",
    tester="worker",
    reviewer="judge",
)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    profile = tmp_path / "town.toml"
    profile.write_text(TEAM)
    made = Project(root=tmp_path / "multi-agent-demo", profile=profile)
    yield made
    made.end_detached()


@asynccontextmanager
async def tasks_of(project: Project) -> AsyncIterator[tuple[Town, Path]]:
    """Give the running team, and the tutorial's file in its project."""
    async with town_of(project) as town:
        file = project.root / "tasks.toml"
        file.write_text(TASKS_TOML)
        yield town, file


def states_in(file: Path) -> dict[str, str]:
    return read_tasks(file.read_text(), "tasks.toml").statuses


async def test_the_file_runs_from_design_over_implement_to_test(project: Project) -> None:
    async with tasks_of(project) as (town, _):
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
    async with tasks_of(project) as (town, file):
        town.verb("sync", "push")
        before = town.events()
        again = town.verb("sync", "push")
        assert (again["created"], again["updated"], list(again["unchanged"])) == (
            {},
            {},
            ["design", "implement", "test"],
        )
        assert town.events() == before
        assert file.read_text() == TASKS_TOML
        assert len(town.verb("task", "list")["tasks"]) == 3


async def test_pull_writes_the_states_back_and_leaves_the_rest_as_it_was(project: Project) -> None:
    async with tasks_of(project) as (town, file):
        town.verb("sync", "push")
        await town.work_off("architect", "an outline")
        await town.call("developer", "task_claim")
        written = town.verb("sync", "pull")["written"]
        assert [(each["id"], each["written"]) for each in written] == [
            ("design", "completed"),
            ("implement", "in_progress"),
        ]
        assert states_in(file) == {"design": "completed", "implement": "in_progress", "test": "pending"}
        assert file.read_text().replace("completed", "pending").replace("in_progress", "pending") == (
            TASKS_TOML
        )
        assert town.verb("sync", "pull")["written"] == []
        assert town.verb("sync", "push")["created"] == {}


async def test_a_file_that_names_nobody_or_itself_in_a_circle_is_refused_whole(project: Project) -> None:
    async with tasks_of(project) as (town, file):
        for written, told in (
            (TASKS_TOML.replace('"tester"', '"testre"'), "did you mean `tester`"),
            (TASKS_TOML.replace('agent = "tester"', 'agent = "reviewer"'), "claims no tasks"),
            (TASKS_TOML.replace('parent = "design"', 'parent = "desing"'), "did you mean"),
            (TASKS_TOML.replace('id = "design"', 'id = "design"\nparent = "test"'), "cycle"),
        ):
            file.write_text(written)
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
    async with tasks_of(project) as (town, _):
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
