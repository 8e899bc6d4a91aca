"""The tools about memory, votes, agent state, questions and handoffs: answers and refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import handoffs, questions
from tests.team_door import TeamDoor, set_scene, team_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[TeamDoor]:
    async with team_door(tmp_path) as opened:
        await set_scene(opened)
        yield opened


async def test_a_recalled_value_comes_with_the_scope_it_was_found_in(door: TeamDoor) -> None:
    found = await door.call("judge", "memory_get", key="language", scope="task:T2")
    assert (found["found_in"], found["entry"]["value"]) == ("team", "python")
    alone = await door.call("judge", "memory_get", key="language", scope="task:T2", exact=True)
    assert (alone["found_in"], alone["entry"]) == (None, None)


async def test_a_list_says_where_it_goes_on(door: TeamDoor) -> None:
    await door.call("worker-1", "memory_set", key="port", value="8080")
    first = await door.call("judge", "memory_list", limit=1)
    assert ([each["key"] for each in first["entries"]], first["next"]) == (["language"], "language")
    rest = await door.call("judge", "memory_list", after=first["next"], prefix="p")
    assert ([each["key"] for each in rest["entries"]], rest["next"]) == (["port"], None)


async def test_a_write_that_expects_another_version_is_told_the_present_one(door: TeamDoor) -> None:
    refusal = await door.refused("worker-1", "memory_set", key="language", value="c", expect_version=0)
    assert (refusal.code, refusal.details) == ("wrong_state", {"version": 1})
    deleted = await door.call("worker-1", "memory_delete", key="language", expect_version=1)
    assert (deleted["deleted"], deleted["version"]) == ("team/language", 2)
    assert await door.code("worker-1", "memory_delete", key="language") == "not_found"


async def test_one_tool_does_every_act_on_memory(door: TeamDoor) -> None:
    entry = (await door.call("worker-1", "memory", op="set", key="port", value="8080", ttl_s=60))["entry"]
    assert entry["expires_at"] is not None
    got = await door.call("worker-1", "memory", op="get", key="port", scope="task:T2")
    assert got["found_in"] == "team"
    listed = await door.call("worker-1", "memory", op="list", prefix="p", limit=5)
    assert [each["key"] for each in listed["entries"]] == ["port"]
    found = await door.call("worker-1", "memory", op="search", words="808")
    assert [(each["key"], each["size"]) for each in found["entries"]] == [("port", 4)]
    assert (await door.call("worker-1", "memory", op="delete", key="port"))["deleted"] == "team/port"


@pytest.mark.parametrize(
    ("agent", "wanted", "says"),
    [
        ("worker-1", {"op": "burn"}, "'set', 'get', 'list', 'delete' or 'search'"),
        ("worker-1", {"op": "get"}, "memory get: `key`: Field required"),
        ("worker-1", {"op": "get", "key": "k", "value": "v"}, "memory get: unknown argument `value`"),
        ("worker-1", {"op": "search", "words": "x", "limit": 51}, "less than or equal to 50"),
        ("watcher", {"op": "set", "key": "k", "value": "v"}, "a monitor may not do memory.write"),
        ("watcher", {"op": "delete", "key": "language"}, "a monitor may not do memory.write"),
    ],
)
async def test_the_one_tool_holds_each_act_to_its_own_rules(
    door: TeamDoor, agent: str, wanted: dict[str, Any], says: str
) -> None:
    refusal = await door.refused(agent, "memory", **wanted)
    assert says in refusal.message


async def test_a_monitor_reads_by_the_one_tool(door: TeamDoor) -> None:
    assert (await door.call("watcher", "memory", op="get", key="language"))["found_in"] == "team"


@pytest.mark.parametrize("quorum", [None, "majority", 2, "2"])
async def test_a_quorum_comes_as_a_word_or_a_number(door: TeamDoor, quorum: object) -> None:
    wanted = {"question": "?", "options": ["a", "b"], "electorate": ["group:council"], "quorum": quorum}
    assert (await door.call("planner", "vote_open", **wanted))["vote"]["quorum"] == 2


async def test_a_vote_with_all_its_rules_is_opened_and_closed_by_its_opener(door: TeamDoor) -> None:
    wanted = {"question": "?", "options": ["a", "b"], "electorate": ["self", "group:council"]}
    rules = {"rule": "two_thirds", "tie": "opener", "early": False, "tell": ["human"]}
    vote = (await door.call("planner", "vote_open", **wanted, **rules))["vote"]
    assert (vote["rule"], vote["tie"], vote["early"], vote["subscribers"]) == (
        "two_thirds",
        "opener",
        False,
        ["human"],
    )
    assert await door.code("chief", "vote_close", vote_id=vote["id"]) == "forbidden"
    closed = (await door.call("planner", "vote_close", vote_id=vote["id"], reason="moot"))["vote"]
    assert (closed["state"], closed["closed_because"]) == ("closed", "planner closed it: moot")
    assert await door.code("planner", "vote_close", vote_id=vote["id"]) == "wrong_state"


async def test_whoami_tells_state_last_handoff_and_checkpoint(door: TeamDoor) -> None:
    fresh = await door.call("worker-1", "whoami")
    assert (fresh["state"], fresh["last_handoff"], fresh["checkpoint"]) == (None, None, None)
    await door.call("worker-1", "state_save", summary="half way", open_questions=["which?"])
    await door.call("worker-1", "task_checkpoint", task_id="T2", token=1, percent=50)
    await door.team.do(
        lambda scope: handoffs.record(scope, sender="planner", to="role:worker", notes="begin", task="T1")
    )
    me = await door.call("worker-1", "whoami")
    assert (me["state"]["summary"], me["state"]["open_questions"]) == ("half way", ["which?"])
    assert (me["last_handoff"]["notes"], me["last_handoff"]["task"]) == ("begin", "T1")
    assert (me["checkpoint"]["task"], me["checkpoint"]["percent"]) == ("T2", 50)


async def test_state_is_saved_in_parts_and_read_by_others(door: TeamDoor) -> None:
    last = {"task_id": "T2", "title": "second", "outcome": "done"}
    await door.call("worker-1", "state_save", work_items=["a"], last_task=last)
    kept = (await door.call("worker-1", "state_save", summary="s"))["state"]
    assert (kept["work_items"], kept["last_task"]) == (["a"], last | {"notes": ""})
    assert (await door.call("judge", "state_get", of="worker-1"))["state"] == kept
    assert (await door.call("worker-1", "state_get"))["state"] == kept
    assert (await door.call("judge", "state_get"))["state"] is None
    assert await door.code("judge", "state_get", of="nobody") == "not_found"
    assert await door.code("judge", "state_save", summary="x" * 5000) == "too_large"
    refusal = await door.refused("judge", "state_save", last_task={"task_id": "T1", "agent": "x"})
    assert "last_task" in refusal.message


async def test_a_person_is_asked_and_the_answer_fetched(door: TeamDoor) -> None:
    asked = (await door.call("worker-1", "ask_human", question="which port?", timeout_s=60.0))["question"]
    assert (asked["id"], asked["state"], asked["task"]) == ("Q2", "asked", None)
    waited = await door.call("worker-1", "wait", **{"for": ["question:Q2"], "timeout_s": 0})
    assert waited["woken_by"] == []
    await door.team.do(lambda scope: questions.answer(scope, "Q2", answer="8080"))
    waited = await door.call("worker-1", "wait", **{"for": ["question:Q2"], "timeout_s": 30})
    assert waited["woken_by"] == ["question:Q2"]
    got = (await door.call("worker-1", "question_get", question_id="Q2"))["question"]
    assert (got["state"], got["answer"], got["answered_by"]) == ("answered", "8080", "human")


async def test_the_question_of_another_looks_unknown(door: TeamDoor) -> None:
    theirs = await door.refused("worker-2", "question_get", question_id="Q1")
    nobodys = await door.refused("worker-2", "question_get", question_id="Q9")
    assert theirs.code == nobodys.code == "not_found"
    assert theirs.message.replace("Q1", "Q9") == nobodys.message


async def test_handoffs_are_listed_in_pages(door: TeamDoor) -> None:
    for to in ("worker-1", "role:judge", "worker-1"):
        await door.team.do(partial(handoffs.record, sender="planner", to=to, notes="n", task="T1"))
    first = await door.call("watcher", "handoff_list", limit=2)
    assert ([each["id"] for each in first["handoffs"]], first["next"]) == ([3, 2], 2)
    rest = await door.call("watcher", "handoff_list", limit=2, before=first["next"])
    assert ([each["id"] for each in rest["handoffs"]], rest["next"]) == ([1], None)
    to_judge = await door.call("judge", "handoff_list", to="role:judge", task_id="T1")
    assert [each["id"] for each in to_judge["handoffs"]] == [2]
    assert await door.code("judge", "handoff_list", task_id="T9") == "not_found"
