"""F8: two agents that only answer each other are paused within 20 messages; other traffic never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.coordinator import floods
from supervisor.errors import TooMany
from tests.team_door import TeamDoor, team_door


async def loop(door: TeamDoor, turns: int) -> int:
    """Let two agents answer each other until one is refused; return after how many messages."""
    for turn in range(turns):
        writer, reader = ("judge", "worker-1") if turn % 2 else ("worker-1", "judge")
        try:
            await door.call(writer, "message_send", to=reader, body="after you")
        except TooMany:
            return turn
    return turns


async def test_a_ping_pong_is_paused_in_both_directions_and_the_person_is_told(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        assert await loop(door, 50) == 20
        for writer, reader in (("worker-1", "judge"), ("judge", "worker-1")):
            refusal = await door.refused(writer, "message_send", to=reader, body="x")
            assert (refusal.code, refusal.details["retry_after_s"]) == (
                "too_many",
                pytest.approx(60, abs=5),
            )
        told = await door.team.store.read(lambda tx: tx.all("delivery.of_message", message="M21"))
        assert [row["recipient"] for row in told] == ["human"]
        await door.call("worker-1", "message_send", to="planner", body="others are not concerned")
        await door.team.clock.advance(60)
        assert await loop(door, 2) == 2


async def test_work_that_is_sent_and_acknowledged_is_never_taken_for_a_loop(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        for number in range(200):
            await door.call("planner", "message_send", to="worker-1", body=f"job {number}", kind="task")
            await door.call("worker-1", "message_send", to="planner", body="taken", kind="ack")
            await door.call("worker-1", "inbox", ack=[f"M{2 * number + 1}"])


async def test_canary_without_the_breaker_the_ping_pong_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floods, "break_loops", lambda *_: ())
    async with team_door(tmp_path) as door:
        assert await loop(door, 50) == 50
