"""Why a task is where it is, in words that name what stands in the way and what helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.coordinator import ending, explaining, plans, reviews, steering
from supervisor.coordinator.explaining import Reason
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.plans import NewPlan
from supervisor.model.agent import AgentState, Role
from supervisor.model.task import ErrorClass, Task
from supervisor.model.team import PoolSpec
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam, small_team


async def why(team: SmallTeam, task: Task) -> tuple[Reason, ...]:
    reasons: tuple[Reason, ...] = await team.do(lambda scope: explaining.why(scope, task.id))
    return reasons


async def only(team: SmallTeam, task: Task) -> Reason:
    (reason,) = await why(team, task)
    return reason


async def fail_for_good(team: SmallTeam, task: Task) -> None:
    claim = await team.claim("worker-1", task.id)
    await team.do(
        lambda scope: ending.fail(
            scope, team["worker-1"], task.id, claim.task.token, "no disk", kind=ErrorClass.PERMANENT
        )
    )


async def test_an_unmet_edge_names_the_task_its_policy_and_how_far_it_is(team: SmallTeam) -> None:
    base = await team.add_task()
    behind = await team.add_task(depends_on=(base.id,), on="ended")
    last = await team.add_task(depends_on=(behind.id,))
    await team.claim("worker-1", base.id)
    assert await only(team, behind) == Reason(
        reason="dependency", detail="waits until T1 is ended: in_progress by worker-1, 0 %", by=(base.id,)
    )
    assert (await only(team, last)).detail == "waits until T2 is done: blocked (dependency)"


async def test_open_children_are_named(team: SmallTeam) -> None:
    parent = await team.add_task()
    child = await team.add_task(parent=parent.id)
    assert (await only(team, parent)).detail == "waits for all of its children, 1 are open: T2 pending"
    assert (await only(team, parent)).by == (child.id,)


@pytest.mark.parametrize("on_lost", ["hold", "proceed"])
async def test_a_lost_edge_says_how_it_was_lost_and_what_helps(team: SmallTeam, on_lost: str) -> None:
    base = await team.add_task()
    behind = await team.add_task(depends_on=(base.id,), on_lost=on_lost)
    await team.do(lambda scope: steering.hold_task(scope, None, behind.id, "wait"))
    await fail_for_good(team, base)
    reasons = await why(team, behind)
    if on_lost == "proceed":
        assert [each.reason for each in reasons] == ["hold"]
        return
    assert reasons[0].detail == "T1 ended as failed: no disk"
    assert "task reopen" in reasons[0].help
    assert "`on_lost: proceed`" in reasons[0].help


async def test_a_track_and_a_wave_name_what_is_before(team: SmallTeam) -> None:
    _, (one, two) = await team.do(
        lambda scope: plans.create_plan(
            scope,
            None,
            NewPlan(
                name="p",
                tasks=(
                    NewTask(title="a", track="main", wave=1),
                    NewTask(title="b", track="main", order=3, wave=2),
                ),
            ),
        )
    )
    track, wave = await why(team, two)
    assert track.detail == "track main, order 3 opens when 1 before it have ended: T1 pending"
    assert wave.detail == "wave 2 opens when 1 before it have ended: T1 pending"
    await fail_for_good(team, one)
    lost = await only(team, two)
    assert (lost.reason, lost.by) == ("dependency_failed", (one.id,))


async def test_what_was_said_is_told_with_who_can_lift_it(team: SmallTeam) -> None:
    held = await team.add_task()
    await team.do(lambda scope: steering.hold_task(scope, None, held.id, ""))
    assert (await only(team, held)).detail == "held: no reason given"
    late = await team.add_task(not_before=team.clock.now() + 90)
    assert (await only(team, late)).detail == "it can be claimed in 90 s"
    retried = await team.add_task()
    claim = await team.claim("worker-1", retried.id)
    await team.do(
        lambda scope: ending.fail(
            scope, team["worker-1"], retried.id, claim.task.token, "x", kind=ErrorClass.TIMEOUT
        )
    )
    assert (await only(team, retried)).detail == "after 1 failures; it can be claimed in 30 s"
    helped = await team.add_task()
    claim = await team.claim("worker-1", helped.id)
    await team.do(
        lambda scope: ending.block_for_help(scope, team["worker-1"], helped.id, claim.task.token, "which?")
    )
    assert (await only(team, helped)).detail == "a person has to look: which?"
    reserved = await team.add_task(assignee="worker-2")
    await team.do(lambda scope: ending.set_aside(scope, "worker-2", reason="odd"))
    assert (await only(team, reserved)).by == ("worker-2",)


async def test_a_pending_task_names_who_could_claim_it_or_what_nobody_has(team: SmallTeam) -> None:
    ready = await team.add_task()
    assert (await only(team, ready)).detail == "can be claimed by: solo, worker-1, worker-2"
    strange = await team.add_task(
        required_tags=("rust",), required_group="none", required_role="worker", assignee="worker-1"
    )
    found = await only(team, strange)
    assert found.detail == (
        "no agent of this team has the name worker-1 and the role worker and the group none and the tags rust"
    )
    assert "restart worker-1" in found.help
    lost = await team.add_task(required_tags=("rust",))
    assert "add a pool" in (await only(team, lost)).help
    await team.crash("worker-1", to=AgentState.PARKED)
    await team.do(lambda scope: ending.set_aside(scope, "worker-2", reason="odd"))
    grouped = await team.add_task(required_group="builders")
    assert (await only(team, grouped)).detail == (
        "only these could claim it, and none of them can now: worker-1 (parked), worker-2 (quarantined)"
    )


async def test_full_hands_are_told_apart_from_nobody(tmp_path: Path) -> None:
    pools = tuple(
        PoolSpec(name=pool.name, role=pool.role, size=pool.size, command=pool.command, wip=1)
        for pool in SMALL_TEAM.pools
        if pool.role is not Role.SOLO
    )
    async with small_team(tmp_path, pools=pools) as team:
        for name in ("worker-1", "worker-2"):
            await team.add_task()
            await team.claim(name)
        waiting = await team.add_task(required_role="worker")
        assert "hold as many tasks as they may (worker)" in (await only(team, waiting)).detail


async def test_work_and_reviews_under_way_are_told(team: SmallTeam) -> None:
    base = await team.add_task()
    task = await team.add_task(review=True, approvals_needed=2, depends_on=(base.id,))
    await team.finish("worker-2", await team.claim("worker-2", base.id))
    claim = await team.claim("worker-1", task.id)
    assert (await only(team, task)).detail == "worker-1 works on it, 0 %; its lease ends in 900 s"
    await team.do(lambda scope: steering.reopen_task(scope, None, base.id, "wrong"))
    assert "begun before T1 was reopened" in (await only(team, task)).detail
    await team.finish("worker-1", claim)
    assert "waits for a judge: judge, solo, voter-1" in (await only(team, task)).detail
    await team.do(lambda scope: reviews.take_review(scope, team["judge"], task.id))
    assert (await only(team, task)).detail == "judge reviews it; 0 of 2 approvals"
    await team.do(lambda scope: reviews.approve_task(scope, None, task.id))
    assert (await only(team, task)).detail == "it has ended: done"
    gated = await team.add_task(review=True, gate="human")
    await team.finish("worker-1", await team.claim("worker-1", gated.id))
    assert (await only(team, gated)).by == ("human",)


async def test_a_team_without_judges_says_so(tmp_path: Path) -> None:
    pools = tuple(pool for pool in SMALL_TEAM.pools if pool.role is Role.WORKER)
    async with small_team(tmp_path, pools=pools) as team:
        task = await team.do(
            lambda scope: plans.create_plan(
                scope, None, NewPlan(name="p", review=True, tasks=(NewTask(title="a"),))
            )
        )
        (made,) = task[1]
        await team.finish("worker-1", await team.claim("worker-1", made.id))
        assert "this team has none" in (await only(team, made)).detail
