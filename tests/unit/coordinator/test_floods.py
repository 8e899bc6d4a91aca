"""How much mail one agent may write: refusals say when, lose nothing, and never meet the person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from supervisor.coordinator import floods, messages
from supervisor.coordinator.floods import (
    COPIES_MAX,
    INBOX_MAX,
    LOOP_MESSAGES,
    LOOP_PAUSE_S,
    MESSAGES_MAX,
    PERSON_MAX,
    WINDOW_S,
)
from supervisor.errors import TooMany
from supervisor.model.message import MessageKind
from supervisor.testing.small_team import SmallTeam
from tests.unit.coordinator.post_office import acked, copies, fetched, persons_mail, sent


async def refused(team: SmallTeam, sender: str, to: str, **more: Any) -> TooMany:
    """Return what a message is refused with, after checking that nothing of it was stored."""
    before = await copies(team)
    with pytest.raises(TooMany) as caught:
        await sent(team, sender, to, **more)
    assert await copies(team) == before
    return caught.value


async def fill(team: SmallTeam, name: str, count: int = INBOX_MAX, **more: Any) -> None:
    """Let the person, who is never refused, fill a mailbox."""

    def write(scope: Any) -> None:
        for _ in range(count):
            messages.send(scope, None, to=name, body="x", **more)

    await team.do(write)


async def ping_pong(team: SmallTeam, turns: int, *pair: str, gap_s: float = 1.0, **more: Any) -> None:
    """Let two agents write to each other by turns."""
    one, other = pair or ("worker-1", "judge")
    for turn in range(turns):
        writer, reader = (other, one) if turn % 2 else (one, other)
        await sent(team, writer, reader, **more)
        await team.clock.advance(gap_s)


# ---- the rate of a sender


async def test_an_agent_may_write_sixty_messages_a_minute(team: SmallTeam) -> None:
    for number in range(MESSAGES_MAX):
        await sent(team, "worker-1", "judge", ttl_s=1000 + number)
        await team.clock.advance(0.5)
    late = await refused(team, "worker-1", "voter-1")
    assert late.details["retry_after_s"] == pytest.approx(WINDOW_S - MESSAGES_MAX * 0.5)
    assert "60 messages" in late.message
    await sent(team, "worker-2", "judge")
    await team.clock.advance(late.details["retry_after_s"])  # type: ignore[arg-type]
    await sent(team, "worker-1", "judge")
    await refused(team, "worker-1", "judge")


async def test_a_broadcast_costs_a_copy_for_each_who_gets_it(team: SmallTeam) -> None:
    size = len(team.actors) - 1
    for _ in range(COPIES_MAX // size):
        await sent(team, "worker-1", "all")
    assert (await refused(team, "worker-1", "all")).details["retry_after_s"] == WINDOW_S
    for _ in range(COPIES_MAX % size):
        await sent(team, "worker-1", "judge")
    await refused(team, "worker-1", "judge")


async def test_a_broadcast_to_more_than_a_minutes_copies_may_go_first(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floods, "COPIES_MAX", 2)
    assert len((await sent(team, "worker-1", "all")).recipients) > 2
    await refused(team, "worker-1", "judge")


async def test_the_person_and_the_engine_have_no_rate(team: SmallTeam) -> None:
    for _ in range(MESSAGES_MAX + 1):
        await sent(team, None, "worker-1")


# ---- room in mailboxes


async def test_a_full_mailbox_refuses_agents_says_when_and_names_who_is_free(team: SmallTeam) -> None:
    await fill(team, "worker-1")
    full = await refused(team, "planner", "worker-1")
    assert full.details == {"retry_after_s": 60, "free": ["worker-2"]}
    whole = await refused(team, "planner", "role:worker")
    assert whole.details["free"] == ["worker-2"]
    assert "free now: worker-2" in whole.message
    assert await fetched(team, "worker-2") == []
    assert (await sent(team, None, "worker-1")).recipients == ("worker-1",)
    await acked(team, "worker-1", ids=("M1", "M2"))
    assert (await sent(team, "planner", "worker-1")).recipients == ("worker-1",)


async def test_the_refusal_knows_when_the_next_message_expires(team: SmallTeam) -> None:
    await fill(team, "worker-1", 1, ttl_s=20)
    await fill(team, "worker-1", INBOX_MAX - 1)
    assert (await refused(team, "planner", "worker-1")).details["retry_after_s"] == 20
    await team.clock.advance(100)
    assert (await refused(team, "planner", "worker-1")).details["retry_after_s"] == 1


async def test_who_is_full_as_well_is_not_offered(team: SmallTeam) -> None:
    await fill(team, "worker-1")
    await fill(team, "worker-2")
    full = await refused(team, "planner", "worker-1")
    assert full.details["free"] == []
    assert "free now" not in full.message


async def test_fifty_messages_of_one_agent_may_wait_for_the_person(team: SmallTeam) -> None:
    for _ in range(PERSON_MAX):
        await sent(team, "worker-1", "human")
    await team.clock.advance(WINDOW_S)
    full = await refused(team, "worker-1", "human")
    assert (full.details["retry_after_s"], full.details["free"]) == (60, [])
    assert "the person has 50 unread messages of worker-1" in full.message
    await sent(team, "worker-2", "human")
    await acked(team, "human", ids=("M1",))
    await sent(team, "worker-1", "human")


# ---- loops


async def test_two_that_only_answer_each_other_are_paused_and_the_person_is_told(team: SmallTeam) -> None:
    await ping_pong(team, LOOP_MESSAGES)
    for writer, reader in (("worker-1", "judge"), ("judge", "worker-1")):
        looping = await refused(team, writer, reader)
        assert looping.details["retry_after_s"] == LOOP_PAUSE_S - 1
        assert reader not in looping.details["free"]  # type: ignore[operator]
    (told,) = await persons_mail(team)
    assert told.startswith("judge and worker-1 wrote 20 messages to each other within 60 s, turn by turn.")
    assert "free now: voter-1, voter-2, voter-3" in (await refused(team, "worker-1", "judge")).message
    assert (await refused(team, "worker-1", "role:judge")).details["free"] == [
        "voter-1",
        "voter-2",
        "voter-3",
    ]
    await sent(team, "worker-1", "worker-2")
    await sent(team, None, "judge")
    await team.clock.advance(LOOP_PAUSE_S)
    await ping_pong(team, 2)
    assert len(await persons_mail(team)) == 1


async def test_a_second_loop_is_broken_again_and_old_pairs_are_forgotten(team: SmallTeam) -> None:
    await ping_pong(team, LOOP_MESSAGES, "worker-2", "solo")
    await team.clock.advance(LOOP_PAUSE_S)
    await ping_pong(team, LOOP_MESSAGES)
    assert len(await persons_mail(team)) == 2
    assert await team.coordinator.read(lambda scope: floods.silenced_with(scope, "solo")) == {}
    assert list(await team.coordinator.read(lambda scope: floods.silenced_with(scope, "judge"))) == [
        "worker-1"
    ]


async def nothing_but_tasks(team: SmallTeam) -> None:
    for _ in range(30):
        await sent(team, "planner", "worker-1", kind=MessageKind.TASK)


async def tasks_and_then_results(team: SmallTeam) -> None:
    for writer, reader in (("planner", "worker-1"), ("worker-1", "planner")):
        for _ in range(15):
            await sent(team, writer, reader)


async def tasks_each_with_an_ack(team: SmallTeam) -> None:
    for _ in range(15):
        await sent(team, "planner", "worker-1", kind=MessageKind.TASK)
        await sent(team, "worker-1", "planner", kind=MessageKind.ACK)


async def slow_talk(team: SmallTeam) -> None:
    await ping_pong(team, 40, gap_s=4)


async def a_few_answers(team: SmallTeam) -> None:
    for turn in range(20):
        await sent(team, "planner" if turn % 3 else "judge", "judge" if turn % 3 else "planner")


async def talk_with_the_person(team: SmallTeam) -> None:
    for _ in range(15):
        await sent(team, "worker-1", "human")
        await sent(team, None, "worker-1")


async def talk_with_oneself(team: SmallTeam) -> None:
    for _ in range(30):
        await sent(team, "worker-1", "self")


@pytest.mark.parametrize(
    "talk",
    [
        nothing_but_tasks,
        tasks_and_then_results,
        tasks_each_with_an_ack,
        slow_talk,
        a_few_answers,
        talk_with_the_person,
        talk_with_oneself,
    ],
    ids=lambda talk: talk.__name__,
)
async def test_what_is_no_loop_is_not_taken_for_one(
    team: SmallTeam, talk: Callable[[SmallTeam], Any]
) -> None:
    await talk(team)
    told = await persons_mail(team)
    assert not [body for body in told if "turn by turn" in body]


async def test_two_that_acknowledge_each_others_acks_are_in_a_loop(team: SmallTeam) -> None:
    await ping_pong(team, LOOP_MESSAGES, kind=MessageKind.ACK)
    await refused(team, "worker-1", "judge")


async def test_a_storm_of_broadcasts_is_a_loop_of_each_pair(team: SmallTeam) -> None:
    for turn in range(LOOP_MESSAGES):
        await sent(team, f"voter-{turn % 2 + 1}", "group:council")
    await refused(team, "voter-1", "group:council")
    await sent(team, "voter-1", "voter-3")


# ---- canaries: without its check, each limit lets through what its test above refuses


@pytest.mark.parametrize(
    ("check", "flood"),
    [
        ("_check_rate", test_an_agent_may_write_sixty_messages_a_minute),
        ("_check_rate", test_a_broadcast_costs_a_copy_for_each_who_gets_it),
        ("_check_room", test_a_full_mailbox_refuses_agents_says_when_and_names_who_is_free),
        ("_check_room", test_fifty_messages_of_one_agent_may_wait_for_the_person),
        ("_check_pairs", test_two_that_only_answer_each_other_are_paused_and_the_person_is_told),
        ("_is_loop", test_two_that_only_answer_each_other_are_paused_and_the_person_is_told),
    ],
)
async def test_canary_without_its_check_a_limit_does_not_hold(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch, check: str, flood: Callable[[SmallTeam], Any]
) -> None:
    monkeypatch.setattr(floods, check, lambda *_: None)
    with pytest.raises(pytest.fail.Exception):
        await flood(team)
