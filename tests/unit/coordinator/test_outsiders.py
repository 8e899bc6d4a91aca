"""The keys of outside agents in a running engine: first calls, rotation, revocation, held calls."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from supervisor.coordinator import upkeep
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.outsiders import Newcomer
from supervisor.errors import NotFound, Unauthenticated
from supervisor.model.agent import AgentState, Role
from supervisor.model.approval import Mode
from supervisor.model.outside_key import NewKey
from supervisor.model.team import ToolSet
from supervisor.store.store import Store
from supervisor.testing.clock import VirtualClock
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam

SCOUT = NewKey(name="scout", role=Role.WORKER)


async def opened(team: SmallTeam, wanted: NewKey = SCOUT) -> str:
    """Let the engine take stored keys, and create one; return it."""
    await team.coordinator.outsiders.open(session="session", boot_id="boot")
    _, secret = await team.coordinator.outsiders.create(wanted)
    return secret


async def call(team: SmallTeam, secret: str) -> Actor:
    """Make a call as far as the desk does before it carries it out."""
    actor = team.coordinator.authenticate(secret)
    assert actor is not None
    return await team.coordinator.arrive(actor)


async def test_a_first_call_makes_a_newcomer_an_actor_and_later_calls_are_its(team: SmallTeam) -> None:
    secret = await opened(team)
    assert secret.startswith("sup_")
    assert isinstance(team.coordinator.authenticate(secret), Newcomer)
    first = await call(team, secret)
    assert (first.incarnation, type(first)) == (1, Actor)
    assert await call(team, secret) is first
    assert team.coordinator.last_calls["scout"] == team.clock.now()


async def test_many_first_calls_at_once_begin_one_incarnation(team: SmallTeam) -> None:
    secret = await opened(team)
    newcomer = team.coordinator.authenticate(secret)
    assert newcomer is not None
    arrived = await asyncio.gather(*(team.coordinator.arrive(newcomer) for _ in range(8)))
    assert {actor.incarnation for actor in arrived} == {1}


async def test_a_wrong_key_and_one_of_somebody_else_are_nobodys(team: SmallTeam) -> None:
    secret = await opened(team)
    assert team.coordinator.authenticate(secret[:-1]) is None
    assert team.coordinator.authenticate("") is None


async def test_a_rotated_key_is_refused_at_once_and_the_next_call_begins_an_incarnation(
    team: SmallTeam,
) -> None:
    old = await opened(team)
    await call(team, old)
    key, new = await team.coordinator.outsiders.rotate("scout")
    assert (key.serial, old != new) == (2, True)
    assert team.coordinator.authenticate(old) is None
    assert (await call(team, new)).incarnation == 2


async def test_within_its_grace_an_old_key_shares_the_new_ones_incarnation(team: SmallTeam) -> None:
    old = await opened(team)
    await call(team, old)
    _, new = await team.coordinator.outsiders.rotate("scout", grace_s=60)
    assert (await call(team, old)).incarnation == 1
    assert (await call(team, new)).incarnation == 2
    assert (await call(team, old)).incarnation == 2
    await team.clock.advance(60)
    assert team.coordinator.authenticate(old) is None
    assert (await call(team, new)).incarnation == 2


async def test_a_key_ends_with_its_lifetime_before_any_upkeep(team: SmallTeam) -> None:
    secret = await opened(team, NewKey(name="scout", role=Role.WORKER, lifetime_s=60))
    await team.clock.advance(59)
    assert team.coordinator.authenticate(secret) is not None
    await team.clock.advance(1)
    assert team.coordinator.authenticate(secret) is None


async def test_a_call_on_its_way_when_its_key_is_revoked_gets_nothing(team: SmallTeam) -> None:
    secret = await opened(team)
    newcomer = team.coordinator.authenticate(secret)
    actor = await call(team, secret)
    await team.coordinator.outsiders.revoke("scout")
    assert newcomer is not None
    with pytest.raises(Unauthenticated):
        await team.coordinator.arrive(newcomer)
    with pytest.raises(Unauthenticated):
        await team.coordinator.look(actor, lambda _: {})
    with pytest.raises(Unauthenticated):
        await team.coordinator.call(actor, "task_note", lambda _: {})


async def test_a_refused_change_leaves_the_key_as_it_was(team: SmallTeam) -> None:
    secret = await opened(team)
    with pytest.raises(NotFound):
        await team.coordinator.outsiders.revoke("nobody")
    with pytest.raises(NotFound):
        await team.coordinator.outsiders.rotate("nobody")
    assert team.coordinator.authenticate(secret) is not None


@pytest.mark.parametrize("change", ["revoke", "rotate", "expire"])
async def test_a_held_call_ends_when_its_key_does(team: SmallTeam, change: str) -> None:
    secret = await opened(team, NewKey(name="scout", role=Role.WORKER, lifetime_s=60))
    actor = await call(team, secret)
    async with asyncio.TaskGroup() as tasks:
        held = tasks.create_task(_unauthenticated(team, actor))
        while not len(team.coordinator.waiting):
            await asyncio.sleep(0)
        if change == "expire":
            await team.clock.advance(60)
            await team.do(partial(upkeep.tick, alive={}))
        else:
            await getattr(team.coordinator.outsiders, change)("scout")
        assert await held


async def _unauthenticated(team: SmallTeam, actor: Actor) -> bool:
    with pytest.raises(Unauthenticated):
        await team.coordinator.wait(actor, ("mail",), 40)
    return True


async def test_calls_keep_a_lease_and_silence_does_not(team: SmallTeam) -> None:
    secret = await opened(team)
    assert team.coordinator.outsiders.signs_of_life() == {}
    await call(team, secret)
    called = team.clock.now()
    assert team.coordinator.outsiders.signs_of_life() == {"scout": called}
    await team.clock.advance(451)
    assert team.coordinator.outsiders.signs_of_life() == {}
    assert team.coordinator.outsiders.last_calls() == {"scout": called}


async def test_a_call_after_silence_counts_it_as_present_again(team: SmallTeam) -> None:
    secret = await opened(team)
    await call(team, secret)
    await team.clock.advance(901)
    await team.do(partial(upkeep.tick, alive={}))
    assert (await team.coordinator.read(lambda scope: scope.agent("scout"))).state is AgentState.PENDING
    actor = await call(team, secret)
    assert actor.incarnation == 1
    assert (await team.coordinator.read(lambda scope: scope.agent("scout"))).state is AgentState.IDLE


async def test_after_the_engine_left_no_key_is_taken(team: SmallTeam) -> None:
    secret = await opened(team)
    await call(team, secret)
    await team.coordinator.outsiders.leave(reason="no engine runs")
    assert team.coordinator.authenticate(secret) is None


async def test_its_list_of_tools_is_as_its_key_says(team: SmallTeam) -> None:
    await opened(team)
    await opened(team, NewKey(name="lens", role=Role.JUDGE, tools=ToolSet.FULL))
    shown = [team.coordinator.tool_set_of(name) for name in ("scout", "lens", "worker-1", "nobody")]
    assert shown == [ToolSet.CORE, ToolSet.FULL, ToolSet.CORE, ToolSet.CORE]


async def test_a_key_survives_its_engine(tmp_path: Path) -> None:
    clock = VirtualClock()
    secret, numbers = "", []
    for _ in range(2):
        async with Store(tmp_path / "c.db", clock) as store:
            coordinator = Coordinator(store, clock, SMALL_TEAM, Mode.INTERACTIVE)
            await coordinator.outsiders.open(session="session", boot_id="boot")
            if not secret:
                _, secret = await coordinator.outsiders.create(SCOUT)
            actor = coordinator.authenticate(secret)
            assert actor is not None
            numbers.append((await coordinator.arrive(actor)).incarnation)
    assert numbers == [1, 2]
