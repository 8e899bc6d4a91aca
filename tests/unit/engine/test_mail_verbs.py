"""The operator's verbs about mail, on a real coordinator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from supervisor.coordinator import upkeep
from supervisor.engine.mail_verbs import MAIL_VERBS
from supervisor.errors import InvalidArgument, NotFound
from supervisor.model.wire import from_wire
from tests.team_door import TeamDoor, team_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[TeamDoor]:
    async with team_door(tmp_path) as opened:
        yield opened


async def operator(door: TeamDoor, verb: str, **args: Any) -> dict[str, Any]:
    """Carry out one verb as the backend does."""
    form, carry_out = MAIL_VERBS[verb]
    answer: dict[str, Any] = await carry_out(
        SimpleNamespace(coordinator=door.team.coordinator), from_wire(form, args, verb)
    )
    return answer


async def buried(door: TeamDoor, sender: str, body: str) -> None:
    """Let worker-1 fetch a message three times and never acknowledge it."""
    await door.call(sender, "message_send", to="worker-1", body=body)
    for _ in range(3):
        await door.call("worker-1", "inbox", sender=sender)
        await door.team.clock.advance(300)
    await door.team.do(lambda scope: upkeep.tick(scope, {}))


async def test_the_person_sends_all_that_a_message_can_carry_and_acknowledges(door: TeamDoor) -> None:
    sent = await operator(
        door,
        "send",
        to="role:developer",
        body="hello",
        kind="Task",
        priority="HIGH",
        correlation_id="j",
        payload={"a": 1},
        ttl_s=60,
        urgent=True,
        thread="t",
    )
    message = sent["message"]
    assert (message["sender"], message["kind"], message["priority"]) == ("human", "task", 1)
    assert (message["payload"], message["expires_at"] - message["at"]) == ('{"a":1}', 60)
    assert sent["recipients"] == [each["name"] for each in sent["mailboxes"]] == ["worker-1", "worker-2"]
    await door.call("worker-1", "message_send", to="human", body="done")
    assert await operator(door, "ack", ids=["M2"]) == {"acked": 1}


async def test_what_makes_no_message_is_refused(door: TeamDoor) -> None:
    for wrong in ({"kind": "gossip"}, {"priority": "9"}, {"ttl_s": 0}, {"body": ""}):
        with pytest.raises(InvalidArgument):
            await operator(door, "send", **{"to": "judge", "body": "x"} | wrong)


async def test_dead_letters_are_listed_put_back_and_dropped(door: TeamDoor) -> None:
    await buried(door, "planner", "poison")
    await buried(door, "judge", "more")
    listed = (await operator(door, "dead_list"))["dead"]
    assert [each["message"]["body"] for each in listed] == ["poison", "more"]
    assert listed[0]["delivery"]["state"] == "dead"
    (one,) = (await operator(door, "dead_list", sender="judge", limit=1))["dead"]
    name = f"{one['message']['id']}/worker-1"
    assert (await operator(door, "dead_list", after=name))["dead"] == []
    assert await operator(door, "dead_requeue", ids=[name], reason="mended") == {"requeued": [name]}
    assert await operator(door, "dead_drop", ids=["M1"]) == {"dropped": ["M1/worker-1"]}
    assert (await operator(door, "dead_list"))["dead"] == []
    with pytest.raises(NotFound):
        await operator(door, "dead_drop", ids=["M99"])


@pytest.mark.parametrize("limit", [0, 201])
async def test_a_page_is_bounded(door: TeamDoor, limit: int) -> None:
    with pytest.raises(InvalidArgument, match="between 1 and 200"):
        await operator(door, "dead_list", limit=limit)
