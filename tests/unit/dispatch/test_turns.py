"""Turns: who gets one, what it is about, and what becomes of the work when it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from supervisor.adapters.events import TurnReason
from supervisor.coordinator import messages, reviews, steering, work
from supervisor.model.task import BlockReason, TaskState
from supervisor.model.turn import TurnKind, TurnState
from tests.unit.dispatch.turn_stage import Stage, turn_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with turn_stage(tmp_path) as running:
        yield running


async def test_an_idle_agent_gets_a_task_is_prompted_and_then_gets_the_next(stage: Stage) -> None:
    first = await stage.team.add_task("count the files", description="all of them")
    worker = stage.enter("worker-1")

    prompt = await stage.prompted(worker)
    claimed = await stage.team.task(first.id)
    assert (claimed.state, claimed.holder) == (TaskState.IN_PROGRESS, "worker-1")
    assert "count the files" in prompt
    assert "all of them" in prompt
    assert f'`task_id` "{first.id}", `token` {claimed.token}' in prompt

    second = await stage.team.add_task("count them again")
    await stage.complete(worker, first.id, "12 files")
    stage.end(worker, "I counted 12 files.")

    assert second.id in await stage.prompted(worker, 2)
    turn, following = await stage.turns()
    assert (turn.kind, turn.task, turn.state, turn.ok) == (TurnKind.TASK, first.id, TurnState.ENDED, True)
    assert (turn.final_text, turn.session) == ("I counted 12 files.", "s-worker-1")
    assert (following.task, following.state) == (second.id, TurnState.RUNNING)
    assert [fresh for _, fresh in worker.prompts] == [False, True]


async def test_an_agent_without_work_is_never_prompted(stage: Stage) -> None:
    worker, judge = stage.enter("worker-1"), stage.enter("judge")
    await stage.rest()
    await stage.team.add_task("for somebody else", required_role="solo")
    await stage.team.clock.advance(3600)

    assert worker.prompts == judge.prompts == []
    assert await stage.turns() == []


async def test_work_that_comes_wakes_one_agent_only(stage: Stage) -> None:
    partners = [stage.enter("worker-1"), stage.enter("worker-2")]
    await stage.rest()
    await stage.team.add_task("for one")
    await stage.rest()

    assert sum(len(partner.prompts) for partner in partners) == 1


async def test_a_turn_that_ends_without_a_report_is_asked_about_once_and_then_a_person_is(
    stage: Stage,
) -> None:
    task = await stage.team.add_task("say something")
    worker = stage.enter("worker-1")
    await stage.prompted(worker)
    stage.end(worker, "I think that it is finished.")

    asked = await stage.prompted(worker, 2)
    assert "is still yours" in asked
    assert "I think that it is finished." in asked
    stage.end(worker, "As I said.")

    blocked = await stage.until_task(task.id, lambda found: found.state is TaskState.BLOCKED)
    assert blocked.blocked_by == (BlockReason.NEEDS_HUMAN,)
    notes = await stage.team.coordinator.read(lambda scope: work.claim_details(scope, blocked).notes)
    assert "As I said." in notes[-1].body
    assert [turn.kind for turn in await stage.turns()] == [TurnKind.TASK, TurnKind.REPORT]
    await stage.rest()
    assert len(worker.prompts) == 2


async def test_who_reports_when_asked_goes_on(stage: Stage) -> None:
    task = await stage.team.add_task("say something")
    worker = stage.enter("worker-1")
    await stage.prompted(worker)
    stage.end(worker, "finished")
    await stage.prompted(worker, 2)
    await stage.complete(worker, task.id)
    stage.end(worker)

    await stage.until_task(task.id, lambda found: found.state is TaskState.DONE)
    assert len(await stage.ended_turns(2)) == 2


async def test_judges_are_given_what_was_handed_in(stage: Stage) -> None:
    task = await stage.team.add_task("write it", review=True, criteria=("it rhymes",))
    claim = await stage.team.claim("worker-2", task.id)
    await stage.team.finish("worker-2", claim, "roses are red")
    judge = stage.enter("judge")

    prompt = await stage.prompted(judge)
    assert "roses are red" in prompt
    assert "1. it rhymes" in prompt
    assert "task_approve" in prompt
    assert (await stage.team.task(task.id)).reviewer == "judge"


async def test_a_judge_that_gives_no_verdict_is_asked_once_and_never_again(stage: Stage) -> None:
    task = await stage.team.add_task("write it", review=True)
    await stage.team.finish("worker-2", await stage.team.claim("worker-2", task.id), "roses")
    judge = stage.enter("judge")
    for count in (1, 2):
        await stage.prompted(judge, count)
        stage.end(judge, "hm")

    await stage.until_task(task.id, lambda found: found.reviewer is None)
    await stage.rest()
    assert len(judge.prompts) == 2


async def test_mail_wakes_an_idle_agent_once_for_all_of_it_and_counts_as_read(stage: Stage) -> None:
    planner = stage.enter("planner")
    await stage.rest()

    def post(scope: object) -> None:
        for body in ("first things", "second things"):
            messages.send(scope, None, to="planner", body=body)  # type: ignore[arg-type]

    await stage.team.do(post)
    prompt = await stage.prompted(planner)
    assert "first things" in prompt
    assert "second things" in prompt
    stage.end(planner)
    await stage.ended_turns(1)
    await stage.team.clock.advance(3600)
    assert len(planner.prompts) == 1


async def test_mail_of_a_turn_that_failed_comes_again(stage: Stage) -> None:
    planner = stage.enter("planner")
    await stage.team.do(lambda scope: messages.send(scope, None, to="planner", body="a goal"))
    await stage.prompted(planner)
    stage.end(planner, ok=False, reason=TurnReason.ERROR, detail="500")
    await stage.ended_turns(1)
    await stage.team.clock.advance(3600)
    await stage.rest()
    await stage.team.do(lambda scope: messages.send(scope, None, to="planner", body="wake up"))

    assert "a goal" in await stage.prompted(planner, 2)


async def test_urgent_mail_reaches_an_agent_in_its_turn_and_other_mail_waits(stage: Stage) -> None:
    await stage.team.add_task("long work")
    worker = stage.enter("worker-1")
    await stage.prompted(worker)
    await stage.team.do(lambda scope: messages.send(scope, None, to="worker-1", body="no hurry"))
    await stage.team.do(lambda scope: messages.send(scope, None, to="worker-1", body="stop!", urgent=True))

    assert len(worker.injected) == 1
    assert "urgent mail from human" in worker.injected[0]


async def test_a_turn_whose_task_is_cancelled_is_interrupted(stage: Stage) -> None:
    task = await stage.team.add_task("never mind")
    worker = stage.enter("worker-1")
    await stage.prompted(worker)
    await stage.team.do(lambda scope: steering.cancel_task(scope, None, task.id, "not needed"))
    await stage.rest()

    assert worker.interrupts == 1
    stage.end(worker, ok=False, reason=TurnReason.INTERRUPTED)
    (turn,) = await stage.ended_turns(1)
    assert turn.reason == "taken away"
    assert "not needed" in turn.detail


async def test_neither_an_agent_s_own_report_nor_what_others_make_of_it_interrupts(stage: Stage) -> None:
    task = await stage.team.add_task("short", review=True)
    worker = stage.enter("worker-1")
    await stage.prompted(worker)
    await stage.complete(worker, task.id)
    await stage.team.do(lambda scope: reviews.take_review(scope, stage.team["judge"], task.id))
    await stage.team.do(lambda scope: reviews.reject_task(scope, stage.team["judge"], task.id, "more"))
    await stage.rest()

    assert worker.interrupts == 0


@pytest.mark.parametrize(
    ("reason", "state", "blocked"),
    [
        (TurnReason.ERROR, TaskState.BLOCKED, BlockReason.BACKOFF),
        (TurnReason.REFUSED, TaskState.BLOCKED, BlockReason.NEEDS_HUMAN),
    ],
)
async def test_what_a_failed_turn_leaves(
    stage: Stage, reason: TurnReason, state: TaskState, blocked: BlockReason
) -> None:
    task = await stage.team.add_task("try")
    worker = stage.enter("worker-1")
    await stage.prompted(worker)
    stage.end(worker, ok=False, reason=reason, detail="because")

    left = await stage.until_task(task.id, lambda found: found.state is state)
    assert left.blocked_by == (blocked,)
    assert left.failures == (reason is TurnReason.ERROR)


async def test_after_an_error_an_agent_pauses_before_its_next_turn(stage: Stage) -> None:
    await stage.team.add_task("one")
    worker = stage.enter("worker-1")
    await stage.prompted(worker)
    await stage.team.add_task("two")
    stage.end(worker, ok=False, reason=TurnReason.ERROR)
    await stage.ended_turns(1)
    await stage.rest()
    assert len(worker.prompts) == 1

    await stage.team.clock.advance(40)
    await stage.prompted(worker, 2)


async def test_a_prompt_that_the_driver_refuses_is_a_failed_turn(stage: Stage) -> None:
    task = await stage.team.add_task("try")
    stage.enter("worker-1", refuses=True)

    left = await stage.until_task(task.id, lambda found: found.failures == 1)
    assert left.holder is None


async def test_an_agent_that_dies_in_a_turn_ends_it_as_lost(stage: Stage) -> None:
    task = await stage.team.add_task("try")
    worker = stage.enter("worker-1")
    await stage.prompted(worker)
    stage.leave(worker)

    (turn,) = await stage.ended_turns(1)
    assert (turn.ok, turn.reason, turn.cost_unknown) == (False, "lost", True)
    assert (await stage.team.task(task.id)).holder == "worker-1"
    await stage.team.crash("worker-1")
    assert (await stage.team.task(task.id)).state is TaskState.PENDING


async def test_an_agent_that_died_while_its_turn_began_is_told_nothing(stage: Stage) -> None:
    worker = stage.enter("worker-1")
    await stage.rest()
    await stage.team.add_task("try")
    stage.leave(worker)
    await stage.rest()

    assert worker.prompts == []
