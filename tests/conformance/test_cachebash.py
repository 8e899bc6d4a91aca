"""CacheBash's guide, in our words: a key per agent, double claims, groups, waves, state at boot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import questions, upkeep
from supervisor.coordinator.coordinator import Coordinator
from supervisor.model.agent import Role
from supervisor.model.approval import Mode
from supervisor.model.team import PoolSpec
from supervisor.store.store import Store
from tests.acceptance.project import Project
from tests.conformance.town import profile_of, town_of
from tests.team_door import McpTeamDoor, mcp_team_door

POOLS = (
    PoolSpec(name="architect", role=Role.ORCHESTRATOR, command=("architect",), groups=("council",)),
    PoolSpec(name="builder", role=Role.WORKER, size=3, command=("builder",), groups=("builders",)),
    PoolSpec(name="reviewer", role=Role.JUDGE, command=("reviewer",), groups=("council", "intelligence")),
    PoolSpec(name="deployer", role=Role.WORKER, command=("deployer",)),
)
STORIES = (
    {"key": "story-1", "title": "Add database schema", "wave": 1},
    {"key": "story-2", "title": "Add API endpoints", "wave": 1},
    {"key": "story-3", "title": "Add tests", "wave": 1},
    {"key": "story-4", "title": "Add UI", "wave": 2, "depends_on": ["story-2"]},
    {"key": "story-5", "title": "Add error handling", "wave": 2},
    {"key": "story-6", "title": "Add docs", "wave": 2},
)
BUILDERS = ("builder-1", "builder-2", "builder-3")


@asynccontextmanager
async def team(directory: Path) -> AsyncIterator[McpTeamDoor]:
    async with mcp_team_door(directory, pools=POOLS) as door:
        yield door


async def finish(door: McpTeamDoor, who: str, task: str) -> None:
    claim = await door.call(who, "task_claim", task_id=task)
    await door.call(who, "task_complete", task_id=task, token=claim["token"], result="done")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    profile = tmp_path / "team.toml"
    profile.write_text(profile_of("team", keeper="monitor"))
    made = Project(root=tmp_path / "myapp", profile=profile)
    yield made
    made.end_detached()


async def test_three_agents_join_with_a_key_each_that_is_shown_once(project: Project) -> None:
    async with town_of(project) as town:
        made = [
            town.join(name, "--role", role, "--label", f"{name}, Claude Code")
            for name, role in (("architect", "planner"), ("builder", "worker"), ("deployer", "worker"))
        ]
        assert len({each["secret"] for each in made}) == 3
        listed = town.run("key", "list").stdout
        assert "builder, Claude Code" in listed
        assert [each["secret"] for each in made if each["secret"] in listed] == []

        await town.call("architect", "task_create", title="Add /api/users endpoint")
        clients = [await town.client(name) for name in ("builder", "deployer")]
        results = await asyncio.gather(*(each.call_tool("task_claim", {"task_id": "T1"}) for each in clients))
        answers: list[Any] = [each.structured_content for each in results]
        assert sorted("error" in each for each in answers) == [False, True]
        winner = next(each["task"]["holder"] for each in answers if "task" in each)
        loser = next(each["error"] for each in answers if "error" in each)
        assert (loser["code"], loser["holder"]) == ("already_claimed", winner)

        sent = await town.call("builder", "message_send", to="architect", body="PR ready", source="deployer")
        assert sent["error"]["code"] == "invalid_argument"
        await town.call("builder", "message_send", to="architect", body="PR ready")
        (message,) = (await town.call("architect", "inbox"))["messages"]
        assert message["sender"] == "builder"


async def test_a_task_for_one_agent_is_found_by_target_and_state(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        await door.call(
            "architect",
            "task_create",
            title="Add /api/users endpoint",
            assignee="deployer",
            instructions="GET and POST handlers.",
            priority="high",
        )
        listed = await door.call("deployer", "task_list", target="deployer", state="pending")
        assert [task["instructions"] for task in listed["tasks"]] == ["GET and POST handlers."]
        await finish(door, "deployer", "T1")
        assert (await door.call("architect", "task_get", task_id="T1"))["task"]["state"] == "done"


async def test_of_two_who_claim_at_once_one_gets_an_error(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        await door.call("architect", "task_create", title="one for all")
        clients = [await door.client(who) for who in BUILDERS]
        results = await asyncio.gather(*(each.call_tool("task_claim", {"task_id": "T1"}) for each in clients))
        answers: list[Any] = [each.structured_content for each in results]
        held = [each["task"]["holder"] for each in answers if "task" in each]
        lost = [each["error"] for each in answers if "error" in each]
        assert (len(held), [each["code"] for each in lost]) == (1, ["already_claimed"] * 2)
        assert [each["holder"] for each in lost] == held * 2


async def test_a_message_to_a_group_reaches_each_member_once(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        groups = (await door.call("builder-1", "group_list"))["groups"]
        assert {each["address"].removeprefix("group:"): len(each["members"]) for each in groups} == {
            "all": 6,
            "builders": 3,
            "council": 2,
            "intelligence": 1,
        }
        directive = "All user management work goes on feature/user-management."
        sent = await door.call(
            "architect", "message_send", to="group:builders", body=directive, kind="task", priority="normal"
        )
        assert sorted(sent["recipients"]) == list(BUILDERS)
        for who in BUILDERS:
            (message,) = (await door.call(who, "inbox"))["messages"]
            assert (message["sender"], message["body"]) == ("architect", directive)
        assert (await door.call("deployer", "inbox"))["messages"] == []
        refusal = await door.refused("builder-1", "message_send", to="reviewer", body="x", source="architect")
        assert "unknown argument `source`" in refusal.message


async def test_the_second_wave_opens_after_the_first_and_a_story_waits_for_its_own_too(
    tmp_path: Path,
) -> None:
    async with team(tmp_path) as door:
        made = await door.call(
            "architect",
            "plan_create",
            name="Add user management",
            kind="sprint",
            branch="feature/user-management",
            tasks=list(STORIES),
        )
        ids = made["tasks"]
        assert await door.code("builder-1", "task_claim", task_id=ids["story-5"]) == "wrong_state"
        why = await door.call("builder-1", "task_why", task_id=ids["story-4"])
        assert [each["reason"] for each in why["reasons"]] == ["dependency", "wave"]
        claims = [await door.call(who, "task_claim") for who in BUILDERS]
        assert [claim["task"]["key"] for claim in claims] == ["story-1", "story-2", "story-3"]
        await door.call(
            "builder-1",
            "task_progress",
            task_id=ids["story-1"],
            token=claims[0]["token"],
            percent=50,
            action="Writing migration scripts",
        )
        seen = await door.call("architect", "milestone_get", milestone_id="P1")
        assert (seen["progress"]["percent"], seen["progress"]["counts"]["in_progress"]) == (8, 3)
        for who, claim in zip(BUILDERS, claims, strict=True):
            await door.call(
                who, "task_complete", task_id=claim["task"]["id"], token=claim["token"], result="done"
            )
        states = {
            task["key"]: task["state"]
            for task in (await door.call("architect", "milestone_get", milestone_id="P1"))["tasks"]
        }
        assert [states[f"story-{number}"] for number in (4, 5, 6)] == ["pending"] * 3
        for number, who in zip((4, 5, 6), BUILDERS, strict=True):
            await finish(door, who, ids[f"story-{number}"])
        assert (await door.call("architect", "wait", **{"for": ["milestone:P1"]}))["woken_by"] == [
            "milestone:P1"
        ]


async def test_stories_that_wait_for_each_other_are_refused_with_the_cycle(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        circle = [
            {"key": "story-1", "title": "a", "depends_on": ["story-2"]},
            {"key": "story-2", "title": "b", "depends_on": ["story-1"]},
        ]
        refusal = await door.refused("architect", "plan_create", name="s", kind="sprint", tasks=circle)
        assert refusal.code == "dependency_cycle"
        assert "story-1 → story-2 → story-1" in refusal.message


async def test_what_an_agent_keeps_of_its_work_is_there_in_its_next_session_and_after_a_restart(
    tmp_path: Path,
) -> None:
    async with team(tmp_path) as door:
        await door.call(
            "builder-1",
            "state_save",
            summary="user management",
            last_task={
                "task_id": "T1",
                "title": "Add /api/users endpoint",
                "outcome": "completed",
                "notes": "PR #42 opened.",
            },
            work_items=["3 tasks completed today"],
            open_questions=["Rate limit all endpoints or just /api/users?"],
        )
        await door.team.crash("builder-1")
        await door.team.start("builder-1")
        booted = (await door.call("builder-1", "whoami"))["state"]
        assert booted["open_questions"] == ["Rate limit all endpoints or just /api/users?"]
    async with Store(tmp_path / "coordinator.db", door.team.clock) as reopened:
        coordinator = Coordinator(reopened, door.team.clock, door.team.coordinator.team, Mode.INTERACTIVE)
        kept = await coordinator.read(lambda scope: scope.tx.one("work_state.get", agent="builder-1"))
        assert kept is not None
        assert "PR #42 opened." in kept["last_task"]


async def test_a_builder_that_polls_and_a_reviewer_come_to_a_merge_by_mail(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        looking = {"target": "builder-1", "state": "pending"}
        for _ in range(3):
            assert (await door.call("builder-1", "task_list", **looking))["tasks"] == []
            await door.team.clock.advance(30)
        await door.call("architect", "task_create", title="Add /api/users endpoint", assignee="builder-1")
        (found,) = (await door.call("builder-1", "task_list", **looking))["tasks"]
        await finish(door, "builder-1", found["id"])
        for sender, reader, body in (
            ("builder-1", "reviewer", "PR #42 ready for review"),
            ("reviewer", "builder-1", "Changes requested: validate the input"),
            ("builder-1", "reviewer", "PR #42 has them"),
            ("reviewer", "builder-1", "PR #42 approved, merge when ready"),
        ):
            await door.call(sender, "message_send", to=reader, body=body, kind="review", thread="PR #42")
            (message,) = (await door.call(reader, "inbox", thread="PR #42"))["messages"]
            assert (message["sender"], message["body"]) == (sender, body)
            await door.call(reader, "message_ack", ids=[message["id"]])


async def test_work_ends_well_or_failed_or_skipped_or_cancelled(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        for title in ("well", "badly", "not needed", "withdrawn"):
            await door.call("architect", "task_create", title=title)
        await finish(door, "builder-1", "T1")
        claim = await door.call("builder-2", "task_claim", task_id="T2")
        await door.call(
            "builder-2", "task_fail", task_id="T2", token=claim["token"], error="no", permanent=True
        )
        await door.call("architect", "task_skip", task_id="T3", reason="there is one already")
        held = await door.call("builder-3", "task_claim", task_id="T4")
        await door.call("architect", "task_cancel", task_id="T4", reason="another plan")
        late = {"task_id": "T4", "token": held["token"], "result": "too late"}
        assert await door.code("builder-3", "task_complete", **late) == "stale_token"
        listed = (await door.call("architect", "task_list", state="all"))["tasks"]
        assert [task["state"] for task in listed] == ["done", "failed", "skipped", "cancelled"]


async def test_a_question_is_answered_by_a_person_elsewhere(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        asked = await door.call("builder-1", "ask_human", question="Ship on Friday?", options=["yes", "no"])
        number = asked["question"]["id"]
        await door.team.do(lambda scope: questions.answer(scope, number, choice="no"))
        woken = await door.call("builder-1", "wait", **{"for": [f"question:{number}"]})
        assert woken["woken_by"] == [f"question:{number}"]
        assert (await door.call("builder-1", "question_get", question_id=number))["question"][
            "choice"
        ] == "no"


async def test_failed_work_stays_in_the_queue_until_its_budget_is_spent(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        await door.call("architect", "task_create", title="flaky")
        for failures in (1, 2, 3):
            claim = await door.call(BUILDERS[failures - 1], "task_claim", task_id="T1")
            failed = await door.call(
                BUILDERS[failures - 1], "task_fail", task_id="T1", token=claim["token"], error="timeout"
            )
            assert failed["task"]["failures"] == failures
            await door.team.clock.advance(300)
            await door.team.do(lambda scope: upkeep.tick(scope, {}))
        assert (await door.call("reviewer", "task_get", task_id="T1"))["task"]["state"] == "failed"
