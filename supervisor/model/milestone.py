"""Milestones: the one container of work, whatever it is called elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from supervisor.model.ids import MilestoneId

NAME_MAX: Final = 200
GOAL_MAX: Final = 16 * 1024
CYCLES_MAX: Final = 10_000
TASKS_AT_ONCE: Final = 500
"""How many tasks one plan may bring along."""


class MilestoneKind(StrEnum):
    """What kind of container: an ordered plan, stories in waves, a goal, stages in a row, or a loop."""

    PLAN = "plan"
    SPRINT = "sprint"
    MISSION = "mission"
    PIPELINE = "pipeline"
    LOOP = "loop"


class MilestoneState(StrEnum):
    """Whether work is left; one that was done is open again when it gets a new task."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


MILESTONE_MOVES: Final[dict[MilestoneState, frozenset[MilestoneState]]] = {
    MilestoneState.OPEN: frozenset({MilestoneState.DONE, MilestoneState.CANCELLED}),
    MilestoneState.DONE: frozenset({MilestoneState.OPEN}),
    MilestoneState.CANCELLED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """One container of tasks. `key` is the name under which a file of plans pushes it again.

    `review` None leaves it to each task. `wip` caps how many of its tasks are worked on at once; 0 is no cap.
    A loop begins its next `cycle` when all tasks of this one have ended, at most `max_cycles` times (0: until
    it is stopped), not sooner than `min_interval_s` after the last began. Times are epoch seconds.
    """

    id: MilestoneId
    run: int
    name: str
    kind: MilestoneKind = MilestoneKind.PLAN
    goal: str = ""
    project: str = ""
    branch: str = ""
    key: str = ""
    state: MilestoneState = MilestoneState.OPEN
    review: bool | None = None
    wip: int = 0
    creator: str = ""
    cycle: int = 1
    max_cycles: int = 1
    min_interval_s: float = 0.0
    next_cycle_at: float | None = None
    cycle_began_at: float = 0.0
    created_at: float = 0.0
    updated_at: float = 0.0
    finished_at: float | None = None
