"""F10: mail over which its reader always dies is taken out, kept, shown, and put back only by the person."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.coordinator import dead_letters, mailboxes, upkeep
from supervisor.coordinator.views import run_tables
from supervisor.model.message import ATTEMPTS_MAX
from tests.team_door import TeamDoor, team_door

LIVES = 6


async def poisoned(door: TeamDoor) -> int:
    """Let a reader die over a message in each of its lives; return in how many it met it."""
    await door.call("planner", "message_send", to="worker-1", body="poison")
    met = 0
    for _ in range(LIVES):
        met += len((await door.call("worker-1", "inbox", sender="planner"))["messages"])
        await door.team.crash("worker-1")
        await door.team.start("worker-1")
        await door.team.do(lambda scope: upkeep.tick(scope, {}))
    return met


async def test_poison_is_parked_after_three_deaths_and_not_lost(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        assert await poisoned(door) == ATTEMPTS_MAX
        tables = await door.team.store.read(lambda tx: run_tables(tx, 1))
        assert [copy["state"] for copy in tables["delivery"] if copy["message"] == "M1"] == ["dead"]
        (dead,) = (await door.call("planner", "dead_letters"))["dead"]
        assert dead["copy"] == "M1/worker-1"


async def test_only_the_person_puts_it_back_or_drops_it_and_the_log_knows_why(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await poisoned(door)
        for tool in ("dead_requeue", "dead_drop", "dead_list"):
            assert await door.code("chief", tool) == "unknown_tool"
        await door.team.do(lambda scope: dead_letters.requeue(scope, ("M1",), reason="mended"))
        assert len((await door.call("worker-1", "inbox", sender="planner"))["messages"]) == 1
        events = [event for event in await door.team.events() if event.subject == "M1/worker-1"]
        assert [(event.kind, event.actor, event.reason) for event in events][-2:] == [
            ("delivery.requeued", "human", "mended"),
            ("delivery.delivered", "worker-1", ""),
        ]


async def test_canary_without_a_burial_the_reader_dies_in_each_of_its_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "ATTEMPTS_MAX", 1000)
    monkeypatch.setattr(mailboxes, "keep_mail", lambda _scope: None)
    async with team_door(tmp_path) as door:
        assert await poisoned(door) == LIVES
