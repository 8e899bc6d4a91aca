"""Checks between the hand-in and its end: who waits for them, and what follows from what they said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import (
    cycles,
    ending,
    evidence,
    explaining,
    planning,
    plans,
    reviews,
    runs,
    steering,
    views,
    waiting,
)
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.plans import NewPlan
from supervisor.errors import Forbidden, InvalidArgument, NothingToDo, TooLarge, WrongState
from supervisor.model import transitions
from supervisor.model.agent import AgentState
from supervisor.model.approval import Mode
from supervisor.model.evidence import TAIL_MAX, Check, Evidence
from supervisor.model.task import BlockReason, Task, TaskState
from supervisor.model.transitions import checked_move
from supervisor.testing.small_team import SmallTeam, small_team

LINT = Check(name="lint", argv=("ruff", "check"))
TESTS = Check(name="tests", argv=("pytest", "-q"), timeout_s=60)


async def handed_in(team: SmallTeam, *checks: Check, **wanted: Any) -> Task:
    task = await team.add_task(checks=checks or (TESTS,), **wanted)
    return await team.finish("worker-1", await team.claim("worker-1", task.id))


def said(task: Task, check: Check = TESTS, **how: Any) -> Evidence:
    how = how or {"exit_code": 0}
    told = Evidence(
        task=task.id, token=task.token, check=check.name, argv=check.argv, started_at=1.0, duration_s=2.0
    )
    return replace(told, **how)


async def take(team: SmallTeam, told: Evidence) -> Task | None:
    taken: Task | None = await team.do(lambda scope: evidence.take(scope, told))
    return taken


async def test_work_with_checks_is_done_only_when_all_of_them_have_passed(team: SmallTeam) -> None:
    task = await handed_in(team, LINT, TESTS)
    after = await team.add_task(depends_on=(task.id,))
    assert (task.state, task.is_verifying, task.finished_at) == (TaskState.IN_REVIEW, True, None)
    half = await take(team, said(task, LINT))
    assert half is not None
    assert (half.state, half.is_verifying) == (TaskState.IN_REVIEW, True)
    done = await take(team, said(task, TESTS))
    assert done is not None
    assert (done.state, done.verified, done.finished_at) == (TaskState.DONE, task.token, team.clock.now())
    assert (await team.task(after.id)).state is TaskState.PENDING
    assert [each.kind for each in await team.events()][-3:] == [
        "evidence.recorded",
        "task.verified",
        "task.ready",
    ]


async def test_only_what_is_verifying_is_awaited(team: SmallTeam) -> None:
    assert not await team.do(evidence.is_awaited)
    task = await handed_in(team)
    await team.finish("worker-2", await team.claim("worker-2", (await team.add_task(review=True)).id))
    assert await team.do(evidence.is_awaited)
    assert [each.id for each in await team.do(evidence.awaited)] == [task.id]
    await take(team, said(task))
    assert await team.do(evidence.awaited) == ()


async def test_nobody_can_judge_before_the_checks_have_passed(team: SmallTeam) -> None:
    task = await handed_in(team, review=True)
    judge = team["judge"]
    with pytest.raises(NothingToDo):
        await team.do(lambda scope: reviews.take_review(scope, judge, None))
    for act in (
        lambda scope: reviews.take_review(scope, judge, task.id),
        lambda scope: reviews.approve_task(scope, judge, task.id),
        lambda scope: reviews.reject_task(scope, judge, task.id, "no"),
    ):
        with pytest.raises(WrongState, match="the checks of task T1 have not passed yet"):
            await team.do(act)
    with pytest.raises(WrongState, match="done only when its checks have passed: tests"):
        await team.do(lambda scope: reviews.approve_task(scope, None, task.id))
    assert not await team.do(lambda scope: waiting.true_now(scope, judge, ("review",)))
    passed = await take(team, said(task))
    assert passed is not None
    assert (passed.state, passed.is_verifying) == (TaskState.IN_REVIEW, False)
    assert await team.do(lambda scope: waiting.true_now(scope, judge, ("review",))) == ("review",)
    done = await team.do(lambda scope: reviews.approve_task(scope, judge, task.id))
    assert done.state is TaskState.DONE


async def test_a_human_gate_opens_only_after_the_checks(team: SmallTeam) -> None:
    task = await handed_in(team, review=True, gate="human")
    with pytest.raises(WrongState, match="done only when its checks have passed"):
        await team.do(lambda scope: reviews.approve_task(scope, None, task.id))
    await take(team, said(task))
    done = await team.do(lambda scope: reviews.approve_task(scope, None, task.id))
    assert done.state is TaskState.DONE


async def approve_unchecked(directory: Path) -> None:
    """Let a person approve before the checks; leaving the team judges its log."""
    async with small_team(directory) as team:
        task = await handed_in(team, review=True)
        await team.do(lambda scope: reviews.approve_task(scope, None, task.id))


async def test_canary_a_coordinator_that_lets_a_judge_approve_unchecked_work_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lenient(task: Task, to: TaskState) -> None:
        if to not in transitions.TASK_MOVES[task.state]:
            raise WrongState

    monkeypatch.setattr(reviews, "checked_move", lenient)
    with pytest.raises(AssertionError, match="it is done, and its check `tests` did not pass"):
        await approve_unchecked(tmp_path)


async def test_a_failed_check_brings_the_work_back_to_its_author_without_a_review_round(
    team: SmallTeam,
) -> None:
    task = await handed_in(team, LINT, TESTS, review=True)
    back = await take(team, said(task, LINT, exit_code=1, tail="line 3: too long\n"))
    assert back is not None
    assert (back.state, back.assignee) == (TaskState.PENDING, "worker-1")
    assert (back.check_failures, back.review_round, back.failures) == (1, 0, 0)
    assert back.feedback == "check `lint` failed: exit code 1\n\nline 3: too long"
    again = await team.claim("worker-1")
    assert again.task.feedback == back.feedback
    second = await team.finish("worker-1", again)
    assert second.is_verifying
    await take(team, said(second, LINT))
    passed = await take(team, said(second, TESTS))
    assert passed is not None
    assert (passed.check_failures, passed.is_verifying) == (0, False)


async def test_a_check_without_output_says_how_it_ended(team: SmallTeam) -> None:
    back = await take(team, said(await handed_in(team), signal=11))
    assert back is not None
    assert back.feedback == "check `tests` was killed by signal 11"


async def test_after_three_failures_a_person_decides_and_then_counting_begins_anew(team: SmallTeam) -> None:
    task = await handed_in(team)
    for _ in range(2):
        await take(team, said(task, exit_code=1))
        task = await team.finish("worker-1", await team.claim("worker-1", task.id))
    stuck = await take(team, said(task, exit_code=1))
    assert stuck is not None
    assert (stuck.state, stuck.blocked_by) == (TaskState.BLOCKED, (BlockReason.NEEDS_HUMAN,))
    assert stuck.block_note == "its checks failed 3 times; a person has to decide"
    free = await team.do(lambda scope: steering.unblock(scope, task.id, actor="human"))
    assert (free.state, free.check_failures) == (TaskState.PENDING, 0)


async def test_an_author_that_is_gone_or_set_aside_does_not_get_it_back(team: SmallTeam) -> None:
    first = await handed_in(team)
    await team.crash("worker-1", to=AgentState.PARKED)
    back = await take(team, said(first, exit_code=1))
    assert back is not None
    assert back.assignee is None
    task = await team.add_task(checks=(TESTS,))
    second = await team.finish("worker-2", await team.claim("worker-2", task.id))
    await team.do(lambda scope: ending.set_aside(scope, "worker-2", reason="strange"))
    back = await take(team, said(second, exit_code=1))
    assert back is not None
    assert back.assignee is None


async def test_what_comes_too_late_changes_nothing(team: SmallTeam) -> None:
    task = await handed_in(team)
    await team.do(lambda scope: steering.cancel_task(scope, None, task.id, "not wanted"))
    assert await take(team, said(task)) is None
    other = await handed_in(team)
    assert await take(team, replace(said(other), token=other.token - 1)) is None
    assert "evidence.recorded" not in {each.kind for each in await team.events()}


async def test_evidence_must_fit_its_task_and_its_bounds(team: SmallTeam) -> None:
    task = await handed_in(team)
    with pytest.raises(InvalidArgument, match="has no check `lint`"):
        await take(team, said(task, LINT))
    with pytest.raises(TooLarge, match="at most 16384 bytes"):
        await take(team, replace(said(task), tail="x" * (TAIL_MAX + 1)))


async def test_feedback_keeps_the_end_of_a_long_output(team: SmallTeam) -> None:
    back = await take(team, said(await handed_in(team), exit_code=1, tail="é" * (TAIL_MAX // 2 - 4) + "END"))
    assert back is not None
    assert back.feedback.startswith("check `tests` failed: exit code 1\n\né")
    assert back.feedback.endswith("éEND")
    assert len(back.feedback.encode()) <= 8 * 1024


async def test_checks_that_are_run_again_replace_what_they_said(team: SmallTeam) -> None:
    task = await handed_in(team, LINT, TESTS)
    await take(team, said(task, LINT))
    await take(team, replace(said(task, LINT), started_at=9.0))
    await take(team, replace(said(task, TESTS), started_at=10.0))
    told = await team.do(lambda scope: evidence.of_newest(scope, task))
    assert [(each.check, each.started_at) for each in told] == [("lint", 9.0), ("tests", 10.0)]
    page = await team.do(lambda scope: views.task_page(scope, task.id))
    assert [each["check"] for each in page["evidence"]] == ["lint", "tests"]
    world = await team.store.read(views.whole_world)
    assert world.evidence_of(await team.task(task.id)) == told
    assert world.evidence_of(await team.add_task()) == ()
    tables = await team.store.read(lambda tx: views.run_tables(tx, 1))
    assert [each["check"] for each in tables["evidence"]] == ["lint", "tests"]


async def test_a_task_that_is_reopened_has_to_pass_again(team: SmallTeam) -> None:
    task = await handed_in(team)
    await take(team, said(task))
    await team.do(lambda scope: steering.reopen_task(scope, None, task.id, "it broke"))
    again = await team.finish("worker-1", await team.claim("worker-1", task.id))
    assert again.is_verifying
    with pytest.raises(WrongState):
        checked_move(again, TaskState.DONE)


async def test_a_person_may_send_unchecked_work_back(team: SmallTeam) -> None:
    task = await handed_in(team)
    back = await team.do(lambda scope: reviews.reject_task(scope, None, task.id, "wrong approach"))
    assert (back.state, back.is_verifying) == (TaskState.PENDING, False)


async def test_why_says_that_the_checks_run(team: SmallTeam) -> None:
    task = await handed_in(team, LINT, TESTS, review=True)
    told = await team.do(lambda scope: explaining.why(scope, task.id))
    assert "its checks run: lint, tests" in str(told)
    await take(team, said(task, LINT))
    await take(team, said(task, TESTS))
    told = await team.do(lambda scope: explaining.why(scope, task.id))
    assert "waits for a judge" in str(told)


async def test_a_run_is_not_over_while_checks_run_though_nobody_can_judge(tmp_path: Path) -> None:
    async with small_team(tmp_path, mode=Mode.HEADLESS, starts=("worker-1",)) as team:
        task: Task = await team.do(
            lambda scope: planning.create_task(scope, None, NewTask(title="a", checks=(TESTS,)))
        )
        task = await team.finish("worker-1", await team.claim("worker-1", task.id))
        await team.crash("worker-1", to=AgentState.PARKED)
        assert await team.do(lambda scope: runs._something_moves(scope, {TaskState.IN_REVIEW: 1}))
        await take(team, said(task))
        standing = await team.do(runs.standing)
        assert not standing.failed


@pytest.mark.parametrize(
    ("checks", "problem"),
    [
        ((Check(name="Tests!", argv=("a",)),), "check `Tests!` must match"),
        ((TESTS, TESTS), "two checks have the name `tests`"),
        (tuple(Check(name=f"c{n}", argv=("a",)) for n in range(21)), "at most 20 checks, not 21"),
        ((Check(name="c", argv=()),), "check `c` needs a command"),
        ((Check(name="c", argv=(" ", "x")),), "check `c` needs a command"),
        ((Check(name="c", argv=("a",) * 201),), "has over 200 parts"),
        ((Check(name="c", argv=("a\0b",)),), "contains a NUL"),
        ((Check(name="c", argv=("a",), timeout_s=0),), "timeout_s 0 of check `c` is not between 0 and 3600"),
        ((Check(name="c", argv=("a",), timeout_s=3601),), "is not between 0 and 3600"),
        ((Check(name="c", argv=("a",), timeout_s=float("nan")),), "is not between 0 and 3600"),
    ],
)
async def test_checks_are_well_formed_or_refused(
    team: SmallTeam, checks: tuple[Check, ...], problem: str
) -> None:
    with pytest.raises(InvalidArgument, match=problem):
        await team.add_task(checks=checks)


async def test_a_command_that_is_too_long_is_refused(team: SmallTeam) -> None:
    with pytest.raises(TooLarge, match="the command of check `c` has"):
        await team.add_task(checks=(Check(name="c", argv=("a" * 9000, "b" * 9000)),))


async def test_a_worker_sets_no_checks_not_even_of_its_subtasks(team: SmallTeam) -> None:
    parent = await team.add_task(checks=(TESTS,))
    await team.claim("worker-1", parent.id)
    wanted = NewTask(title="part", parent=parent.id, checks=(TESTS,))
    with pytest.raises(Forbidden, match="a worker may not set checks"):
        await team.do(lambda scope: planning.create_task(scope, team["worker-1"], wanted))
    with pytest.raises(Forbidden):
        await team.do(
            lambda scope: steering.update_task(scope, team["worker-1"], parent.id, steering.Edit(checks=()))
        )


async def test_planners_change_checks_but_not_under_review(team: SmallTeam) -> None:
    task = await team.add_task(checks=(TESTS,))
    planner = team["planner"]
    edited = await team.do(
        lambda scope: steering.update_task(scope, planner, task.id, steering.Edit(checks=(LINT,)))
    )
    assert edited.checks == (LINT,)
    await team.finish("worker-1", await team.claim("worker-1", task.id))
    with pytest.raises(WrongState, match="is in review; its checks can be changed"):
        await team.do(lambda scope: steering.update_task(scope, planner, task.id, steering.Edit(checks=())))


async def test_a_plan_that_is_pushed_again_brings_its_checks(team: SmallTeam) -> None:
    plan = NewPlan(name="p", key="p", tasks=(NewTask(title="a", key="a", checks=(TESTS,)),))
    await team.do(lambda scope: plans.create_plan(scope, None, plan))
    same = await team.do(lambda scope: plans.push_plan(scope, None, plan))
    assert same.unchanged == {"a": "T1"}
    changed = replace(plan, tasks=(NewTask(title="a", key="a", checks=(TESTS, LINT)),))
    pushed = await team.do(lambda scope: plans.push_plan(scope, None, changed))
    assert pushed.updated == {"a": "T1"}
    assert (await team.task("T1")).checks == (TESTS, LINT)


async def test_each_cycle_of_a_loop_has_the_checks(team: SmallTeam) -> None:
    loop = NewPlan(name="l", kind="loop", max_cycles=2, tasks=(NewTask(title="a", key="a", checks=(TESTS,)),))
    await team.do(lambda scope: plans.create_plan(scope, None, loop))
    task = await team.finish("worker-1", await team.claim("worker-1", "T1"))
    await take(team, said(task))
    await team.do(cycles.begin_due_cycles)
    assert (await team.task("T2")).checks == (TESTS,)


async def test_work_that_nobody_did_goes_back_to_nobody(team: SmallTeam) -> None:
    task = await handed_in(team)
    there = await team.do(lambda scope: evidence.author_if_there(scope, replace(task, author=None)))
    assert there is None
