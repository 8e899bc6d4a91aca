"""F13: sent, delivered and acked are three facts; only the recipient's ack consumes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from supervisor.coordinator import mailboxes, upkeep
from supervisor.model.message import DELIVERY_MOVES, VISIBILITY_S, Delivery, DeliveryState
from tests.team_door import TeamDoor, team_door


async def states(door: TeamDoor) -> dict[str, str]:
    copies = await door.team.store.read(lambda tx: tx.values(Delivery, "delivery.all"))
    return {copy.recipient: copy.state.value for copy in copies}


async def bodies(door: TeamDoor, name: str) -> list[str]:
    return [each["body"] for each in (await door.call(name, "inbox"))["messages"]]


async def read_and_die(door: TeamDoor) -> list[str]:
    """Let worker-1 fetch its mail and be killed at once; return what its next life finds."""
    await door.call("planner", "message_send", to="role:worker", body="important")
    assert await bodies(door, "worker-1") == ["important"]
    await door.team.crash("worker-1")
    await door.team.start("worker-1")
    return await bodies(door, "worker-1")


async def test_what_was_read_but_not_acked_comes_again_after_a_kill(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        assert await read_and_die(door) == ["important"]
        assert await states(door) == {"worker-1": "delivered", "worker-2": "queued"}


async def test_what_was_read_comes_again_after_a_restart_of_the_engine(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await door.call("planner", "message_send", to="worker-1", body="important")
        assert await bodies(door, "worker-1") == ["important"]
        await door.team.do(upkeep.engine_was_lost)
    async with team_door(tmp_path) as door:
        assert await bodies(door, "worker-1") == ["important"]
        await door.call("worker-1", "message_ack", ids=["M1"])
        assert await bodies(door, "worker-1") == []


@pytest.mark.parametrize("thief", ["planner", "worker-2", "chief", "solo"])
async def test_nobody_else_consumes_it_be_it_the_sender(tmp_path: Path, thief: str) -> None:
    async with team_door(tmp_path) as door:
        await door.call("planner", "message_send", to="worker-1", body="important", thread="t")
        for words in ({"ids": ["M1"]}, {"thread": "t"}, {"sender": "planner"}):
            assert (await door.call(thief, "message_ack", **words))["acked"] == 0
        assert await states(door) == {"worker-1": "queued"}
        assert await bodies(door, "worker-1") == ["important"]


async def test_what_was_read_comes_again_to_the_same_reader_if_it_never_says_that_it_is_done(
    tmp_path: Path,
) -> None:
    async with team_door(tmp_path) as door:
        await door.call("planner", "message_send", to="worker-1", body="important")
        assert await bodies(door, "worker-1") == ["important"]
        assert await bodies(door, "worker-1") == []
        assert await states(door) == {"worker-1": "delivered"}
        await door.team.clock.advance(VISIBILITY_S)
        assert await bodies(door, "worker-1") == ["important"]


async def test_each_recipient_has_its_own_copy_and_its_own_facts(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await door.call("planner", "message_send", to="group:council", body="x")
        await door.call("voter-1", "inbox")
        await door.call("voter-2", "message_ack", ids=["M1"])
        assert await states(door) == {"voter-1": "delivered", "voter-2": "acked", "voter-3": "queued"}


def test_what_is_consumed_or_expired_stays_so() -> None:
    assert DELIVERY_MOVES[DeliveryState.ACKED] == DELIVERY_MOVES[DeliveryState.EXPIRED] == frozenset()


async def test_canary_an_inbox_that_consumes_on_reading_loses_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    consuming = SimpleNamespace(**(vars(DeliveryState) | {"DELIVERED": DeliveryState.ACKED}))
    monkeypatch.setattr(mailboxes, "DeliveryState", consuming)
    async with team_door(tmp_path) as door:
        assert await read_and_die(door) == []
