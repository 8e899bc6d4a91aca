"""OpenCode's multi-agent patterns, in our words: chains, pools, reviews, votes, checkpoints, pipelines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from supervisor.coordinator import upkeep
from supervisor.model.agent import Role
from supervisor.model.scale import wanted_workers
from supervisor.model.team import Distribution, PoolSpec
from tests.team_door import McpTeamDoor, mcp_team_door

POOLS = (
    PoolSpec(name="orchestrator", role=Role.ORCHESTRATOR, command=("orchestrator",)),
    PoolSpec(name="worker", role=Role.WORKER, size=2, command=("worker",), tags=("code-analyzer",)),
    PoolSpec(name="tester", role=Role.WORKER, command=("tester",), tags=("test-runner",)),
    PoolSpec(name="reviewer", role=Role.JUDGE, size=3, command=("reviewer",), groups=("council",)),
    PoolSpec(name="monitor", role=Role.MONITOR, command=("monitor",)),
)


@asynccontextmanager
async def team(directory: Path) -> AsyncIterator[McpTeamDoor]:
    async with mcp_team_door(directory, pools=POOLS) as door:
        yield door


async def test_a_chain_unblocks_itself_as_each_part_completes(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        created = [
            await door.call("orchestrator", "task_create", title="Setup environment"),
            await door.call("orchestrator", "task_create", title="Build project", depends_on=["T1"]),
            await door.call("orchestrator", "task_create", title="Run tests", depends_on=["T2"]),
        ]
        assert [each["task"]["state"] for each in created] == ["pending", "blocked", "blocked"]
        for number in (1, 2, 3):
            found = await door.call("worker-1", "task_next")
            assert found["task"]["id"] == f"T{number}"
            claim = await door.call("worker-1", "task_claim", task_id=f"T{number}")
            await door.call(
                "worker-1", "task_complete", task_id=f"T{number}", token=claim["token"], result="ok"
            )


async def test_a_task_says_what_it_is_about_and_how_hard_it_is(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        about = {"priority": "high", "tags": ["architecture", "documentation"], "complexity": 8}
        await door.call("orchestrator", "task_create", title="Analyze system architecture", **about)
        await door.call("orchestrator", "task_create", title="Fix a typo", complexity=1)
        (found,) = (await door.call("worker-1", "task_list", tag="architecture", state="all"))["tasks"]
        assert (found["priority"], found["tags"], found["complexity"]) == (1, about["tags"], 8)
        following = await door.call("worker-1", "task_next")
        assert (following["task"]["complexity"], "complexity 8 of 10" in following["reason"]) == (8, True)
        assert await door.code("orchestrator", "task_create", title="x", complexity=11) == "invalid_argument"


async def test_cycles_and_unknown_dependencies_are_refused_by_name(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        await door.call("orchestrator", "task_create", title="a")
        await door.call("orchestrator", "task_create", title="b", depends_on=["T1"])
        cycle = await door.refused("orchestrator", "task_link", task_id="T1", depends_on=["T2"])
        assert (cycle.code, "T1 → T2 → T1" in cycle.message) == ("dependency_cycle", True)
        unknown = await door.refused("orchestrator", "task_create", title="c", depends_on=["T99"])
        assert (unknown.code, "T99" in unknown.message) == ("unknown_dependency", True)


async def test_the_replacement_of_a_killed_worker_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        await door.call("orchestrator", "task_create", title="migrate 100 files")
        claim = await door.call("worker-1", "task_claim")
        await door.call(
            "worker-1",
            "task_checkpoint",
            task_id="T1",
            token=claim["token"],
            percent=40,
            completed=["a.py", "b.py"],
            remaining=["c.py"],
            state='{"line": 7}',
        )
        await door.team.crash("worker-1")
        again = await door.call("worker-2", "task_claim")
        assert again["task"]["id"] == "T1"
        assert (again["checkpoint"]["completed"], again["checkpoint"]["state"]) == (
            ["a.py", "b.py"],
            '{"line": 7}',
        )
        await door.team.start("worker-1")
        left = (await door.call("worker-1", "whoami"))["last_handoff"]
        assert (left["task"], left["kind"]) == ("T1", "automatic")


async def test_a_vote_closes_at_its_deadline_with_its_tally_and_tells_everybody(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        opened = await door.call(
            "orchestrator",
            "vote_open",
            question="Should we migrate to TypeScript strict mode?",
            options=["yes", "no"],
            electorate=["group:council"],
            deadline_s=60,
            quorum=2,
            early=False,
        )
        vote = opened["vote"]["id"]
        for voter, choice in (("reviewer-1", "yes"), ("reviewer-2", "abstain")):
            await door.call(
                voter, "vote_cast", vote_id=vote, choice=choice, rationale="Catches more bugs at compile time"
            )
        assert await door.code("reviewer-1", "vote_cast", vote_id=vote, choice="no") == "wrong_state"
        await door.team.clock.advance(61)
        await door.team.do(lambda scope: upkeep.tick(scope, {}))
        assert await door.code("reviewer-3", "vote_cast", vote_id=vote, choice="no") == "vote_closed"
        page = await door.call("monitor", "vote_get", vote_id=vote)
        assert (page["vote"]["outcome"], page["vote"]["winner"]) == ("decided", "yes")
        assert page["tally"] == {"yes": 1, "no": 0, "abstain": 1}
        for name in ("orchestrator", "reviewer-1", "reviewer-3"):
            (told,) = (await door.call(name, "inbox"))["messages"]
            assert (told["kind"], "yes: 1" in told["body"]) == ("vote", True)


async def test_ten_waiting_tasks_for_two_workers_call_for_three_more(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        for number in range(10):
            await door.call(
                "orchestrator", "task_create", title=f"analyse {number}", required_tags=["code-analyzer"]
            )
        load = await door.call("monitor", "team_load")
        pools = {each["pool"]: each for each in load["pools"]}
        assert (pools["worker"]["waiting"], pools["worker"]["wanted"], pools["tester"]["wanted"]) == (
            10,
            3,
            0,
        )
        assert [wanted_workers(10, workers) for workers in (2, 4, 5, 9)] == [3, 3, 0, 0]


async def test_a_pipeline_passes_each_output_on_to_the_role_of_the_next_stage(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        await door.call(
            "orchestrator",
            "plan_create",
            name="refactor",
            kind="pipeline",
            tasks=[
                {"title": "analyze", "required_role": "code-analyzer"},
                {"title": "test", "required_role": "test-runner"},
            ],
        )
        assert await door.code("tester", "task_claim", task_id="T1") == "forbidden"
        claim = await door.call("worker-1", "task_claim")
        await door.call("worker-1", "task_complete", task_id="T1", token=claim["token"], result="3 hot spots")
        following = await door.call("tester", "task_claim")
        assert [(each["title"], each["result"]) for each in following["dependencies"]] == [
            ("analyze", "3 hot spots")
        ]


async def test_subtasks_side_by_side_come_together_in_their_parent_failed_ones_too(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        await door.call("orchestrator", "task_create", title="Implement user authentication", complexity=8)
        for title in ("Create User model", "Write unit tests"):
            await door.call("orchestrator", "task_create", title=title, parent="T1")
        claim = await door.call("worker-1", "task_claim", task_id="T2")
        await door.call("worker-1", "task_complete", task_id="T2", token=claim["token"], result="model")
        claim = await door.call("worker-2", "task_claim", task_id="T3")
        await door.call(
            "worker-2", "task_fail", task_id="T3", token=claim["token"], error="no runner", permanent=True
        )
        whole = await door.call("worker-1", "task_claim", task_id="T1")
        assert [(child["state"], child["result"] or child["feedback"]) for child in whole["children"]] == [
            ("done", "model"),
            ("failed", "no runner"),
        ]


async def test_the_orchestrator_waits_for_a_task_while_a_worker_reports_and_asks_for_help(
    tmp_path: Path,
) -> None:
    async with team(tmp_path) as door:
        await door.call("orchestrator", "task_create", title="explore", tags=["architecture"])
        claim = await door.call("worker-1", "task_claim")
        held = {"task_id": "T1", "token": claim["token"]}
        await door.call("worker-1", "task_progress", **held, percent=75, action="reading", eta_s=600)
        shown = (await door.call("monitor", "task_get", task_id="T1"))["task"]
        assert (shown["percent"], shown["eta"] > door.team.clock.now()) == (75, True)
        waiting = asyncio.ensure_future(
            door.desk.call(door.team["orchestrator"], "wait", {"for": ["task:T1"], "timeout_s": 45})
        )
        async with asyncio.timeout(10):
            while not len(door.team.coordinator.waiting):
                await asyncio.sleep(0)
        done = await door.call("worker-1", "task_complete", **held, result="42 files analyzed")
        assert (await waiting)["woken_by"] == ["task:T1"]
        assert (done["task"]["started_at"], done["task"]["finished_at"] > 0) == (
            shown["started_at"],
            True,
        )
        await door.call("orchestrator", "task_create", title="stuck")
        claim = await door.call("worker-1", "task_claim", task_id="T2")
        await door.call("worker-1", "help", body="which port?", task_id="T2", token=claim["token"])
        stuck = (await door.call("monitor", "task_get", task_id="T2"))["task"]
        assert stuck["blocked_by"] == ["needs_human"]


async def test_messages_go_to_all_to_one_and_by_their_kind(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        told = await door.call("orchestrator", "message_send", to="all", body="strict mode from now on")
        assert len(told["recipients"]) == 7
        await door.call(
            "orchestrator",
            "message_send",
            to="worker-2",
            body="look at T1",
            kind="task",
            payload={"id": "T1"},
        )
        (typed,) = (await door.call("worker-2", "inbox", kind="task"))["messages"]
        assert (typed["sender"], typed["kind"], typed["payload"]) == ("orchestrator", "task", {"id": "T1"})
        assert await door.code("worker-1", "message_send", to="worker-9", body="x") == "not_found"
        assert await door.code("worker-1", "message_send", to="all", body="x", kind="gossip") == (
            "invalid_argument"
        )


async def test_a_peer_names_issues_and_the_worker_sees_them_with_its_notes(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        await door.call("orchestrator", "task_create", title="JWT authentication", review=True, tags=["auth"])
        for issues in (["no test for expiry"], []):
            claim = await door.call("worker-1", "task_claim", task_id="T1")
            held = {"task_id": "T1", "token": claim["token"]}
            await door.call("worker-1", "task_note", **held, body="changed src/auth.ts")
            handed_in = await door.call("worker-1", "task_complete", **held, result="implemented")
            assert handed_in["task"]["state"] == "in_review"
            await door.call("reviewer-1", "review_take", task_id="T1")
            assert await door.code("reviewer-2", "task_approve", task_id="T1") == "already_claimed"
            if issues:
                await door.call("reviewer-1", "task_reject", task_id="T1", feedback="not yet", issues=issues)
                page = await door.call("worker-1", "task_get", task_id="T1")
                assert page["task"]["issues"] == issues
            else:
                await door.call("reviewer-1", "task_approve", task_id="T1")
        page = await door.call("monitor", "task_get", task_id="T1")
        assert page["task"]["state"] == "done"
        assert [note["body"] for note in page["notes"]].count("changed src/auth.ts") == 2


async def test_work_is_dealt_in_turn_or_to_whoever_has_least(tmp_path: Path) -> None:
    workers = (PoolSpec(name="boss", role=Role.ORCHESTRATOR, command=("x",)), *POOLS[1:2])
    for strategy, expected in (
        (Distribution.ROUND_ROBIN, ["worker-1", "worker-2", "worker-1"]),
        (Distribution.LEAST_LOADED, ["worker-1", "worker-2", "worker-2"]),
    ):
        place = tmp_path / strategy.value
        place.mkdir()
        async with mcp_team_door(place, pools=workers, distribution=strategy) as door:
            for title in ("a", "b"):
                await door.call("boss", "task_create", title=title)
            await door.call("boss", "task_create", title="much more", assignee="worker-1")
            await door.call("boss", "task_create", title="c")
            listed = (await door.call("boss", "task_list", state="pending"))["tasks"]
            assert [each["assignee"] for each in listed if each["title"] in "abc"] == expected
            load = await door.call("boss", "team_load")
            assert load["least_loaded"] == (
                "worker-2" if strategy is Distribution.ROUND_ROBIN else "worker-1"
            )


async def test_claiming_and_giving_back_again_and_again_ends_with_a_person(tmp_path: Path) -> None:
    async with team(tmp_path) as door:
        await door.call("orchestrator", "task_create", title="hot potato")
        for releases in (1, 2, 3):
            claim = await door.call("worker-1", "task_claim", task_id="T1")
            back = await door.call(
                "worker-1", "task_release", task_id="T1", token=claim["token"], reason="not mine"
            )
            assert back["task"]["releases"] == releases
        given_back = (await door.call("monitor", "task_get", task_id="T1"))["task"]
        assert given_back["blocked_by"] == ["needs_human"]
