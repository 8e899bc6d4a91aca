"""The tools about mail, memory, votes and approvals: answers and refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import messages, upkeep
from supervisor.coordinator.floods import INBOX_MAX
from supervisor.errors import TooMany
from supervisor.model.agent import AgentState
from supervisor.model.approval import APPROVAL_TIMEOUT_S
from tests.team_door import TeamDoor, set_scene, team_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[TeamDoor]:
    async with team_door(tmp_path) as opened:
        await set_scene(opened)
        yield opened


async def test_mail_is_fetched_again_until_it_is_acked(door: TeamDoor) -> None:
    (message,) = (await door.call("worker-1", "inbox"))["messages"]
    assert message == {
        "id": "M1",
        "sender": "planner",
        "to": "worker-1",
        "kind": "info",
        "body": "welcome",
        "urgent": False,
        "thread": "",
        "correlation_id": "",
        "priority": "normal",
        "payload": None,
        "at": message["at"],
        "expires_at": message["at"] + 24 * 3600,
        "state": "delivered",
        "attempts": 1,
    }
    hidden = await door.call("worker-1", "inbox")
    assert (hidden["messages"], hidden["footer"]["unread"]) == ([], 0)
    await door.team.clock.advance(300)
    assert (await door.call("worker-1", "whoami"))["unread"] == 1
    (again,) = (await door.call("worker-1", "inbox"))["messages"]
    assert again["attempts"] == 2
    assert (await door.call("worker-1", "message_ack", ids=["M1"]))["acked"] == 1
    await door.team.clock.advance(300)
    assert (await door.call("worker-1", "inbox"))["messages"] == []
    (seen,) = (await door.call("worker-1", "inbox", unread=False))["messages"]
    assert seen["state"] == "acked"


async def test_a_message_reaches_whom_its_address_means(door: TeamDoor) -> None:
    sent = await door.call(
        "worker-1", "message_send", to="group:council", body="x", kind="query", urgent=True
    )
    assert sent["recipients"] == ["voter-1", "voter-2", "voter-3"]
    assert (sent["message"]["sender"], sent["message"]["kind"], sent["message"]["urgent"]) == (
        "worker-1",
        "query",
        True,
    )
    assert (await door.call("voter-2", "whoami"))["unread"] == 1


async def test_a_message_carries_what_programs_need_and_the_answer_says_where_it_went(
    door: TeamDoor,
) -> None:
    await door.team.crash("worker-2", to=AgentState.PARKED)
    sent = await door.call(
        "planner",
        "message_send",
        to="role:developer",
        body="x",
        kind="STAGE",
        priority="High",
        correlation_id="job-7",
        payload={"b": [1, None], "a": "ü"},
        ttl_s=60,
    )
    assert sent["mailboxes"] == [
        {"name": "worker-1", "state": "working", "queued_ahead": 0},
        {"name": "worker-2", "state": "parked", "queued_ahead": 0},
    ]
    assert sent["note"] == "worker-2 is parked: it waits in the mailbox until the agent runs"
    assert sent["message"]["payload"] == '{"a":"ü","b":[1,null]}'
    (message,) = (await door.call("worker-1", "inbox", limit=1))["messages"]
    assert (message["kind"], message["priority"], message["correlation_id"]) == ("stage", "high", "job-7")
    assert (message["payload"], message["expires_at"] - message["at"]) == ({"a": "ü", "b": [1, None]}, 60)


async def test_one_call_acknowledges_and_fetches_and_says_how_much_more_there_is(door: TeamDoor) -> None:
    for number in range(3):
        await door.call("judge", "message_send", to="worker-1", body=str(number), thread="t", kind="query")
    first = await door.call("worker-1", "inbox", ack=["M1"], limit=1)
    assert (first["acked"], first["waiting"], first["footer"]["unread"]) == (1, 2, 2)
    assert [each["body"] for each in first["messages"]] == ["0"]
    second = await door.call(
        "worker-1", "inbox", after="M2", limit=1, thread="t", kind="QUERY", sender="judge"
    )
    assert ([each["body"] for each in second["messages"]], second["waiting"]) == (["1"], 1)
    assert await door.code("worker-1", "inbox", kind="gossip") == "invalid_argument"
    assert await door.code("worker-1", "inbox", limit=201) == "invalid_argument"
    assert await door.code("worker-1", "inbox", after="M99") == "not_found"


async def test_groups_are_listed_for_everybody(door: TeamDoor) -> None:
    groups = (await door.call("watcher", "group_list"))["groups"]
    assert groups[2] == {"address": "group:council", "members": ["voter-1", "voter-2", "voter-3"]}
    assert [each["address"] for each in groups] == ["all", "group:builders", "group:council"]


async def test_senders_see_their_dead_letters_and_nobody_elses(door: TeamDoor) -> None:
    await door.call("judge", "message_send", to="worker-1", body="poison")
    for _ in range(3):
        await door.call("worker-1", "inbox")
        await door.team.clock.advance(300)
    await door.team.do(lambda scope: upkeep.tick(scope, {}))
    (dead,) = (await door.call("judge", "dead_letters"))["dead"]
    assert (dead["copy"], dead["recipient"], dead["state"], dead["attempts"], dead["body"]) == (
        "M2/worker-1",
        "worker-1",
        "dead",
        3,
        "poison",
    )
    assert (await door.call("judge", "dead_letters", after="M2/worker-1"))["dead"] == []
    assert [each["id"] for each in (await door.call("planner", "dead_letters"))["dead"]] == ["M1"]
    assert (await door.call("worker-1", "dead_letters"))["dead"] == []


@pytest.mark.parametrize(
    ("wanted", "code", "says"),
    [
        ({"to": "planner", "body": "x", "priority": "5"}, "invalid_argument", "critical"),
        ({"to": "planner", "body": "x", "ttl_s": 604801}, "invalid_argument", "604800"),
        ({"to": "planner", "body": "x", "payload": [1]}, "invalid_argument", "payload"),
        ({"to": "planner", "body": "x", "payload": {"x": "y" * 8192}}, "too_large", "payload"),
        ({"to": "plannr", "body": "x"}, "not_found", "did you mean `planner`?"),
        ({"to": "role:king", "body": "x"}, "not_found", "there are:"),
        ({"to": "x" * 500_000, "body": "x"}, "not_found", "there are:"),
        ({"to": "planner", "body": ""}, "invalid_argument", "needs a body"),
        ({"to": "planner", "body": "x" * 8193}, "too_large", "8193"),
        ({"to": "planner", "body": "x", "thread": "t" * 201}, "too_large", "thread"),
        ({"to": "planner", "body": "x", "kind": "gossip"}, "invalid_argument", "info, query"),
    ],
)
async def test_what_makes_no_message_is_refused(
    door: TeamDoor, wanted: dict[str, Any], code: str, says: str
) -> None:
    refusal = await door.refused("worker-1", "message_send", **wanted)
    assert (refusal.code, says in refusal.message) == (code, True)
    assert len(refusal.message) < 500


async def test_an_ack_says_what_it_means_and_touches_only_ones_own_mail(door: TeamDoor) -> None:
    assert await door.code("worker-1", "message_ack") == "invalid_argument"
    assert await door.code("worker-1", "message_ack", ids=["X1"]) == "invalid_argument"
    assert (await door.call("worker-2", "message_ack", ids=["M1"]))["acked"] == 0
    assert (await door.call("worker-1", "message_ack", sender="planner"))["acked"] == 1


async def test_a_full_mailbox_keeps_agents_out_but_never_the_person_nor_a_votes_end(door: TeamDoor) -> None:
    for _ in range(INBOX_MAX):
        await door.team.do(lambda scope: messages.send(scope, None, to="planner", body="flood"))
    full = await door.refused("worker-1", "message_send", to="planner", body="x")
    assert isinstance(full, TooMany)
    assert full.details["retry_after_s"] == 60
    await door.team.do(lambda scope: messages.send(scope, None, to="planner", body="stop"))
    await door.team.clock.advance(400)
    await door.team.do(lambda scope: upkeep.tick(scope, {"worker-1": scope.now}))
    assert (await door.call("watcher", "vote_get", vote_id="V1"))["vote"]["state"] == "closed"
    assert (await door.call("planner", "message_ack", thread="V1"))["acked"] == 1


async def test_memory_is_set_recalled_and_listed(door: TeamDoor) -> None:
    entry = (await door.call("worker-1", "memory_set", key="port", value="1", scope="task:T2"))["entry"]
    assert (entry["scope"], entry["version"], entry["author"]) == ("task:T2", 1, "worker-1")
    assert (await door.call("judge", "memory_get", key="port", scope="task:2"))["entry"] == entry
    assert (await door.call("judge", "memory_get", key="port"))["entry"] is None
    listed = await door.call("judge", "memory_list")
    assert [each["key"] for each in listed["entries"]] == ["language"]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"key": "k", "value": "v", "scope": "agent:worker-2"}, "forbidden"),
        ({"key": "k", "value": "v", "scope": "agent:nobody"}, "not_found"),
        ({"key": "k", "value": "v", "scope": "world"}, "invalid_argument"),
        ({"key": " ", "value": "v"}, "invalid_argument"),
        ({"key": "k" * 201, "value": "v"}, "too_large"),
        ({"key": "k", "value": "v" * 65537}, "too_large"),
    ],
)
async def test_what_cannot_be_remembered_is_refused(
    door: TeamDoor, wanted: dict[str, Any], code: str
) -> None:
    assert await door.code("worker-1", "memory_set", **wanted) == code


async def test_a_vote_is_opened_cast_counted_and_listed(door: TeamDoor) -> None:
    opened = await door.call(
        "worker-1", "vote_open", question="go?", options=["a", "b"], electorate=["judge", "all"], quorum=1
    )
    assert opened["vote"]["electorate"][0] == "judge"
    assert "worker-1" not in opened["vote"]["electorate"]
    cast = await door.call("voter-1", "vote_cast", vote_id="V1", choice="yes", rationale="ready")
    assert (cast["ballot"]["voter"], cast["vote"]["state"]) == ("voter-1", "open")
    await door.call("voter-2", "vote_cast", vote_id="V1", choice="abstain")
    closed = await door.call("voter-3", "vote_cast", vote_id="V1", choice="abstain")
    assert (closed["vote"]["state"], closed["vote"]["winner"]) == ("closed", "yes")
    shown = await door.call("watcher", "vote_get", vote_id="V1")
    assert shown["tally"] == {"yes": 1, "no": 0, "abstain": 2}
    assert len(shown["ballots"]) == 3
    for state, ids in ((True, ["V2"]), (False, ["V1"]), (None, ["V1", "V2"])):
        listed = await door.call("watcher", "vote_list", open=state)
        assert [vote["id"] for vote in listed["votes"]] == ids


@pytest.mark.parametrize(
    ("agent", "wanted", "code"),
    [
        ("voter-1", {"vote_id": "V1", "choice": "maybe"}, "invalid_argument"),
        ("voter-1", {"vote_id": "V9", "choice": "yes"}, "not_found"),
        ("worker-1", {"vote_id": "V1", "choice": "yes"}, "forbidden"),
        ("watcher", {"vote_id": "V1", "choice": "yes"}, "unknown_tool"),
    ],
)
async def test_what_is_no_ballot_is_refused(
    door: TeamDoor, agent: str, wanted: dict[str, Any], code: str
) -> None:
    assert await door.code(agent, "vote_cast", **wanted) == code


@pytest.mark.parametrize(
    "wanted",
    [
        {"options": ["a"]},
        {"options": ["a", "a"]},
        {"options": ["a", "abstain"]},
        {"electorate": ["human"]},
        {"electorate": []},
        {"quorum": 9},
        {"deadline_s": 0},
    ],
)
async def test_what_makes_no_vote_is_refused(door: TeamDoor, wanted: dict[str, Any]) -> None:
    good = {"question": "?", "options": ["a", "b"], "electorate": ["judge"]}
    assert await door.code("planner", "vote_open", **good | wanted) == "invalid_argument"


async def test_an_approval_is_asked_for_shown_answered_and_used_once(door: TeamDoor) -> None:
    payload = {"path": "b", "lines": [1, 2]}
    asked = await door.call(
        "worker-2", "approval_request", kind="k", title="t", payload=payload, task_id="T3"
    )
    number = asked["approval"]["id"]
    assert (asked["approval"]["state"], asked["approval"]["task"]) == ("pending", "T3")
    assert await door.code("worker-2", "approval_use", approval_id=number, payload=payload) == "wrong_state"
    await door.answer(number, allow=True)
    shown = await door.call("worker-2", "approval_get", approval_id=number)
    assert (shown["approval"]["state"], shown["approval"]["answered_by"]) == ("approved", "human")
    other = {"path": "c", "lines": [1, 2]}
    assert await door.code("worker-2", "approval_use", approval_id=number, payload=other) == "digest_mismatch"
    used = await door.call(
        "worker-2", "approval_use", approval_id=number, payload=dict(reversed(payload.items()))
    )
    assert used["approval"]["state"] == "used"
    assert await door.code("worker-2", "approval_use", approval_id=number, payload=payload) == "wrong_state"


async def test_leave_that_is_not_used_in_time_is_void(door: TeamDoor) -> None:
    payload = {"path": "b", "lines": [1, 2]}
    await door.team.clock.advance(APPROVAL_TIMEOUT_S + 10)
    refusal = await door.refused("worker-1", "approval_use", approval_id="A1", payload=payload)
    assert (refusal.code, "not used in time" in refusal.message) == ("wrong_state", True)

    await door.team.do(lambda scope: upkeep.tick(scope, {}))
    expired = (await door.call("worker-1", "approval_get", approval_id="A1"))["approval"]
    assert (expired["state"], expired["answered_by"]) == ("expired", "human")


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"kind": "Write File"}, "invalid_argument"),
        ({"tier": 4}, "invalid_argument"),
        ({"title": "x" * 201}, "too_large"),
        ({"reason": "x" * 2001}, "too_large"),
        ({"payload": {"x": "y" * 65537}}, "too_large"),
        ({"task_id": "T99"}, "not_found"),
    ],
)
async def test_what_makes_no_request_is_refused(door: TeamDoor, wanted: dict[str, Any], code: str) -> None:
    good: dict[str, Any] = {"kind": "k", "title": "t", "payload": {}}
    assert await door.code("worker-1", "approval_request", **good | wanted) == code


async def test_the_request_of_another_looks_unknown(door: TeamDoor) -> None:
    theirs = await door.refused("worker-1", "approval_get", approval_id="A2")
    nobodys = await door.refused("worker-1", "approval_get", approval_id="A9")
    assert theirs.code == nobodys.code == "not_found"
    assert theirs.message.replace("A2", "A9") == nobodys.message
