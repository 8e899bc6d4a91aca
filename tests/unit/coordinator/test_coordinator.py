"""Keys, idempotency, rates and held calls."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import pytest

from supervisor.coordinator import memory, messages, planning, votes
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.rates import BURST, RateLimits
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.votes import NewVote
from supervisor.errors import Forbidden, InvalidArgument, NotFound, TooLarge, TooMany, Unauthenticated
from supervisor.model.memory import MemoryEntry
from supervisor.model.wire import to_wire
from supervisor.testing.small_team import SmallTeam


def create(team: SmallTeam, title: str = "x") -> Any:
    def use_case(scope: Scope) -> dict[str, Any]:
        return {"task": to_wire(planning.create_task(scope, team["planner"], NewTask(title=title)))}

    return use_case


async def test_a_key_is_known_by_its_hash_alone_and_only_while_its_incarnation_lives(team: SmallTeam) -> None:
    actor = team.coordinator.authenticate("key-worker-1-1")
    assert actor == team["worker-1"]
    assert team.coordinator.authenticate("key-worker-1-2") is None
    rows = await team.store.read(lambda tx: [dict(row) for row in tx.all("incarnation.live")])
    assert "key-worker-1-1" not in json.dumps(rows)
    await team.crash("worker-1")
    assert team.coordinator.authenticate("key-worker-1-1") is None


async def test_a_call_that_was_admitted_before_the_death_writes_nothing_after_it(team: SmallTeam) -> None:
    dead = team["planner"]
    await team.crash("planner")
    with pytest.raises(Unauthenticated, match="revoked"):
        await team.coordinator.call(dead, "task_create", create(team))
    with pytest.raises(Unauthenticated):
        await team.coordinator.wait(dead, ("mail",), 1)


async def test_a_repeated_call_is_done_once_and_answered_the_same(team: SmallTeam) -> None:
    answers = [
        await team.coordinator.call(team["planner"], "task_create", create(team), idempotency_key="k")
        for _ in range(3)
    ]
    assert answers[0] == answers[1] == answers[2]
    assert len([event for event in await team.events() if event.kind == "task.created"]) == 1


async def test_a_key_of_one_agent_or_tool_is_not_anothers(team: SmallTeam) -> None:
    await team.coordinator.call(team["planner"], "task_create", create(team), idempotency_key="k")
    await team.coordinator.call(team["solo"], "task_create", create(team), idempotency_key="k")
    with pytest.raises(InvalidArgument, match="task_create before"):
        await team.coordinator.call(team["planner"], "task_cancel", create(team), idempotency_key="k")


async def test_a_refused_call_leaves_its_key_unused(team: SmallTeam) -> None:
    with pytest.raises(TooLarge):
        await team.coordinator.call(
            team["planner"], "task_create", create(team, "x" * 201), idempotency_key="k"
        )
    await team.coordinator.call(team["planner"], "task_create", create(team), idempotency_key="k")


async def test_a_flooding_agent_is_slowed_and_others_are_not(team: SmallTeam) -> None:
    for _ in range(int(BURST)):
        team.coordinator.spend(team["worker-1"])
    with pytest.raises(TooMany) as refusal:
        team.coordinator.spend(team["worker-1"])
    assert refusal.value.details["retry_after_s"] == pytest.approx(0.02)
    team.coordinator.spend(team["worker-2"])
    await team.clock.advance(1)
    team.coordinator.spend(team["worker-1"])


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    limits = RateLimits(burst=2, per_second=1)
    for _ in range(2):
        limits.spend("a", 1000.0)
    with pytest.raises(TooMany):
        limits.spend("a", 1000.0)
    limits.spend("a", 9000.0)
    limits.spend("a", 9000.0)
    with pytest.raises(TooMany):
        limits.spend("a", 9000.0)


async def held(team: SmallTeam, name: str, *conditions: str) -> asyncio.Task[tuple[str, ...]]:
    """Begin a wait and return once it is held."""
    before = len(team.coordinator.waiting)
    task = asyncio.ensure_future(team.coordinator.wait(team[name], conditions, 45))
    while len(team.coordinator.waiting) == before:
        await asyncio.sleep(0)
    await team.store.read(lambda _tx: None)
    return task


async def test_what_holds_already_is_answered_at_once(team: SmallTeam) -> None:
    await team.add_task()
    assert await team.coordinator.wait(team["worker-1"], ("mail", "task"), 45) == ("task",)


async def test_a_held_call_is_woken_by_what_it_waits_for(team: SmallTeam) -> None:
    worker = await held(team, "worker-1", "task", "mail")
    voter = await held(team, "voter-1", "ballot")
    await team.add_task()
    assert await worker == ("task",)
    ended = await held(team, "planner", "task:T1")
    await team.finish("worker-1", await team.claim("worker-1"))
    assert await ended == ("task:T1",)
    await team.do(
        lambda scope: votes.open_vote(
            scope, team["planner"], NewVote(question="?", options=("a", "b"), electorate=("voter-1",))
        )
    )
    assert await voter == ("ballot",)
    closed = await held(team, "planner", "vote:V1")
    await team.do(lambda scope: votes.cast(scope, team["voter-1"], "V1", "a"))
    assert await closed == ("vote:V1",)
    mailed = await held(team, "judge", "mail", "review")
    await team.do(lambda scope: messages.send(scope, None, to="judge", body="look"))
    assert await mailed == ("mail",)


async def test_a_wait_for_nothing_ends_empty_at_its_time(team: SmallTeam) -> None:
    assert await team.coordinator.wait(team["worker-1"], ("task",), 0) == ()
    assert len(team.coordinator.waiting) == 0


async def test_held_calls_end_when_the_engine_stops(team: SmallTeam) -> None:
    waiting = await held(team, "worker-1", "task")
    team.coordinator.close()
    assert await waiting == ()


@pytest.mark.parametrize("wanted", [(), ("rain",), ("task:",), ("rain:1",), ("mail:T1",), ("review:T1",)])
async def test_what_cannot_be_waited_for_is_refused(team: SmallTeam, wanted: tuple[str, ...]) -> None:
    with pytest.raises(InvalidArgument):
        await team.coordinator.wait(team["worker-1"], wanted, 1)


async def test_waits_are_bounded_and_checked_by_role(team: SmallTeam) -> None:
    with pytest.raises(InvalidArgument, match="45"):
        await team.coordinator.wait(team["worker-1"], ("mail",), 46)
    with pytest.raises(Forbidden):
        await team.coordinator.wait(team["judge"], ("task",), 1)
    with pytest.raises(Forbidden):
        await team.coordinator.wait(team["worker-1"], ("review",), 1)
    with pytest.raises(NotFound):
        await team.coordinator.wait(team["worker-1"], ("approval:A9",), 1)


async def test_memory_is_versioned_and_scoped(team: SmallTeam) -> None:
    task = await team.add_task()
    for value in ("1", "2"):
        await team.do(partial(memory.remember, actor=team["planner"], key="k", value=value))
    entry: MemoryEntry = await team.do(lambda scope: memory.recall(scope, team["worker-1"], key="k"))
    assert (entry.value, entry.version, entry.author) == ("2", 2, "planner")
    there = await team.do(
        lambda scope: memory.recall(scope, team["worker-1"], key="k", where="task:1", exact=True)
    )
    assert there is None
    await team.do(
        lambda scope: memory.remember(scope, team["worker-1"], key="k", value="mine", where=f"task:{task.id}")
    )
    listed = await team.do(lambda scope: memory.recall_page(scope, team["judge"], where="task:T1"))
    assert [each.value for each in listed.entries] == ["mine"]


async def test_only_its_owner_writes_to_an_agents_own_memory(team: SmallTeam) -> None:
    where = "agent:worker-1"
    await team.do(lambda scope: memory.remember(scope, team["worker-1"], key="k", value="v", where=where))
    with pytest.raises(Forbidden, match="only worker-1"):
        await team.do(lambda scope: memory.remember(scope, team["worker-2"], key="k", value="v", where=where))


@pytest.mark.parametrize("where", ["", "team:", "task:", "task:T9", "agent:nobody", "agent:../x", "global"])
async def test_unknown_memory_scopes_are_refused(team: SmallTeam, where: str) -> None:
    with pytest.raises((InvalidArgument, NotFound)):
        await team.do(lambda scope: memory.remember(scope, team["planner"], key="k", value="v", where=where))


async def test_an_empty_memory_key_is_refused(team: SmallTeam) -> None:
    with pytest.raises(InvalidArgument, match="key"):
        await team.do(lambda scope: memory.remember(scope, team["planner"], key=" ", value="v"))
