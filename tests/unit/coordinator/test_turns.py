"""Turns as they are stored: begun with what they are about, ended once, and resumed by the next life."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from supervisor.coordinator import memory, messages, steering, turns
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.turns import MAIL_BYTES, Asked, Begun, Ended, Then
from supervisor.errors import Unauthenticated
from supervisor.model.agent import AgentState
from supervisor.model.message import MESSAGE_MAX
from supervisor.model.task import BlockReason, TaskState
from supervisor.model.turn import Turn, TurnKind, turn_id, turn_number
from supervisor.testing.small_team import SmallTeam

WELL = Ended(ok=True, reason="done", final_text="finished", session="s1")
LOST = Ended(ok=False, reason="lost", session="s1")


async def begin(team: SmallTeam, name: str, asked: Asked | None = None, session: str = "") -> Begun | None:
    begun: Begun | None = await team.do(
        lambda scope: turns.begin(scope, team[name], pool="p", session=session, asked=asked or Asked())
    )
    return begun


async def end(team: SmallTeam, begun: Begun | None, ended: Ended = WELL, then: Then = Then.ASK) -> Turn:
    assert begun is not None
    over: Turn = await team.do(
        lambda scope: turns.end(scope, team[begun.turn.agent], begun.turn, ended, then)
    )
    return over


def test_ids_of_turns_are_spelled_and_read() -> None:
    assert turn_number(turn_id(9)) == 9


async def test_whoever_s_life_is_over_begins_nothing(team: SmallTeam) -> None:
    old = team["worker-1"]
    await team.crash("worker-1")
    with pytest.raises(Unauthenticated):
        await team.do(lambda scope: turns.begin(scope, old, pool="p", session="", asked=Asked()))


@pytest.mark.parametrize("state", [AgentState.PAUSED, AgentState.DRAINING, AgentState.STOPPING])
async def test_agents_that_are_paused_or_leaving_begin_nothing(team: SmallTeam, state: AgentState) -> None:
    await team.add_task()
    await team.news("worker-1", state, incarnation=team["worker-1"].incarnation)
    assert await begin(team, "worker-1") is None


async def test_an_agent_that_is_drained_is_still_asked_about_what_it_holds(team: SmallTeam) -> None:
    task = await team.add_task()
    await team.claim("worker-1", task.id)
    await team.news("worker-1", AgentState.DRAINING, incarnation=team["worker-1"].incarnation)
    begun = await begin(team, "worker-1")
    assert begun is not None
    assert (begun.turn.kind, begun.turn.task) == (TurnKind.REPORT, task.id)


async def test_work_comes_before_reviews_and_both_before_mail(team: SmallTeam) -> None:
    handed_in = await team.add_task("judge me", review=True)
    await team.finish("worker-1", await team.claim("worker-1", handed_in.id))
    await team.do(lambda scope: messages.send(scope, None, to="solo", body="hello"))
    work = await team.add_task("do me")
    first = await begin(team, "solo")
    assert first is not None
    assert (first.turn.kind, first.turn.task) == (TurnKind.TASK, work.id)
    assert [message.body for message, _ in first.mail] == ["hello"]
    await team.do(lambda scope: steering.cancel_task(scope, None, work.id, "no"))
    second = await begin(team, "solo")
    assert second is not None
    assert (second.turn.kind, second.turn.task) == (TurnKind.REVIEW, handed_in.id)


async def test_an_agent_with_nothing_to_do_begins_nothing(team: SmallTeam) -> None:
    assert [await begin(team, name) for name in ("worker-1", "judge", "planner")] == [None] * 3


async def test_one_prompt_carries_so_much_mail_and_says_how_much_is_left(team: SmallTeam) -> None:
    for _ in range(5):
        await team.do(lambda scope: messages.send(scope, None, to="judge", body="x" * MESSAGE_MAX))
    begun = await begin(team, "judge")
    assert begun is not None
    assert (len(begun.mail), begun.mail_left) == (MAIL_BYTES // MESSAGE_MAX, 2)


async def test_a_turn_carries_what_is_remembered_for_its_task_its_agent_and_the_team(
    team: SmallTeam,
) -> None:
    task = await team.add_task()
    for where in ("team", "agent:worker-1", f"task:{task.id}"):
        await team.do(partial(memory.remember, actor=team["worker-1"], key="k", value=where, where=where))
    begun = await begin(team, "worker-1")
    assert begun is not None
    assert [entry.value for entry in begun.memory] == [f"task:{task.id}", "agent:worker-1", "team"]


async def test_what_a_turn_used_is_kept_with_it(team: SmallTeam) -> None:
    await team.add_task()
    counts = {"input_tokens": 5, "output_tokens": 2, "cached_tokens": 3}
    over = await end(team, await begin(team, "worker-1"), replace(WELL, counts=counts, cost_usd=0.1))
    assert (over.tokens, over.reasoning_tokens, over.cost_usd) == (10, None, 0.1)


@pytest.mark.parametrize(
    ("then", "state", "blocked"),
    [
        (Then.ASK, TaskState.IN_PROGRESS, ()),
        (Then.GO_ON, TaskState.IN_PROGRESS, ()),
        (Then.LEAVE, TaskState.IN_PROGRESS, ()),
        (Then.GIVE_BACK, TaskState.PENDING, ()),
        (Then.FAIL, TaskState.BLOCKED, (BlockReason.BACKOFF,)),
        (Then.HELP, TaskState.BLOCKED, (BlockReason.NEEDS_HUMAN,)),
    ],
)
async def test_what_becomes_of_work_at_a_turn_s_end(
    team: SmallTeam, then: Then, state: TaskState, blocked: tuple[BlockReason, ...]
) -> None:
    task = await team.add_task()
    await end(team, await begin(team, "worker-1"), then=then)
    left = await team.task(task.id)
    assert (left.state, left.blocked_by) == (state, blocked)


async def test_a_review_that_comes_to_nothing_is_given_back(team: SmallTeam) -> None:
    task = await team.add_task(review=True)
    await team.finish("worker-1", await team.claim("worker-1", task.id))
    await end(team, await begin(team, "judge"), then=Then.FAIL)
    assert (await team.task(task.id)).reviewer is None


async def test_the_end_of_a_turn_touches_nothing_that_is_another_s_now(team: SmallTeam) -> None:
    task = await team.add_task()
    begun = await begin(team, "worker-1")
    await team.crash("worker-1")
    await team.start("worker-1")
    await team.claim("worker-2", task.id)
    await end(team, begun, then=Then.FAIL)
    left = await team.task(task.id)
    assert (left.holder, left.failures) == ("worker-2", 1)


async def test_a_task_that_ended_by_its_own_report_is_left_alone(team: SmallTeam) -> None:
    await team.add_task()
    begun = await begin(team, "worker-1")
    assert begun is not None
    assert begun.claim is not None
    await team.finish("worker-1", begun.claim)
    await end(team, begun, then=Then.FAIL)
    assert (await team.task(begun.claim.task.id)).state is TaskState.DONE


async def test_an_agent_that_goes_on_has_a_turn_about_the_same_holding(team: SmallTeam) -> None:
    task = await team.add_task()
    await end(team, await begin(team, "worker-1"))
    mark = turns.mark_of(await team.task(task.id))
    begun = await begin(team, "worker-1", Asked(again=frozenset({mark}), reported=frozenset({mark})))
    assert begun is not None
    assert (begun.turn.kind, begun.resumed) == (TurnKind.TASK, True)


async def test_a_judge_that_goes_on_has_a_review_again(team: SmallTeam) -> None:
    task = await team.add_task(review=True)
    await team.finish("worker-1", await team.claim("worker-1", task.id))
    await end(team, await begin(team, "judge"))
    mark = turns.mark_of(await team.task(task.id))
    begun = await begin(team, "judge", Asked(again=frozenset({mark})))
    assert begun is not None
    assert (begun.turn.kind, begun.resumed) == (TurnKind.REVIEW, True)


async def test_a_person_is_called_even_if_the_agent_wrote_nothing(team: SmallTeam) -> None:
    task = await team.add_task()
    await end(team, await begin(team, "worker-1"), replace(WELL, final_text=""))
    mark = turns.mark_of(await team.task(task.id))
    assert await begin(team, "worker-1", Asked(reported=frozenset({mark}))) is None
    assert (await team.task(task.id)).blocked_by == (BlockReason.NEEDS_HUMAN,)


# ---------------------------------------------------------------- the next life


async def resumed(team: SmallTeam, *, keeps: bool = False) -> str:
    found: str = await team.coordinator.read(
        lambda scope: turns.session_to_resume(scope, "worker-1", keeps=keeps)
    )
    return found


async def test_there_is_nothing_to_resume_before_the_first_turn(team: SmallTeam) -> None:
    assert await resumed(team) == await resumed(team, keeps=True) == ""


async def test_a_conversation_that_was_cut_off_is_gone_on_with_as_long_as_its_task_is_open(
    team: SmallTeam,
) -> None:
    task = await team.add_task()
    begun = await begin(team, "worker-1", session="s0")
    assert await resumed(team) == "s0"
    await end(team, begun, LOST, Then.LEAVE)
    assert await resumed(team) == "s1"
    await team.do(lambda scope: steering.cancel_task(scope, None, task.id, "no"))
    assert await resumed(team) == ""
    assert await resumed(team, keeps=True) == "s1"


async def test_a_conversation_that_ended_well_is_not_gone_on_with(team: SmallTeam) -> None:
    await team.add_task()
    await end(team, await begin(team, "worker-1"))
    assert await resumed(team) == ""


async def test_a_conversation_about_mail_is_not_gone_on_with(team: SmallTeam) -> None:
    await team.do(lambda scope: messages.send(scope, None, to="worker-1", body="hello"))
    await end(team, await begin(team, "worker-1"), LOST, Then.LEAVE)
    assert await resumed(team) == ""


async def test_conversations_of_earlier_runs_are_over(team: SmallTeam) -> None:
    await team.add_task()
    await end(team, await begin(team, "worker-1"), LOST, Then.LEAVE)

    def in_another_run(scope: Scope) -> str:
        scope.tx.run += 1
        return turns.session_to_resume(scope, "worker-1", keeps=True)

    assert await team.coordinator.read(in_another_run) == ""


async def test_the_conversation_that_a_turn_turned_out_to_be_in_is_kept_while_it_runs(
    team: SmallTeam,
) -> None:
    await team.add_task()
    begun = await begin(team, "worker-1", session="old")
    assert begun is not None
    for _ in range(2):
        await team.do(partial(turns.name_session, turn=begun.turn, session="new"))
    assert await resumed(team) == "new"
    await end(team, begun, replace(LOST, session="new"), Then.LEAVE)
    late: Turn = await team.do(partial(turns.name_session, turn=begun.turn, session="late"))
    assert late.session == "new"
    assert [event.kind for event in await team.events() if event.kind == "turn.named"] == ["turn.named"]


async def test_an_agent_works_as_long_as_its_turn_lasts_whatever_it_is_about(team: SmallTeam) -> None:
    async def state() -> AgentState:
        return (await team.coordinator.read(lambda scope: scope.agent("judge"))).state

    await team.do(lambda scope: messages.send(scope, None, to="judge", body="hello"))
    begun = await begin(team, "judge")
    assert await state() is AgentState.WORKING
    await end(team, begun)
    assert await state() is AgentState.IDLE


async def test_what_is_given_back_leaves_a_handoff(team: SmallTeam) -> None:
    task = await team.add_task()
    await end(team, await begin(team, "worker-1"), then=Then.GIVE_BACK)
    handoffs = [event for event in await team.events() if event.kind == "handoff.automatic"]
    assert [event.after["task"] for event in handoffs] == [task.id]
