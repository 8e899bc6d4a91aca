"""B14: no answer is a denial; neither time, restart, clock jumps nor the requester's death ever approve."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.coordinator import approvals, upkeep
from supervisor.errors import AlreadyAnswered
from supervisor.model.approval import APPROVAL_TIMEOUT_S, Mode
from tests.team_door import TeamDoor, team_door


async def asked(door: TeamDoor) -> str:
    made = await door.call("worker-1", "approval_request", kind="k", title="t", payload={}, tier=2)
    return str(made["approval"]["id"])


async def state(door: TeamDoor, number: str) -> str:
    found = await door.team.coordinator.read(lambda scope: approvals.the_approval(scope, number))
    return found.state.value


async def tick(door: TeamDoor) -> None:
    await door.team.do(lambda scope: upkeep.tick(scope, {}))


async def test_time_denies_and_the_requester_is_told(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        number = await asked(door)
        await door.team.clock.advance(APPROVAL_TIMEOUT_S - 1)
        await tick(door)
        assert await state(door, number) == "pending"
        await door.team.clock.advance(1)
        await tick(door)
        told = await door.call("worker-1", "wait", **{"for": [f"approval:{number}"]})
        assert told["woken_by"] == [f"approval:{number}"]
        shown = (await door.call("worker-1", "approval_get", approval_id=number))["approval"]
        assert (shown["state"], shown["answer"]) == ("expired", "denied: nobody answered in time")
        assert await door.code("worker-1", "approval_use", approval_id=number, payload={}) == "wrong_state"


async def test_an_answer_that_comes_too_late_does_not_count_even_before_anybody_looked(
    tmp_path: Path,
) -> None:
    async with team_door(tmp_path) as door:
        number = await asked(door)
        await door.team.clock.advance(APPROVAL_TIMEOUT_S + 1)
        with pytest.raises(AlreadyAnswered, match="expired"):
            await door.answer(number, allow=True)
        assert await state(door, number) == "pending"


@pytest.mark.parametrize("jump", [10 * 365 * 86400.0, -10 * 365 * 86400.0])
async def test_a_jump_of_the_clock_never_approves(tmp_path: Path, jump: float) -> None:
    async with team_door(tmp_path) as door:
        number = await asked(door)
        door.team.clock.jump(jump)
        await tick(door)
        assert await state(door, number) == ("expired" if jump > 0 else "pending")
        assert await door.code("worker-1", "approval_use", approval_id=number, payload={}) == "wrong_state"


@pytest.mark.parametrize("approved", [True, False])
async def test_the_death_of_the_requester_voids_request_and_leave(tmp_path: Path, *, approved: bool) -> None:
    async with team_door(tmp_path) as door:
        number = await asked(door)
        if approved:
            await door.answer(number, allow=True)
        await door.team.crash("worker-1")
        assert await state(door, number) == "withdrawn"
        with pytest.raises(AlreadyAnswered):
            await door.answer(number, allow=True)
        await door.team.start("worker-1")
        assert await door.code("worker-1", "approval_use", approval_id=number, payload={}) == "not_found"


@pytest.mark.parametrize("approved", [True, False])
async def test_a_restart_of_the_engine_voids_them_too(tmp_path: Path, *, approved: bool) -> None:
    async with team_door(tmp_path) as door:
        number = await asked(door)
        if approved:
            await door.answer(number, allow=True)
        await door.team.do(upkeep.engine_was_lost)
        assert await state(door, number) == "withdrawn"
    async with team_door(tmp_path) as door:
        assert await state(door, number) == "withdrawn"
        assert await door.code("worker-1", "approval_use", approval_id=number, payload={}) == "not_found"


async def test_without_a_person_silence_is_immediate(tmp_path: Path) -> None:
    async with team_door(tmp_path, mode=Mode.HEADLESS) as door:
        assert await state(door, await asked(door)) == "denied"


async def test_canary_leave_that_survives_its_requester_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approvals, "withdraw", lambda *_, **__: None)
    async with team_door(tmp_path) as door:
        number = await asked(door)
        await door.answer(number, allow=True)
        await door.team.crash("worker-1")
        assert await state(door, number) == "approved"
