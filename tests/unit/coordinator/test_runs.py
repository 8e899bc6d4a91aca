"""Runs: begun, continued, judged, ended; and what the death of an engine leaves."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from supervisor.coordinator import (
    agents,
    ending,
    plans,
    reviews,
    runs,
    steering,
    upkeep,
    views,
    votes,
    work,
)
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.plans import NewPlan
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.votes import NewVote
from supervisor.errors import NotFound, RunConflict
from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.approval import Mode
from supervisor.model.ids import HUMAN, TaskId
from supervisor.model.task import ErrorClass, Task, TaskState
from supervisor.model.team import PoolSpec, RunState
from supervisor.model.world import EngineInfo, World
from supervisor.store.store import Store
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam, small_team

WELL = ExitInfo(kind=ExitClass.OK, code=0)


async def end_planners(team: SmallTeam, state: AgentState = AgentState.EXITED) -> None:
    for name in ("planner", "chief"):
        await team.news(name, state, incarnation=1, last_exit=WELL if state is AgentState.EXITED else None)


async def test_a_run_is_over_when_the_planners_ended_well_and_nothing_is_open(team: SmallTeam) -> None:
    task = await team.add_task()
    assert not (await team.do(runs.standing)).over
    await team.finish("worker-1", await team.claim("worker-1", task.id))
    assert not (await team.do(runs.standing)).over
    await end_planners(team)
    standing = await team.do(runs.standing)
    assert (standing.over, standing.failed, standing.words) == (True, False, "1 of 1 tasks done")


async def test_an_open_vote_keeps_a_run_going(team: SmallTeam) -> None:
    await team.do(
        lambda scope: votes.open_vote(
            scope, team["planner"], NewVote(question="?", options=("a", "b"), electorate=("voter-1",))
        )
    )
    await end_planners(team)
    assert not (await team.do(runs.standing)).over
    await team.do(lambda scope: votes.cast(scope, team["voter-1"], "V1", "a"))
    assert (await team.do(runs.standing)).over


async def test_work_that_only_a_person_could_move_ends_the_run_as_failed(team: SmallTeam) -> None:
    task = await team.add_task()
    await team.add_task(depends_on=(task.id,))
    claim = await team.claim("worker-1", task.id)
    await team.do(
        lambda scope: ending.fail(
            scope, team["worker-1"], task.id, claim.task.token, "no", kind=ErrorClass.PERMANENT
        )
    )
    await end_planners(team)
    standing = await team.do(runs.standing)
    assert (standing.over, standing.failed, standing.words) == (True, True, "0 of 2 tasks done, 2 not")


async def three_in_a_row(team: SmallTeam) -> Task:
    first = await team.add_task()
    second = await team.add_task(depends_on=(first.id,))
    await team.add_task(depends_on=(second.id,))
    await end_planners(team)
    return first


async def test_what_stands_far_behind_a_failed_task_does_not_keep_the_run_going(team: SmallTeam) -> None:
    first = await three_in_a_row(team)
    claim = await team.claim("worker-1", first.id)
    await team.do(
        lambda scope: ending.fail(
            scope, team["worker-1"], first.id, claim.task.token, "no", kind=ErrorClass.PERMANENT
        )
    )
    standing = await team.do(runs.standing)
    assert (standing.over, standing.failed, standing.words) == (True, True, "0 of 3 tasks done, 3 not")


async def give_up(team: SmallTeam, task_id: TaskId) -> None:
    """Have workers hand a task back until it waits for a person."""
    while (task := await team.task(task_id)).state is not TaskState.BLOCKED:
        claim = await team.claim("worker-1", task.id)
        giving_back = partial(
            ending.release, actor=team["worker-1"], spelled=task.id, token=claim.task.token, reason="no"
        )
        await team.do(giving_back)


async def test_without_a_person_a_task_that_waits_for_one_ends_the_run(tmp_path: Path) -> None:
    async with small_team(tmp_path, mode=Mode.HEADLESS) as team:
        first = await three_in_a_row(team)
        assert not (await team.do(runs.standing)).over
        await give_up(team, first.id)
        standing = await team.do(runs.standing)
    assert (standing.over, standing.failed, standing.words) == (True, True, "0 of 3 tasks done, 3 not")


async def test_a_person_can_still_free_what_waits_for_one(team: SmallTeam) -> None:
    first = await three_in_a_row(team)
    await give_up(team, first.id)
    assert not (await team.do(runs.standing)).over
    await team.do(lambda scope: steering.unblock(scope, first.id, actor=HUMAN))
    assert (await team.task(first.id)).state is TaskState.PENDING


async def test_work_that_was_withdrawn_is_no_failure(team: SmallTeam) -> None:
    task = await team.add_task()
    await team.do(lambda scope: steering.cancel_task(scope, None, task.id, "not needed"))
    await end_planners(team)
    standing = await team.do(runs.standing)
    assert (standing.over, standing.failed) == (True, False)
    assert standing.words == "0 of 1 tasks done, 1 cancelled"


async def test_a_planner_that_gave_up_ends_the_run_once_the_rest_is_idle(team: SmallTeam) -> None:
    await end_planners(team, AgentState.PARKED)
    standing = await team.do(runs.standing)
    assert (standing.over, standing.failed) == (True, True)
    assert "planner gave up" in standing.words


async def test_the_end_of_a_run_is_written_once(team: SmallTeam) -> None:
    ended = await team.do(lambda scope: runs.finish_run(scope, words="done"))
    assert (ended.state, ended.outcome) == (RunState.FINISHED, "done")
    assert await team.do(lambda scope: runs.finish_run(scope, words="again")) is None


async def test_the_same_team_continues_its_run_and_another_is_refused(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        await team.add_task()
    other = replace(SMALL_TEAM, name="other")
    async with Store(tmp_path / "coordinator.db", team.clock) as store:
        coordinator = Coordinator(store, team.clock, other, Mode.INTERACTIVE)
        with pytest.raises(RunConflict, match="run 1 of team small"):
            await coordinator.write(lambda scope: runs.begin_run(scope, other, new=False))
        same = await coordinator.write(lambda scope: runs.begin_run(scope, SMALL_TEAM, new=False))
        assert (same.run.id, same.continued) == (1, True)


async def test_a_new_run_ends_the_old_one_and_starts_with_fresh_agents(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        done = await team.add_task()
        await team.finish("worker-1", await team.claim("worker-1", done.id))
        waiting = await team.add_task()
        behind = await team.add_task(depends_on=(waiting.id,))
        await team.claim("worker-1", waiting.id)
        begun = await team.do(lambda scope: runs.begin_run(scope, SMALL_TEAM, new=True))
        assert (begun.run.id, begun.continued) == (2, False)
        for each in (waiting, behind):
            assert (await team.task(each.id)).state is TaskState.CANCELLED
        assert (await team.task(done.id)).state is TaskState.DONE
        old = (await team.store.read(views.whole_world)).tables["run"]["1"]
        assert old.state is RunState.ABANDONED
        fresh = await team.coordinator.read(lambda scope: scope.agent("worker-1"))
        assert (fresh.state, fresh.task, fresh.restarts) == (AgentState.PENDING, None, 0)


async def test_a_changed_profile_changes_the_agents_rows_but_not_their_history(tmp_path: Path) -> None:
    async with small_team(tmp_path):
        pass
    bigger = replace(
        SMALL_TEAM,
        pools=tuple(replace(pool, tags=("new",)) for pool in SMALL_TEAM.pools if pool.name != "watcher"),
    )
    async with small_team(tmp_path, pools=bigger.pools) as team:
        agent = await team.coordinator.read(lambda scope: scope.agent("worker-1"))
        assert (agent.tags, agent.incarnation) == (("new",), 2)
        assert "watcher" not in {
            each.name for each in await team.coordinator.read(lambda scope: scope.agents())
        }


async def test_what_a_dead_engine_left_is_freed_and_its_keys_are_void(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        held, judged = await team.add_task(), await team.add_task(review=True)
        await team.finish("worker-2", await team.claim("worker-2", judged.id))
        await team.do(lambda scope: reviews.take_review(scope, team["judge"], judged.id))
        await team.claim("worker-1", held.id)
        sessions = await team.do(upkeep.engine_was_lost)
        assert sessions == ("session",)
        freed = await team.task(held.id)
        assert (freed.state, freed.holder, freed.failures) == (TaskState.PENDING, None, 0)
        assert (await team.task(judged.id)).reviewer is None
        assert await team.store.read(lambda tx: tx.all("incarnation.live")) == []
        states = {agent.state for agent in await team.coordinator.read(lambda scope: scope.agents())}
        assert states == {AgentState.BACKOFF}
        assert await team.do(upkeep.engine_was_lost) == ()


async def test_a_left_over_of_an_agent_that_the_profile_forgot_is_ended_too(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        await team.store.write(
            lambda tx: tx.execute(
                "incarnation.begin",
                agent="stranger",
                number=1,
                run=1,
                session="older",
                boot_id="boot",
                key_hash="h",
                started_at=0.0,
            )
        )
        assert set(await team.do(upkeep.engine_was_lost)) == {"session", "older"}


async def test_an_agent_caught_without_an_incarnation_is_put_back_to_pending(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        await team.store.write(lambda tx: tx.execute("incarnation.end", agent="solo", number=1, ended_at=1.0))
        await team.do(upkeep.engine_was_lost)
        solo = await team.coordinator.read(lambda scope: scope.agent("solo"))
        assert solo.state is AgentState.PENDING


async def test_the_snapshot_shows_the_current_run_and_the_world_is_built_from_it(team: SmallTeam) -> None:
    task = await team.add_task()
    claim = await team.claim("worker-1", task.id)
    await team.do(
        lambda scope: work.save_checkpoint(
            scope,
            team["worker-1"],
            task.id,
            claim.task.token,
            percent=1,
            completed=(),
            remaining=(),
            state="",
        )
    )
    info = EngineInfo(
        team="small",
        description="",
        project="/p",
        mode=Mode.INTERACTIVE,
        pid=1,
        started_at=0.0,
        pools=(),
        log_dir="",
        report_dir="",
    )
    world = World.of(await team.store.read(lambda tx: views.snapshot(tx, info)))
    assert world.tables == (await team.store.read(views.whole_world)).tables
    assert world.seq == team.store.last_seq
    page = await team.coordinator.read(lambda scope: views.task_page(scope, task.id))
    assert [event["kind"] for event in page["events"]] == [
        "task.created",
        "task.claimed",
        "checkpoint.saved",
    ]


async def test_a_vote_page_counts_the_ballots(team: SmallTeam) -> None:
    await team.do(
        lambda scope: votes.open_vote(
            scope, team["planner"], NewVote(question="?", options=("a", "b"), electorate=("group:council",))
        )
    )
    await team.do(lambda scope: votes.cast(scope, team["voter-2"], "1", "b", "safer"))
    page = await team.coordinator.read(lambda scope: views.vote_page(scope, "v1"))
    assert page["tally"] == {"a": 0, "b": 1, "abstain": 0}
    assert page["ballots"][0]["rationale"] == "safer"


async def test_an_agent_that_is_not_in_the_team_is_not_found(team: SmallTeam) -> None:
    with pytest.raises(NotFound, match="stranger"):
        await team.coordinator.read(lambda scope: scope.agent("stranger"))


async def test_a_team_without_planners_is_over_when_its_tasks_are(tmp_path: Path) -> None:
    pools = (PoolSpec(name="worker", role=SMALL_TEAM.pools[1].role, command=("w",)),)
    async with small_team(tmp_path, pools=pools) as team:
        assert not (await team.do(runs.standing)).over


async def test_the_latest_run_is_the_newest_one_ended_or_not(team: SmallTeam) -> None:
    await team.do(lambda scope: runs.finish_run(scope, words="all done"))
    latest = await team.store.read(runs.latest_run)
    assert latest is not None
    assert (latest.id, latest.state, latest.outcome) == (1, RunState.FINISHED, "all done")


async def test_the_next_engine_finds_the_process_that_an_incarnation_became(team: SmallTeam) -> None:
    await team.do(lambda scope: agents.process_started(scope, "worker-1", 1, pid=77, start_time=99))
    rows = await team.store.read(lambda tx: tx.all("incarnation.live"))
    assert [(row["pid"], row["start_time"]) for row in rows if row["agent"] == "worker-1"] == [(77, 99)]


async def over(team: SmallTeam) -> bool:
    standing = await team.do(runs.standing)
    return bool(standing.over)


async def test_a_delay_and_a_loop_whose_next_cycle_is_due_keep_a_run_going(tmp_path: Path) -> None:
    async with small_team(tmp_path, mode=Mode.HEADLESS) as team:
        late = await team.add_task(not_before=team.clock.now() + 60)
        await end_planners(team)
        assert not await over(team)
        await team.do(lambda scope: steering.cancel_task(scope, None, late.id, "no"))
        assert await over(team)
        wanted = NewPlan(name="p", kind="loop", max_cycles=2, min_interval_s=60, tasks=(NewTask(title="a"),))
        _, (task,) = await team.do(lambda scope: plans.create_plan(scope, None, wanted))
        await team.finish("worker-1", await team.claim("worker-1", task.id))
        assert not await over(team)


@pytest.mark.parametrize("mode", Mode)
async def test_work_that_nobody_of_the_team_can_claim_ends_a_run_without_a_person(
    tmp_path: Path, mode: Mode
) -> None:
    async with small_team(tmp_path, mode=mode) as team:
        await team.add_task(required_tags=("rust",))
        await end_planners(team)
        assert await over(team) is (mode is Mode.HEADLESS)


async def test_work_for_agents_that_were_set_aside_ends_a_run_without_a_person(tmp_path: Path) -> None:
    async with small_team(tmp_path, mode=Mode.HEADLESS) as team:
        await team.add_task()
        await end_planners(team)
        assert not await over(team)
        for name in ("worker-1", "worker-2", "solo"):
            await team.do(partial(ending.set_aside, name=name, reason="odd"))
        assert await over(team)


@pytest.mark.parametrize(
    ("mode", "gate", "ends"),
    [("headless", "human", True), ("headless", "judge", False), ("interactive", "human", False)],
)
async def test_a_review_that_only_a_person_can_end_ends_a_run_without_one(
    tmp_path: Path, mode: str, gate: str, ends: bool
) -> None:
    async with small_team(tmp_path, mode=Mode(mode)) as team:
        task = await team.add_task(review=True, gate=gate)
        await team.finish("worker-1", await team.claim("worker-1", task.id))
        await end_planners(team)
        assert await over(team) is ends


async def test_a_run_ended_by_a_new_one_closes_its_milestones_and_their_tasks(team: SmallTeam) -> None:
    parent = await team.add_task()
    await team.add_task(parent=parent.id)
    wanted = NewPlan(name="p", tasks=(NewTask(title="a"),))
    made, _ = await team.do(lambda scope: plans.create_plan(scope, None, wanted))
    finished, (task,) = await team.do(lambda scope: plans.create_plan(scope, None, wanted))
    await team.finish("worker-1", await team.claim("worker-1", task.id))
    await team.do(lambda scope: runs.begin_run(scope, team.coordinator.team, new=True))
    milestones = [
        (await team.do(partial(Scope.milestone, spelled=each.id))).state.value for each in (made, finished)
    ]
    assert milestones == ["cancelled", "done"]
    assert {
        row["state"]: row["n"] for row in await team.do(lambda scope: scope.tx.all("task.counts", run=1))
    } == {
        "cancelled": 3,
        "done": 1,
    }
