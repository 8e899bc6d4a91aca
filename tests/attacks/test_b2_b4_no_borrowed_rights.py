"""B2: nobody grants what it lacks. B3: an act stays its actor's. B4: nobody judges or answers for itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import approvals, reviews
from supervisor.model.agent import Role
from supervisor.model.permissions import PERMISSIONS, Operation
from supervisor.model.team import PoolSpec
from supervisor.testing.small_team import SMALL_TEAM
from tests.team_door import TeamDoor, set_scene, team_door

GRANTS: list[tuple[str, str, dict[str, Any], str]] = [
    ("planner", "task_create", {"title": "x", "role": "orchestrator"}, "invalid_argument"),
    ("planner", "task_create", {"title": "x", "required_role": "king"}, "invalid_argument"),
    ("worker-1", "task_create", {"title": "x", "parent": "T3"}, "forbidden"),
    ("worker-1", "task_create", {"title": "x"}, "forbidden"),
    ("worker-1", "task_link", {"task_id": "T1", "depends_on": ["T2"]}, "unknown_tool"),
    ("worker-1", "task_cancel", {"task_id": "T3", "reason": "mine"}, "forbidden"),
    ("worker-1", "memory_set", {"key": "role", "value": "planner", "scope": "agent:planner"}, "forbidden"),
    ("judge", "task_claim", {"task_id": "T1"}, "unknown_tool"),
    ("planner", "task_claim", {"task_id": "T1"}, "unknown_tool"),
    ("worker-1", "spawn", {"role": "orchestrator"}, "unknown_tool"),
    ("chief", "spawn", {"role": "worker"}, "unknown_tool"),
    ("watcher", "vote_open", {"question": "?", "options": ["a", "b"], "electorate": ["all"]}, "unknown_tool"),
]


@pytest.mark.parametrize(("agent", "tool", "arguments", "code"), GRANTS)
async def test_b2_no_call_gives_a_right(
    tmp_path: Path, agent: str, tool: str, arguments: dict[str, Any], code: str
) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        assert await door.code(agent, tool, **arguments) == code


async def test_b2_being_given_a_task_gives_no_right_to_claim_it(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        for_judges = {"title": "x", "required_role": "judge"}
        assert await door.code("planner", "task_create", **for_judges) == "invalid_argument"
        await door.call("planner", "task_create", title="x", assignee="judge")
        assert await door.code("judge", "task_claim", task_id="T1") == "unknown_tool"
        assert await door.code("worker-1", "task_claim", task_id="T1") == "forbidden"


async def test_b3_what_was_allowed_is_done_and_recorded_as_who_asked(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        payload = {"path": "b", "lines": [1, 2]}
        assert await door.code("chief", "approval_use", approval_id="A1", payload=payload) == "not_found"
        for _ in range(2):
            await door.call(
                "worker-1", "approval_use", approval_id="A1", payload=payload, idempotency_key="once"
            )
        by = [(event.kind, event.actor) for event in await door.team.events() if event.subject == "A1"]
        assert by == [
            ("approval.requested", "worker-1"),
            ("approval.approved", "human"),
            ("approval.used", "worker-1"),
        ]
        assert await door.code("worker-1", "task_cancel", task_id="T1", reason="allowed?") == "forbidden"


def test_b4_no_operation_answers_an_approval() -> None:
    assert {each for each in Operation if each.value.startswith("approval")} == {Operation.APPROVAL_REQUEST}
    assert all(Operation.TASK_REVIEW not in PERMISSIONS[role] for role in (Role.WORKER, Role.PLANNER))


async def judged(door: TeamDoor, *how: str) -> list[str]:
    return [
        await door.code("judge", tool, task_id="T3", **({"feedback": "f"} if tool == "task_reject" else {}))
        for tool in how
    ]


async def test_b4_a_judge_never_judges_what_it_did_itself_not_even_in_a_later_life(tmp_path: Path) -> None:
    """The profile made a judge of a worker between two runs of the engine: the name decides, not the key."""
    as_worker = (PoolSpec(name="judge", role=Role.WORKER, command=("x",)), *_all_but("judge"))
    async with team_door(tmp_path, pools=as_worker) as door:
        await door.call("planner", "task_create", title="x", review=True)
        claim = await door.call("judge", "task_claim")
        await door.call("judge", "task_complete", task_id="T1", token=claim["token"], result="mine")
        await door.team.crash("judge")
    async with team_door(tmp_path) as door:
        assert await door.code("judge", "review_take", task_id="T1") == "forbidden"
        assert await door.code("judge", "task_approve", task_id="T1") == "forbidden"
        assert await door.code("judge", "task_reject", task_id="T1", feedback="f") == "forbidden"
        assert await door.code("judge", "review_take") == "nothing_to_do"


def _all_but(name: str) -> tuple[PoolSpec, ...]:
    return tuple(pool for pool in SMALL_TEAM.pools if pool.name != name)


async def test_canary_without_the_look_at_the_author_own_work_is_approved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_worker = (PoolSpec(name="judge", role=Role.WORKER, command=("x",)), *_all_but("judge"))
    async with team_door(tmp_path, pools=as_worker) as door:
        await door.call("planner", "task_create", title="x", review=True)
        claim = await door.call("judge", "task_claim")
        await door.call("judge", "task_complete", task_id="T1", token=claim["token"], result="mine")
        await door.team.crash("judge")
    monkeypatch.setattr(reviews, "_check_may_judge", lambda *_: None)
    async with team_door(tmp_path) as door:
        assert (await door.call("judge", "task_approve", task_id="T1"))["task"]["state"] == "done"


async def test_canary_leave_that_is_not_bound_is_used_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        approvals, "own_approval", lambda scope, _, spelled: approvals.the_approval(scope, spelled)
    )
    async with team_door(tmp_path) as door:
        await set_scene(door)
        shown = await door.call("chief", "approval_get", approval_id="A1")
        assert shown["approval"]["agent"] == "worker-1"
