"""Standing rules: an answer that holds on, for whom, how long, and how it ends."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from supervisor.coordinator import approvals, questions, rules, upkeep
from supervisor.coordinator.approvals import Terms
from supervisor.errors import AlreadyAnswered, InvalidArgument, NotFound, TooMany, WrongState
from supervisor.model.agent import Role
from supervisor.model.approval import Approval, ApprovalState, Mode, Origin
from supervisor.model.outside_key import NewKey
from supervisor.model.rule import RULE_LIFE_S, RuleScope, RuleState, StandingRule
from supervisor.testing.small_team import SmallTeam, small_team

PAYLOAD = {"command": "make all"}


async def ask(team: SmallTeam, name: str = "worker-1", **more: Any) -> Approval:
    origin = Origin(source="claude", tool="Bash", cwd="/w", workspace="/w", rewritable=True)
    facts: dict[str, Any] = {
        "kind": "shell",
        "title": "make",
        "payload": PAYLOAD,
        "tier": 2,
        "origin": origin,
    } | more
    asked: Approval = await team.do(lambda scope: approvals.request(scope, team[name], **facts))
    return asked


async def answer(team: SmallTeam, asked: Approval, *, allow: bool = True, **terms: Any) -> Approval:
    answered: Approval = await team.do(
        partial(approvals.answer, spelled=asked.id, digest=asked.digest, allow=allow, terms=Terms(**terms))
    )
    return answered


async def holding(team: SmallTeam, *, everything: bool = False) -> tuple[StandingRule, ...]:
    found: tuple[StandingRule, ...] = await team.coordinator.read(
        lambda scope: rules.listed(scope, everything=everything)
    )
    return found


async def test_the_same_act_passes_without_a_person_from_then_on(team: SmallTeam) -> None:
    await answer(team, await ask(team), always=RuleScope.AGENT)

    again = await ask(team)
    assert (again.state, again.answered_by) == (ApprovalState.USED, "profile")
    assert again.answer == "allowed by the standing rule R1"
    assert (await ask(team, payload={"command": "make more"})).state is ApprovalState.PENDING
    assert (await ask(team, "worker-2")).state is ApprovalState.PENDING


@pytest.mark.parametrize(
    ("reach", "passes"), [(RuleScope.POOL, (True, False)), (RuleScope.TEAM, (True, True))]
)
async def test_a_rule_may_hold_for_the_pool_or_the_team(
    team: SmallTeam, reach: RuleScope, passes: tuple[bool, bool]
) -> None:
    await answer(team, await ask(team), always=reach)
    states = [(await ask(team, name)).state is ApprovalState.USED for name in ("worker-2", "judge")]
    assert tuple(states) == passes


async def test_a_rule_ends_by_itself_and_is_told(team: SmallTeam) -> None:
    await answer(team, await ask(team), always=RuleScope.AGENT)
    await team.clock.advance(RULE_LIFE_S + 1)
    assert (await ask(team)).state is ApprovalState.PENDING
    await team.do(lambda scope: upkeep.tick(scope, alive={}))

    assert await holding(team) == ()
    (ended,) = await holding(team, everything=True)
    assert ended.state is RuleState.EXPIRED


async def test_a_rule_can_be_revoked_once(team: SmallTeam) -> None:
    await answer(team, await ask(team), always=RuleScope.AGENT, for_s=3600.0)
    (rule,) = await holding(team)
    assert rule.expires_at == team.clock.now() + 3600.0
    revoked = await team.do(partial(rules.revoke, spelled="R1"))
    assert revoked.state is RuleState.REVOKED
    assert (await ask(team)).state is ApprovalState.PENDING
    with pytest.raises(WrongState, match="revoked already"):
        await team.do(partial(rules.revoke, spelled="R1"))
    with pytest.raises(NotFound, match="R9"):
        await team.do(partial(rules.revoke, spelled="R9"))


async def test_what_is_asked_each_time_gets_no_rule_and_no_answer(team: SmallTeam) -> None:
    final = await ask(team, payload={"command": "rm -rf x"}, tier=3)
    described = await ask(team, origin=Origin(source="tool"))
    for asked in (final, described):
        with pytest.raises(InvalidArgument, match="asked each time"):
            await answer(team, asked, always=RuleScope.AGENT)
        kept = await team.do(partial(approvals.the_approval, spelled=asked.id))
        assert kept.state is ApprovalState.PENDING
    assert await holding(team) == ()


async def test_no_rule_holds_longer_than_thirty_days(team: SmallTeam) -> None:
    asked = await ask(team)
    await team.clock.advance(60)
    with pytest.raises(InvalidArgument, match="30 days"):
        await answer(team, asked, always=RuleScope.AGENT, for_s=31 * 86_400.0)


@pytest.mark.parametrize(
    ("allow", "terms"),
    [
        (False, {"always": RuleScope.AGENT}),
        (False, {"payload": {}}),
        (True, {"payload": {}, "always": RuleScope.AGENT}),
        (True, {"for_s": 60.0}),
    ],
)
async def test_terms_that_mean_nothing_are_refused(
    team: SmallTeam, allow: bool, terms: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgument):
        await answer(team, await ask(team), allow=allow, **terms)


async def test_rewritten_content_has_a_digest_of_its_own_and_only_that_can_be_used(team: SmallTeam) -> None:
    asked = await ask(team)
    answered = await answer(team, asked, payload={"command": "make test"})
    assert answered.digest != asked.digest
    assert (answered.payload, answered.content) == (asked.payload, '{"command":"make test"}')
    with pytest.raises(AlreadyAnswered):
        await answer(team, asked)
    with pytest.raises(Exception, match="content is not what"):
        await team.do(lambda scope: approvals.use(scope, team["worker-1"], asked.id, PAYLOAD))
    used = await team.do(
        lambda scope: approvals.use(scope, team["worker-1"], asked.id, {"command": "make test"})
    )
    assert used.state is ApprovalState.USED


async def test_an_agent_that_takes_no_other_content_gets_none(team: SmallTeam) -> None:
    asked = await ask(team, origin=Origin(source="codex"))
    with pytest.raises(InvalidArgument, match="a yes or a no"):
        await answer(team, asked, payload={})


async def test_the_number_of_rules_is_limited(team: SmallTeam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "ACTIVE_MAX", 2)
    for number in range(2):
        asked = await ask(team, payload={"command": f"make {number}"})
        await answer(team, asked, always=RuleScope.TEAM)
        await team.do(partial(approvals.withdraw_one, spelled=asked.id, reason="used up"))
    asked = await ask(team)
    with pytest.raises(TooMany, match="revoke one"):
        await answer(team, asked, always=RuleScope.TEAM)


async def test_an_outside_agent_has_no_pool_for_which_a_rule_could_hold(team: SmallTeam) -> None:
    coordinator = team.coordinator
    await coordinator.outsiders.open(session="session", boot_id="boot")
    _, key = await coordinator.outsiders.create(NewKey(name="lens", role=Role.WORKER))
    newcomer = coordinator.authenticate(key)
    assert newcomer is not None
    team.actors["lens"] = await coordinator.arrive(newcomer)
    asked = await ask(team, "lens")
    with pytest.raises(InvalidArgument, match="of no pool"):
        await answer(team, asked, always=RuleScope.POOL)
    await answer(team, asked, always=RuleScope.AGENT)
    assert (await ask(team, "lens")).state is ApprovalState.USED


async def test_what_is_answered_cannot_be_withdrawn(team: SmallTeam) -> None:
    asked = await ask(team)
    await answer(team, asked, allow=False)
    kept = await team.do(partial(approvals.withdraw_one, spelled=asked.id, reason="gone"))
    assert kept.state is ApprovalState.DENIED


async def test_a_question_that_is_answered_cannot_be_withdrawn(team: SmallTeam) -> None:
    await team.do(lambda scope: questions.ask(scope, team["worker-1"], question="which?"))
    answered = await team.do(partial(questions.answer, spelled="Q1", answer="this"))
    assert await team.do(partial(questions.withdraw_one, spelled="Q1", reason="gone")) == answered


async def test_what_is_too_large_to_be_shown_is_never_left_to_a_person(team: SmallTeam) -> None:
    asked = await ask(team, origin=Origin(source="claude", abridged=True))
    assert (asked.state, "too large" in asked.answer) == (ApprovalState.DENIED, True)


async def test_the_open_requests_of_one_agent_are_limited(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approvals, "OPEN_MAX", 3)
    for number in range(3):
        await ask(team, payload={"command": f"make {number}"})
    with pytest.raises(TooMany, match="open requests"):
        await ask(team)


async def test_requests_that_wait_for_a_person_go_on_waiting_in_a_headless_run_that_says_so(
    tmp_path: Any,
) -> None:
    async with small_team(tmp_path, mode=Mode.HEADLESS, approvals_wait=True) as team:
        asked = await ask(team)
        await team.do(approvals.deny_unattended)
        kept = await team.do(partial(approvals.the_approval, spelled=asked.id))
        assert kept.state is ApprovalState.PENDING


async def test_what_an_agent_held_when_it_asked_is_what_its_request_blocks(team: SmallTeam) -> None:
    await team.add_task()
    claim = await team.claim("worker-1")
    assert (await ask(team)).blocks == (claim.task.id,)
