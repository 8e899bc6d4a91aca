"""Claims, leases, tokens, ends of tasks."""

from __future__ import annotations

import asyncio
import dataclasses
from functools import partial

import pytest

from supervisor.coordinator import ending, steering, upkeep, work
from supervisor.errors import AlreadyClaimed, Forbidden, InvalidArgument, NothingToDo, StaleToken, WrongState
from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.task import RETRY_BASE_S, BlockReason, ErrorClass, TaskState
from supervisor.testing.small_team import SmallTeam


async def test_the_best_priority_is_claimed_first_then_the_oldest(team: SmallTeam) -> None:
    low = await team.add_task(priority="low")
    first = await team.add_task()
    second = await team.add_task()
    urgent = await team.add_task(priority="critical")
    claimed = [(await team.claim("worker-1")).task.id for _ in range(4)]
    assert claimed == [urgent.id, first.id, second.id, low.id]


async def test_of_many_claimers_at_once_exactly_one_gets_the_task(team: SmallTeam) -> None:
    task = await team.add_task()
    outcomes = await asyncio.gather(
        *(team.claim(name, task.id) for name in ["worker-1", "worker-2", "solo"] * 5), return_exceptions=True
    )
    won = [each for each in outcomes if isinstance(each, work.Claim)]
    assert {each.task.holder for each in won} == {won[0].task.holder}
    assert {each.task.token for each in won} == {1}
    lost = [each for each in outcomes if not isinstance(each, work.Claim)]
    assert lost
    assert all(isinstance(each, AlreadyClaimed) for each in lost)


async def test_a_refused_claim_names_the_holder_and_the_end_of_its_lease(team: SmallTeam) -> None:
    task = await team.add_task()
    held = await team.claim("worker-1", task.id)
    with pytest.raises(AlreadyClaimed) as refusal:
        await team.claim("worker-2", task.id)
    assert refusal.value.details == {"holder": "worker-1", "lease_until": held.task.lease_until}


async def test_claiming_again_what_one_holds_answers_the_same_token(team: SmallTeam) -> None:
    task = await team.add_task()
    first = await team.claim("worker-1", task.id)
    again = await team.claim("worker-1", task.id)
    assert first == again


async def test_there_is_nothing_to_claim_in_an_empty_run(team: SmallTeam) -> None:
    with pytest.raises(NothingToDo):
        await team.claim("worker-1")


async def test_a_reserved_task_is_for_its_assignee_only(team: SmallTeam) -> None:
    task = await team.add_task(assignee="worker-2")
    with pytest.raises(NothingToDo):
        await team.claim("worker-1")
    with pytest.raises(Forbidden, match="reserved for worker-2"):
        await team.claim("worker-1", task.id)
    assert (await team.claim("worker-2")).task.id == task.id


async def test_a_task_may_require_a_role(team: SmallTeam) -> None:
    task = await team.add_task(required_role="solo")
    with pytest.raises(Forbidden, match="needs solo; you are a worker"):
        await team.claim("worker-1", task.id)
    assert (await team.claim("solo")).task.id == task.id


async def test_planners_and_judges_cannot_claim(team: SmallTeam) -> None:
    await team.add_task()
    for name in ("planner", "judge", "watcher", "chief"):
        with pytest.raises(Forbidden, match=r"task\.claim"):
            await team.claim(name)


async def test_an_old_token_is_refused_by_every_later_write(team: SmallTeam) -> None:
    task = await team.add_task()
    old = await team.claim("worker-1", task.id)
    await team.crash("worker-1")
    await team.claim("worker-2", task.id)
    late = team["worker-1"], task.id, old.task.token
    writes = [
        lambda scope: work.progress(scope, *late, percent=1, action=""),
        lambda scope: work.add_note(scope, *late[:2], "late", late[2]),
        lambda scope: work.save_checkpoint(scope, *late, percent=1, completed=(), remaining=(), state=""),
        lambda scope: work.complete(scope, *late, "late"),
        lambda scope: ending.fail(scope, *late, "late", kind=ErrorClass.UNKNOWN),
        lambda scope: ending.release(scope, *late, "late"),
        lambda scope: ending.block_for_help(scope, *late, "late"),
    ]
    for write in writes:
        with pytest.raises(StaleToken):
            await team.do(write)
    assert (await team.task(task.id)).holder == "worker-2"


async def test_the_right_token_in_the_wrong_hands_is_stale_too(team: SmallTeam) -> None:
    claim = await team.claim("worker-1", (await team.add_task()).id)
    with pytest.raises(StaleToken, match="no longer hold"):
        await team.finish("worker-2", claim)


async def test_progress_is_between_0_and_100_and_renews_the_lease(team: SmallTeam) -> None:
    claim = await team.claim("worker-1", (await team.add_task()).id)
    await team.clock.advance(60)
    moved = await team.do(
        lambda scope: work.progress(scope, team["worker-1"], claim.task.id, 1, percent=40, action="reading")
    )
    assert (moved.percent, moved.action) == (40, "reading")
    assert moved.lease_until == team.clock.now() + team.coordinator.team.lease_s
    with pytest.raises(InvalidArgument, match="101"):
        await team.do(
            lambda scope: work.progress(scope, team["worker-1"], claim.task.id, 1, percent=101, action="")
        )


async def test_the_next_claimer_gets_the_notes_and_the_checkpoint(team: SmallTeam) -> None:
    task = await team.add_task()
    claim = await team.claim("worker-1", task.id)
    holder = team["worker-1"], task.id, claim.task.token
    await team.do(lambda scope: work.add_note(scope, holder[0], task.id, "half done", holder[2]))
    await team.do(
        lambda scope: work.save_checkpoint(
            scope, *holder, percent=50, completed=("a",), remaining=("b",), state="{}"
        )
    )
    await team.crash("worker-1")
    resumed = await team.claim("worker-2")
    assert [note.body for note in resumed.notes] == ["half done"]
    assert resumed.checkpoint is not None
    assert (resumed.checkpoint.completed, resumed.checkpoint.remaining) == (("a",), ("b",))
    assert resumed.task.token == 2


async def test_an_empty_note_is_refused(team: SmallTeam) -> None:
    task = await team.add_task()
    with pytest.raises(InvalidArgument, match="body"):
        await team.do(lambda scope: work.add_note(scope, team["judge"], task.id, "  ", None))


async def test_a_lease_that_nobody_renews_runs_out_and_is_no_failure(team: SmallTeam) -> None:
    task = await team.add_task()
    await team.claim("worker-1", task.id)
    await team.clock.advance(team.coordinator.team.lease_s)
    await team.do(lambda scope: upkeep.tick(scope, {}))
    free = await team.task(task.id)
    assert (free.state, free.holder, free.failures) == (TaskState.PENDING, None, 0)


async def test_a_lease_of_a_silent_holder_that_still_runs_is_left_as_it_is(team: SmallTeam) -> None:
    claim = await team.claim("worker-1", (await team.add_task()).id)
    await team.clock.advance(team.coordinator.team.lease_s / 2)
    await team.do(lambda scope: upkeep.tick(scope, {}))
    assert await team.task(claim.task.id) == claim.task


async def test_the_lease_of_a_holder_that_shows_life_is_renewed(team: SmallTeam) -> None:
    claim = await team.claim("worker-1", (await team.add_task()).id)
    await team.clock.advance(team.coordinator.team.lease_s / 2)
    await team.do(lambda scope: upkeep.tick(scope, {"worker-1": team.clock.now()}))
    assert (await team.task(claim.task.id)).lease_until == team.clock.now() + team.coordinator.team.lease_s


async def test_the_lease_of_a_live_but_silent_holder_still_runs_out(team: SmallTeam) -> None:
    claim = await team.claim("worker-1", (await team.add_task()).id)
    started = team.clock.now()
    await team.clock.advance(team.coordinator.team.lease_s)
    await team.do(lambda scope: upkeep.tick(scope, {"worker-1": started}))
    assert (await team.task(claim.task.id)).state is TaskState.PENDING


async def test_an_end_that_is_told_twice_takes_away_work_once(team: SmallTeam) -> None:
    task = await team.add_task()
    await team.claim("worker-1", task.id)
    await team.crash("worker-1", to=AgentState.STUCK)
    await team.crash("worker-1", to=AgentState.BACKOFF)
    assert (await team.task(task.id)).failures == 1


async def test_a_crash_counts_as_failure_and_the_third_one_ends_the_task(team: SmallTeam) -> None:
    task = await team.add_task()
    for failures, waits in ((1, TaskState.PENDING), (2, TaskState.BLOCKED)):
        await team.claim("worker-1", task.id)
        await team.crash("worker-1")
        await team.start("worker-1")
        back = await team.task(task.id)
        assert (back.state, back.failures) == (waits, failures)
    await team.clock.advance(RETRY_BASE_S)
    await team.do(lambda scope: upkeep.tick(scope, {}))
    await team.claim("worker-1", task.id)
    await team.crash("worker-1")
    assert (await team.task(task.id)).state is TaskState.FAILED


async def test_a_stop_by_us_is_not_the_agents_failure(team: SmallTeam) -> None:
    task = await team.add_task()
    await team.claim("worker-1", task.id)
    await team.news("worker-1", AgentState.EXITED, incarnation=team["worker-1"].incarnation)
    assert (await team.task(task.id)).failures == 0


async def test_a_permanent_failure_ends_the_task_at_once_and_holds_what_waits_for_it(team: SmallTeam) -> None:
    task = await team.add_task()
    waiting = await team.add_task(depends_on=(task.id,))
    claim = await team.claim("worker-1", task.id)
    await team.do(
        lambda scope: ending.fail(
            scope, team["worker-1"], task.id, claim.task.token, "no such file", kind=ErrorClass.PERMANENT
        )
    )
    assert (await team.task(task.id)).state is TaskState.FAILED
    assert (await team.task(waiting.id)).blocked_by == (BlockReason.DEPENDENCY_FAILED,)


async def test_the_third_release_makes_a_task_wait_for_a_person_who_can_clear_it(team: SmallTeam) -> None:
    task = await team.add_task()
    for _ in range(3):
        claim = await team.claim("worker-1", task.id)
        await team.do(
            partial(
                ending.release,
                actor=team["worker-1"],
                spelled=task.id,
                token=claim.task.token,
                reason="not mine",
            )
        )
    stuck = await team.task(task.id)
    assert (stuck.state, stuck.blocked_by) == (TaskState.BLOCKED, (BlockReason.NEEDS_HUMAN,))
    await team.do(lambda scope: steering.unblock(scope, task.id, actor="human"))
    assert (await team.task(task.id)).state is TaskState.PENDING
    with pytest.raises(WrongState, match="does not wait for a person"):
        await team.do(lambda scope: steering.unblock(scope, task.id, actor="human"))


async def test_asking_for_help_parks_the_task_with_its_assignee(team: SmallTeam) -> None:
    claim = await team.claim("worker-1", (await team.add_task()).id)
    await team.do(
        lambda scope: ending.block_for_help(
            scope, team["worker-1"], claim.task.id, claim.task.token, "which one?"
        )
    )
    stuck = await team.task(claim.task.id)
    assert (stuck.state, stuck.assignee) == (TaskState.BLOCKED, "worker-1")


async def test_reservations_of_an_agent_that_will_not_come_back_are_freed(team: SmallTeam) -> None:
    task = await team.add_task(assignee="worker-1")
    await team.crash("worker-1", to=AgentState.PARKED)
    assert (await team.task(task.id)).assignee is None


async def test_the_agents_row_follows_what_it_holds(team: SmallTeam) -> None:
    claim = await team.claim("worker-1", (await team.add_task()).id)
    working = await team.coordinator.read(lambda scope: scope.agent("worker-1"))
    assert (working.state, working.task) == (AgentState.WORKING, claim.task.id)
    await team.finish("worker-1", claim)
    idle = await team.coordinator.read(lambda scope: scope.agent("worker-1"))
    assert (idle.state, idle.task) == (AgentState.IDLE, None)


async def test_a_lock_of_minutes_is_a_ceiling_that_nothing_renews(team: SmallTeam) -> None:
    task = await team.add_task()
    claim = await team.do(lambda scope: work.claim(scope, team["worker-1"], task.id, lock_minutes=1))
    end = team.clock.now() + 60
    assert (claim.task.lease_until, claim.task.lease_ceiling) == (end, end)
    await team.clock.advance(50)
    held = await team.do(
        lambda scope: work.progress(scope, team["worker-1"], task.id, 1, percent=10, action="x", eta_s=30)
    )
    assert (held.lease_until, held.eta) == (end, team.clock.now() + 30)
    await team.do(lambda scope: upkeep.tick(scope, {"worker-1": team.clock.now()}))
    assert (await team.task(task.id)).lease_until == end
    await team.clock.advance(10)
    await team.do(lambda scope: upkeep.tick(scope, {"worker-1": team.clock.now()}))
    assert (await team.task(task.id)).state is TaskState.PENDING
    for minutes in (0, 1441):
        with pytest.raises(InvalidArgument, match="lock_minutes"):
            await team.do(partial(work.claim, actor=team["worker-1"], spelled=task.id, lock_minutes=minutes))
    await team.claim("worker-1", task.id)
    with pytest.raises(InvalidArgument, match="eta_s"):
        await team.do(
            lambda scope: work.progress(scope, team["worker-1"], task.id, 2, percent=1, action="", eta_s=-1.0)
        )


async def test_a_lease_is_renewed_for_four_hours_at_most(team: SmallTeam) -> None:
    task = await team.add_task()
    await team.claim("worker-1", task.id)
    for _ in range(4 * 3600 // 300):
        assert (await team.task(task.id)).holder == "worker-1"
        await team.clock.advance(300)
        await team.do(lambda scope: upkeep.tick(scope, {"worker-1": team.clock.now()}))
    assert (await team.task(task.id)).holder is None


async def test_a_board_is_written_anew_or_added_to(team: SmallTeam) -> None:
    task = await team.add_task()
    claim = await team.claim("worker-1", task.id)

    async def write(text: str, *, append: bool) -> str:
        board = await team.do(
            lambda scope: work.write_board(
                scope, team["worker-1"], task.id, claim.task.token, text, append=append
            )
        )
        return str(board.text)

    assert await write("first", append=True) == "first"
    assert await write("second", append=True) == "first\nsecond"
    assert await write("anew", append=False) == "anew"
    assert (await team.do(lambda scope: work.claim_details(scope, task))).board.text == "anew"


async def test_a_person_notes_without_a_token(team: SmallTeam) -> None:
    task = await team.add_task()
    note = await team.do(lambda scope: work.add_note(scope, None, task.id, "look here", None))
    assert (note.author, note.task) == ("human", task.id)


async def test_what_work_came_to_is_kept_with_its_duration(team: SmallTeam) -> None:
    task = await team.add_task()
    assert (task.outcome, task.duration_s) == ("", None)
    claim = await team.claim("worker-1", task.id)
    await team.clock.advance(12)
    done = await team.finish("worker-1", claim)
    assert (done.outcome, done.duration_s) == ("success", 12.0)
    state = await team.do(lambda scope: scope.tx.one("work_state.get", agent="worker-1"))
    assert task.id in state["last_task"]


async def test_a_task_of_an_earlier_run_cannot_be_claimed(team: SmallTeam) -> None:
    task = await team.add_task()
    later = dataclasses.replace(team["worker-1"], run=team["worker-1"].run + 1)
    with pytest.raises(WrongState, match="belongs to run 1, which is over"):
        await team.do(lambda scope: work.claim(scope, later, task.id))


@pytest.mark.parametrize(
    ("how", "assignee"),
    [(ExitClass.STOP_REQUESTED, "worker-1"), (ExitClass.OK, None), (ExitClass.FAIL, None)],
)
async def test_what_is_reserved_waits_for_an_agent_that_was_stopped_but_not_for_one_that_left(
    team: SmallTeam, how: ExitClass, assignee: str | None
) -> None:
    task = await team.add_task(assignee="worker-1")
    await team.news("worker-1", AgentState.EXITED, incarnation=1, last_exit=ExitInfo(kind=how))
    assert (await team.task(task.id)).assignee == assignee
