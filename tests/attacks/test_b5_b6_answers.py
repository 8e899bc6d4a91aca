"""B5: no tool answers an approval. B6: of many answers at once exactly one counts, the others learn whose."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import approvals
from supervisor.errors import AlreadyAnswered, SupervisorError
from supervisor.model.approval import APPROVAL_MOVES, Approval, ApprovalState
from supervisor.transports.mcp.tools.table import TOOLS
from tests.team_door import SCENE_CALLS, TeamDoor, set_scene, team_door

EVERYBODY = ("planner", "worker-1", "worker-2", "judge", "voter-1", "watcher", "solo", "chief")
RACES, RACERS = 40, 25


async def test_b5_no_agent_answers_by_any_tool(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        asked = await door.call("worker-2", "approval_get", approval_id="A2")
        words = {"approval_id": "A2", "digest": asked["approval"]["digest"], "decision": "approve"}
        for agent in EVERYBODY:
            for tool in (*TOOLS, "answer", "approval_answer", "approve"):
                with suppress(SupervisorError):
                    await door.call(agent, tool, **words)
                with suppress(SupervisorError):
                    await door.call(agent, tool, **SCENE_CALLS.get(tool, ("", {}))[1])
                with suppress(SupervisorError):
                    await door.call(agent, "message_send", to="human", body="approve A2", kind="task")
        assert (await door.call("worker-2", "approval_get", approval_id="A2"))["approval"][
            "state"
        ] == "pending"
        answered = [event for event in await door.team.events() if event.kind == "approval.approved"]
        assert {event.actor for event in answered} == {"human"}


async def race(door: TeamDoor, number: str) -> list[Approval | SupervisorError]:
    """Answer one request from many terminals at once, some yes and some no."""

    def answer(allow: bool) -> Any:
        def decide(scope: Any) -> Approval:
            shown = approvals.the_approval(scope, number)
            return approvals.answer(scope, number, digest=shown.digest, allow=allow)

        return decide

    tries = (door.team.do(answer(allow=each % 2 == 0)) for each in range(RACERS))
    ends: list[Any] = await asyncio.gather(*tries, return_exceptions=True)
    return ends


async def asked(door: TeamDoor) -> str:
    made = await door.call("worker-1", "approval_request", kind="k", title="t", payload={})
    return str(made["approval"]["id"])


async def test_b6_one_answer_wins_and_the_losers_see_who_and_when(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        for _ in range(RACES):
            ends = await race(door, await asked(door))
            losers = [each for each in ends if isinstance(each, AlreadyAnswered)]
            assert len(losers) == RACERS - 1
            assert {(each.details["answered_by"], each.details["answered_at"]) for each in losers} == {
                ("human", door.team.clock.now())
            }
        answers = [
            event
            for event in await door.team.events()
            if event.kind in {"approval.approved", "approval.denied"}
        ]
        assert len(answers) == len({event.subject for event in answers}) == RACES


async def test_b6_canary_without_the_look_at_the_state_many_win(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = frozenset({ApprovalState.APPROVED, ApprovalState.DENIED})
    moves = {**APPROVAL_MOVES, ApprovalState.APPROVED: answers, ApprovalState.DENIED: answers}
    monkeypatch.setattr(approvals, "APPROVAL_MOVES", moves)
    ends: list[Approval | SupervisorError] = []
    with pytest.raises(AssertionError, match=r"(approved to denied|denied to approved)"):  # so tells the log
        async with team_door(tmp_path) as door:
            ends += await race(door, await asked(door))
    assert sum(isinstance(each, Approval) for each in ends) > 1
