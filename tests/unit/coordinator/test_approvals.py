"""Approvals: policy, answers, single use, expiry."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import approvals, upkeep
from supervisor.errors import (
    AlreadyAnswered,
    DigestMismatch,
    Forbidden,
    InvalidArgument,
    NotFound,
    TooLarge,
    WrongState,
)
from supervisor.model.agent import AgentState
from supervisor.model.approval import (
    APPROVAL_TIMEOUT_S,
    Approval,
    ApprovalState,
    Decision,
    Mode,
)
from supervisor.model.rule import ApprovalRule
from supervisor.testing.small_team import SmallTeam, small_team

PAYLOAD = {"path": "report.md", "sha256": "0" * 64}


async def ask(team: SmallTeam, name: str = "worker-1", **more: Any) -> Approval:
    asked: dict[str, Any] = {
        "kind": "write_file",
        "title": "write report.md",
        "payload": PAYLOAD,
        "tier": 1,
    } | more
    approval: Approval = await team.do(lambda scope: approvals.request(scope, team[name], **asked))
    return approval


async def answer(team: SmallTeam, approval: Approval, *, allow: bool = True, digest: str = "") -> Approval:
    answered: Approval = await team.do(
        lambda scope: approvals.answer(scope, approval.id, digest=digest or approval.digest, allow=allow)
    )
    return answered


async def use(team: SmallTeam, approval: Approval, payload: dict[str, Any] | None = None) -> Approval:
    used: Approval = await team.do(
        lambda scope: approvals.use(scope, team[approval.agent], approval.id, payload or PAYLOAD)
    )
    return used


async def test_an_approved_request_can_be_used_once(team: SmallTeam) -> None:
    asked = await ask(team)
    assert asked.state is ApprovalState.PENDING
    waiting = await team.coordinator.read(lambda scope: scope.agent("worker-1"))
    assert waiting.state is AgentState.WAITING_HUMAN
    await answer(team, asked)
    assert (await use(team, asked)).state is ApprovalState.USED
    with pytest.raises(WrongState, match="used"):
        await use(team, asked)


async def test_of_many_answers_at_once_one_counts_and_the_others_learn_who_won(team: SmallTeam) -> None:
    asked = await ask(team)
    tries = await asyncio.gather(
        *(answer(team, asked, allow=number % 2 == 0) for number in range(50)), return_exceptions=True
    )
    assert sum(isinstance(each, Approval) for each in tries) == 1
    lost = [each for each in tries if isinstance(each, AlreadyAnswered)]
    assert len(lost) == 49
    assert lost[0].details == {"answered_by": "human", "answered_at": team.clock.now()}


async def test_an_answer_to_other_content_than_shown_is_refused(team: SmallTeam) -> None:
    asked = await ask(team)
    with pytest.raises(DigestMismatch):
        await answer(team, asked, digest="f" * 64)
    assert (
        await team.do(lambda scope: approvals.the_approval(scope, asked.id))
    ).state is ApprovalState.PENDING


async def test_changed_content_is_refused_at_use(team: SmallTeam) -> None:
    asked = await ask(team)
    await answer(team, asked)
    with pytest.raises(DigestMismatch):
        await use(team, asked, {"path": "../../etc/passwd", "sha256": "0" * 64})
    with pytest.raises(WrongState):
        await use(team, await ask(team))


async def test_a_denied_request_cannot_be_used(team: SmallTeam) -> None:
    asked = await ask(team)
    assert (await answer(team, asked, allow=False)).state is ApprovalState.DENIED
    with pytest.raises(WrongState, match="denied"):
        await use(team, asked)


async def test_the_request_of_another_agent_looks_unknown(team: SmallTeam) -> None:
    asked = await ask(team)
    for name in ("worker-2", "judge"):
        with pytest.raises(NotFound):
            await team.do(partial(approvals.own_approval, actor=team[name], spelled=asked.id))


async def test_the_next_incarnation_cannot_use_what_the_last_one_was_allowed(team: SmallTeam) -> None:
    asked = await ask(team)
    await answer(team, asked)
    await team.crash("worker-1")
    await team.start("worker-1")
    with pytest.raises(NotFound):
        await use(team, asked)
    gone = await team.do(lambda scope: approvals.the_approval(scope, asked.id))
    assert gone.state is ApprovalState.WITHDRAWN


async def test_what_nobody_answers_in_time_is_denied(team: SmallTeam) -> None:
    asked = await ask(team)
    await team.clock.advance(APPROVAL_TIMEOUT_S + 1)
    with pytest.raises(AlreadyAnswered, match="expired"):
        await answer(team, asked)
    await team.do(lambda scope: upkeep.tick(scope, {}))
    gone = await team.do(lambda scope: approvals.the_approval(scope, asked.id))
    assert gone.state is ApprovalState.EXPIRED
    with pytest.raises(WrongState):
        await use(team, asked)


ALLOW = ApprovalRule(decision=Decision.ALLOW, kinds="write_*", mode=Mode.HEADLESS)
DENY = ApprovalRule(decision=Decision.DENY, agents="worker-2")


@pytest.mark.parametrize(
    ("name", "asked", "state"),
    [
        ("worker-1", {}, ApprovalState.APPROVED),
        ("worker-2", {}, ApprovalState.DENIED),
        ("worker-1", {"kind": "shell"}, ApprovalState.DENIED),
        ("worker-1", {"tier": 3}, ApprovalState.DENIED),
    ],
)
async def test_without_a_person_only_the_profiles_rule_allows(
    tmp_path: Path, name: str, asked: dict[str, Any], state: ApprovalState
) -> None:
    async with small_team(tmp_path, mode=Mode.HEADLESS, approvals=(ALLOW, DENY)) as team:
        assert (await ask(team, name, **asked)).state is state


async def test_a_rule_for_headless_does_not_answer_for_a_person(tmp_path: Path) -> None:
    async with small_team(tmp_path, approvals=(ALLOW,)) as team:
        assert (await ask(team)).state is ApprovalState.PENDING


async def test_going_on_without_a_person_answers_what_waits_for_one(tmp_path: Path) -> None:
    async with small_team(tmp_path, approvals=(ALLOW,)) as team:
        asked = await ask(team)
        team.coordinator.mode = Mode.HEADLESS
        await team.do(approvals.deny_unattended)
        settled = await team.do(lambda scope: approvals.the_approval(scope, asked.id))
        assert settled.state is ApprovalState.APPROVED
        team.coordinator.mode = Mode.INTERACTIVE
        await team.do(approvals.deny_unattended)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"tier": 4}, InvalidArgument),
        ({"tier": -1}, InvalidArgument),
        ({"kind": "Write File"}, InvalidArgument),
        ({"title": "x" * 201}, TooLarge),
        ({"payload": {"x": "y" * 65_536}}, TooLarge),
        ({"task": "T9"}, NotFound),
    ],
)
async def test_what_makes_no_request_is_refused(
    team: SmallTeam, more: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await ask(team, **more)


async def test_a_monitor_cannot_ask(team: SmallTeam) -> None:
    with pytest.raises(Forbidden):
        await ask(team, "watcher")
