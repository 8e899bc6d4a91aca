"""Handing in, judging, sending back."""

from __future__ import annotations

from functools import partial

import pytest

from supervisor.coordinator import reviews
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
