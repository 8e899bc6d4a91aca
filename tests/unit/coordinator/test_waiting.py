"""Held calls: who is woken by what, in which order, and by nothing else."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.coordinator import ending, messages, plans, questions, reviews, waiting
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.plans import NewPlan
from supervisor.coordinator.waiting import WaitingRoom
from supervisor.errors import InvalidArgument, NotFound, Unauthenticated
from supervisor.model.agent import AgentState
from supervisor.testing.small_team import SmallTeam

Held = asyncio.Task[tuple[str, ...]]


async def hold(team: SmallTeam, name: str, *conditions: str, everything: bool = False) -> Held:
    """Begin a wait and return once it is held."""
    before = len(team.coordinator.waiting)
    task = asyncio.ensure_future(team.coordinator.wait(team[name], conditions, 45, everything=everything))
    while len(team.coordinator.waiting) == before:
        await asyncio.sleep(0)
    await team.store.read(lambda _tx: None)
    return task


async def settle(team: SmallTeam) -> None:
    """Let every woken call look once."""
    for _ in range(5):
        await team.store.read(lambda _tx: None)
        await asyncio.sleep(0)


async def let_go(team: SmallTeam, *calls: Held) -> None:
    team.coordinator.close()
    await asyncio.gather(*calls)


async def test_one_new_task_wakes_the_one_who_waited_longest(team: SmallTeam) -> None:
    first, second = await hold(team, "worker-1", "task"), await hold(team, "worker-2", "task")
    await team.add_task()
    await settle(team)
    assert (first.done(), second.done()) == (True, False)
    await team.add_task()
    assert await second == ("task",)


async def test_canary_a_room_that_wakes_everybody_is_noticed(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    def herd(self: WaitingRoom, _lane: str) -> None:
        self.wake_all()

    monkeypatch.setattr(WaitingRoom, "_wake_for_work", herd)
    both = await hold(team, "worker-1", "task"), await hold(team, "worker-2", "task")
    await team.add_task()
    await settle(team)
    assert [each.done() for each in both] == [True, True]


async def test_several_new_tasks_wake_as_many(team: SmallTeam) -> None:
    calls = [await hold(team, name, "task") for name in ("solo", "worker-2", "worker-1")]
    await team.do(
        lambda scope: plans.create_plan(
            scope, None, NewPlan(name="p", tasks=(NewTask(title="a"), NewTask(title="b")))
        )
    )
    await settle(team)
    assert [each.done() for each in calls] == [True, True, False]
    await let_go(team, *calls)


async def test_who_cannot_claim_after_all_passes_the_turn_on(team: SmallTeam) -> None:
    await team.do(lambda scope: ending.set_aside(scope, "worker-1", reason="odd"))
    first, second = await hold(team, "worker-1", "task"), await hold(team, "worker-2", "task")
    await team.add_task()
    assert await second == ("task",)
    assert not first.done()
    await team.do(lambda scope: messages.send(scope, None, to="all", body="x"))
    await let_go(team, first)


async def test_who_goes_away_before_it_looked_leaves_the_task_to_another(team: SmallTeam) -> None:
    await team.add_task()
    created = [event for event in await team.events() if event.noun == "task"]
    room = WaitingRoom()
    first, second = room.enter(team["worker-1"], ("task",)), room.enter(team["worker-2"], ("task",))
    room.committed(created)
    assert (first.woken.is_set(), second.woken.is_set()) == (True, False)
    room.leave(first)
    assert second.woken.is_set()


async def test_the_held_call_of_an_agent_that_is_no_more_ends(team: SmallTeam) -> None:
    another = await hold(team, "worker-2", "mail")
    of_the_dead = await hold(team, "worker-1", "mail")
    await team.crash("worker-1")
    with pytest.raises(Unauthenticated):
        async with asyncio.timeout(10):
            await of_the_dead
    assert not another.done()
    await let_go(team, another)


async def test_a_turn_that_nobody_can_take_goes_to_nobody(team: SmallTeam) -> None:
    await team.do(lambda scope: ending.set_aside(scope, "worker-1", reason="odd"))
    only = await hold(team, "worker-1", "task")
    await team.add_task()
    await settle(team)
    assert not only.done()
    await let_go(team, only)


async def test_work_for_others_and_mail_for_others_wake_nobody(team: SmallTeam) -> None:
    call = await hold(team, "worker-1", "task", "mail")
    (waiter,) = team.coordinator.waiting._waiters
    await team.add_task(assignee="worker-2")
    await team.do(lambda scope: messages.send(scope, None, to="worker-2", body="x"))
    assert not waiter.woken.is_set()
    await team.do(lambda scope: messages.send(scope, None, to="worker-1", body="x"))
    assert await call == ("mail",)


async def test_idle_is_the_rest_of_the_team_a_group_or_one(team: SmallTeam) -> None:
    task = await team.add_task()
    claim = await team.claim("worker-1", task.id)
    one = await hold(team, "planner", "idle:worker-1")
    group = await hold(team, "chief", "idle:group:builders")
    everybody = await hold(team, "judge", "idle")
    await settle(team)
    assert not one.done()
    await team.finish("worker-1", claim)
    assert (await one, await group, await everybody) == (
        ("idle:worker-1",),
        ("idle:group:builders",),
        ("idle",),
    )
    await team.crash("worker-2", to=AgentState.PARKED)
    assert await team.coordinator.wait(team["planner"], ("idle:role:worker",), 0) == ("idle:role:worker",)
    with pytest.raises(NotFound):
        await team.coordinator.wait(team["planner"], ("idle:nobody",), 0)


async def test_all_conditions_can_be_waited_for_together(team: SmallTeam) -> None:
    tasks = [await team.add_task() for _ in range(2)]
    wanted = tuple(f"task:{each.id}" for each in tasks)
    call = await hold(team, "planner", *wanted, everything=True)
    await team.finish("worker-1", await team.claim("worker-1", tasks[0].id))
    await settle(team)
    assert not call.done()
    await team.finish("worker-1", await team.claim("worker-1", tasks[1].id))
    assert await call == wanted


async def test_a_milestone_a_review_and_an_answer_can_be_waited_for(team: SmallTeam) -> None:
    made, (task,) = await team.do(
        lambda scope: plans.create_plan(
            scope, None, NewPlan(name="p", review=True, tasks=(NewTask(title="a"),))
        )
    )
    done, review = await hold(team, "planner", f"milestone:{made.id}"), await hold(team, "judge", "review")
    await team.finish("worker-1", await team.claim("worker-1", task.id))
    assert await review == ("review",)
    await team.do(lambda scope: reviews.approve_task(scope, team["judge"], task.id))
    assert await done == (f"milestone:{made.id}",)
    asked = await team.do(lambda scope: questions.ask(scope, team["worker-1"], question="which?"))
    answered = await hold(team, "worker-1", f"question:{asked.id}")
    await team.do(lambda scope: questions.answer(scope, asked.id, answer="this"))
    assert await answered == (f"question:{asked.id}",)


async def test_too_many_conditions_are_refused(team: SmallTeam) -> None:
    with pytest.raises(InvalidArgument, match="at most 100"):
        await team.coordinator.wait(team["planner"], ("mail",) * 101, 0)
    assert waiting.CONDITIONS_MAX == 100
