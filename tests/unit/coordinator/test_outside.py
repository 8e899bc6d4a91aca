"""Outside agents: let in by a key, held to their role, gone without a trace of failure."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from supervisor.coordinator import approvals, dealing, messages, outside, questions, runs, upkeep
from supervisor.coordinator.actor import Actor
from supervisor.errors import (
    Forbidden,
    InvalidArgument,
    NotFound,
    RunConflict,
    SupervisorError,
    TooLarge,
    TooMany,
    Unauthenticated,
    WrongState,
)
from supervisor.model.agent import Agent, AgentState, Role
from supervisor.model.approval import ApprovalState
from supervisor.model.ids import key_hash
from supervisor.model.outside_key import KEYS_MAX, OUTSIDE, KeyState, NewKey, OutsideKey
from supervisor.model.task import TaskState
from supervisor.model.team import Distribution, PoolSpec, Run
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam

SCOUT = NewKey(name="scout", role=Role.WORKER, groups=("builders",), tags=("git",), label="Ada's laptop")


async def create(team: SmallTeam, wanted: NewKey = SCOUT) -> OutsideKey:
    key: OutsideKey = await team.do(partial(outside.create, wanted=wanted, hashed=key_hash(wanted.name)))
    return key


async def join(team: SmallTeam, name: str = "scout", serial: int = 1) -> Actor:
    """Let an agent make its first call."""
    actor: Actor = await team.do(
        partial(outside.arrive, name=name, serial=serial, session="session", boot_id="boot")
    )
    team.actors[name] = actor
    team.coordinator.last_calls[name] = team.clock.now()
    return actor


async def tick(team: SmallTeam, **alive: float) -> None:
    await team.do(lambda scope: upkeep.tick(scope, alive))


async def agent(team: SmallTeam, name: str = "scout") -> Agent:
    return await team.coordinator.read(lambda scope: scope.agent(name))


async def refused(team: SmallTeam, kind: type[SupervisorError], wanted: NewKey) -> str:
    with pytest.raises(kind) as caught:
        await create(team, wanted)
    return caught.value.message


async def live(team: SmallTeam, name: str = "scout") -> list[int]:
    rows = await team.store.read(lambda tx: tx.all("outside_key.live"))
    return [row["number"] for row in rows if row["agent"] == name]


async def test_a_created_key_makes_a_member_that_has_not_called_yet(team: SmallTeam) -> None:
    key = await create(team)
    assert (key.serial, key.state, key.created_at, key.expires_at) == (
        1,
        KeyState.ACTIVE,
        team.clock.now(),
        None,
    )
    made = await agent(team)
    assert (made.pool, made.role, made.state, made.reason) == (
        OUTSIDE,
        Role.WORKER,
        AgentState.PENDING,
        outside.NOT_YET,
    )
    assert (made.groups, made.tags) == (("builders",), ("git",))
    members = await team.coordinator.read(lambda scope: scope.agents())
    assert "scout" in {each.name for each in members}


async def test_it_gets_mail_by_name_role_and_group(team: SmallTeam) -> None:
    await create(team)
    for to in ("scout", "role:worker", "group:builders", "all"):
        sent = await team.do(partial(messages.send, sender=None, to=to, body="hello"))
        assert "scout" in sent.recipients, to


@pytest.mark.parametrize(
    ("wanted", "kind", "words"),
    [
        ({"name": "Scout"}, InvalidArgument, "must match"),
        ({"name": "all"}, InvalidArgument, "reserved"),
        ({"name": OUTSIDE}, InvalidArgument, "reserved"),
        ({"name": "worker-1"}, InvalidArgument, "an agent of team small"),
        ({"name": "worker"}, InvalidArgument, "a pool of team small"),
        ({"role": Role.SOLO}, InvalidArgument, "it can be: worker, planner"),
        ({"role": Role.ORCHESTRATOR}, WrongState, "an orchestrator already, chief"),
        ({"groups": ("a b",)}, InvalidArgument, "the group"),
        ({"groups": ("a", "a")}, InvalidArgument, "each once"),
        ({"tags": tuple(f"t{n}" for n in range(21))}, InvalidArgument, "at most 20 tags"),
        ({"label": "x" * 201}, TooLarge, "label"),
        ({"lifetime_s": 59.0}, InvalidArgument, "between 60 s"),
        ({"lifetime_s": 1e12}, InvalidArgument, "3650 d"),
    ],
)
async def test_a_key_that_cannot_be_is_refused_with_the_rule(
    team: SmallTeam, wanted: dict[str, Any], kind: type[SupervisorError], words: str
) -> None:
    before = team.store.last_seq
    assert words in await refused(team, kind, replace(SCOUT, **wanted))
    assert team.store.last_seq == before


async def test_a_name_is_given_once_until_its_key_is_revoked(team: SmallTeam) -> None:
    await create(team)
    assert "supervisor key rotate scout" in await refused(team, WrongState, SCOUT)
    await team.do(partial(outside.revoke, name="scout"))
    again = await create(team, replace(SCOUT, role=Role.JUDGE))
    assert (again.serial, again.role, (await agent(team)).role) == (2, Role.JUDGE, Role.JUDGE)


async def test_the_name_of_somebody_who_worked_here_before_is_not_given_away(team: SmallTeam) -> None:
    left = Agent(name="veteran", pool="old", role=Role.WORKER)
    await team.do(lambda scope: scope.tx.record("agent.enrolled", left, actor="supervisor"))
    assert "earlier team" in await refused(team, InvalidArgument, replace(SCOUT, name="veteran"))


async def test_there_is_an_end_to_the_number_of_keys(team: SmallTeam) -> None:
    for number in range(KEYS_MAX):
        await create(team, NewKey(name=f"o{number}", role=Role.MONITOR))
    assert "100 active keys" in await refused(team, TooMany, SCOUT)
    await team.do(partial(outside.revoke, name="o5"))
    await create(team)


async def test_only_one_orchestrator_is_in_a_team(team: SmallTeam) -> None:
    spec = replace(SMALL_TEAM, pools=SMALL_TEAM.pools[:2])
    team.coordinator.team = spec
    await create(team, replace(SCOUT, role=Role.ORCHESTRATOR))
    other = replace(SCOUT, name="other", role=Role.ORCHESTRATOR)
    assert "already, scout" in await refused(team, WrongState, other)


async def test_a_first_call_begins_an_incarnation_and_a_second_engine_another(team: SmallTeam) -> None:
    await create(team)
    first = await join(team)
    assert (first.name, first.role, first.incarnation, first.run) == ("scout", Role.WORKER, 1, 1)
    assert (first.groups, first.tags) == (("builders",), ("git",))
    assert (await agent(team)).state is AgentState.IDLE
    second = await join(team)
    assert (second.incarnation, await live(team)) == (2, [2])


async def test_an_unknown_a_revoked_and_a_future_key_do_not_arrive(team: SmallTeam) -> None:
    await create(team)
    for name, serial in (("nobody", 1), ("scout", 2)):
        with pytest.raises(Unauthenticated):
            await join(team, name, serial)
    await team.do(partial(outside.revoke, name="scout"))
    with pytest.raises(Unauthenticated):
        await join(team)


async def test_it_claims_with_the_rights_of_its_role(team: SmallTeam) -> None:
    await create(team)
    await create(team, NewKey(name="lens", role=Role.JUDGE))
    await join(team)
    await join(team, "lens")
    await team.add_task()
    with pytest.raises(Forbidden):
        await team.claim("lens")
    await team.claim("scout")
    assert ((await agent(team)).state, (await agent(team)).task) == (AgentState.WORKING, "T1")


async def test_a_new_incarnation_keeps_the_task_and_loses_the_leave_it_asked_for(team: SmallTeam) -> None:
    await create(team)
    actor = await join(team)
    await team.add_task()
    claim = await team.claim("scout")
    asked = await team.do(
        lambda scope: approvals.request(
            scope, actor, kind="push", title="push", payload={}, tier=3, reason="", task=None
        )
    )
    again = await join(team)
    assert again.incarnation == 2
    assert (await agent(team)).task == "T1"
    task = await team.finish("scout", claim)
    assert task.state is TaskState.DONE
    kept = await team.coordinator.read(lambda scope: approvals.the_approval(scope, asked.id))
    assert kept.state is ApprovalState.WITHDRAWN


async def test_a_silent_holder_loses_its_task_after_its_lease_and_it_is_no_failure(team: SmallTeam) -> None:
    await create(team)
    await join(team)
    await team.add_task()
    await team.claim("scout")
    await team.clock.advance(899)
    await tick(team)
    assert (await team.task("T1")).state is TaskState.IN_PROGRESS
    await team.clock.advance(2)
    await tick(team)
    task = await team.task("T1")
    assert (task.state, task.failures, task.releases) == (TaskState.PENDING, 0, 0)


async def test_a_caller_keeps_its_task_as_an_inside_agent_does(team: SmallTeam) -> None:
    await create(team)
    await join(team)
    await team.add_task()
    await team.claim("scout")
    for _ in range(5):
        await team.clock.advance(400)
        await tick(team, scout=team.clock.now())
    assert (await team.task("T1")).holder == "scout"


async def test_who_falls_silent_is_away_until_the_next_call(team: SmallTeam) -> None:
    await create(team)
    await join(team)
    await team.add_task(assignee="scout")
    await team.clock.advance(901)
    await tick(team)
    away = await agent(team)
    assert (away.state, away.reason) == (AgentState.PENDING, "silent for over 900 s")
    assert (await team.task("T1")).assignee is None
    await team.do(partial(outside.came_back, name="scout"))
    assert (await agent(team)).state is AgentState.IDLE
    before = team.store.last_seq
    await team.do(partial(outside.came_back, name="scout"))
    assert team.store.last_seq == before


async def test_work_is_dealt_only_to_those_who_are_here(team: SmallTeam) -> None:
    await create(team)
    found = await team.coordinator.read(lambda scope: scope.agent("scout"))
    assert not dealing.in_reach(found)
    await join(team)
    assert dealing.in_reach(await agent(team))
    assert dealing.in_reach(await agent(team, "worker-1"))
    assert team.coordinator.team.distribution is Distribution.PULL


async def test_an_absent_planner_from_outside_keeps_no_run_from_ending(team: SmallTeam) -> None:
    before = await team.coordinator.read(runs.standing)
    await create(team, replace(SCOUT, role=Role.PLANNER))
    assert await team.coordinator.read(runs.standing) == before


async def test_a_use_is_stored_to_the_minute_and_listed_to_the_second(team: SmallTeam) -> None:
    await create(team)
    await create(team, NewKey(name="lens", role=Role.JUDGE))

    async def uses() -> dict[str, float | None]:
        lines = await team.coordinator.read(outside.listed)
        return {line.key.name: line.last_used_at for line in lines}

    assert await uses() == {"lens": None, "scout": None}
    await join(team)
    first = team.clock.now()
    await tick(team)
    await team.clock.advance(30)
    team.coordinator.last_calls["scout"] = team.clock.now()
    await tick(team)
    assert await uses() == {"lens": None, "scout": first + 30}
    team.coordinator.last_calls.clear()
    assert await uses() == {"lens": None, "scout": first}


async def test_an_expired_key_puts_its_agent_out_and_a_rotation_lets_it_in_again(team: SmallTeam) -> None:
    await create(team, replace(SCOUT, lifetime_s=3600.0))
    await join(team)
    await team.add_task()
    await team.claim("scout")
    await team.clock.advance(3600)
    lines = await team.coordinator.read(outside.listed)
    assert [line.key.state for line in lines] == [KeyState.EXPIRED]
    await tick(team, scout=team.clock.now())
    gone = await agent(team)
    assert (gone.state, gone.reason, await live(team)) == (AgentState.EXITED, "its key has expired", [])
    assert (await team.task("T1")).state is TaskState.PENDING
    assert "scout" not in {each.name for each in await team.coordinator.read(lambda scope: scope.agents())}
    rotated = await team.do(partial(outside.rotate, name="scout", hashed="h2", grace_s=60))
    assert (rotated.state, rotated.expires_at, rotated.ended_at) == (
        KeyState.ACTIVE,
        team.clock.now() + 3600,
        None,
    )
    assert (await agent(team)).state is AgentState.PENDING
    secrets = await team.store.read(lambda tx: tx.all("outside_key.secrets"))
    assert [tuple(row) for row in secrets] == [("h2", "scout", 2, None)]


async def test_a_rotation_ends_the_incarnation_unless_grace_is_given(team: SmallTeam) -> None:
    await create(team)
    await join(team)
    await team.do(partial(outside.rotate, name="scout", hashed="h2", grace_s=60))
    assert await live(team) == [1]
    rows = await team.store.read(lambda tx: tx.all("outside_key.secrets"))
    assert [(row["serial"], row["until"]) for row in rows] == [(1, team.clock.now() + 60), (2, None)]
    await team.do(partial(outside.rotate, name="scout", hashed="h3", grace_s=3600))
    rows = await team.store.read(lambda tx: tx.all("outside_key.secrets"))
    ends = [(row["serial"], row["until"]) for row in rows]
    assert ends == [(1, team.clock.now() + 60), (2, team.clock.now() + 3600), (3, None)]
    await team.clock.advance(60)
    await tick(team)
    assert len(await team.store.read(lambda tx: tx.all("outside_key.secrets"))) == 2
    await team.do(partial(outside.rotate, name="scout", hashed="h4"))
    assert await live(team) == []
    rows = await team.store.read(lambda tx: tx.all("outside_key.secrets"))
    assert [row["key_hash"] for row in rows] == ["h4"]


async def test_a_rotation_that_cannot_be_is_refused(team: SmallTeam) -> None:
    await create(team)
    with pytest.raises(NotFound, match="supervisor key list"):
        await team.do(partial(outside.rotate, name="nobody", hashed="h"))
    for grace in (-1, 86401):
        with pytest.raises(InvalidArgument, match="grace"):
            await team.do(partial(outside.rotate, name="scout", hashed="h", grace_s=grace))
    await team.do(partial(outside.revoke, name="scout"))
    with pytest.raises(WrongState, match="Create it anew"):
        await team.do(partial(outside.rotate, name="scout", hashed="h"))
    with pytest.raises(WrongState, match="already"):
        await team.do(partial(outside.revoke, name="scout"))


async def test_an_overdue_key_is_rotated_without_grace_even_before_the_tick(team: SmallTeam) -> None:
    await create(team, replace(SCOUT, lifetime_s=60.0))
    await team.clock.advance(61)
    await team.do(partial(outside.rotate, name="scout", hashed="h2", grace_s=60))
    rows = await team.store.read(lambda tx: tx.all("outside_key.secrets"))
    assert [row["key_hash"] for row in rows] == ["h2"]


async def test_a_revoked_agent_leaves_tasks_reservations_mail_and_questions_behind(team: SmallTeam) -> None:
    await create(team)
    actor = await join(team)
    await team.add_task()
    await team.claim("scout")
    await team.add_task(assignee="scout")
    await team.do(lambda scope: questions.ask(scope, actor, question="which?"))
    revoked = await team.do(partial(outside.revoke, name="scout"))
    assert (revoked.state, revoked.ended_at) == (KeyState.REVOKED, team.clock.now())
    first, second = await team.task("T1"), await team.task("T2")
    assert (first.state, first.failures, second.assignee) == (TaskState.PENDING, 0, None)
    assert (await agent(team)).state is AgentState.EXITED
    with pytest.raises(NotFound):
        await team.do(partial(messages.send, sender=None, to="scout", body="hello"))


async def test_at_the_engines_end_it_rests_and_keeps_what_it_holds(team: SmallTeam) -> None:
    await create(team)
    await create(team, NewKey(name="lens", role=Role.JUDGE))
    await join(team)
    await team.add_task()
    await team.claim("scout")
    await team.do(partial(outside.rest, reason="no engine runs"))
    resting = await agent(team)
    assert (resting.state, resting.reason, resting.task) == (AgentState.PENDING, "no engine runs", None)
    assert await live(team) == []
    assert (await team.task("T1")).holder == "scout"
    assert (await agent(team, "lens")).reason == outside.NOT_YET


async def test_a_new_run_keeps_keys(team: SmallTeam) -> None:
    await create(team)
    await join(team)
    spec = team.coordinator.team
    await team.do(lambda scope: runs.begin_run(scope, spec, new=True))
    lines = await team.coordinator.read(outside.listed)
    assert [line.key.state for line in lines] == [KeyState.ACTIVE]
    assert (await team.store.read(lambda tx: tx.value(Run, "run.latest"))).id == 2  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("pools", "role", "words"),
    [
        ((PoolSpec(name="scout", role=Role.WORKER, command=("x",)),), Role.WORKER, "has the name"),
        ((PoolSpec(name="scout", role=Role.WORKER, size=2, command=("x",)),), Role.WORKER, "has the name"),
        ((PoolSpec(name="boss", role=Role.ORCHESTRATOR, command=("x",)),), Role.ORCHESTRATOR, "only one"),
    ],
)
async def test_a_profile_that_disputes_a_key_its_place_is_not_started(
    team: SmallTeam, pools: tuple[PoolSpec, ...], role: Role, words: str
) -> None:
    team.coordinator.team = replace(SMALL_TEAM, pools=SMALL_TEAM.pools[:2])
    await create(team, replace(SCOUT, role=role))
    disputed = replace(SMALL_TEAM, pools=pools)
    with pytest.raises(RunConflict, match=words):
        await team.coordinator.read(lambda scope: outside.check_team(scope, disputed))
    await team.do(partial(outside.revoke, name="scout"))
    await team.coordinator.read(lambda scope: outside.check_team(scope, disputed))


async def test_a_team_without_dispute_is_started(team: SmallTeam) -> None:
    team.coordinator.team = replace(SMALL_TEAM, pools=SMALL_TEAM.pools[:2])
    await create(team)
    await create(team, NewKey(name="boss", role=Role.ORCHESTRATOR))
    await team.coordinator.read(lambda scope: outside.check_team(scope, team.coordinator.team))
