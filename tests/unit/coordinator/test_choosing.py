"""Which task comes next and why, who may have it, and how a team deals tasks out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import choosing, dealing, ending, plans
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.plans import NewPlan
from supervisor.errors import AlreadyClaimed, Forbidden, NothingToDo, TooMany, WrongState
from supervisor.model.agent import AgentState, Role
from supervisor.model.task import AGING_S
from supervisor.model.team import Distribution, PoolSpec
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam, small_team

SKILLED = tuple(
    PoolSpec(name=pool.name, role=pool.role, size=pool.size, command=pool.command, groups=pool.groups, wip=2)
    if pool.name != "solo"
    else PoolSpec(name="solo", role=Role.SOLO, command=("solo",), tags=("api", "db"))
    for pool in SMALL_TEAM.pools
)


async def choice(team: SmallTeam, who: str) -> choosing.Choice:
    found: choosing.Choice = await team.do(lambda scope: choosing.next_choice(scope, team[who]))
    return found


async def test_waiting_raises_a_task_but_never_above_a_critical_one(team: SmallTeam) -> None:
    low = await team.add_task(priority="low")
    await team.clock.advance(3 * AGING_S + 1)
    high = await team.add_task(priority="normal")
    assert (await choice(team, "worker-1")).task == low
    critical = await team.add_task(priority="critical")
    found = await choice(team, "worker-1")
    assert (found.task, found.others) == (critical, 2)
    await team.claim("worker-1", critical.id)
    assert "raised 3 by waiting 3.0 h" in (await choice(team, "worker-1")).reason
    await team.claim("worker-1", low.id)
    assert (await choice(team, "worker-1")).task == high


async def test_the_reasons_name_what_made_the_choice(team: SmallTeam) -> None:
    await team.do(
        lambda scope: plans.create_plan(
            scope,
            None,
            NewPlan(
                name="p",
                tasks=(
                    NewTask(
                        title="a",
                        track="main",
                        assignee="worker-1",
                        required_group="builders",
                        complexity=8,
                        priority="critical",
                    ),
                ),
            ),
        )
    )
    reason = (await choice(team, "worker-1")).reason
    assert reason == (
        "it is reserved for you; it asks for what you are; best priority (critical), oldest there; "
        "its turn in track main (order 0); complexity 8 of 10"
    )
    assert (await choice(team, "worker-2")).reason == "nothing is claimable for you now; `wait` for `task`"


async def test_only_who_has_role_tags_and_group_may_claim(tmp_path: Path) -> None:
    async with small_team(tmp_path, pools=SKILLED) as team:
        tagged = await team.add_task(required_tags=("api", "db"))
        grouped = await team.add_task(required_group="builders", required_role="worker")
        with pytest.raises(Forbidden, match="needs api, db; you are a worker"):
            await team.claim("worker-1", tagged.id)
        with pytest.raises(Forbidden, match="needs worker, builders"):
            await team.claim("solo", grouped.id)
        assert (await team.claim("solo")).task.id == tagged.id
        assert (await team.claim("worker-1")).task.id == grouped.id


async def test_an_agent_holds_no_more_than_its_pool_allows(tmp_path: Path) -> None:
    async with small_team(tmp_path, pools=SKILLED) as team:
        tasks = [await team.add_task() for _ in range(4)]
        first = await team.claim("worker-1")
        await team.claim("worker-1")
        with pytest.raises(TooMany, match="free now: solo, worker-2") as refused:
            await team.claim("worker-1", tasks[3].id)
        assert refused.value.details["retry_after_s"] == 900.0
        assert "as many as you may" in (await choice(team, "worker-1")).reason
        assert (await team.claim("worker-1", first.task.id)).task.token == first.task.token
        for name in ("solo", "worker-2"):
            await team.claim(name)
        with pytest.raises(TooMany) as busy:
            await team.claim("worker-1")
        assert "free now" not in str(busy.value)


async def test_a_capped_milestone_lets_others_go_first(team: SmallTeam) -> None:
    _, (one, two) = await team.do(
        lambda scope: plans.create_plan(
            scope, None, NewPlan(name="p", wip=1, tasks=(NewTask(title="a"), NewTask(title="b")))
        )
    )
    other = await team.add_task()
    assert (await team.claim("worker-1")).task.id == one.id
    with pytest.raises(TooMany, match="allows 1 tasks in progress"):
        await team.claim("worker-2", two.id)
    assert (await team.claim("worker-2")).task.id == other.id


async def test_a_claim_that_cannot_be_is_refused_with_what_stands_in_its_way(team: SmallTeam) -> None:
    task = await team.add_task()
    blocked = await team.add_task(depends_on=(task.id,))
    await team.claim("worker-1", task.id)
    with pytest.raises(AlreadyClaimed) as held:
        await team.claim("worker-2", task.id)
    assert held.value.details["holder"] == "worker-1"
    with pytest.raises(WrongState, match="blocked by: dependency; `task_why`"):
        await team.claim("worker-2", blocked.id)
    with pytest.raises(NothingToDo):
        await team.claim("worker-2")


@pytest.mark.parametrize(
    ("how", "names"),
    [
        (Distribution.ROUND_ROBIN, ["solo", "worker-1", "worker-2", "solo"]),
        (Distribution.LEAST_LOADED, ["solo", "worker-2", "solo", "worker-2"]),
    ],
)
async def test_a_team_that_deals_tasks_out_reserves_each_as_it_becomes_ready(
    tmp_path: Path, how: Distribution, names: list[str]
) -> None:
    async with small_team(tmp_path, distribution=how) as team:
        mine = [await team.add_task(assignee="worker-1") for _ in range(2)]
        for each in mine:
            await team.claim("worker-1", each.id)
        tasks = [await team.add_task() for _ in range(4)]
        assert [each.assignee for each in tasks] == names
        nobodys = await team.add_task(required_tags=("unknown",))
        assert nobodys.assignee is None


async def test_nothing_is_dealt_to_who_is_parked_or_set_aside(tmp_path: Path) -> None:
    async with small_team(tmp_path, distribution=Distribution.ROUND_ROBIN) as team:
        await team.crash("solo", to=AgentState.PARKED)
        await team.do(lambda scope: ending.set_aside(scope, "worker-1", reason="odd"))
        assert [(await team.add_task()).assignee for _ in range(2)] == ["worker-2", "worker-2"]


def test_a_lane_reads_as_the_database_spells_it() -> None:
    who: Any = SMALL_TEAM.pools[1]
    assert dealing.lane_suits("||builders|[]", who)
    assert not dealing.lane_suits("||council|[]", who)
