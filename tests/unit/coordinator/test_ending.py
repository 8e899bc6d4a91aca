"""Work that fails: retries after a delay, budgets, quarantine and the way back."""

from __future__ import annotations

import pytest

from supervisor.coordinator import choosing, ending, upkeep
from supervisor.errors import Forbidden, WrongState
from supervisor.model.task import RETRY_CAP_S, BlockReason, ErrorClass, Task, TaskState, retry_delay
from supervisor.testing.small_team import SmallTeam


async def fail(team: SmallTeam, who: str, task_id: str, kind: ErrorClass = ErrorClass.TRANSIENT) -> Task:
    claim = await team.claim(who, task_id)
    failed: Task = await team.do(
        lambda scope: ending.fail(scope, team[who], task_id, claim.task.token, "it broke", kind=kind)
    )
    return failed


async def pass_time(team: SmallTeam, seconds: float) -> None:
    await team.clock.advance(seconds)
    await team.do(lambda scope: upkeep.tick(scope, {}))


def test_delays_double_from_half_a_minute_to_ten() -> None:
    assert [retry_delay(n) for n in (1, 2, 3, 9)] == [30.0, 60.0, 120.0, RETRY_CAP_S]


async def test_a_failure_that_may_pass_is_tried_again_after_its_delay(team: SmallTeam) -> None:
    task = await team.add_task()
    failed = await fail(team, "worker-1", task.id)
    assert (failed.state, failed.blocked_by, failed.error_class) == (
        TaskState.BLOCKED,
        (BlockReason.BACKOFF,),
        ErrorClass.TRANSIENT,
    )
    await pass_time(team, 29)
    assert (await team.task(task.id)).state is TaskState.BLOCKED
    await pass_time(team, 1)
    again = await team.task(task.id)
    assert (again.state, again.not_before, again.feedback) == (TaskState.PENDING, None, "it broke")


async def test_a_delay_that_ends_leaves_the_other_reasons(team: SmallTeam) -> None:
    base = await team.add_task()
    task = await team.add_task(not_before=team.clock.now() + 10, depends_on=(base.id,))
    await pass_time(team, 10)
    assert (await team.task(task.id)).blocked_by == (BlockReason.DEPENDENCY,)


@pytest.mark.parametrize("kind", [ErrorClass.PERMANENT, ErrorClass.POLICY])
async def test_a_final_error_ends_the_task_at_once(team: SmallTeam, kind: ErrorClass) -> None:
    task = await team.add_task()
    assert (await fail(team, "worker-1", task.id, kind)).state is TaskState.FAILED


async def test_the_budget_is_three_failures_whoever_fails(team: SmallTeam) -> None:
    task = await team.add_task()
    for who in ("worker-1", "worker-2"):
        await fail(team, who, task.id)
        await pass_time(team, 120)
    failed = await fail(team, "solo", task.id)
    assert (failed.state, failed.failures, failed.outcome) == (TaskState.FAILED, 3, "failed")


async def test_three_failures_within_an_hour_set_an_agent_aside_until_it_is_released(team: SmallTeam) -> None:
    reserved = await team.add_task(assignee="worker-1")
    waiting = await team.add_task(assignee="worker-1", depends_on=(reserved.id,))
    for _ in range(3):
        task = await team.add_task()
        await fail(team, "worker-1", task.id, ErrorClass.PERMANENT)
    agent = await team.do(lambda scope: scope.agent("worker-1"))
    assert "3 failures within an hour" in agent.quarantined
    assert (await team.task(reserved.id)).blocked_by == (BlockReason.QUARANTINE,)
    free = await team.add_task()
    with pytest.raises(Forbidden, match="3 failures"):
        await team.claim("worker-1", free.id)
    choice = await team.do(lambda scope: choosing.next_choice(scope, team["worker-1"]))
    assert (choice.task, "a person has to release you" in choice.reason) == (None, True)
    with pytest.raises(WrongState, match="quarantined already"):
        await team.do(lambda scope: ending.set_aside(scope, "worker-1", reason="x"))

    await team.do(lambda scope: ending.bring_back(scope, "worker-1"))
    assert (await team.task(reserved.id)).state is TaskState.PENDING
    assert (await team.task(waiting.id)).blocked_by == (BlockReason.DEPENDENCY,)
    await fail(team, "worker-1", free.id, ErrorClass.PERMANENT)
    with pytest.raises(WrongState, match="is not quarantined"):
        await team.do(lambda scope: ending.bring_back(scope, "worker-1"))


async def test_failures_an_hour_apart_set_nobody_aside(team: SmallTeam) -> None:
    for _ in range(4):
        task = await team.add_task()
        await fail(team, "worker-1", task.id, ErrorClass.PERMANENT)
        await pass_time(team, 1900)
    assert (await team.do(lambda scope: scope.agent("worker-1"))).quarantined == ""


async def test_what_an_ended_agent_held_leaves_a_handoff_for_the_next(team: SmallTeam) -> None:
    task = await team.add_task()
    await team.claim("worker-1", task.id)
    await team.crash("worker-1")
    (record,) = await team.do(lambda scope: scope.tx.all("handoff.all"))
    assert (record["task"], record["sender"], record["kind"]) == (task.id, "worker-1", "automatic")
