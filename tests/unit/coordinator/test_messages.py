"""Sending mail: addresses, what a message carries, where it goes."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.coordinator import messages
from supervisor.coordinator.messages import Mailbox
from supervisor.errors import Forbidden, InvalidArgument, NotFound, TooLarge
from supervisor.model.agent import ROLE_ALIASES, AgentState, Role
from supervisor.model.message import MESSAGE_TTL_MAX_S, MessageKind
from supervisor.model.task import Priority
from supervisor.testing.small_team import SmallTeam
from tests.unit.coordinator.post_office import acked, copies, fetched, sent

COUNCIL = {"voter-1", "voter-2", "voter-3"}


@pytest.mark.parametrize(
    ("to", "recipients"),
    [
        ("worker-2", {"worker-2"}),
        ("agent:worker-2", {"worker-2"}),
        ("role:worker", {"worker-2"}),
        ("role:developer", {"worker-2"}),
        ("role:reviewer", {"judge", *COUNCIL}),
        ("role:conductor", {"chief"}),
        ("group:builders", {"worker-2"}),
        ("group:council", COUNCIL),
        ("human", {"human"}),
        ("self", {"worker-1"}),
        ("worker-1", {"worker-1"}),
        ("all", {"planner", "worker-2", "judge", *COUNCIL, "watcher", "solo", "chief"}),
    ],
)
async def test_an_address_reaches_each_member_once(team: SmallTeam, to: str, recipients: set[str]) -> None:
    reached = (await sent(team, "worker-1", to)).recipients
    assert (set(reached), len(reached)) == (recipients, len(recipients))


@pytest.mark.parametrize(
    "to",
    [
        "worker-9",
        "role:king",
        "role:",
        "role:all",
        "group:none",
        "group:worker",
        "agent:",
        "agent:all",
        "agent:human",
        "human:agent",
        "tag:x",
        "",
        "*",
        "' OR 1=1 --",
    ],
)
async def test_an_address_that_means_nobody_is_refused(team: SmallTeam, to: str) -> None:
    with pytest.raises(NotFound, match="nobody"):
        await sent(team, "worker-1", to)
    assert await copies(team) == {}


@pytest.mark.parametrize(
    ("to", "hint"),
    [
        ("planer", "did you mean `planner`"),
        ("agent:planer", "did you mean `planner`"),
        ("role:jugde", "did you mean `role:judge`"),
        ("group:concil", "did you mean `group:council`"),
        ("group:xyz", "there are: group:builders, group:council"),
        ("role:xyz", "there are: role:judge, role:monitor"),
        ("xyz", "there are: chief, judge, planner"),
    ],
)
async def test_a_near_miss_is_told(team: SmallTeam, to: str, hint: str) -> None:
    with pytest.raises(NotFound) as refusal:
        await sent(team, "worker-1", to)
    assert hint in refusal.value.message


async def test_who_alone_has_an_address_is_told_so(team: SmallTeam) -> None:
    with pytest.raises(NotFound, match="nobody but you has the address `role:planner`"):
        await sent(team, "planner", "role:planner")


def test_every_alias_of_a_role_means_a_role() -> None:
    assert set(ROLE_ALIASES.values()) <= set(Role)
    assert not set(ROLE_ALIASES) & set(Role)


async def test_a_message_carries_all_that_it_was_given(team: SmallTeam) -> None:
    answer = await sent(
        team,
        "planner",
        "worker-1",
        kind=MessageKind.STAGE,
        urgent=True,
        thread="T1",
        priority=Priority.HIGH,
        correlation_id="job-7",
        payload={"b": [1, 2.5, None], "a": "ü"},
        ttl_s=60,
    )
    message = answer.message
    assert (message.kind, message.urgent, message.thread) == (MessageKind.STAGE, True, "T1")
    assert (message.priority, message.correlation_id) == (Priority.HIGH, "job-7")
    assert message.payload == '{"a":"ü","b":[1,2.5,null]}'
    assert message.expires_at - message.at == 60
    assert (message.sender, message.incarnation) == ("planner", 1)


async def test_a_payload_in_another_order_has_the_same_text(team: SmallTeam) -> None:
    one = await sent(team, None, "worker-1", payload={"a": 1, "b": 2})
    other = await sent(team, None, "worker-1", payload={"b": 2, "a": 1})
    assert one.message.payload == other.message.payload


async def test_the_person_is_no_incarnation(team: SmallTeam) -> None:
    assert (await sent(team, None, "worker-1")).message.incarnation == 0


@pytest.mark.parametrize(
    ("wanted", "error", "says"),
    [
        ({"body": " \n"}, InvalidArgument, "body"),
        ({"body": "x" * 8193}, TooLarge, "8193"),
        ({"thread": "x" * 201}, TooLarge, "thread"),
        ({"correlation_id": "x" * 201}, TooLarge, "correlation_id"),
        ({"payload": {"x": "y" * 8192}}, TooLarge, "payload"),
        ({"ttl_s": 0}, InvalidArgument, "ttl_s"),
        ({"ttl_s": MESSAGE_TTL_MAX_S + 1}, InvalidArgument, "604800"),
    ],
)
async def test_what_is_too_large_or_empty_is_refused(
    team: SmallTeam, wanted: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        await sent(team, None, "worker-1", **wanted)
    assert await copies(team) == {}


async def test_the_answer_says_how_much_is_read_before_it_and_whether_anybody_reads(
    team: SmallTeam,
) -> None:
    await sent(team, None, "worker-1", "low", priority=Priority.LOW)
    await sent(team, None, "worker-1", "first")
    normal = await sent(team, None, "worker-1", "second")
    urgent = await sent(team, None, "worker-1", "urgent", urgent=True)
    assert normal.mailboxes == (Mailbox(name="worker-1", state=AgentState.IDLE, queued_ahead=1),)
    assert urgent.mailboxes[0].queued_ahead == 0
    await team.crash("worker-1", to=AgentState.PARKED)
    parked = await sent(team, "planner", "worker-1")
    assert parked.mailboxes == (Mailbox(name="worker-1", state=AgentState.PARKED, queued_ahead=3),)
    assert (await sent(team, "planner", "human")).mailboxes == (
        Mailbox(name="human", state=None, queued_ahead=0),
    )


async def test_mail_to_an_agent_that_does_not_run_waits_for_its_next_life(team: SmallTeam) -> None:
    await team.crash("worker-1", to=AgentState.PARKED)
    await sent(team, "planner", "worker-1", "for later")
    await team.start("worker-1")
    assert await fetched(team, "worker-1") == ["for later"]


async def test_mail_to_oneself_is_for_the_next_incarnation(team: SmallTeam) -> None:
    await sent(team, "worker-1", "self", "where I was")
    assert await fetched(team, "worker-1") == []
    await team.crash("worker-1")
    await team.start("worker-1")
    assert await fetched(team, "worker-1") == ["where I was"]
    assert await acked(team, "worker-1", ids=("M1",)) == 1


async def test_a_monitor_may_send_but_the_sender_is_who_the_key_says(team: SmallTeam) -> None:
    assert (await sent(team, "watcher", "planner")).message.sender == "watcher"


async def test_a_role_without_the_right_cannot_send(team: SmallTeam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.model.permissions.PERMISSIONS", {role: frozenset() for role in Role})
    with pytest.raises(Forbidden):
        await sent(team, "judge", "all")


async def test_groups_are_listed_with_their_members_and_all_first(team: SmallTeam) -> None:
    groups = await team.coordinator.read(messages.groups_of)
    assert list(groups) == ["all", "group:builders", "group:council"]
    assert groups["group:builders"] == ("worker-1", "worker-2")
    assert len(groups["all"]) == len(team.actors)


def test_kinds_and_priorities_are_read_in_any_case() -> None:
    assert messages.kind_of("QUERY") is MessageKind.QUERY
    assert messages.priority_of("Urgent") is Priority.CRITICAL
    with pytest.raises(InvalidArgument, match="info, query"):
        messages.kind_of("gossip")
    with pytest.raises(InvalidArgument, match="critical"):
        messages.priority_of("0")
