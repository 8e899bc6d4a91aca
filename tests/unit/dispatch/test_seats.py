"""One agent's place: when it is ready, what stands in its way, and which conversation it is in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.adapters.driver import Capabilities
from supervisor.adapters.events import (
    CoordinatorLink,
    LoginNeeded,
    RateLimited,
    Started,
    Text,
    ToolEnd,
    ToolStart,
    TurnReason,
    Usage,
)
from supervisor.coordinator import messages, planning, steering, turns
from supervisor.dispatch import seat as seats
from supervisor.dispatch.obstacles import LINK_GRACE_S
from supervisor.errors import DatabaseUnavailable, WrongState
from supervisor.model.agent import ExitClass
from supervisor.model.driving import Drive, SessionScope
from supervisor.model.health import Readiness, ReadyBy
from supervisor.model.task import TaskState
from supervisor.model.turn import TurnKind
from tests.unit.dispatch.turn_stage import ALL, PaperPartner, Stage, turn_stage

DEAF = replace(ALL, inject=False, interrupt=False)
ONE_TALK = replace(ALL, fresh_session=False)
FULL = Usage(input_tokens=1, context_tokens=90, context_window=100)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with turn_stage(tmp_path) as running:
        yield running


async def at_work(stage: Stage, **changes: Any) -> PaperPartner:
    """Give worker-1 a turn about a new task."""
    await stage.team.add_task("work")
    worker = stage.enter("worker-1", **changes)
    await stage.prompted(worker)
    return worker


# ---------------------------------------------------------------- ready


async def test_who_reaches_the_coordinator_is_ready_at_once(stage: Stage) -> None:
    worker = stage.enter("worker-1")
    await stage.rest()
    assert stage.bench.ready_ones == [("worker-1", worker.incarnation)]


async def test_who_says_nothing_of_it_is_ready_after_a_while(stage: Stage) -> None:
    stage.enter("worker-1", linked=False)
    await stage.rest()
    assert stage.bench.ready_ones == []
    await stage.pass_time(2.0)
    assert len(stage.bench.ready_ones) == 1


async def test_who_does_not_reach_the_coordinator_is_not_ready_until_it_does(stage: Stage) -> None:
    worker = stage.enter("worker-1", linked=False)
    stage.tell(worker, CoordinatorLink(connected=False, detail="refused"))
    await stage.pass_time(60)
    assert stage.bench.ready_ones == []
    stage.tell(worker, CoordinatorLink(connected=True))
    await stage.rest()
    assert len(stage.bench.ready_ones) == 1


async def test_who_goes_before_it_was_ready_is_never_ready(stage: Stage) -> None:
    worker = stage.enter("worker-1", linked=False)
    stage.leave(worker)
    await stage.pass_time(60)
    assert stage.bench.ready_ones == []


async def test_a_pool_with_another_sign_of_readiness_is_ready_by_that_alone(stage: Stage) -> None:
    stage.enter("worker-1", pool={"ready": Readiness(by=ReadyBy.LOG, pattern="x")})
    await stage.rest()
    assert stage.bench.ready_ones == []


async def test_agents_that_take_no_prompts_have_no_place(stage: Stage) -> None:
    await stage.team.add_task("work")
    worker = stage.enter("worker-1", capabilities=Capabilities())
    await stage.rest()
    assert worker.prompts == []
    stage.leave(worker)


async def test_an_agent_that_drives_itself_is_prompted_once(stage: Stage) -> None:
    worker = stage.enter("worker-1", pool={"drive": Drive.SELF})
    assert "Call `whoami` first" in await stage.prompted(worker)
    await stage.team.add_task("work")
    stage.end(worker)
    (turn,) = await stage.ended_turns(1)
    assert turn.kind is TurnKind.BEGIN
    await stage.rest()
    assert len(worker.prompts) == 1
    stage.leave(worker)


# ---------------------------------------------------------------- what stands in the way


async def test_an_agent_whose_service_refuses_gets_no_turn_until_it_takes_it_again(stage: Stage) -> None:
    worker = await at_work(stage)
    until = stage.team.clock.now() + 300
    stage.tell(worker, RateLimited(until=until, detail="5 h window"))
    stage.end(worker, ok=False, reason=TurnReason.ERROR)
    (turn,) = await stage.ended_turns(1)
    assert "5 h window" in turn.detail
    await stage.rest()
    task = await stage.team.task("T1")
    assert (task.state, task.failures) == (TaskState.PENDING, 0)
    assert stage.signs.limits[0][1] >= 300
    (held,) = await stage.told("agent.held_back")
    assert "limited by its service" in held.reason

    await stage.pass_time(299)
    assert len(worker.prompts) == 1
    await stage.pass_time(40)
    await stage.prompted(worker, 2)
    assert len(await stage.told("agent.available")) == 1


async def test_a_limit_without_a_time_is_a_minute(stage: Stage) -> None:
    worker = stage.enter("worker-1")
    stage.tell(worker, RateLimited(until=None))
    await stage.team.add_task("work")
    await stage.pass_time(59)
    assert worker.prompts == []
    await stage.pass_time(10)
    await stage.prompted(worker)


async def test_an_agent_that_is_not_logged_in_gives_its_task_back_and_is_parked_as_that(stage: Stage) -> None:
    worker = await at_work(stage)
    stage.tell(worker, LoginNeeded(detail="run `claude /login`"))
    stage.end(worker, ok=False, reason=TurnReason.ERROR)
    await stage.until_task("T1", lambda found: found.holder is None)
    await stage.rest()

    ((name, condemned),) = stage.bench.condemned
    assert (name, condemned.cause) == ("worker-1", ExitClass.AUTH)
    assert "run `claude /login`" in condemned.detail
    assert (await stage.team.task("T1")).failures == 0


async def test_a_turn_without_the_coordinator_is_broken_off_and_the_agent_shown_so(stage: Stage) -> None:
    worker = await at_work(stage)
    stage.tell(worker, CoordinatorLink(connected=False, detail="404"))
    await stage.rest()
    assert worker.interrupts == 1
    stage.end(worker, ok=False, reason=TurnReason.INTERRUPTED)
    await stage.until_task("T1", lambda found: found.holder is None)
    await stage.rest()
    (held,) = await stage.told("agent.held_back")
    assert held.reason == "no coordinator: 404"

    await stage.pass_time(LINK_GRACE_S + 1)
    assert [each.cause for _, each in stage.bench.condemned] == [ExitClass.PROBE]


async def test_who_cannot_log_in_is_parked_though_it_was_never_ready(stage: Stage) -> None:
    worker = stage.enter("worker-1", linked=False)
    stage.tell(worker, CoordinatorLink(connected=False))
    stage.tell(worker, LoginNeeded(detail=""))
    await stage.rest()
    assert stage.bench.ready_ones == []
    assert [each.cause for _, each in stage.bench.condemned] == [ExitClass.AUTH]


async def test_an_agent_that_goes_on_though_it_was_interrupted_is_ended(stage: Stage) -> None:
    worker = await at_work(stage)
    await stage.team.do(lambda scope: steering.cancel_task(scope, None, "T1", "no"))
    await stage.rest()
    stage.tell(worker, Usage(input_tokens=1))
    await stage.pass_time(seats.INTERRUPT_S - 1)
    assert (worker.interrupts, stage.bench.condemned) == (1, [])
    await stage.pass_time(2)
    ((_, condemned),) = stage.bench.condemned
    assert condemned.cause is ExitClass.STALLED
    assert "went on" in condemned.detail
    stage.leave(worker)
    assert len(await stage.ended_turns(1)) == 1


async def test_what_the_rules_refuse_is_tried_again_and_ends_no_agent_s_turns(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refusals = turns.begin, [1]

    def begin(*args: object, **kwargs: object) -> object:
        if refusals:
            refusals.pop()
            raise WrongState("not now")
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(turns, "begin", begin)
    await stage.team.add_task("work")
    worker = stage.enter("worker-1")
    await stage.pass_time(5)
    await stage.prompted(worker)


async def test_a_turn_s_end_is_kept_though_what_follows_from_it_is_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise WrongState("it cannot be")

    monkeypatch.setattr(turns, "_deal_with", refuse)
    worker = await at_work(stage)
    stage.end(worker, ok=False, reason=TurnReason.ERROR)
    (turn,) = await stage.ended_turns(1)
    assert turn.reason == "error"


async def test_an_agent_that_finds_the_coordinator_again_goes_on(stage: Stage) -> None:
    worker = stage.enter("worker-1")
    await stage.rest()
    stage.tell(worker, CoordinatorLink(connected=False))
    stage.tell(worker, CoordinatorLink(connected=False, detail="still"))
    await stage.team.do(lambda scope: messages.send(scope, None, to="worker-1", body="hello"))
    stage.tell(worker, CoordinatorLink(connected=True))
    await stage.prompted(worker)
    assert stage.bench.condemned == []


async def test_an_agent_that_is_held_back_gets_no_turn(stage: Stage) -> None:
    stage.team.coordinator.hold_back("worker-1", "its probe fails")
    await stage.team.add_task("work")
    worker = stage.enter("worker-1")
    await stage.team.do(lambda scope: messages.send(scope, None, to="worker-1", body="hello"))
    await stage.pass_time(60)
    assert worker.prompts == []
    stage.team.coordinator.hold_back("worker-1", "")
    await stage.pass_time(seats.VAIN_S)
    await stage.prompted(worker)


async def test_a_database_that_is_away_only_delays(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = turns.begin, [1, 1]

    def begin(*args: object, **kwargs: object) -> object:
        if failures:
            failures.pop()
            raise DatabaseUnavailable
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(turns, "begin", begin)
    await stage.team.add_task("work")
    worker = stage.enter("worker-1")
    await stage.rest()
    await stage.pass_time(5)
    await stage.prompted(worker)


async def test_the_end_of_a_turn_is_written_though_the_database_was_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = turns.end, [1]

    def end(*args: object, **kwargs: object) -> object:
        if failures:
            failures.pop()
            raise DatabaseUnavailable
        return real(*args, **kwargs)  # type: ignore[arg-type]

    worker = await at_work(stage)
    monkeypatch.setattr(turns, "end", end)
    stage.end(worker)
    await stage.rest()
    await stage.pass_time(seats.RETRY_S)
    assert len(await stage.ended_turns(1)) >= 1


# ---------------------------------------------------------------- life and urging


async def test_every_event_is_a_sign_of_life_and_tools_that_run_are_work(stage: Stage) -> None:
    worker = await at_work(stage)
    before = len(stage.signs.events)
    stage.tell(worker, Text(text="hm"))
    for event in (ToolStart(call="1", tool="sh"), ToolStart(call="2", tool="sh"), ToolEnd(call="1", ok=True)):
        stage.tell(worker, event)
    stage.tell(worker, ToolEnd(call="2", ok=True))
    assert len(stage.signs.events) == before + 1
    assert [runs for _, runs in stage.signs.tools] == [True, True, True, False]


async def test_tools_between_turns_are_signs_of_life_too(stage: Stage) -> None:
    worker = stage.enter("worker-1")
    stage.tell(worker, ToolStart(call="1", tool="sh"))
    assert stage.signs.tools == [("worker-1", True)]


async def test_the_overseer_urges_and_then_interrupts_and_the_agent_goes_on(stage: Stage) -> None:
    worker = await at_work(stage)
    number = worker.incarnation
    assert await stage.keeper.nudge("worker-1", number)
    assert "said nothing for a while" in worker.injected[0]
    assert await stage.keeper.interrupt("worker-1", number)
    await stage.rest()
    stage.end(worker, ok=False, reason=TurnReason.INTERRUPTED)

    assert "You were interrupted" in await stage.prompted(worker, 2)
    assert (await stage.team.task("T1")).token == 1
    stage.end(worker)
    assert "still yours" in await stage.prompted(worker, 3)


async def test_an_agent_that_is_interrupted_again_and_again_is_asked_at_last(stage: Stage) -> None:
    worker = await at_work(stage)
    for count in range(1, 7):
        await stage.prompted(worker, count)
        await stage.keeper.interrupt("worker-1", worker.incarnation)
        await stage.rest()
        stage.end(worker, ok=False, reason=TurnReason.INTERRUPTED)
    assert "still yours" in await stage.prompted(worker, 7)


async def test_who_has_no_turn_or_cannot_be_reached_is_not_urged(stage: Stage) -> None:
    assert not await stage.keeper.nudge("worker-1", 1)
    idle = stage.enter("worker-1")
    assert not await stage.keeper.nudge("worker-1", idle.incarnation)
    assert not await stage.keeper.interrupt("worker-1", idle.incarnation)
    assert not await stage.keeper.interrupt("worker-1", idle.incarnation + 1)
    stage.leave(idle)
    deaf = await at_work(stage, capabilities=DEAF)
    assert not await stage.keeper.nudge("worker-1", deaf.incarnation)
    assert not await stage.keeper.interrupt("worker-1", deaf.incarnation)


# ---------------------------------------------------------------- conversations


async def next_task(stage: Stage, worker: PaperPartner) -> None:
    """Let worker-1 hand its task in and find another there."""
    await stage.team.add_task("more work")
    await stage.complete(worker, "T1")
    stage.end(worker)
    await stage.ended_turns(1)


async def test_an_agent_keeps_its_conversation_if_its_pool_says_so(stage: Stage) -> None:
    worker = await at_work(stage, pool={"session": SessionScope.AGENT})
    await next_task(stage, worker)
    await stage.prompted(worker, 2)
    assert [fresh for _, fresh in worker.prompts] == [False, False]


async def test_who_cannot_begin_a_new_conversation_is_started_anew_without_guilt(stage: Stage) -> None:
    worker = await at_work(stage, capabilities=ONE_TALK)
    await next_task(stage, worker)
    await stage.rest()
    assert len(worker.prompts) == 1
    assert [each.cause for _, each in stage.bench.condemned] == [ExitClass.SIBLING]
    stage.leave(worker)


async def test_who_cannot_begin_a_new_conversation_answers_mail_in_the_old_one(stage: Stage) -> None:
    worker = await at_work(stage, capabilities=ONE_TALK)
    await stage.complete(worker, "T1")
    stage.end(worker)
    await stage.ended_turns(1)
    await stage.team.do(lambda scope: messages.send(scope, None, to="worker-1", body="hello"))
    assert "hello" in await stage.prompted(worker, 2)
    assert stage.bench.condemned == []


async def test_an_agent_whose_context_is_full_leaves_a_checkpoint_and_goes_on_in_a_new_one(
    stage: Stage,
) -> None:
    worker = await at_work(stage)
    for _ in range(2):
        stage.tell(worker, FULL)
        await stage.rest()
    assert len(worker.injected) == 1
    assert "context is nearly full" in worker.injected[0]
    stage.end(worker)

    assert "You were interrupted" in await stage.prompted(worker, 2)
    assert worker.prompts[1][1]
    stage.end(worker)
    await stage.prompted(worker, 3)
    assert not worker.prompts[2][1]


async def test_an_incarnation_that_goes_on_with_a_conversation_is_told_so(stage: Stage) -> None:
    worker = await at_work(stage, resumed="s-old")
    assert "You were interrupted" in worker.prompts[0][0]
    (turn,) = await stage.turns()
    assert turn.session == "s-old"


async def test_the_name_of_a_conversation_is_kept_as_soon_as_it_is_told(stage: Stage) -> None:
    worker = await at_work(stage)
    stage.tell(worker, Started(session_id="s-new"))
    await stage.rest()
    (turn,) = await stage.turns()
    assert turn.session == "s-new"
    assert len(await stage.told("turn.named")) == 1


async def test_the_next_incarnation_takes_the_place_of_the_last(stage: Stage) -> None:
    old = stage.enter("worker-1")
    await stage.team.crash("worker-1")
    await stage.team.start("worker-1")
    new = stage.enter("worker-1")
    stage.leave(old)
    stage.tell(old, Text(text="I am gone"))
    await stage.team.add_task("work")
    await stage.prompted(new)
    assert old.prompts == []


async def test_turns_that_an_engine_left_running_are_ended_by_the_next(tmp_path: Path) -> None:
    async with turn_stage(tmp_path) as stage:
        await at_work(stage)
        assert await stage.team.do(turns.end_left) == 1
        (turn,) = await stage.turns()
        assert (turn.reason, turn.cost_unknown) == ("lost", True)
        assert await stage.team.do(turns.end_left) == 0


async def test_a_closed_engine_gives_no_more_turns(stage: Stage) -> None:
    worker = stage.enter("worker-1")
    await stage.rest()
    stage.team.coordinator.close()
    await stage.rest()
    await stage.team.do(lambda scope: planning.create_task(scope, None, planning.NewTask(title="late")))
    await stage.rest()
    assert worker.prompts == []
