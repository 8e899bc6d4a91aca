"""Every table of moves, held to what any of them must be."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from supervisor.errors import WrongState
from supervisor.model.agent import AGENT_MOVES, ALIVE, AgentState
from supervisor.model.approval import APPROVAL_MOVES, ApprovalState
from supervisor.model.ids import TaskId
from supervisor.model.message import DELIVERY_MOVES, DeliveryState
from supervisor.model.milestone import MILESTONE_MOVES, MilestoneState
from supervisor.model.question import QUESTION_MOVES, QuestionState
from supervisor.model.rule import RULE_MOVES, RuleState
from supervisor.model.task import TERMINAL, Task, TaskState
from supervisor.model.team import RUN_MOVES, RunState
from supervisor.model.transitions import TASK_MOVES, checked_move
from supervisor.model.vote import VOTE_MOVES, VoteState

Moves = Mapping[Any, frozenset[Any]]

MACHINES = [
    pytest.param(AgentState, AGENT_MOVES, AgentState.PENDING, id="agent"),
    pytest.param(ApprovalState, APPROVAL_MOVES, ApprovalState.PENDING, id="approval"),
    pytest.param(DeliveryState, DELIVERY_MOVES, DeliveryState.QUEUED, id="delivery"),
    pytest.param(MilestoneState, MILESTONE_MOVES, MilestoneState.OPEN, id="milestone"),
    pytest.param(QuestionState, QUESTION_MOVES, QuestionState.ASKED, id="question"),
    pytest.param(RuleState, RULE_MOVES, RuleState.ACTIVE, id="rule"),
    pytest.param(RunState, RUN_MOVES, RunState.ACTIVE, id="run"),
    pytest.param(TaskState, TASK_MOVES, TaskState.PENDING, id="task"),
    pytest.param(VoteState, VOTE_MOVES, VoteState.OPEN, id="vote"),
]


@pytest.mark.parametrize(("states", "moves", "first"), MACHINES)
def test_every_state_has_a_row_and_every_move_leads_to_another_state(
    states: type[StrEnum], moves: Moves, first: StrEnum
) -> None:
    assert set(moves) == set(states)
    assert all(move in states and move != state for state, nexts in moves.items() for move in nexts)


@pytest.mark.parametrize(("states", "moves", "first"), MACHINES)
def test_every_state_can_be_reached_from_the_first(
    states: type[StrEnum], moves: Moves, first: StrEnum
) -> None:
    reached, frontier = {first}, {first}
    while frontier:
        frontier = {move for state in frontier for move in moves[state]} - reached
        reached |= frontier

    assert reached == set(states)


@pytest.mark.parametrize(
    ("moves", "final"),
    [
        (APPROVAL_MOVES, {"denied", "expired", "withdrawn", "used"}),
        (DELIVERY_MOVES, {"acked", "expired"}),
        (MILESTONE_MOVES, {"cancelled"}),
        (RUN_MOVES, {"finished", "abandoned"}),
        (QUESTION_MOVES, {"answered", "expired", "withdrawn"}),
        (RULE_MOVES, {"revoked", "expired"}),
        (VOTE_MOVES, {"closed"}),
        (TASK_MOVES, set()),
        (AGENT_MOVES, set()),
    ],
)
def test_only_these_states_are_final(moves: Moves, final: set[str]) -> None:
    assert {state.value for state, nexts in moves.items() if not nexts} == final


def test_an_ended_task_can_only_be_opened_again() -> None:
    for state in TERMINAL:
        assert TASK_MOVES[state] <= {TaskState.PENDING, TaskState.BLOCKED}


def test_work_only_begins_on_a_pending_task() -> None:
    assert [state for state, nexts in TASK_MOVES.items() if TaskState.IN_PROGRESS in nexts] == [
        TaskState.PENDING
    ]


def test_an_approval_is_used_only_after_it_was_approved() -> None:
    assert [state for state, nexts in APPROVAL_MOVES.items() if ApprovalState.USED in nexts] == [
        ApprovalState.APPROVED
    ]


def test_an_agent_without_a_process_cannot_become_idle_or_working() -> None:
    busy = {AgentState.IDLE, AgentState.WORKING, AgentState.WAITING_HUMAN}

    assert all(not (AGENT_MOVES[state] & busy) for state in set(AgentState) - ALIVE)


@pytest.mark.parametrize(("state", "to"), list(product(TaskState, TaskState)))
def test_checked_move_follows_the_table(state: TaskState, to: TaskState) -> None:
    task = Task(id=TaskId("T9"), run=1, title="x", state=state)
    if to in TASK_MOVES[state]:
        checked_move(task, to)
        return

    with pytest.raises(WrongState, match=f"T9 is {state.value}; it cannot become {to.value}"):
        checked_move(task, to)


def test_a_task_is_terminal_exactly_in_the_terminal_states() -> None:
    ended = {state for state in TaskState if Task(id=TaskId("T1"), run=1, title="x", state=state).is_terminal}

    assert ended == TERMINAL
