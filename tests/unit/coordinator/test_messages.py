"""Mail: addresses, deliveries, acks, limits."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from supervisor.coordinator import messages, upkeep
from supervisor.errors import Forbidden, InvalidArgument, NotFound, TooLarge, TooMany
from supervisor.model.agent import Role
from supervisor.model.message import MESSAGE_TTL_S, DeliveryState
from supervisor.testing.small_team import SmallTeam


async def send(
    team: SmallTeam, sender: str | None, to: str, body: str = "hello", **more: Any
) -> tuple[str, ...]:
    actor = None if sender is None else team[sender]
    _, recipients = await team.do(lambda scope: messages.send(scope, actor, to=to, body=body, **more))
    return tuple(recipients)


async def bodies(team: SmallTeam, name: str) -> list[str]:
    listed = await team.do(lambda scope: messages.inbox(scope, name, unread_only=True, limit=100, fetch=True))
    return [message.body for message, _ in listed]


@pytest.mark.parametrize(
    ("to", "recipients"),
    [
        ("worker-2", {"worker-2"}),
        ("role:worker", {"worker-2"}),
        ("group:builders", {"worker-2"}),
        ("group:council", {"voter-1", "voter-2", "voter-3"}),
        ("human", {"human"}),
        ("self", {"worker-1"}),
        ("worker-1", {"worker-1"}),
        (
            "all",
            {"planner", "worker-2", "judge", "voter-1", "voter-2", "voter-3", "watcher", "solo", "chief"},
        ),
    ],
)
async def test_an_address_reaches_each_member_once(team: SmallTeam, to: str, recipients: set[str]) -> None:
    reached = await send(team, "worker-1", to)
    assert (set(reached), len(reached)) == (recipients, len(recipients))


@pytest.mark.parametrize("to", ["worker-9", "role:king", "group:none", "role:", "", "*", "' OR 1=1 --"])
async def test_an_address_that_means_nobody_is_refused(team: SmallTeam, to: str) -> None:
    with pytest.raises(NotFound, match="nobody has the address"):
        await send(team, "worker-1", to)


async def test_a_near_miss_is_told(team: SmallTeam) -> None:
    with pytest.raises(NotFound, match="did you mean `planner`"):
        await send(team, "worker-1", "planer")


async def test_reading_does_not_consume_but_an_ack_does(team: SmallTeam) -> None:
    await send(team, None, "worker-1")
    assert await bodies(team, "worker-1") == ["hello"]
    assert await bodies(team, "worker-1") == ["hello"]
    assert await team.do(lambda scope: messages.ack(scope, "worker-1", ids=("M1",))) == 1
    assert await bodies(team, "worker-1") == []
    assert await team.do(lambda scope: messages.ack(scope, "worker-1", ids=("M1",))) == 0


async def test_mail_can_be_acked_by_sender_and_by_thread(team: SmallTeam) -> None:
    await send(team, "planner", "worker-1", "one")
    await send(team, "judge", "worker-1", "two", thread="T1")
    await send(team, "judge", "worker-1", "three")
    assert await team.do(lambda scope: messages.ack(scope, "worker-1", sender="planner")) == 1
    assert await team.do(lambda scope: messages.ack(scope, "worker-1", thread="T1")) == 1
    assert await bodies(team, "worker-1") == ["three"]
    with pytest.raises(InvalidArgument, match="ids"):
        await team.do(lambda scope: messages.ack(scope, "worker-1"))


async def test_nobody_can_ack_the_mail_of_another(team: SmallTeam) -> None:
    await send(team, None, "worker-1")
    assert await team.do(lambda scope: messages.ack(scope, "worker-2", ids=("M1",))) == 0
    assert await bodies(team, "worker-1") == ["hello"]


async def test_urgent_mail_comes_first_then_the_oldest(team: SmallTeam) -> None:
    await send(team, None, "worker-1", "first")
    await send(team, None, "worker-1", "second")
    await send(team, None, "worker-1", "urgent", urgent=True)
    assert await bodies(team, "worker-1") == ["urgent", "first", "second"]


async def test_the_whole_inbox_shows_acked_mail_too(team: SmallTeam) -> None:
    await send(team, None, "worker-1")
    await team.do(lambda scope: messages.ack(scope, "worker-1", ids=("1",)))
    listed = await team.do(
        lambda scope: messages.inbox(scope, "worker-1", unread_only=False, limit=10, fetch=False)
    )
    assert [copy.state for _, copy in listed] == [DeliveryState.ACKED]


async def test_a_full_mailbox_refuses_with_the_time_to_try_again(team: SmallTeam) -> None:
    for _ in range(messages.INBOX_MAX):
        await team.do(lambda scope: messages.send(scope, None, to="worker-1", body="flood"))
    with pytest.raises(TooMany) as refusal:
        await send(team, "planner", "role:worker")
    assert refusal.value.details["retry_after_s"] == 60
    assert await bodies(team, "worker-2") == []
    assert await send(team, None, "worker-2") == ("worker-2",)


async def test_sizes_and_empty_bodies_are_refused(team: SmallTeam) -> None:
    with pytest.raises(InvalidArgument, match="body"):
        await send(team, None, "worker-1", " \n")
    with pytest.raises(TooLarge, match="8193"):
        await send(team, None, "worker-1", "x" * 8193)


async def test_mail_that_nobody_acks_expires_with_an_event(team: SmallTeam) -> None:
    await send(team, None, "worker-1")
    await team.clock.advance(MESSAGE_TTL_S)
    await team.do(lambda scope: upkeep.tick(scope, {}))
    assert await bodies(team, "worker-1") == []
    assert [event.kind for event in await team.events()][-1] == "delivery.expired"


async def test_a_monitor_may_send_but_the_sender_is_who_the_key_says(team: SmallTeam) -> None:
    await send(team, "watcher", "planner")
    listed = await team.do(
        lambda scope: messages.inbox(scope, "planner", unread_only=True, limit=1, fetch=False)
    )
    assert listed[0][0].sender == "watcher"


async def test_a_role_without_the_right_cannot_send(team: SmallTeam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.model.permissions.PERMISSIONS", {role: frozenset() for role in Role})
    with pytest.raises(Forbidden):
        await send(team, "judge", "all")


async def test_a_copy_whose_message_is_gone_is_named(team: SmallTeam) -> None:
    await send(team, "planner", "worker-1")
    with closing(sqlite3.connect(team.store.path)) as damaging:  # a connection that checks no foreign keys
        damaging.execute("UPDATE message SET n = 99")
        damaging.commit()
        with pytest.raises(NotFound, match="message M1 is gone"):
            await team.do(
                lambda scope: messages.inbox(scope, "worker-1", unread_only=False, limit=9, fetch=False)
            )
        damaging.execute("UPDATE message SET n = 1")
        damaging.commit()
    assert await bodies(team, "worker-1") == ["hello"]
