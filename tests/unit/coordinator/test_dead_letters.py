"""Dead letters: seen by their senders and the person, put back or dropped by the person alone."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.coordinator import dead_letters, views
from supervisor.errors import InvalidArgument, NotFound, TooLarge, WrongState
from supervisor.model.message import MESSAGE_TTL_S
from supervisor.testing.small_team import SmallTeam
from tests.unit.coordinator.post_office import acked, buried, copies, fetched, sent, ticked


async def listed(team: SmallTeam, **wanted: Any) -> list[str]:
    found = await team.coordinator.read(lambda scope: dead_letters.dead_letters(scope, **wanted))
    return [copy.key for _, copy in found]


async def test_senders_see_their_own_and_the_person_all_page_by_page(team: SmallTeam) -> None:
    one = await buried(team, "planner", "worker-1")
    two = await buried(team, "judge", "worker-2")
    three = await buried(team, "planner", "worker-2", "again")
    assert await listed(team) == [one, two, three]
    assert await listed(team, sender="planner") == [one, three]
    assert await listed(team, sender="worker-1") == []
    assert await listed(team, limit=1) == [one]
    assert await listed(team, after=one, limit=1) == [two]
    assert await listed(team, sender="planner", after=one) == [three]


async def test_what_waits_for_the_person_is_shown_however_old_it_is(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MESSAGES_SHOWN", 1)
    await sent(team, "worker-1", "human", "may I?")
    await buried(team, "planner", "worker-1")
    await sent(team, None, "worker-2", "old and of no concern")
    await sent(team, None, "worker-2", "newest")
    tables = await team.store.read(lambda tx: views.run_tables(tx, 1))
    bodies = [each["body"] for each in tables["message"]]
    assert bodies[:2] == ["may I?", "poison"]
    assert bodies[-1] == "newest"
    assert "old and of no concern" not in bodies


async def test_what_is_put_back_is_as_new_and_has_its_whole_time_again(team: SmallTeam) -> None:
    name = await buried(team, "planner", "worker-1")
    await ticked(team, MESSAGE_TTL_S)
    assert (await copies(team))[name] == "dead"
    (copy,) = await team.do(lambda scope: dead_letters.requeue(scope, (name,), reason="mended"))
    assert (copy.attempts, copy.visible_at, copy.incarnation) == (0, None, None)
    assert await fetched(team, "worker-1") == ["poison"]
    assert [event.reason for event in await team.events()][-2] == "mended"
    await ticked(team, MESSAGE_TTL_S - 1)
    assert (await copies(team))[name] == "delivered"
    await ticked(team, 1)
    assert (await copies(team))[name] == "expired"


async def test_a_message_names_all_its_dead_copies(team: SmallTeam) -> None:
    await sent(team, "planner", "group:builders", "poison")
    await acked(team, "worker-2", ids=("M1",))
    for _ in range(3):
        await fetched(team, "worker-1")
        await ticked(team, 300)
    dropped = await team.do(
        lambda scope: dead_letters.drop(scope, ("M1", "M1/worker-1"), reason="no longer wanted")
    )
    assert [copy.key for copy in dropped] == ["M1/worker-1"]
    last = (await team.events())[-1]
    assert (last.kind, last.actor, last.reason) == ("delivery.dropped", "human", "no longer wanted")
    assert (await copies(team))["M1/worker-1"] == "acked"


@pytest.mark.parametrize(
    ("ids", "reason", "error"),
    [
        ((), "", InvalidArgument),
        (("X1",), "", InvalidArgument),
        (("M99",), "", NotFound),
        (("M1/worker-2",), "", NotFound),
        (("M1",), "", WrongState),
        (("M1/worker-1",), "", WrongState),
        (("M1",), "x" * 2001, TooLarge),
    ],
)
@pytest.mark.parametrize("decide", [dead_letters.requeue, dead_letters.drop])
async def test_what_is_no_dead_letter_is_refused(
    team: SmallTeam, decide: Any, ids: tuple[str, ...], reason: str, error: type[Exception]
) -> None:
    await sent(team, "planner", "worker-1")
    with pytest.raises(error):
        await team.do(lambda scope: decide(scope, ids, reason=reason))
    assert await copies(team) == {"M1/worker-1": "queued"}
