"""Reading mail: what is handed out, hidden, given back, consumed, and ended by time."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from supervisor.coordinator import mailboxes
from supervisor.coordinator.mailboxes import Wanted
from supervisor.errors import InvalidArgument, NotFound
from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.message import (
    ATTEMPTS_MAX,
    MESSAGE_TTL_S,
    UNREAD,
    VISIBILITY_S,
    DeliveryState,
    MessageKind,
)
from supervisor.model.task import Priority
from supervisor.testing.small_team import SmallTeam
from tests.unit.coordinator.post_office import (
    acked,
    buried,
    copies,
    fetched,
    persons_mail,
    sent,
    ticked,
    waiting,
)


async def test_reading_does_not_consume_but_hides_for_a_while(team: SmallTeam) -> None:
    await sent(team, None, "worker-1")
    assert await fetched(team, "worker-1") == ["hello"]
    assert await fetched(team, "worker-1") == []
    assert await waiting(team, "worker-1") == 0
    await team.clock.advance(VISIBILITY_S - 1)
    assert await fetched(team, "worker-1") == []
    await team.clock.advance(1)
    assert await waiting(team, "worker-1") == 1
    assert await fetched(team, "worker-1") == ["hello"]


async def test_an_ack_consumes_once_hidden_or_not(team: SmallTeam) -> None:
    await sent(team, None, "worker-1", "hidden")
    await fetched(team, "worker-1")
    await sent(team, None, "worker-1", "not seen")
    assert await acked(team, "worker-1", ids=("M1", "m2", "2", "M9")) == 2
    assert await acked(team, "worker-1", ids=("M1", "M2")) == 0
    assert await copies(team) == {"M1/worker-1": "acked", "M2/worker-1": "acked"}


async def test_ids_sender_and_thread_are_united(team: SmallTeam) -> None:
    await sent(team, "planner", "worker-1", "one")
    await sent(team, "judge", "worker-1", "two", thread="T1")
    await sent(team, "judge", "worker-1", "three")
    await sent(team, "solo", "worker-1", "four")
    await sent(team, "solo", "worker-1", "five")
    assert await acked(team, "worker-1", ids=("M4",), sender="planner", thread="T1") == 3
    assert await fetched(team, "worker-1") == ["three", "five"]


@pytest.mark.parametrize("which", [{}, {"thread": ""}, {"sender": ""}])
async def test_an_ack_that_names_nothing_is_refused(team: SmallTeam, which: dict[str, str]) -> None:
    await sent(team, "planner", "worker-1")
    with pytest.raises(InvalidArgument, match="say what to ack"):
        await acked(team, "worker-1", **which)


async def test_nobody_can_ack_the_mail_of_another(team: SmallTeam) -> None:
    await sent(team, None, "worker-1")
    assert await acked(team, "worker-2", ids=("M1",)) == 0
    assert await fetched(team, "worker-1") == ["hello"]


async def test_urgent_comes_first_then_priority_then_the_oldest(team: SmallTeam) -> None:
    await sent(team, None, "worker-1", "normal")
    await sent(team, None, "worker-1", "low", priority=Priority.LOW)
    await sent(team, None, "worker-1", "critical", priority=Priority.CRITICAL)
    await sent(team, None, "worker-1", "normal too")
    await sent(team, None, "worker-1", "urgent but low", urgent=True, priority=Priority.LOW)
    assert await fetched(team, "worker-1") == ["urgent but low", "critical", "normal", "normal too", "low"]


async def test_mail_is_paged_in_the_order_of_reading(team: SmallTeam) -> None:
    for number in range(5):
        await sent(team, None, "worker-1", str(number), urgent=number == 3)
    assert await fetched(team, "worker-1", limit=2) == ["3", "0"]
    assert await waiting(team, "worker-1") == 3
    assert await fetched(team, "worker-1", limit=2, after="M1") == ["1", "2"]
    assert await fetched(team, "worker-1", after="M3") == ["4"]
    with pytest.raises(NotFound, match="no message `M99` to worker-1"):
        await fetched(team, "worker-1", after="M99")


async def test_mail_is_chosen_by_sender_thread_and_kind(team: SmallTeam) -> None:
    await sent(team, "planner", "worker-1", "a", thread="T1")
    await sent(team, "judge", "worker-1", "b", thread="T1", kind=MessageKind.REVIEW)
    await sent(team, "judge", "worker-1", "c")
    assert await fetched(team, "worker-1", sender="judge", thread="T1") == ["b"]
    assert await fetched(team, "worker-1", kind=MessageKind.INFO, thread="T1") == ["a"]
    listed = await team.coordinator.read(
        lambda scope: mailboxes.history(scope, "worker-1", Wanted(sender="judge"))
    )
    assert [message.body for message, _ in listed] == ["c", "b"]


async def test_the_history_shows_everything_newest_first_and_hands_nothing_out(team: SmallTeam) -> None:
    await sent(team, None, "worker-1", "acked")
    await acked(team, "worker-1", ids=("M1",))
    await sent(team, None, "worker-1", "unread")
    await sent(team, "worker-1", "self", "own")
    listed = await team.coordinator.read(lambda scope: mailboxes.history(scope, "worker-1", Wanted(limit=2)))
    assert [message.body for message, _ in listed] == ["own", "unread"]
    older = await team.coordinator.read(
        lambda scope: mailboxes.history(scope, "worker-1", Wanted(after="M2"))
    )
    assert [copy.state for _, copy in older] == [DeliveryState.ACKED]
    assert await fetched(team, "worker-1") == ["unread"]


async def test_the_next_incarnation_sees_at_once_what_the_last_one_had_in_hands(team: SmallTeam) -> None:
    await sent(team, "planner", "worker-1")
    await fetched(team, "worker-1")
    await team.crash("worker-1")
    await team.start("worker-1")
    assert await fetched(team, "worker-1") == ["hello"]


async def test_a_reader_that_dies_over_it_three_times_leaves_a_dead_letter(team: SmallTeam) -> None:
    await sent(team, "planner", "worker-1", "poison")
    for _ in range(ATTEMPTS_MAX):
        assert await fetched(team, "worker-1") == ["poison"]
        await team.crash("worker-1")
        await team.start("worker-1")
    assert await fetched(team, "worker-1") == []
    await ticked(team)
    assert await copies(team) == {"M1/worker-1": "dead", "M2/planner": "queued"}
    assert await fetched(team, "planner") == [
        "Nobody acknowledged these copies of your messages: M1/worker-1 is a dead letter."
    ]


async def test_our_own_stop_gives_the_attempt_back(team: SmallTeam) -> None:
    await sent(team, "planner", "worker-1")
    stopped = ExitInfo(kind=ExitClass.STOP_REQUESTED)
    for _ in range(ATTEMPTS_MAX + 1):
        assert await fetched(team, "worker-1") == ["hello"]
        number = team["worker-1"].incarnation
        await team.news("worker-1", AgentState.EXITED, incarnation=number, last_exit=stopped)
        await team.start("worker-1")
    await ticked(team, VISIBILITY_S)
    assert (await copies(team))["M1/worker-1"] == "delivered"


async def test_canary_an_end_that_is_not_told_hides_nothing_but_counts(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "incarnation_over", lambda *_, **__: None)
    await sent(team, "planner", "worker-1")
    for _ in range(ATTEMPTS_MAX):
        assert await fetched(team, "worker-1") == ["hello"]
        await team.crash("worker-1")
        await team.start("worker-1")
    await ticked(team)
    assert (await copies(team))["M1/worker-1"] == "delivered"


async def test_what_is_fetched_again_and_again_dies_and_what_is_acked_in_time_does_not(
    team: SmallTeam,
) -> None:
    name = await buried(team, "planner", "worker-1")
    assert (await copies(team))[name] == "dead"
    assert [event.kind for event in await team.events() if event.subject == name][-1] == "delivery.died"
    await sent(team, "planner", "worker-2", "slow")
    for _ in range(ATTEMPTS_MAX - 1):
        await fetched(team, "worker-2")
        await ticked(team, VISIBILITY_S)
    assert await fetched(team, "worker-2") == ["slow"]
    await ticked(team, VISIBILITY_S - 1)
    assert await acked(team, "worker-2", thread="", ids=("M3",)) == 1


async def test_a_late_ack_by_id_consumes_a_dead_letter(team: SmallTeam) -> None:
    name = await buried(team, "planner", "worker-1")
    assert await acked(team, "worker-1", sender="planner") == 0
    assert await acked(team, "worker-1", ids=("M1",)) == 1
    assert (await copies(team))[name] == "acked"


async def test_mail_that_nobody_acks_expires_and_its_senders_are_told_once(team: SmallTeam) -> None:
    await sent(team, "planner", "group:builders", ttl_s=60)
    await sent(team, "planner", "judge", ttl_s=60)
    await sent(team, None, "judge", ttl_s=60)
    await fetched(team, "worker-1")
    await ticked(team, 59.9)
    assert "expired" not in (await copies(team)).values()
    await ticked(team, 0.1)
    (told,) = await fetched(team, "planner")
    assert told.endswith(": M1/worker-1 expired, M1/worker-2 expired, M2/judge expired.")
    assert await persons_mail(team) == [
        "Nobody acknowledged these copies of your messages: M3/judge expired."
    ]


async def test_notices_cause_no_notices(team: SmallTeam) -> None:
    await sent(team, "planner", "worker-1", ttl_s=1)
    await ticked(team, 1)
    await ticked(team, MESSAGE_TTL_S)
    await ticked(team, MESSAGE_TTL_S)
    assert await copies(team) == {"M1/worker-1": "expired", "M2/planner": "expired"}


async def test_a_long_list_of_ends_is_cut(team: SmallTeam) -> None:
    for _ in range(mailboxes.NAMED_MAX + 2):
        await sent(team, None, "worker-1", ttl_s=1)
    await ticked(team, 1)
    (told,) = await persons_mail(team)
    assert told.endswith("M20/worker-1 expired, and 2 more.")


async def test_one_tick_ends_a_bounded_number_and_the_next_goes_on(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "TICK_MAX", 2)
    for _ in range(3):
        await sent(team, None, "worker-1", ttl_s=1)
    await ticked(team, 1)
    assert list((await copies(team)).values()).count("expired") == 2
    await ticked(team)
    assert list((await copies(team)).values()).count("expired") == 3


async def test_a_sender_that_left_the_team_is_not_written_to(team: SmallTeam) -> None:
    await sent(team, "planner", "worker-1", ttl_s=1)
    pools = tuple(pool for pool in team.coordinator.team.pools if pool.name != "planner")
    object.__setattr__(team.coordinator.team, "pools", pools)
    await ticked(team, 1)
    assert await copies(team) == {"M1/worker-1": "expired"}


async def test_the_persons_mail_is_never_hidden_and_never_dies(team: SmallTeam) -> None:
    await sent(team, "worker-1", "human", "may I?")
    for _ in range(ATTEMPTS_MAX + 1):
        assert await persons_mail(team) == ["may I?"]
        await ticked(team, VISIBILITY_S)
    assert await acked(team, "human", ids=("M1",)) == 1


async def test_a_copy_whose_message_is_gone_is_named(team: SmallTeam) -> None:
    await sent(team, "planner", "worker-1")
    with closing(sqlite3.connect(team.store.path)) as damaging:  # a connection that checks no foreign keys
        damaging.execute("UPDATE message SET n = 99")
        damaging.commit()
        with pytest.raises(NotFound, match="message M1 is gone"):
            await fetched(team, "worker-1")
        damaging.execute("UPDATE message SET n = 1")
        damaging.commit()
    assert await fetched(team, "worker-1") == ["hello"]


async def test_a_mailbox_holds_what_is_hidden_too(team: SmallTeam) -> None:
    await sent(team, None, "worker-1")
    await sent(team, "worker-1", "self")
    await fetched(team, "worker-1")
    assert await team.coordinator.read(lambda scope: mailboxes.open_count(scope, "worker-1")) == 2
    assert await waiting(team, "worker-1") == 0


def test_a_copy_is_unread_while_it_waits_for_an_ack() -> None:
    assert {DeliveryState.QUEUED, DeliveryState.DELIVERED} == UNREAD
