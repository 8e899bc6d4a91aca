"""F7: a flood is slowed at its source with the time to try again; others and the person are not held up."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import floods, messages
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.floods import INBOX_MAX, MESSAGES_MAX, WINDOW_S
from supervisor.coordinator.rates import BURST, RateLimits
from supervisor.coordinator.scope import Scope
from supervisor.errors import SupervisorError, TooMany
from tests.team_door import TeamDoor, team_door

FLOOD = 3000


async def flood(door: TeamDoor, name: str, tool: str, count: int, **arguments: Any) -> list[str]:
    """Call without waiting, as fast as it goes, and return the codes."""
    codes = []
    for _ in range(count):
        try:
            await door.desk.call(door.team[name], tool, arguments)
            codes.append("ok")
        except SupervisorError as error:
            codes.append(error.code)
    return codes


async def test_a_flooding_agent_is_cut_to_its_rate_and_every_message_is_there_or_refused(
    tmp_path: Path,
) -> None:
    async with team_door(tmp_path) as door:
        codes = await flood(door, "worker-1", "message_send", FLOOD, to="judge", body="x")
        assert codes.count("ok") == MESSAGES_MAX
        assert codes.count("too_many") == FLOOD - MESSAGES_MAX
        stored = await door.team.store.read(lambda tx: tx.scalar("delivery.open_count", recipient="judge"))
        assert stored == MESSAGES_MAX
        refusal = await _refused(door, "worker-1")
        assert refusal.details["retry_after_s"] == pytest.approx(0.02)  # of its calls
        await door.team.clock.advance(1)
        refusal = await _refused(door, "worker-1")
        assert refusal.details["retry_after_s"] == WINDOW_S - 1  # of its messages
        await door.team.clock.advance(WINDOW_S - 1)
        assert await flood(door, "worker-1", "message_send", 1, to="judge", body="x") == ["ok"]


async def _refused(door: TeamDoor, name: str) -> TooMany:
    with pytest.raises(TooMany) as caught:
        await door.desk.call(door.team[name], "message_send", {"to": "judge", "body": "x"})
    return caught.value


@pytest.mark.parametrize("tool", ["whoami", "inbox", "task_get", "wait"])
async def test_looking_and_waiting_are_counted_too(tmp_path: Path, tool: str) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "task_get": {"task_id": "T1"},
        "wait": {"for": ["mail"], "timeout_s": 0},
    }
    async with team_door(tmp_path) as door:
        await door.call("planner", "task_create", title="x")
        codes = await flood(door, "worker-1", tool, int(BURST) + 5, **arguments.get(tool, {}))
        assert codes[-5:] == ["too_many"] * 5


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("conquer", {}), ("task_create", {"title": "x"}), ("inbox", {"limit": "many"}), ("wait", {"for": 1})],
    ids=["unknown", "of another role", "malformed", "malformed wait"],
)
async def test_calls_that_make_no_sense_are_counted_too(
    tmp_path: Path, tool: str, arguments: dict[str, Any]
) -> None:
    async with team_door(tmp_path) as door:
        codes = await flood(door, "worker-1", tool, int(BURST) + 5, **arguments)
        assert codes[-5:] == ["too_many"] * 5
        assert "too_many" not in codes[: int(BURST)]


async def test_a_full_mailbox_tells_senders_when_to_try_again_and_not_the_person(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await door.team.do(fill_the_judges_mailbox)
        full = await door.refused("worker-2", "message_send", to="judge", body="x")
        assert (full.code, full.details["retry_after_s"]) == ("too_many", 60)
        assert full.details["free"] == ["voter-1", "voter-2", "voter-3"]
        whole = await door.refused("worker-2", "message_send", to="role:judge", body="x")
        assert whole.code == "too_many"
        assert (await door.call("voter-1", "inbox"))["messages"] == []
        await door.team.do(lambda scope: messages.send(scope, None, to="judge", body="stop", urgent=True))
        assert (await door.call("judge", "inbox", limit=1))["messages"][0]["body"] == "stop"


def fill_the_judges_mailbox(scope: Scope) -> None:
    for _ in range(INBOX_MAX):
        messages.send(scope, None, to="judge", body="x")


async def slowest(door: TeamDoor) -> float:
    """Return the 95th percentile of another agent's calls while one floods, in seconds."""
    times = []
    flooding = asyncio.ensure_future(
        flood(door, "worker-1", "message_send", FLOOD, to="judge", body="x" * 4000)
    )
    for number in range(40):
        begun = time.perf_counter()
        await door.desk.call(door.team["worker-2"], "memory_set", {"key": "k", "value": str(number)})
        times.append(time.perf_counter() - begun)
    flooding.cancel()
    return sorted(times)[37]


async def test_others_are_answered_quickly_beside_a_flood(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        assert await slowest(door) < 0.2


async def test_wrong_arguments_cost_little_however_many_there_are(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        some, many = await refused_in(door, 1_000), await refused_in(door, 16_000)
    assert many < 16 * 4 * some, "the cost of a refusal grows with the square of what is wrong"


async def refused_in(door: TeamDoor, count: int) -> float:
    """Return the quickest of three refusals of so many arguments and as long an address, in seconds."""
    unknown = {f"argument{number}": number for number in range(count)}
    times = []
    for _ in range(3):
        begun = time.process_time()
        assert await door.code("worker-1", "task_create", title="x", **unknown) == "invalid_argument"
        assert await door.code("worker-1", "message_send", to="x" * 56 * count, body="b") == "not_found"
        times.append(time.process_time() - begun)
    return min(times)


async def test_canary_without_a_bucket_the_flood_goes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RateLimits, "spend", lambda *_: None)
    monkeypatch.setattr(floods, "_check_rate", lambda *_: None)
    async with team_door(tmp_path) as door:
        codes = await flood(door, "worker-1", "message_send", int(BURST) + 50, to="judge", body="x")
    assert set(codes) == {"ok"}


async def test_canary_a_desk_that_reads_before_it_counts_can_be_kept_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Coordinator, "spend", lambda *_: None)
    async with team_door(tmp_path) as door:
        codes = await flood(door, "worker-1", "conquer", int(BURST) + 50)
    assert set(codes) == {"unknown_tool"}
