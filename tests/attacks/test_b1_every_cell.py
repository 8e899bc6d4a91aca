"""B1: each role with each tool on each task state is tried and must end exactly as the tables say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.errors import SupervisorError
from supervisor.model.agent import Role
from supervisor.model.permissions import PERMISSIONS, Operation, may
from supervisor.model.task import TERMINAL, BlockReason, Task, TaskState
from supervisor.model.transitions import TASK_MOVES
from supervisor.transports.mcp.tools import table
from supervisor.transports.mcp.tools.table import TOOLS
from supervisor.transports.mcp.tools.tool import Tool
from tests.team_door import TeamDoor, mark, team_door

AGENTS: Final = {
    Role.ORCHESTRATOR: "chief",
    Role.PLANNER: "planner",
    Role.WORKER: "worker-1",
    Role.JUDGE: "judge",
    Role.MONITOR: "watcher",
    Role.SOLO: "solo",
}
S = TaskState
ANY: Final = frozenset(TaskState)
HELD: Final = frozenset({S.IN_PROGRESS})
JUDGED: Final = frozenset({S.IN_REVIEW})
OPEN: Final = ANY - TERMINAL
WAITING: Final = frozenset({S.PENDING, S.BLOCKED})

# tool: the operation that grants it, its arguments beside task_id, the states it is for
ROWS: Final[dict[str, tuple[Operation, dict[str, Any], frozenset[TaskState]]]] = {
    "task_get": (Operation.TASK_READ, {}, ANY),
    "task_note": (Operation.TASK_NOTE, {"body": "b"}, ANY),
    "task_claim": (
        Operation.TASK_CLAIM,
        {},
        frozenset(state for state in ANY if S.IN_PROGRESS in TASK_MOVES[state]) | HELD,
    ),
    "task_progress": (Operation.TASK_WORK, {"token": 1, "percent": 1}, HELD),
    "task_checkpoint": (Operation.TASK_WORK, {"token": 1, "percent": 1}, HELD),
    "task_complete": (Operation.TASK_WORK, {"token": 1, "result": "r"}, HELD),
    "task_fail": (Operation.TASK_WORK, {"token": 1, "error": "e"}, HELD),
    "task_release": (Operation.TASK_WORK, {"token": 1, "reason": "r"}, HELD),
    "task_link": (Operation.TASK_LINK, {"depends_on": ["T1"]}, frozenset({S.PENDING, S.BLOCKED})),
    "task_cancel": (
        Operation.TASK_CANCEL,
        {"reason": "r"},
        frozenset(state for state in ANY if S.CANCELLED in TASK_MOVES[state]),
    ),
    "task_why": (Operation.TASK_READ, {}, ANY),
    "task_expand": (Operation.TASK_READ, {}, ANY),
    "task_board": (Operation.TASK_WORK, {"token": 1, "text": "t"}, HELD),
    "task_handoff": (Operation.TASK_HANDOFF, {"to": "role:planner", "notes": "n", "token": 1}, ANY),
    "task_update": (Operation.TASK_UPDATE, {"title": "t"}, OPEN),
    "task_assign": (Operation.TASK_ASSIGN, {}, OPEN),
    "task_hold": (Operation.TASK_HOLD, {"reason": "r"}, WAITING | HELD),
    "task_unhold": (Operation.TASK_HOLD, {}, frozenset({S.BLOCKED})),
    "task_skip": (
        Operation.TASK_CANCEL,
        {"reason": "r"},
        frozenset(state for state in ANY if S.SKIPPED in TASK_MOVES[state]),
    ),
    "task_reopen": (Operation.TASK_REOPEN, {"reason": "r"}, TERMINAL),
    "review_take": (Operation.TASK_REVIEW, {}, JUDGED),
    "task_approve": (Operation.TASK_REVIEW, {}, JUDGED),
    "task_reject": (Operation.TASK_REVIEW, {"feedback": "f"}, JUDGED),
}
ABOUT_NO_TASK: Final = {
    "whoami": Operation.TASK_READ,
    "task_list": Operation.TASK_READ,
    "task_next": Operation.TASK_CLAIM,
    "task_create": Operation.TASK_CREATE,
    "complexity_report": Operation.TASK_READ,
    "plan_create": Operation.MILESTONE_WRITE,
    "plan_push": Operation.MILESTONE_WRITE,
    "milestone_list": Operation.TASK_READ,
    "milestone_get": Operation.TASK_READ,
    "milestone_close": Operation.MILESTONE_WRITE,
    "review_list": Operation.TASK_REVIEW,
    "team_load": Operation.TEAM_READ,
    "inbox": Operation.MESSAGE_READ,
    "message_send": Operation.MESSAGE_SEND,
    "message_ack": Operation.MESSAGE_READ,
    "group_list": Operation.MESSAGE_READ,
    "dead_letters": Operation.MESSAGE_READ,
    "help": Operation.HELP,
    "memory_set": Operation.MEMORY_WRITE,
    "memory_get": Operation.MEMORY_READ,
    "memory_list": Operation.MEMORY_READ,
    "memory_delete": Operation.MEMORY_WRITE,
    "memory": Operation.MEMORY_READ,
    "vote_close": Operation.VOTE_OPEN,
    "state_save": Operation.MEMORY_WRITE,
    "state_get": Operation.MEMORY_READ,
    "ask_human": Operation.QUESTION_ASK,
    "question_get": Operation.QUESTION_ASK,
    "handoff_list": Operation.TASK_READ,
    "vote_open": Operation.VOTE_OPEN,
    "vote_cast": Operation.VOTE_CAST,
    "vote_get": Operation.VOTE_READ,
    "vote_list": Operation.VOTE_READ,
    "approval_request": Operation.APPROVAL_REQUEST,
    "approval_get": Operation.APPROVAL_REQUEST,
    "approval_use": Operation.APPROVAL_REQUEST,
    "agent_register": Operation.TEAM_READ,
    "agent_update": Operation.TEAM_REPORT,
    "agent_list": Operation.TEAM_READ,
    "wait": Operation.WAIT,
}


OF_HOLDERS: Final = {"task_create", "task_cancel", "task_skip"}
"""What holders may do to subtasks of their own too."""


def test_a_tool_without_a_row_fails() -> None:
    assert ROWS.keys() | ABOUT_NO_TASK.keys() == TOOLS.keys()


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("tool", [*ROWS, *ABOUT_NO_TASK])
def test_a_tool_is_seen_by_exactly_the_roles_that_its_operation_is_for(tool: str, role: Role) -> None:
    operation = ROWS[tool][0] if tool in ROWS else ABOUT_NO_TASK[tool]
    part = tool in OF_HOLDERS and may(role, Operation.TASK_CREATE_SUBTASK)
    assert TOOLS[tool].visible_to(role) == (may(role, operation) or part)


async def task_in(door: TeamDoor, state: TaskState, holder: str) -> str:
    """Bring a task of a stranger's making into a state, move by move; all have been claimed once: token 1."""

    def make(scope: Any) -> str:
        number = f"T{scope.tx.scalar('task.next_number')}"
        task = Task(id=number, run=scope.run, title=state.value)  # type: ignore[arg-type]  # as stored
        scope.save_task("task.created", task, actor="supervisor")
        author = "worker-2" if state is TaskState.IN_REVIEW else holder
        claimed = replace(
            task,
            state=TaskState.IN_PROGRESS,
            holder=author,
            author=author,
            token=1,
            lease_until=scope.now + 900,
        )
        scope.save_task("task.claimed", claimed, actor="supervisor")
        if state is not TaskState.IN_PROGRESS:
            ended = replace(
                claimed,
                state=state,
                holder=None,
                lease_until=None,
                author=author if state is TaskState.IN_REVIEW else None,
                blocked_by=(BlockReason.HOLD,) if state is TaskState.BLOCKED else (),
                finished_at=scope.now if state in TERMINAL else None,
            )
            scope.save_task(f"task.{state.value}", ended, actor="supervisor")
        return number

    number: str = await door.team.do(make)
    return number


async def wrong_cells(door: TeamDoor, role: Role) -> list[str]:
    """Try each tool in each state and list the cells that end otherwise than the tables say."""
    agent = AGENTS[role]
    holder = agent if may(role, Operation.TASK_CLAIM) else "worker-2"
    await task_in(door, TaskState.PENDING, holder)
    wrong = []
    for tool, (operation, arguments, states) in ROWS.items():
        for state in TaskState:
            task = await task_in(door, state, holder)
            before = await door.team.store.read(mark)
            try:
                await door.call(agent, tool, task_id=task, **arguments)
            except SupervisorError as error:
                done = False
                if await door.team.store.read(mark) != before:
                    wrong.append(f"{role} {tool} {state}: refused ({error.code}) but changed something")
            else:
                done = True
            if done != (operation in PERMISSIONS[role] and state in states):
                wrong.append(f"{role} {tool} {state}: {'done' if done else 'refused'}")
            after = (await door.team.task(task)).state
            if after is not state and after not in TASK_MOVES[state]:
                wrong.append(f"{role} {tool} {state}: went to {after}")
    return wrong


@pytest.mark.parametrize("role", Role)
async def test_every_cell_ends_as_the_tables_say(tmp_path: Path, role: Role) -> None:
    async with team_door(tmp_path) as door:
        assert await wrong_cells(door, role) == []


async def test_canary_one_right_too_many_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tool, "visible_to", lambda *_: True)
    monkeypatch.setattr("supervisor.coordinator.steering.may", lambda *_: True)
    assert table.TOOLS is TOOLS
    found: list[str] = []
    with pytest.raises(AssertionError, match="a monitor may not do that"):  # the log tells of it too
        async with team_door(tmp_path) as door:
            found += await wrong_cells(door, Role.MONITOR)
    assert "monitor task_cancel pending: done" in found
