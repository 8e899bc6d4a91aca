"""Handing in, judging, sending back."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from supervisor.coordinator import ending, reviews, upkeep
from supervisor.coordinator.scope import Scope
from supervisor.errors import AlreadyClaimed, Forbidden, InvalidArgument, NothingToDo, WrongState
from supervisor.model.agent import AgentState
from supervisor.model.task import BlockReason, Task, TaskState
from supervisor.testing.small_team import SmallTeam


async def handed_in(team: SmallTeam, by: str = "worker-1") -> Task:
    task = await team.add_task(review=True)
    return await team.finish(by, await team.claim(by, task.id))


async def test_reviewed_work_is_done_only_when_a_judge_approves(team: SmallTeam) -> None:
    task = await handed_in(team)
    waiting = await team.add_task(depends_on=(task.id,))
    assert task.state is TaskState.IN_REVIEW
    taken = await team.do(lambda scope: reviews.take_review(scope, team["judge"], None))
    assert (taken.id, taken.reviewer) == (task.id, "judge")
    await team.do(lambda scope: reviews.approve_task(scope, team["judge"], task.id, "fine"))
    assert (await team.task(task.id)).state is TaskState.DONE
    assert (await team.task(waiting.id)).state is TaskState.PENDING


async def test_a_rejection_needs_feedback_and_brings_the_task_back_to_its_author(team: SmallTeam) -> None:
    task = await handed_in(team)
    with pytest.raises(InvalidArgument, match="feedback"):
        await team.do(lambda scope: reviews.reject_task(scope, team["judge"], task.id, "  "))
    back = await team.do(lambda scope: reviews.reject_task(scope, team["judge"], task.id, "no tests"))
    assert (back.state, back.assignee, back.feedback) == (TaskState.PENDING, "worker-1", "no tests")
    assert back.review_round == 1
    again = await team.claim("worker-1")
    assert again.task.feedback == "no tests"


async def test_a_rejected_task_of_a_gone_author_is_for_everybody(team: SmallTeam) -> None:
    task = await handed_in(team)
    await team.crash("worker-1", to=AgentState.PARKED)
    back = await team.do(lambda scope: reviews.reject_task(scope, team["judge"], task.id, "no tests"))
    assert back.assignee is None


async def test_after_three_rounds_a_person_decides(team: SmallTeam) -> None:
    task = await handed_in(team)
    for _ in range(3):
        await team.do(lambda scope: reviews.reject_task(scope, team["judge"], task.id, "again"))
        await team.finish("worker-1", await team.claim("worker-1", task.id))
    stuck = await team.do(lambda scope: reviews.reject_task(scope, team["judge"], task.id, "again"))
    assert (stuck.state, stuck.blocked_by) == (TaskState.BLOCKED, (BlockReason.NEEDS_HUMAN,))


async def test_nobody_judges_his_own_work_but_a_solo(team: SmallTeam) -> None:
    task = await handed_in(team, by="solo")
    await team.do(lambda scope: reviews.approve_task(scope, team["solo"], task.id))
    assert (await team.task(task.id)).state is TaskState.DONE
    for name in ("worker-1", "planner", "watcher"):
        other = await handed_in(team)
        with pytest.raises(Forbidden):
            await team.do(partial(reviews.approve_task, actor=team[name], spelled=other.id))


async def test_an_author_who_became_judge_is_refused(team: SmallTeam) -> None:
    task = await handed_in(team)
    as_judge = team["judge"].__class__(name="worker-1", role=team["judge"].role, incarnation=1, run=1)
    with pytest.raises(Forbidden, match="yourself"):
        await team.do(lambda scope: reviews.take_review(scope, as_judge, task.id))


async def test_a_review_that_one_judge_took_is_not_for_another(team: SmallTeam) -> None:
    task = await handed_in(team)
    await team.do(lambda scope: reviews.take_review(scope, team["judge"], task.id))
    with pytest.raises(AlreadyClaimed, match="judge"):
        await team.do(lambda scope: reviews.approve_task(scope, team["voter-1"], task.id))
    with pytest.raises(NothingToDo):
        await team.do(lambda scope: reviews.take_review(scope, team["voter-1"], None))


async def test_the_review_of_a_judge_that_dies_is_free_again(team: SmallTeam) -> None:
    task = await handed_in(team)
    await team.do(lambda scope: reviews.take_review(scope, team["judge"], task.id))
    await team.crash("judge")
    taken = await team.do(lambda scope: reviews.take_review(scope, team["voter-1"], None))
    assert taken.id == task.id


async def test_only_work_in_review_can_be_judged(team: SmallTeam) -> None:
    task = await team.add_task(review=True)
    for judge in (team["judge"], None):
        with pytest.raises(WrongState, match="pending"):
            await team.do(partial(reviews.approve_task, actor=judge, spelled=task.id))


async def test_a_person_may_judge(team: SmallTeam) -> None:
    task = await handed_in(team)
    back = await team.do(lambda scope: reviews.reject_task(scope, None, task.id, "please shorten"))
    assert back.state is TaskState.PENDING
    await team.finish("worker-1", await team.claim("worker-1"))
    await team.do(lambda scope: reviews.approve_task(scope, None, task.id))
    assert (await team.task(task.id)).reviewer == "human"


async def test_a_judge_without_anything_to_judge_is_told_to_wait(team: SmallTeam) -> None:
    with pytest.raises(NothingToDo, match="wait"):
        await team.do(lambda scope: reviews.take_review(scope, team["judge"], None))


async def test_a_review_that_is_taken_again_by_its_judge_stays_as_it_is(team: SmallTeam) -> None:
    await handed_in(team)
    first = await team.do(lambda scope: reviews.take_review(scope, team["judge"], None))
    assert await team.do(lambda scope: reviews.take_review(scope, team["judge"], None)) == first


async def submitted(team: SmallTeam, **wanted: Any) -> Task:
    task = await team.add_task(**({"review": True} | wanted))
    return await team.finish("worker-1", await team.claim("worker-1", task.id))


async def spawned(team: SmallTeam, name: str, by: str) -> None:
    def mark(scope: Scope) -> None:
        scope.tx.record("agent.enrolled", replace(scope.agent(name), spawned_by=by), actor="supervisor")

    await team.do(mark)


async def test_nobody_judges_the_work_of_its_own_line(team: SmallTeam) -> None:
    await spawned(team, "voter-1", "worker-1")
    await spawned(team, "judge", "voter-1")
    task = await submitted(team)
    for name in ("judge", "voter-1"):
        with pytest.raises(Forbidden, match="is of your own line"):
            await team.do(partial(reviews.take_review, actor=team[name], spelled=task.id))
        assert await team.do(partial(reviews.next_review, actor=team[name])) is None
    taken = await team.do(lambda scope: reviews.take_review(scope, team["voter-2"], None))
    assert taken.reviewer == "voter-2"


async def test_a_line_that_goes_in_circles_is_followed_only_so_far(team: SmallTeam) -> None:
    await spawned(team, "worker-1", "worker-2")
    await spawned(team, "worker-2", "worker-1")
    assert await team.do(lambda scope: reviews.lineage(scope, "worker-1")) == "worker-1"


async def test_several_approvals_are_counted_and_one_judge_counts_once(team: SmallTeam) -> None:
    task = await submitted(team, approvals_needed=2)
    first = await team.do(lambda scope: reviews.approve_task(scope, team["judge"], task.id))
    assert (first.state, first.approved_by, first.reviewer) == (TaskState.IN_REVIEW, ("judge",), None)
    with pytest.raises(Forbidden, match="approved task T1 already"):
        await team.do(lambda scope: reviews.approve_task(scope, team["judge"], task.id))
    done = await team.do(lambda scope: reviews.approve_task(scope, team["voter-1"], task.id))
    assert (done.state, done.approved_by) == (TaskState.DONE, ("judge", "voter-1"))


async def test_a_human_gate_is_passed_by_a_person_alone(team: SmallTeam) -> None:
    task = await submitted(team, gate="human", approvals_needed=3)
    with pytest.raises(Forbidden, match="for a person to approve"):
        await team.do(lambda scope: reviews.approve_task(scope, team["judge"], task.id))
    done = await team.do(lambda scope: reviews.approve_task(scope, None, task.id))
    assert (done.state, done.reviewer) == (TaskState.DONE, "human")


async def test_criteria_are_verified_all_or_not_at_all(team: SmallTeam) -> None:
    task = await submitted(team, criteria=("it runs", "it is tested"))
    with pytest.raises(WrongState, match=r"did not verify: 2\. it is tested"):
        await team.do(lambda scope: reviews.approve_task(scope, team["judge"], task.id, verified=(1,)))
    with pytest.raises(InvalidArgument, match="no number 3"):
        await team.do(lambda scope: reviews.approve_task(scope, team["judge"], task.id, verified=(1, 2, 3)))
    done = await team.do(lambda scope: reviews.approve_task(scope, team["judge"], task.id, verified=(2, 1)))
    assert done.state is TaskState.DONE


async def test_a_rejection_lists_issues_that_the_next_attempt_sees(team: SmallTeam) -> None:
    task = await submitted(team)
    with pytest.raises(InvalidArgument, match="at most 50 issues"):
        await team.do(
            lambda scope: reviews.reject_task(scope, team["judge"], task.id, "no", issues=("x",) * 51)
        )
    back = await team.do(
        lambda scope: reviews.reject_task(scope, team["judge"], task.id, "no", issues=("no test", "no docs"))
    )
    assert (back.state, back.issues, back.assignee) == (
        TaskState.PENDING,
        ("no test", "no docs"),
        "worker-1",
    )


async def test_work_of_an_author_set_aside_goes_back_to_everybody(team: SmallTeam) -> None:
    task = await submitted(team)
    await team.do(lambda scope: ending.set_aside(scope, "worker-1", reason="odd"))
    back = await team.do(lambda scope: reviews.reject_task(scope, None, task.id, "no"))
    assert (back.state, back.assignee) == (TaskState.PENDING, None)


async def test_a_review_lease_is_renewed_by_life_and_runs_out_in_silence(team: SmallTeam) -> None:
    task = await submitted(team)
    await team.do(lambda scope: reviews.take_review(scope, team["judge"], task.id))
    await team.clock.advance(500)
    now = team.clock.now()
    await team.do(lambda scope: upkeep.tick(scope, {"judge": now}))
    assert (await team.task(task.id)).review_until == now + 900
    with pytest.raises(AlreadyClaimed) as taken:
        await team.do(lambda scope: reviews.take_review(scope, team["voter-1"], task.id))
    assert taken.value.details == {"holder": "judge", "lease_until": now + 900}
    await team.clock.advance(899)
    await team.do(lambda scope: upkeep.tick(scope, {}))
    assert (await team.task(task.id)).reviewer == "judge"
    await team.clock.advance(1)
    await team.do(lambda scope: upkeep.tick(scope, {}))
    assert (await team.task(task.id)).reviewer is None
