"""The tools about tasks: what each answers, and with which code it is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import upkeep
from supervisor.errors import AlreadyClaimed
from supervisor.model.task import RETRY_BASE_S
from tests.team_door import TeamDoor, set_scene, team_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[TeamDoor]:
    async with team_door(tmp_path) as opened:
        await set_scene(opened)
        yield opened


async def test_tasks_are_listed_in_pages_oldest_first(door: TeamDoor) -> None:
    first = await door.call("watcher", "task_list", limit=3)
    assert [task["id"] for task in first["tasks"]] == ["T1", "T2", "T3"]
    rest = await door.call("watcher", "task_list", limit=3, after=first["next"])
    assert [task["id"] for task in rest["tasks"]] == ["T4", "T5", "T6"]
    end = await door.call("watcher", "task_list", limit=3, after=rest["next"])
    assert (end["tasks"], end["next"]) == ([], None)


@pytest.mark.parametrize(
    ("agent", "filters", "ids"),
    [
        ("watcher", {"state": "blocked"}, ["T4", "T5"]),
        ("watcher", {"state": "open", "limit": 3}, ["T1", "T2", "T3"]),
        ("watcher", {"state": "all", "after": "T4"}, ["T5", "T6"]),
        ("watcher", {"target": "worker-1"}, ["T2"]),
        ("watcher", {"milestone": "P1"}, []),
        ("watcher", {"parent": "T1"}, []),
        ("watcher", {"state": "in_review"}, ["T3"]),
        ("worker-1", {"mine": True}, ["T2"]),
        ("worker-2", {"mine": True}, []),
        ("watcher", {"tag": "unheard"}, []),
    ],
)
async def test_a_list_can_be_narrowed(
    door: TeamDoor, agent: str, filters: dict[str, Any], ids: list[str]
) -> None:
    listed = await door.call(agent, "task_list", **filters)
    assert [task["id"] for task in listed["tasks"]] == ids


async def test_a_task_is_shown_with_its_notes_checkpoint_and_edges(door: TeamDoor) -> None:
    await door.call("judge", "task_note", task_id="T1", body="mind the gap")
    shown = await door.call("watcher", "task_get", task_id="1")
    assert shown["task"]["id"] == "T1"
    assert [note["body"] for note in shown["notes"]] == ["mind the gap"]
    assert shown["checkpoint"] is None
    assert shown["dependencies"] == []
    assert [task["id"] for task in shown["dependents"]] == ["T4"]
    assert "events" not in shown


async def test_the_next_task_comes_with_its_reason(door: TeamDoor) -> None:
    found = await door.call("worker-2", "task_next")
    assert (found["task"]["id"], found["reason"]) == ("T1", "best priority (normal), oldest there")
    await door.call("planner", "task_create", title="yours", assignee="worker-2", priority="critical")
    mine = await door.call("worker-2", "task_next")
    assert mine["reason"] == "it is reserved for you; best priority (critical), oldest there; before 1 other"
    await door.call("worker-2", "task_claim")
    await door.call("worker-2", "task_claim")
    nothing = await door.call("worker-2", "task_next")
    assert (nothing["task"], "wait" in nothing["reason"]) == (None, True)


async def test_a_claim_answers_the_token_and_all_that_is_needed_to_start(door: TeamDoor) -> None:
    await door.call("worker-1", "task_checkpoint", task_id="T2", token=1, percent=30, completed=["a"])
    await door.call("worker-1", "task_release", task_id="T2", token=1, reason="busy")
    claim = await door.call("worker-2", "task_claim", task_id="T2")
    assert (claim["token"], claim["task"]["holder"]) == (2, "worker-2")
    assert claim["checkpoint"]["completed"] == ["a"]
    assert (claim["notes"], claim["dependencies"]) == ([], [])
    assert claim["footer"]["lease_until"] == claim["task"]["lease_until"]


async def test_claims_are_refused_by_what_is_wrong_with_them(door: TeamDoor) -> None:
    refusal = await door.refused("worker-2", "task_claim", task_id="T2")
    assert isinstance(refusal, AlreadyClaimed)
    assert refusal.details["holder"] == "worker-1"
    assert await door.code("worker-2", "task_claim", task_id="T3") == "wrong_state"
    assert await door.code("worker-2", "task_claim", task_id="T4") == "wrong_state"
    assert await door.code("worker-2", "task_claim", task_id="T99") == "not_found"
    assert await door.code("worker-2", "task_claim", task_id="x") == "invalid_argument"
    assert await door.code("judge", "task_claim", task_id="T1") == "unknown_tool"
    await door.call("worker-2", "task_claim")
    assert await door.code("worker-2", "task_claim") == "nothing_to_do"


async def test_progress_and_checkpoints_are_kept(door: TeamDoor) -> None:
    moved = await door.call("worker-1", "task_progress", task_id="T2", token=1, percent=40, action="reading")
    assert (moved["task"]["percent"], moved["task"]["action"]) == (40, "reading")
    saved = await door.call(
        "worker-1", "task_checkpoint", task_id="T2", token=1, percent=50, remaining=["b"], state="x"
    )
    assert saved["checkpoint"]["author"] == "worker-1"
    assert (await door.call("judge", "task_get", task_id="T2"))["checkpoint"] == saved["checkpoint"]


HELD: dict[str, dict[str, Any]] = {
    "task_progress": {"percent": 1},
    "task_checkpoint": {"percent": 1},
    "task_complete": {"result": "r"},
    "task_fail": {"error": "e"},
    "task_release": {"reason": "r"},
    "task_note": {"body": "b"},
    "help": {"body": "b"},
}


@pytest.mark.parametrize("tool", HELD)
async def test_only_the_holder_with_the_current_token_writes_about_a_held_task(
    door: TeamDoor, tool: str
) -> None:
    assert await door.code("worker-1", tool, task_id="T2", token=0, **HELD[tool]) == "stale_token"
    assert await door.code("worker-1", tool, task_id="T2", token=2, **HELD[tool]) == "stale_token"
    assert await door.code("worker-2", tool, task_id="T2", token=1, **HELD[tool]) == "stale_token"
    assert await door.code("worker-1", tool, task_id="T1", token=0, **HELD[tool]) == "stale_token"
    assert await door.code("worker-1", tool, task_id="T99", token=1, **HELD[tool]) == "not_found"


async def test_work_ends_as_done_in_review_failed_or_given_back(door: TeamDoor) -> None:
    done = await door.call("worker-1", "task_complete", task_id="T2", token=1, result="it works")
    assert (done["task"]["state"], done["task"]["result"]) == ("done", "it works")
    claim = await door.call("worker-1", "task_claim", task_id="T1")
    again = await door.call("worker-1", "task_fail", task_id="T1", token=claim["token"], error="flaky")
    assert (again["task"]["state"], again["task"]["failures"]) == ("blocked", 1)
    await door.team.clock.advance(RETRY_BASE_S)
    await door.team.do(lambda scope: upkeep.tick(scope, {}))
    claim = await door.call("worker-2", "task_claim", task_id="T1")
    given_back = await door.call("worker-2", "task_release", task_id="T1", token=claim["token"], reason="no")
    assert (given_back["task"]["state"], given_back["task"]["releases"]) == ("pending", 1)
    claim = await door.call("solo", "task_claim", task_id="T1")
    dead = await door.call(
        "solo", "task_fail", task_id="T1", token=claim["token"], error="no", permanent=True
    )
    assert dead["task"]["state"] == "failed"
    assert (await door.call("judge", "task_get", task_id="T4"))["task"]["blocked_by"] == ["dependency_failed"]


async def test_help_with_a_held_task_lets_it_wait_for_a_person(door: TeamDoor) -> None:
    asked = await door.call("worker-1", "help", body="which port?", task_id="T2", token=1)
    assert (asked["message"]["to"], asked["message"]["kind"], asked["message"]["thread"]) == (
        "human",
        "help",
        "T2",
    )
    shown = await door.call("judge", "task_get", task_id="T2")
    assert (shown["task"]["state"], shown["task"]["blocked_by"]) == ("blocked", ["needs_human"])
    assert await door.code("worker-1", "help", body="?", task_id="T2") == "invalid_argument"
    assert await door.code("worker-1", "help", body=" ") == "invalid_argument"


async def test_tasks_are_created_whole_or_not_at_all(door: TeamDoor) -> None:
    created = await door.call(
        "planner",
        "task_create",
        title="fifth",
        description="long",
        priority="urgent",
        tags=["x"],
        criteria=["tests pass"],
        depends_on=["T1", "t1"],
        review=True,
        required_role="worker",
        parent="T2",
    )
    task = created["task"]
    assert (task["state"], task["depends_on"], task["priority"]) == ("blocked", ["T1"], 0)
    assert (task["creator"], task["parent"], task["criteria"]) == ("planner", "T2", ["tests pass"])


@pytest.mark.parametrize(
    ("agent", "wanted", "code"),
    [
        ("planner", {"title": " "}, "invalid_argument"),
        ("planner", {"title": "x" * 201}, "too_large"),
        ("planner", {"title": "x", "priority": "soon"}, "invalid_argument"),
        ("planner", {"title": "x", "depends_on": ["T99"]}, "unknown_dependency"),
        ("planner", {"title": "x", "tags": ["No Tag"]}, "invalid_argument"),
        ("planner", {"title": "x", "assignee": "nobody"}, "not_found"),
        ("planner", {"title": "x", "required_role": "king"}, "invalid_argument"),
        ("worker-1", {"title": "x"}, "forbidden"),
        ("worker-1", {"title": "x", "parent": "T1"}, "forbidden"),
        ("worker-1", {"title": "x", "parent": "T2", "priority": "high"}, "forbidden"),
        ("judge", {"title": "x"}, "unknown_tool"),
        ("watcher", {"title": "x"}, "unknown_tool"),
    ],
)
async def test_what_makes_no_task_is_refused(
    door: TeamDoor, agent: str, wanted: dict[str, Any], code: str
) -> None:
    assert await door.code(agent, "task_create", **wanted) == code


async def test_a_worker_creates_subtasks_of_what_it_holds(door: TeamDoor) -> None:
    made = await door.call("worker-1", "task_create", title="part", parent="T2")
    assert (made["task"]["creator"], made["task"]["parent"]) == ("worker-1", "T2")


async def test_links_block_and_cycles_are_named(door: TeamDoor) -> None:
    linked = await door.call("planner", "task_link", task_id="T1", depends_on=["T2"])
    assert (linked["task"]["state"], linked["task"]["depends_on"]) == ("blocked", ["T2"])
    cycle = await door.refused("planner", "task_link", task_id="T1", depends_on=["T4"])
    assert (cycle.code, "T1 → T4 → T1" in cycle.message) == ("dependency_cycle", True)
    assert await door.code("planner", "task_link", task_id="T1", depends_on=["T1"]) == "dependency_cycle"
    assert await door.code("planner", "task_link", task_id="T1", depends_on=["T9"]) == "unknown_dependency"
    assert await door.code("planner", "task_link", task_id="T2", depends_on=["T1"]) == "wrong_state"


async def test_a_link_does_not_let_go_what_waits_for_a_person(door: TeamDoor) -> None:
    await door.call("worker-1", "help", body="which port?", task_id="T2", token=1)
    linked = await door.call("planner", "task_link", task_id="T2", depends_on=["T1"])
    assert linked["task"]["blocked_by"] == ["dependency", "needs_human"]
    claim = await door.call("worker-2", "task_claim", task_id="T1")
    await door.call("worker-2", "task_complete", task_id="T1", token=claim["token"], result="r")
    shown = await door.call("planner", "task_get", task_id="T2")
    assert (shown["task"]["state"], shown["task"]["blocked_by"]) == ("blocked", ["needs_human"])


async def test_a_cancelled_task_voids_its_holders_token(door: TeamDoor) -> None:
    gone = await door.call("planner", "task_cancel", task_id="T2", reason="not needed")
    assert (gone["task"]["state"], gone["task"]["holder"]) == ("cancelled", None)
    assert await door.code("worker-1", "task_complete", task_id="T2", token=1, result="r") == "stale_token"
    assert await door.code("planner", "task_cancel", task_id="T2", reason="again") == "wrong_state"
    assert await door.code("planner", "task_cancel", task_id="T1", reason="x" * 9000) == "too_large"


async def test_a_judge_takes_accepts_and_sends_back(door: TeamDoor) -> None:
    taken = await door.call("judge", "review_take")
    assert (taken["task"]["id"], taken["task"]["reviewer"], taken["notes"]) == ("T3", "judge", [])
    assert await door.code("voter-1", "review_take") == "nothing_to_do"
    assert await door.code("voter-1", "review_take", task_id="T3") == "already_claimed"
    assert await door.code("voter-1", "task_approve", task_id="T3") == "already_claimed"
    assert await door.code("judge", "task_reject", task_id="T3", feedback=" ") == "invalid_argument"
    assert await door.code("judge", "task_approve", task_id="T1") == "wrong_state"
    back = await door.call("judge", "task_reject", task_id="T3", feedback="tests are missing")
    assert (back["task"]["state"], back["task"]["assignee"]) == ("pending", "worker-2")
    assert (back["task"]["feedback"], back["task"]["review_round"]) == ("tests are missing", 1)


async def test_an_acceptance_names_who_judged_in_answer_and_record_alike(door: TeamDoor) -> None:
    done = await door.call("judge", "task_approve", task_id="T3", note="well done")
    assert (done["task"]["state"], done["task"]["feedback"], done["task"]["reviewer"]) == (
        "done",
        "well done",
        "judge",
    )
    assert (await door.call("watcher", "task_get", task_id="T3"))["task"] == done["task"]


async def test_planners_plan_change_and_end_work(door: TeamDoor) -> None:
    made = await door.call(
        "planner",
        "plan_create",
        name="release",
        kind="pipeline",
        tasks=[
            {"title": "build", "key": "build", "required_role": "worker"},
            {"title": "test", "key": "test"},
        ],
    )
    build, test = made["tasks"]["build"], made["tasks"]["test"]
    assert (await door.call("watcher", "task_why", task_id=test))["reasons"][0]["by"] == [build]
    page = await door.call("watcher", "milestone_get", milestone_id=made["milestone"]["id"])
    assert [task["key"] for task in page["tasks"]] == ["build", "test"]
    changed = await door.call("planner", "task_update", task_id=build, tags=["x"], criteria=["c"])
    assert (changed["task"]["tags"], changed["task"]["title"]) == (["x"], "build")
    late = await door.call("planner", "task_create", title="later", delay_s=60)
    assert late["task"]["blocked_by"] == ["backoff"]
    await door.call("planner", "task_skip", task_id=build, reason="not needed")
    await door.call("planner", "task_reopen", task_id=build, reason="needed after all")
    assert (await door.call("worker-2", "task_claim", task_id=build))["task"]["key"] == "build"


async def test_a_judge_is_shown_what_waits_and_which_is_next(door: TeamDoor) -> None:
    listed = await door.call("judge", "review_list")
    assert ([task["id"] for task in listed["tasks"]], listed["next"]) == (["T3"], "T3")
    taken = await door.call("judge", "review_take")
    assert (taken["task"]["reviewer"], taken["children"]) == ("judge", [])
    await door.call("judge", "task_approve", task_id="T3", verified=[])
    assert (await door.call("judge", "review_list"))["next"] is None


@pytest.mark.parametrize(("kind", "state"), [("TRANSIENT", "blocked"), ("policy", "failed")])
async def test_an_error_class_decides_whether_work_is_tried_again(
    door: TeamDoor, kind: str, state: str
) -> None:
    held = {"task_id": "T2", "token": 1, "error": "x"}
    assert (
        "none of transient"
        in (await door.refused("worker-1", "task_fail", **held, error_class="odd")).message
    )
    failed = await door.call("worker-1", "task_fail", **held, error_class=kind)
    assert failed["task"]["state"] == state


async def test_the_load_names_idle_workers_and_how_many_more_would_help(door: TeamDoor) -> None:
    for number in range(9):
        await door.call("planner", "task_create", title=str(number), required_group="builders")
    load = await door.call("watcher", "team_load")
    pools = {each["pool"]: each for each in load["pools"]}
    assert pools["worker"] == {
        "pool": "worker",
        "workers": 2,
        "idle": 0,
        "held": 1,
        "waiting": 10,
        "wanted": 3,
    }
    assert (pools["solo"]["waiting"], load["least_loaded"]) == (1, "solo")
