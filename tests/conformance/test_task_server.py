"""The MCP Task Server's page, in our words: planner, worker and judge, and what each may not do."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from supervisor.model.agent import Role
from supervisor.model.notify import NoticeKind, NotifySpec, SinkKind
from supervisor.model.team import PoolSpec
from supervisor.notifiers.notifiers import Notifiers
from supervisor.testing.receiver import Receiver, receiver
from tests.acceptance.project import Project
from tests.conformance.town import profile_of, town_of
from tests.team_door import McpTeamDoor, mcp_team_door

POOLS = (
    PoolSpec(name="planner-1", role=Role.PLANNER, command=("planner",)),
    PoolSpec(name="worker-1", role=Role.WORKER, command=("worker",)),
    PoolSpec(name="judge-1", role=Role.JUDGE, command=("judge",)),
)
SLACK = NotifySpec(name="team", kind=SinkKind.SLACK, url_env="SLACK_URL", on=(NoticeKind.HANDOFF,))


@asynccontextmanager
async def team(directory: Path) -> AsyncIterator[McpTeamDoor]:
    async with mcp_team_door(directory, pools=POOLS) as door:
        await door.call(
            "planner-1",
            "task_create",
            title="Build authentication system",
            description="OAuth2 with Google and email/password",
            priority="high",
            review=True,
            criteria=["edge cases are tested"],
        )
        yield door


async def work_off(door: McpTeamDoor, task: str, result: str) -> None:
    claim = await door.call("worker-1", "task_claim", task_id=task)
    await door.call("worker-1", "task_progress", task_id=task, token=claim["token"], percent=50)
    await door.call("worker-1", "task_complete", task_id=task, token=claim["token"], result=result)


async def test_work_goes_from_plan_over_review_and_rejection_to_approval(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        words = await door.call("planner-1", "task_expand", task_id="T1", parts=2)
        assert "Build authentication system" in words["prompt"]
        parts = [
            (await door.call("planner-1", "task_create", title=title, parent="T1"))["task"]["id"]
            for title in ("Set up OAuth2 providers", "Store passwords")
        ]
        await door.call("planner-1", "task_link", task_id=parts[1], depends_on=[parts[0]])
        found = await door.call("worker-1", "task_next")
        assert found["task"]["id"] == parts[0]
        for part in parts:
            await work_off(door, part, f"result of {part}")

        gathered = await door.call("worker-1", "task_claim", task_id="T1")
        assert [child["result"] for child in gathered["children"]] == [f"result of {part}" for part in parts]
        handed_in = await door.call(
            "worker-1", "task_complete", task_id="T1", token=gathered["token"], result="both ways in"
        )
        assert handed_in["task"]["state"] == "in_review"
        await door.call("judge-1", "review_take", task_id="T1")
        assert await door.code("judge-1", "task_reject", task_id="T1", feedback=" ") == "invalid_argument"
        feedback = "Missing unit tests for edge cases"
        await door.call(
            "judge-1", "task_reject", task_id="T1", feedback=feedback, issues=["no empty password"]
        )

        seen = (await door.call("worker-1", "task_get", task_id="T1"))["task"]
        assert (seen["state"], seen["feedback"], seen["issues"], seen["review_round"]) == (
            "pending",
            feedback,
            ["no empty password"],
            1,
        )
        await work_off(door, "T1", "with tests")
        await door.call("judge-1", "review_take", task_id="T1")
        assert await door.code("judge-1", "task_approve", task_id="T1", verified=[]) == "wrong_state"
        approved = await door.call("judge-1", "task_approve", task_id="T1", verified=[1])
        assert approved["task"]["state"] == "done"


async def test_no_role_does_the_work_of_another(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        assert await door.code("worker-1", "task_create", title="my own idea") == "forbidden"
        claim = await door.call("worker-1", "task_claim", task_id="T1")
        assert (
            await door.code("worker-1", "task_create", title="now", parent="T1", priority="high")
            == "forbidden"
        )
        assert (await door.call("worker-1", "task_create", title="part", parent="T1"))["task"][
            "parent"
        ] == "T1"
        for agent, tool, arguments in (
            ("judge-1", "task_claim", {"task_id": "T1"}),
            ("judge-1", "task_update", {"task_id": "T1", "title": "x"}),
            ("judge-1", "task_create", {"title": "x"}),
            ("planner-1", "task_claim", {"task_id": "T1"}),
            ("planner-1", "task_complete", {"task_id": "T1", "token": claim["token"], "result": "x"}),
            ("worker-1", "task_approve", {"task_id": "T1"}),
            ("worker-1", "task_update", {"task_id": "T1", "priority": "low"}),
        ):
            assert await door.code(agent, tool, **arguments) == "unknown_tool"
        assert await door.code("worker-1", "agent_register", role="judge") == "forbidden"


async def test_a_handoff_leaves_notes_and_posts_one_notification(tmp_path: Path) -> None:
    async with receiver() as slack, mcp_team_door(tmp_path, pools=POOLS, notify=(SLACK,)) as door:
        await door.call("planner-1", "task_create", title="Build it")
        await announced(door, slack)


async def announced(door: McpTeamDoor, slack: Receiver) -> None:
    way = Notifiers(
        door.team.coordinator,
        door.team.clock,
        random.Random(1),
        ring=lambda _letter: None,
        project="web",
        environ={"SLACK_URL": f"{slack.url}/hook"},
    )
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(way.keep())
        claim = await door.call("worker-1", "task_claim", task_id="T1")
        handed = await door.call(
            "worker-1",
            "task_handoff",
            to="judge",
            notes="Implementation complete. All tests passing. Ready for review.",
            task_id="T1",
            token=claim["token"],
        )
        assert handed["task"]["state"] == "in_review"
        assert (await door.call("judge-1", "inbox"))["messages"][0]["sender"] == "worker-1"
        (posted,) = await slack.until(1)
        assert "Implementation complete" in json.dumps(json.loads(posted.body))
        await door.call("judge-1", "task_approve", task_id="T1")
        done = await door.call(
            "judge-1", "task_handoff", to="planner", notes="Approved. Ready for next phase.", task_id="T1"
        )
        assert (done["task"]["state"], done["recipients"]) == ("done", ["planner-1"])
        keeping.cancel()
    assert len(slack.received) == 1


async def test_the_planner_sees_what_is_complex_and_what_nobody_scored(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        await door.call("planner-1", "task_update", task_id="T1", complexity=9)
        await door.call("planner-1", "task_create", title="Fix a typo", complexity=1)
        await door.call("planner-1", "task_create", title="Look around")
        report = await door.call("planner-1", "complexity_report")
        assert [(each["task"], each["expand"]) for each in report["tasks"]] == [("T1", True), ("T2", False)]
        assert report["unscored"] == ["T3"]
        assert (await door.call("worker-1", "task_next"))["task"]["complexity"] == 9


PRD = """\
# Authentication

Everybody signs in once.

## Backend

- [ ] (high) Store passwords {#store}
  - AC: they are hashed
- [ ] Set up OAuth2 providers

## Docs (any order)

- [ ] Tell how to sign in. after: store
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    profile = tmp_path / "team.toml"
    profile.write_text(profile_of("team", planner="planner", worker="worker", judge="judge"))
    made = Project(root=tmp_path / "project", profile=profile)
    yield made
    made.end_detached()


async def test_a_document_of_requirements_becomes_tasks(project: Project) -> None:
    async with town_of(project) as town:
        document = project.root / "PRD.md"
        document.write_text(PRD)
        rehearsed = town.verb("plan", "import", str(document), "--dry-run")
        assert (rehearsed["dry_run"], town.verb("task", "list")["tasks"]) == (True, [])
        created = town.verb("plan", "import", str(document))["created"]
        listed = {task["key"]: task for task in town.verb("task", "list")["tasks"]}
        assert set(created) == set(listed)
        store, providers, telling = listed.values()
        assert (store["criteria"], store["priority"]) == (["they are hashed"], 1)
        assert (providers["blocked_by"], telling["depends_on"]) == (["track"], [store["id"]])
        assert town.verb("plan", "import", str(document))["created"] == {}
        words = town.verb("plan", "template", "--prompt", str(document))["text"]
        assert "> - [ ] (high) Store passwords {#store}" in words


async def test_solo_needs_no_role_at_all(tmp_path: Path) -> None:
    solo = (PoolSpec(name="solo", role=Role.SOLO, command=("solo",)),)
    async with mcp_team_door(tmp_path, pools=solo) as door:
        await door.call("solo", "task_create", title="Build login page")
        assert [task["id"] for task in (await door.call("solo", "task_list"))["tasks"]] == ["T1"]
        assert (await door.call("solo", "task_next"))["task"]["id"] == "T1"
        claim = await door.call("solo", "task_claim")
        ended = await door.call("solo", "task_complete", task_id="T1", token=claim["token"], result="built")
        assert ended["task"]["state"] == "done"


async def test_who_began_alone_goes_on_as_a_team_with_all_there_is(tmp_path: Path) -> None:
    solo = (PoolSpec(name="solo", role=Role.SOLO, command=("solo",)),)
    async with mcp_team_door(tmp_path, pools=solo) as door:
        await door.call("solo", "task_create", title="Build login page", assignee="solo")
        await door.call("solo", "task_create", title="Write it down")
        await door.call("solo", "memory_set", key="style", value="plain")
        claim = await door.call("solo", "task_claim", task_id="T1")
        await door.call("solo", "task_complete", task_id="T1", token=claim["token"], result="built")
    async with mcp_team_door(tmp_path, pools=POOLS) as door:
        assert (await door.call("worker-1", "task_get", task_id="T1"))["task"]["result"] == "built"
        assert (await door.call("worker-1", "task_next"))["task"]["title"] == "Write it down"
        assert (await door.call("judge-1", "memory_get", key="style"))["entry"]["value"] == "plain"
        assert await door.code("worker-1", "task_create", title="more") == "forbidden"
