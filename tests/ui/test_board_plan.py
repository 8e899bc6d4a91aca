"""The board of a plan: milestones over the columns, places in tracks and waves, and all of a task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from supervisor.model.agent import Agent
from supervisor.model.ids import MilestoneId, TaskId
from supervisor.model.milestone import Milestone, MilestoneKind
from supervisor.model.task import BlockReason, Board, EdgePolicy, ErrorClass, Gate, Priority, Task, TaskState
from supervisor.testing.fake_feed import FakeEngine
from supervisor.testing.ui_stage import LARGE, SMALL, Stage, stage
from supervisor.ui.spans import text_of
from supervisor.ui.view_models.board import milestone_line
from supervisor.ui.view_models.words import time_of_day, why_blocked
from supervisor.ui.widgets.board_column import BoardColumn

Compare = Callable[[str, str], None]

PLAN = Milestone(id=MilestoneId("P1"), run=1, name="Auth API", kind=MilestoneKind.SPRINT)
LOOP = Milestone(id=MilestoneId("P2"), run=1, name="Chores", kind=MilestoneKind.LOOP, cycle=3, max_cycles=0)


def waiting(blocked: Task, now: float) -> tuple[Task, ...]:
    """Return a task for each reason to wait that is left."""
    return (
        replace(
            blocked,
            id=TaskId("T22"),
            title="Announce it",
            blocked_by=(BlockReason.WAVE,),
            wave=2,
            parent=TaskId("T21"),
        ),
        replace(
            blocked,
            id=TaskId("T23"),
            title="Try again",
            blocked_by=(BlockReason.BACKOFF,),
            not_before=now + 90,
            failures=2,
            error_class=ErrorClass.TIMEOUT,
            feedback="it took too long",
            block_note="it took too long",
        ),
        replace(
            blocked,
            id=TaskId("T24"),
            title="Only for one",
            blocked_by=(BlockReason.QUARANTINE,),
            assignee="worker-2",
        ),
        replace(blocked, id=TaskId("T25"), title="Not yet", blocked_by=(BlockReason.BACKOFF,)),
    )


def whole(blocked: Task) -> Task:
    """Return a task that says all that a task can say."""
    return replace(
        blocked,
        id=TaskId("T21"),
        title="Implement it",
        blocked_by=(BlockReason.DEPENDENCY, BlockReason.TRACK),
        depends_on=(TaskId("T20"),),
        edge_policies={"T20": EdgePolicy.ENDED},
        track="backend",
        order=2,
        complexity=5,
        parent=None,
        criteria=("tests pass", "no secret in a log"),
        review=True,
        gate=Gate.HUMAN,
        approvals_needed=2,
        approved_by=("judge",),
        required_role="worker",
        required_group="builders",
        required_tags=("python",),
        work_role="engineer",
        instructions="Read the design first.",
        reopened_inputs=(TaskId("T20"),),
    )


def fill(engine: FakeEngine) -> None:
    """Put a plan on the board that has every reason to wait."""
    now = engine.clock.now()
    base = Task(id=TaskId("T0"), run=1, title="", milestone=PLAN.id, created_at=now - 60, creator="planner")
    blocked = replace(base, state=TaskState.BLOCKED)
    engine.put(PLAN, LOOP)
    engine.put(
        replace(
            base,
            id=TaskId("T20"),
            title="Design the API",
            state=TaskState.IN_PROGRESS,
            holder="worker-1",
            token=1,
            percent=40,
            action="sketching",
            eta=now + 300,
            complexity=7,
            track="backend",
            order=1,
            priority=Priority.HIGH,
        ),
        whole(blocked),
        *waiting(blocked, now),
        replace(base, id=TaskId("T26"), title="Done before", state=TaskState.DONE, wave=1, finished_at=now),
        replace(base, id=TaskId("T27"), title="Broken", state=TaskState.FAILED, finished_at=now),
        replace(base, id=TaskId("T28"), title="Sweep", milestone=LOOP.id, cycle=3),
    )
    engine.put(Board(task=TaskId("T21"), text="half\x1b[2J way\n- one more", author="worker-1", at=now))
    agent: Agent = engine.world.agents["worker-2"]
    engine.put(replace(agent, quarantined="3 failures within an hour"))


async def on_the_board(played: Stage) -> None:
    fill(played.engine)
    await played.go("2")


async def test_the_board_of_a_plan_at_a_large_size(golden_frame: Compare) -> None:
    async with stage(size=LARGE) as played:
        await on_the_board(played)
        played.app.pane.show_key("T21")  # type: ignore[union-attr]
        await played.settle()
        golden_frame("board-plan-large", played.frame)


async def test_the_board_of_a_plan_at_the_least_size(golden_frame: Compare) -> None:
    async with stage(size=SMALL) as played:
        await on_the_board(played)
        golden_frame("board-plan-small", played.frame)


async def test_every_reason_to_wait_is_said_in_words() -> None:
    async with stage() as played:
        fill(played.engine)
        tasks = played.engine.world.tasks

        assert [why_blocked(tasks[f"T{number}"], ()) for number in range(21, 26)] == [
            "waits for a task, later in track backend",
            "wave 2 is not open",
            f"retries, not before {time_of_day(played.clock.now() + 90)}",
            "worker-2 is quarantined",
            "not yet",
        ]


def cards(played: Stage) -> set[str]:
    return {row.key for column in played.app.screen.query(BoardColumn) for row in column.rows}


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("track:backend", {"T20", "T21"}),
        ("wave:2", {"T22"}),
        ("chores", {"T28"}),
        ("p1 announce", {"T22"}),
        ("P2", {"T28"}),
    ],
)
async def test_the_filter_finds_milestones_tracks_and_waves(words: str, shown: set[str]) -> None:
    async with stage(size=LARGE) as played:
        await on_the_board(played)
        played.app.pane.filter_by(words)  # type: ignore[union-attr]
        await played.settle()
        assert cards(played) == shown
        assert ("P2 Chores" in played.frame) == ("T28" in shown)


async def test_many_milestones_are_counted() -> None:
    async with stage() as played:
        fill(played.engine)
        sweep = played.engine.world.tasks["T28"]
        for number in range(3, 6):
            name = MilestoneId(f"P{number}")
            played.engine.put(
                replace(PLAN, id=name), replace(sweep, id=TaskId(f"T3{number}"), milestone=name)
            )
        await played.settle()
        shown = milestone_line(played.app.scene())
        assert shown is not None
        assert text_of(shown).endswith("+2")


async def test_without_milestones_no_line_is_spent_on_them() -> None:
    async with stage() as played:
        await played.go("2")
        assert not played.app.screen.has_class("-milestones")


async def test_fleet_says_who_is_quarantined_and_how_to_let_it_claim_again() -> None:
    async with stage(size=LARGE) as played:
        fill(played.engine)
        await played.go("1")
        played.app.pane.show_key("worker-2")  # type: ignore[union-attr]
        await played.settle()
        assert "quarantined" in played.frame
        assert "3 failures within an hour" in played.frame
