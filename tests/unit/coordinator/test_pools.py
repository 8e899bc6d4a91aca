"""Scaled pools in the coordinator: what waits for each, what each is set to, who joins and leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import explaining, load, plans, pools, runs, steering
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.plans import NewPlan
from supervisor.coordinator.pools import Crew
from supervisor.coordinator.steering import Assignment
from supervisor.errors import InvalidArgument, NotFound
from supervisor.model.agent import Agent, AgentState, ExitClass, ExitInfo, Role
from supervisor.model.approval import Mode
from supervisor.model.deeds import DEEDS
from supervisor.model.scale import Scale
from supervisor.model.task import Gate, Priority
from supervisor.model.team import Distribution, PoolSpec
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam, small_team


def scaled(name: str, role: Role = Role.WORKER, *, least: int = 0, most: int = 4, **more: Any) -> PoolSpec:
    scale = Scale(min=least, max=most)
    return PoolSpec(name=name, role=role, command=(name,), size=most, scale=scale, **more)


POOLS = (
    SMALL_TEAM.pools[0],
    scaled("hand", least=1),
    scaled("expert", tags=("sql",)),
    scaled("judge", Role.JUDGE),
    scaled("scribe", Role.PLANNER),
)


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[SmallTeam]:
    async with awake(tmp_path) as running:
        yield running


def awake(tmp_path: Path, **changes: Any) -> Any:
    """Give a team of scaled pools with as many agents as they begin with: one planner, one hand."""
    return small_team(tmp_path, **{"pools": POOLS, **changes})


async def crew(team: SmallTeam, name: str) -> Crew:
    crews: tuple[Crew, ...] = await team.coordinator.read(pools.crews)
    return next(each for each in crews if each.pool.name == name)


async def ready(team: SmallTeam) -> dict[str, int]:
    return {each.pool.name: each.ready for each in await team.coordinator.read(pools.crews)}


# ---------------------------------------------------------------- what waits


async def test_a_task_counts_for_every_pool_that_could_take_it_and_for_no_other(team: SmallTeam) -> None:
    await team.add_task()
    assert await ready(team) == {"hand": 1, "expert": 1, "judge": 0, "scribe": 0}
    await team.add_task(required_tags=("sql",))
    await team.add_task(required_tags=("rust",))
    assert await ready(team) == {"hand": 1, "expert": 2, "judge": 0, "scribe": 0}


async def test_what_is_blocked_held_or_done_does_not_wait(team: SmallTeam) -> None:
    first = await team.add_task()
    await team.add_task(depends_on=(first.id,))
    claim = await team.claim("hand-1")
    assert (await ready(team))["hand"] == 0
    await team.finish("hand-1", claim)
    assert (await ready(team))["hand"] == 1


async def test_a_thousand_are_as_many_as_are_counted(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "COUNTED_MAX", 3)
    for _ in range(3):
        await team.add_task()
        await team.add_task(required_tags=("sql",))
    assert (await crew(team, "expert")).ready == 3


async def test_of_a_milestone_only_as_much_waits_as_it_lets_begin(team: SmallTeam) -> None:
    tasks = tuple(
        NewTask(title="capped", key=str(number), required_tags=tags, priority="high")
        for number, tags in enumerate(((), (), ("sql",), ("sql",)))
    )
    wanted = NewPlan(name="capped", wip=2, tasks=tasks)
    milestone, _ = await team.do(lambda scope: plans.create_plan(scope, team["planner"], wanted))
    await team.add_task()
    assert await ready(team) == {"hand": 3, "expert": 3, "judge": 0, "scribe": 0}
    claim = await team.claim("hand-1")
    assert claim.task.milestone == milestone.id
    assert (await ready(team))["hand"] == 2


async def test_what_is_reserved_in_a_full_milestone_starts_nobody(team: SmallTeam) -> None:
    tasks = tuple(NewTask(title="capped", key=name, assignee=name) for name in ("hand-1", "hand-2"))
    wanted = NewPlan(name="capped", wip=1, tasks=tasks)
    await team.do(lambda scope: plans.create_plan(scope, team["planner"], wanted))
    await team.claim("hand-1")
    assert (await crew(team, "hand")).reserved == ()


async def test_what_is_reserved_counts_for_its_agent_alone(team: SmallTeam) -> None:
    await team.add_task(assignee="hand-3")
    await team.add_task(assignee="expert-1", required_tags=("sql",))
    hand, expert = await crew(team, "hand"), await crew(team, "expert")
    assert (hand.ready, hand.reserved) == (0, ("hand-3",))
    assert (expert.ready, expert.reserved) == (0, ("expert-1",))


async def test_two_lanes_for_one_agent_name_it_once(team: SmallTeam) -> None:
    await team.add_task(assignee="hand-2")
    await team.add_task(assignee="hand-2", required_role="worker")
    assert (await crew(team, "hand")).reserved == ("hand-2",)


async def test_handed_in_work_waits_for_a_pool_of_judges_until_one_looks_at_it(team: SmallTeam) -> None:
    await team.add_task(review=True)
    await team.finish("hand-1", await team.claim("hand-1"))
    assert await ready(team) == {"hand": 0, "expert": 0, "judge": 1, "scribe": 0}
    task = replace((await team.task("T1")), gate=Gate.HUMAN)
    await team.do(lambda scope: scope.save_task("task.updated", task, actor="human"))
    assert (await ready(team))["judge"] == 0


async def test_a_crew_tells_who_is_of_the_pool_and_how_urgent_its_work_is(team: SmallTeam) -> None:
    await team.add_task(priority="low")
    await team.add_task(priority="high")
    await team.claim("hand-1")
    await team.claim("hand-1")
    hand = await crew(team, "hand")
    assert [agent.name for agent in hand.agents] == ["hand-1"]
    assert hand.ranks == {"hand-1": Priority.HIGH}


async def test_who_reviews_only_has_no_rank_of_a_task_that_it_holds(team: SmallTeam) -> None:
    agent = await team.coordinator.read(lambda scope: scope.agent("hand-1"))
    busy = replace(agent, task="T9", state=AgentState.WORKING)
    await team.do(lambda scope: scope.tx.record("agent.working", busy, actor="hand-1"))
    assert (await crew(team, "hand")).ranks == {"hand-1": Priority.NORMAL}


async def test_a_team_without_scaled_pools_has_no_crews(tmp_path: Path) -> None:
    async with small_team(tmp_path) as plain:
        assert await plain.coordinator.read(pools.crews) == ()
        assert await plain.coordinator.read(pools.could_join) == ()


# ---------------------------------------------------------------- who could join


async def joining(team: SmallTeam) -> list[str]:
    return [place.name for place in await team.coordinator.read(pools.could_join) if place.name[:4] == "hand"]


async def test_whoever_is_not_parked_or_set_aside_could_join(team: SmallTeam) -> None:
    assert await joining(team) == ["hand-1", "hand-2", "hand-3", "hand-4"]
    await team.crash("hand-1", to=AgentState.PARKED)
    assert await joining(team) == ["hand-2", "hand-3", "hand-4"]


async def test_an_unattended_run_goes_on_while_a_sleeping_pool_could_take_its_task(tmp_path: Path) -> None:
    async with awake(tmp_path, mode=Mode.HEADLESS) as team:
        await team.add_task(required_tags=("sql",))
        await team.news("planner", AgentState.EXITED, incarnation=1, last_exit=ExitInfo(kind=ExitClass.OK))
        assert not (await team.coordinator.read(runs.standing)).over
        await team.add_task(required_tags=("rust",))
        await team.do(lambda scope: steering.cancel_task(scope, None, "T1", ""))
        standing = await team.coordinator.read(runs.standing)
        assert (standing.over, standing.failed) == (True, True)


async def test_an_unattended_run_goes_on_while_a_sleeping_judge_could_look(tmp_path: Path) -> None:
    async with awake(tmp_path, mode=Mode.HEADLESS) as team:
        await team.add_task(review=True)
        await team.finish("hand-1", await team.claim("hand-1"))
        await team.news("planner", AgentState.EXITED, incarnation=1, last_exit=ExitInfo(kind=ExitClass.OK))
        assert not (await team.coordinator.read(runs.standing)).over


async def test_a_planner_that_its_pool_let_go_keeps_no_run_open(tmp_path: Path) -> None:
    async with awake(tmp_path, mode=Mode.HEADLESS) as team:
        await team.add_task()
        await team.do(lambda scope: pools.rescale(scope, POOLS[4], 1, "work", joining=("scribe-1",)))
        await team.finish("hand-1", await team.claim("hand-1"))
        await team.news("planner", AgentState.EXITED, incarnation=1, last_exit=ExitInfo(kind=ExitClass.OK))
        assert not (await team.coordinator.read(runs.standing)).over
        asked = ExitInfo(kind=ExitClass.STOP_REQUESTED)
        await team.news("scribe-1", AgentState.EXITED, incarnation=0, last_exit=asked)
        assert (await team.coordinator.read(runs.standing)).over


async def test_only_who_is_not_wanted_sleeps(team: SmallTeam) -> None:
    async def why(name: str) -> str:
        return await team.coordinator.read(lambda scope: pools.why_asleep(scope, scope.agent(name)))

    assert (await why("planner"), await why("hand-1")) == ("", "")
    asked = ExitInfo(kind=ExitClass.STOP_REQUESTED)
    await team.news("hand-1", AgentState.EXITED, incarnation=1, last_exit=asked)
    assert await why("hand-1") == "pool hand wants 1 agents now: as the profile begins it"
    stranger = Agent(name="leaver", pool="hand", role=Role.WORKER, state=AgentState.EXITED)
    gone = await team.coordinator.read(lambda scope: pools.why_asleep(scope, stranger))
    assert gone == ""


async def test_why_a_task_waits_names_the_agent_that_is_started_for_it(team: SmallTeam) -> None:
    await team.add_task(required_tags=("sql",))
    (reason,) = await team.coordinator.read(lambda scope: explaining.why(scope, "T1"))
    assert (reason.reason, reason.by) == ("ready", ("expert-1",))
    assert reason.detail.startswith("expert-1 is started for it as soon as its pool may grow")
    await team.add_task(required_tags=("rust",))
    (reason,) = await team.coordinator.read(lambda scope: explaining.why(scope, "T2"))
    assert reason.reason == "nobody"


async def test_who_sleeps_is_no_worker_of_the_load_and_is_dealt_nothing(tmp_path: Path) -> None:
    async with awake(tmp_path, distribution=Distribution.ROUND_ROBIN) as team:
        await team.do(lambda scope: pools.rescale(scope, POOLS[1], 2, "work", joining=("hand-2",)))
        await team.start("hand-2")
        assert [(await team.add_task()).assignee for _ in range(2)] == ["hand-1", "hand-2"]
        asked = ExitInfo(kind=ExitClass.STOP_REQUESTED)
        await team.news("hand-2", AgentState.EXITED, incarnation=1, last_exit=asked)
        assert [(await team.add_task()).assignee for _ in range(2)] == ["hand-1", "hand-1"]
        loads = await team.coordinator.read(lambda scope: load.team_load(scope, team["planner"]))
        assert {each.pool: each.workers for each in loads.pools} == {"hand": 1}


async def test_a_task_can_be_reserved_for_an_agent_that_its_pool_could_start(team: SmallTeam) -> None:
    await team.add_task()
    wanted = Assignment(assignee="hand-4")
    task = await team.do(lambda scope: steering.assign_task(scope, None, "T1", wanted))
    assert task.assignee == "hand-4"
    assert (await crew(team, "hand")).reserved == ("hand-4",)
    with pytest.raises(NotFound):
        await team.do(lambda scope: steering.assign_task(scope, None, "T1", Assignment(assignee="hand-5")))


# ---------------------------------------------------------------- what is decided


async def test_a_run_begins_as_the_profile_says(team: SmallTeam) -> None:
    crews = await team.coordinator.read(pools.crews)
    assert {each.pool.name: each.pool.wanted for each in crews} == {
        "hand": 1,
        "expert": 0,
        "judge": 0,
        "scribe": 0,
    }


async def test_a_continued_run_keeps_what_was_wanted_and_a_new_one_begins_afresh(team: SmallTeam) -> None:
    spec = POOLS[1]
    await team.do(lambda scope: pools.rescale(scope, spec, 3, "work", joining=("hand-2", "hand-3")))
    await team.do(lambda scope: pools.order(scope, "expert", 2))
    await team.do(lambda scope: runs.begin_run(scope, team.coordinator.team, new=False))
    names = await team.coordinator.read(lambda scope: pools.kept_names(scope, spec))
    assert names == ("hand-1", "hand-2", "hand-3")
    assert await team.coordinator.read(lambda scope: pools.kept_names(scope, POOLS[2])) == (
        "expert-1",
        "expert-2",
    )
    run = await team.do(lambda scope: runs.begin_run(scope, team.coordinator.team, new=True).run)
    team.store.run = run.id
    assert await team.coordinator.read(lambda scope: pools.kept_names(scope, spec)) == ("hand-1",)
    assert await team.coordinator.read(lambda scope: pools.kept_names(scope, POOLS[2])) == ()
    states = await team.coordinator.read(
        lambda scope: {agent.name: agent.state for agent in scope.agents() if agent.pool == "hand"}
    )
    assert states == {
        "hand-1": AgentState.PENDING,
        "hand-2": AgentState.EXITED,
        "hand-3": AgentState.EXITED,
    }


async def test_what_is_kept_stays_within_the_bounds_of_a_changed_profile(team: SmallTeam) -> None:
    await team.do(lambda scope: pools.rescale(scope, POOLS[1], 4, "work"))
    smaller = scaled("hand", least=1, most=2)
    assert await team.coordinator.read(lambda scope: pools.kept_names(scope, smaller)) == ("hand-1", "hand-2")
    larger = scaled("unknown", least=2)
    assert len(await team.coordinator.read(lambda scope: pools.kept_names(scope, larger))) == 2


async def test_who_joins_has_a_row_and_who_leaves_keeps_its_mail_but_no_reservation(team: SmallTeam) -> None:
    spec = POOLS[1]
    await team.do(lambda scope: pools.rescale(scope, spec, 2, "2 waiting", joining=("hand-2",)))
    first = await team.add_task()
    await team.add_task(assignee="hand-2", depends_on=(first.id,))
    pool = await team.do(lambda scope: pools.rescale(scope, spec, 1, "idle", leaving=("hand-2",)))
    assert (pool.wanted, pool.reason) == (1, "idle")
    assert (await team.task("T2")).assignee is None
    assert await team.coordinator.read(lambda scope: scope.agent("hand-2").pool) == "hand"
    events = [event for event in await team.events() if event.kind == "pool.scaled"]
    assert (events[-1].reason, events[-1].actor, events[-1].after["wanted"]) == ("idle", "supervisor", 1)


async def test_a_person_sets_a_number_and_gives_it_back(team: SmallTeam) -> None:
    ordered = await team.do(lambda scope: pools.order(scope, "hand", 3))
    assert (ordered.manual, ordered.wanted) == (3, 1)
    freed = await team.do(lambda scope: pools.order(scope, "hand", None))
    assert (freed.manual, freed.reason) == (None, "a person gave it back to the autoscaler")
    actors = [event.actor for event in await team.events() if event.kind == "pool.ordered"]
    assert actors == ["human", "human"]


@pytest.mark.parametrize("number", [0, 5])
async def test_a_number_beyond_the_bounds_is_refused(team: SmallTeam, number: int) -> None:
    with pytest.raises(InvalidArgument, match=f"has 1 to 4 agents; {number} is beyond that"):
        await team.do(lambda scope: pools.order(scope, "hand", number))


async def test_a_pool_of_fixed_size_or_none_at_all_is_refused(team: SmallTeam) -> None:
    with pytest.raises(
        InvalidArgument, match=r"fixed size of 1; give it `scale`.*hand, expert, judge, scribe"
    ):
        await team.do(lambda scope: pools.order(scope, "planner", 2))
    with pytest.raises(NotFound, match="no pool `nobody` in this team; there are: planner, hand"):
        await team.do(lambda scope: pools.order(scope, "nobody", 2))


async def test_a_team_of_fixed_pools_says_that_none_is_scaled(tmp_path: Path) -> None:
    async with small_team(tmp_path) as plain:
        with pytest.raises(InvalidArgument, match="Scaled here: none"):
            await plain.do(lambda scope: pools.order(scope, "worker", 2))


def test_no_agent_can_cause_an_event_of_a_pool() -> None:
    assert not [kind for kind in DEEDS if kind.startswith("pool.")]
