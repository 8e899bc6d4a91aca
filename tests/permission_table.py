"""How each tool must answer each role about each object: the matrix of rights, told a second time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from supervisor.model.agent import Role
from supervisor.model.approval import APPROVAL_MOVES, ApprovalState
from supervisor.model.milestone import MilestoneState
from supervisor.model.permissions import Operation, may
from supervisor.model.task import OPEN, TaskState
from supervisor.model.transitions import TASK_MOVES, TRANSITIONS
from supervisor.model.vote import VoteState
from tests.permission_scenes import (
    APPROVALS,
    LETTERS,
    MEMORIES,
    MILESTONES,
    NOTHING,
    OK,
    PAYLOAD,
    QUESTIONS,
    SUBTASKS,
    TASKS,
    VOTES,
    Scene,
)

Op = Operation
S = TaskState

RIGHTS: Final[dict[str, tuple[Operation, ...]]] = {
    **dict.fromkeys(
        (
            *("whoami", "task_list", "task_get", "task_why", "task_expand", "complexity_report"),
            *("milestone_list", "milestone_get", "handoff_list"),
        ),
        (Op.TASK_READ,),
    ),
    **dict.fromkeys(("task_next", "task_claim"), (Op.TASK_CLAIM,)),
    **dict.fromkeys(
        (
            *("task_progress", "task_checkpoint", "task_complete", "task_fail", "task_release"),
            "task_board",
        ),
        (Op.TASK_WORK,),
    ),
    "task_note": (Op.TASK_NOTE,),
    "task_handoff": (Op.TASK_HANDOFF,),
    "task_create": (Op.TASK_CREATE, Op.TASK_CREATE_SUBTASK),
    **dict.fromkeys(("task_cancel", "task_skip"), (Op.TASK_CANCEL, Op.TASK_CREATE_SUBTASK)),
    "task_update": (Op.TASK_UPDATE,),
    "task_assign": (Op.TASK_ASSIGN,),
    "task_link": (Op.TASK_LINK,),
    **dict.fromkeys(("task_hold", "task_unhold"), (Op.TASK_HOLD,)),
    "task_reopen": (Op.TASK_REOPEN,),
    **dict.fromkeys(("plan_create", "plan_push", "milestone_close"), (Op.MILESTONE_WRITE,)),
    **dict.fromkeys(("review_list", "review_take", "task_approve", "task_reject"), (Op.TASK_REVIEW,)),
    **dict.fromkeys(("inbox", "message_ack", "group_list", "dead_letters"), (Op.MESSAGE_READ,)),
    "message_send": (Op.MESSAGE_SEND,),
    "help": (Op.HELP,),
    **dict.fromkeys(("memory_get", "memory_list", "state_get"), (Op.MEMORY_READ,)),
    **dict.fromkeys(("memory_set", "memory_delete", "state_save"), (Op.MEMORY_WRITE,)),
    "memory": (Op.MEMORY_READ, Op.MEMORY_WRITE),
    **dict.fromkeys(("vote_open", "vote_close"), (Op.VOTE_OPEN,)),
    "vote_cast": (Op.VOTE_CAST,),
    **dict.fromkeys(("vote_get", "vote_list"), (Op.VOTE_READ,)),
    **dict.fromkeys(("approval_request", "approval_get", "approval_use"), (Op.APPROVAL_REQUEST,)),
    **dict.fromkeys(("ask_human", "question_get"), (Op.QUESTION_ASK,)),
    **dict.fromkeys(("team_load", "agent_register", "agent_list"), (Op.TEAM_READ,)),
    "agent_update": (Op.TEAM_REPORT,),
    "wait": (Op.WAIT,),
}
"""For each tool the operations of which a role must have one to know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One call of one role about one scene, and the code with which it must end."""

    role: Role
    tool: str
    scene: Scene
    arguments: Callable[[str], dict[str, Any]]
    code: str
    what: str = ""

    @property
    def name(self) -> str:
        return f"{self.role} {self.tool}{self.what} on {self.scene.name}"


Rule = Callable[[Role, Scene], str]


def always(_role: Role, _scene: Scene) -> str:
    return OK


def in_states(states: Any, otherwise: str = "wrong_state") -> Rule:
    allowed = {str(state) for state in states}
    return lambda _role, scene: OK if scene.state in allowed else otherwise


def before(*rows: int) -> frozenset[TaskState]:
    """Return the states from which these moves of the table start."""
    return frozenset(state for row in TRANSITIONS if row.number in rows for state in row.before)


def claims(_role: Role, scene: Scene) -> str:
    if scene.state == S.IN_PROGRESS:
        return OK if scene.relation == "held by the caller" else "already_claimed"
    if S.IN_PROGRESS not in TASK_MOVES[S(scene.state)]:
        return "wrong_state"
    return "forbidden" if scene.relation == "reserved for another" else OK


def works(_role: Role, scene: Scene) -> str:
    return OK if scene.relation == "held by the caller" else "stale_token"


def works_if_it_may(role: Role, scene: Scene) -> str:
    return works(role, scene) if may(role, Op.TASK_WORK) else "forbidden"


def hands_on(role: Role, scene: Scene) -> str:
    """Let everybody leave notes; what one holds goes along only for those who may work."""
    holds = scene.relation == "held by the caller"
    return "forbidden" if holds and not may(role, Op.TASK_WORK) else OK


def judges(role: Role, scene: Scene) -> str:
    if scene.state != S.IN_REVIEW:
        return "wrong_state"
    if scene.relation == "done by the caller" and role is not Role.SOLO:
        return "forbidden"
    return "already_claimed" if scene.relation == "taken by another judge" else OK


def withdraws(role: Role, scene: Scene) -> str:
    if may(role, Op.TASK_CANCEL):
        return OK if S(scene.state) in before(14) else "wrong_state"
    own = scene.relation == "of the caller's making under its task"
    return OK if own and S(scene.state) in {S.PENDING, S.BLOCKED} else "forbidden"


def makes_subtask(role: Role, scene: Scene) -> str:
    if not may(role, Op.TASK_CREATE) and scene.relation != "held by the caller":
        return "forbidden"
    return OK if S(scene.state) in OPEN else "wrong_state"


def votes(_role: Role, scene: Scene) -> str:
    if scene.state == VoteState.CLOSED:
        return "vote_closed"
    said = {"the caller has a ballot": OK, "the caller has voted": "wrong_state"}
    return said.get(scene.relation, "forbidden")


def closes_vote(_role: Role, scene: Scene) -> str:
    if scene.relation != "the caller opened it":
        return "forbidden"
    return OK if scene.state == VoteState.OPEN else "wrong_state"


def own_only(_role: Role, scene: Scene) -> str:
    return OK if scene.relation == "of the caller" else "not_found"


def uses(role: Role, scene: Scene) -> str:
    if (code := own_only(role, scene)) != OK:
        return code
    return OK if ApprovalState.USED in APPROVAL_MOVES[ApprovalState(scene.state)] else "wrong_state"


def writes_memory(_role: Role, scene: Scene) -> str:
    return "forbidden" if scene.relation == "of another" else OK


def deletes_memory(role: Role, scene: Scene) -> str:
    if (code := writes_memory(role, scene)) != OK:
        return code
    return OK if scene.state == "live" else "not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A tool about some scenes: its arguments by the object's id, and the rule for its end.

    `needs` is what a role must be allowed besides knowing the tool.
    """

    tool: str
    scenes: tuple[Scene, ...]
    arguments: Callable[[str], dict[str, Any]]
    rule: Rule
    what: str = ""
    needs: Operation | None = None


def _about(name: str, **more: Any) -> Callable[[str], dict[str, Any]]:
    return lambda subject: {name: subject, **more}


def _task(tool: str, rule: Rule, *, scenes: tuple[Scene, ...] = TASKS, what: str = "", **more: Any) -> Row:
    return Row(tool=tool, scenes=scenes, arguments=_about("task_id", **more), rule=rule, what=what)


def _plain(tool: str, **arguments: Any) -> Row:
    return Row(tool=tool, scenes=(NOTHING,), arguments=lambda _: arguments, rule=always)


def _place(**more: Any) -> Callable[[str], dict[str, Any]]:
    return lambda place: {"scope": place.rpartition("/")[0], "key": place.rpartition("/")[2], **more}


_HOLDERS: Final[dict[str, dict[str, Any]]] = {
    "task_progress": {"percent": 1},
    "task_checkpoint": {"percent": 1},
    "task_board": {"text": "t"},
    "task_complete": {"result": "r"},
    "task_fail": {"error": "e"},
    "task_release": {"reason": "r"},
}
ROWS: Final = (
    *(_task(tool, always) for tool in ("task_get", "task_why", "task_expand")),
    _task("task_note", always, body="b"),
    _task("task_note", works_if_it_may, what=" as the holder", body="b", token=1),
    _task("task_claim", claims),
    *(_task(tool, works, token=1, **more) for tool, more in _HOLDERS.items()),
    *(
        _task(tool, lambda _role, _scene: "stale_token", what=" with an old token", token=0, **more)
        for tool, more in _HOLDERS.items()
    ),
    _task("help", works_if_it_may, what=" about a task", body="b", token=1),
    _task("task_handoff", hands_on, to="role:planner", notes="n", token=1),
    _task(
        "task_handoff",
        lambda _role, scene: "invalid_argument" if scene.relation == "held by the caller" else OK,
        what=" without a token",
        to="role:planner",
        notes="n",
    ),
    _task("task_update", in_states(OPEN), title="t"),
    _task("task_assign", in_states(OPEN)),
    _task("task_link", in_states({S.PENDING, S.BLOCKED}), depends_on=["T1"]),
    _task("task_hold", in_states(before(3, 7) | {S.BLOCKED}), reason="r"),
    _task("task_unhold", in_states({S.BLOCKED})),
    _task("task_reopen", in_states(before(15)), reason="r"),
    *(
        _task(tool, withdraws, reason="r", scenes=(*TASKS, *SUBTASKS))
        for tool in ("task_cancel", "task_skip")
    ),
    Row(tool="task_create", scenes=TASKS, arguments=_about("parent", title="t"), rule=makes_subtask),
    Row(
        tool="task_create",
        scenes=MILESTONES,
        arguments=_about("milestone", title="t"),
        rule=in_states(set(MilestoneState) - {MilestoneState.CANCELLED}),
        needs=Op.TASK_CREATE,
    ),
    *(_task(tool, judges) for tool in ("review_take", "task_approve")),
    _task("task_reject", judges, feedback="f"),
    _task("agent_update", always, state="working"),
    _task("ask_human", always, scenes=TASKS[::3], question="?"),
    _task("handoff_list", always),
    Row(tool="milestone_get", scenes=MILESTONES, arguments=_about("milestone_id"), rule=always),
    *(
        Row(
            tool="milestone_close",
            scenes=MILESTONES,
            arguments=_about("milestone_id", reason="r", now=now),
            rule=in_states({MilestoneState.OPEN}),
        )
        for now in (False, True)
    ),
    Row(tool="vote_get", scenes=VOTES, arguments=_about("vote_id"), rule=always),
    Row(tool="vote_cast", scenes=VOTES, arguments=_about("vote_id", choice="no"), rule=votes),
    Row(tool="vote_close", scenes=VOTES, arguments=_about("vote_id"), rule=closes_vote),
    Row(tool="approval_get", scenes=APPROVALS, arguments=_about("approval_id"), rule=own_only),
    Row(tool="approval_use", scenes=APPROVALS, arguments=_about("approval_id", payload=PAYLOAD), rule=uses),
    Row(tool="question_get", scenes=QUESTIONS, arguments=_about("question_id"), rule=own_only),
    Row(tool="message_ack", scenes=LETTERS, arguments=lambda number: {"ids": [number]}, rule=always),
    Row(
        tool="inbox", scenes=LETTERS, arguments=lambda number: {"ack": [number], "unread": False}, rule=always
    ),
    Row(tool="memory_get", scenes=MEMORIES, arguments=_place(), rule=always),
    Row(tool="memory_set", scenes=MEMORIES, arguments=_place(value="w"), rule=writes_memory),
    Row(tool="memory_delete", scenes=MEMORIES, arguments=_place(), rule=deletes_memory),
    Row(tool="memory", scenes=MEMORIES, arguments=_place(op="get"), rule=always, what=" get"),
    Row(
        tool="memory",
        scenes=MEMORIES,
        arguments=_place(op="set", value="w"),
        rule=writes_memory,
        what=" set",
        needs=Op.MEMORY_WRITE,
    ),
    Row(
        tool="memory",
        scenes=MEMORIES,
        arguments=_place(op="delete"),
        rule=deletes_memory,
        what=" delete",
        needs=Op.MEMORY_WRITE,
    ),
    *(
        _plain(tool)
        for tool in (
            *("whoami", "task_list", "task_next", "complexity_report", "milestone_list", "review_list"),
            *("inbox", "group_list", "dead_letters", "memory_list", "state_get", "handoff_list", "team_load"),
            *("agent_register", "agent_list", "vote_list"),
        )
    ),
    _plain("plan_create", name="n", tasks=[{"title": "t"}]),
    _plain("plan_push", name="n", key="k", tasks=[{"title": "t", "key": "t"}]),
    _plain("message_send", to="planner", body="b"),
    _plain("help", body="b"),
    _plain("state_save", summary="s"),
    _plain("vote_open", question="?", options=["yes", "no"], electorate=["group:council"]),
    _plain("approval_request", kind="k", title="t", payload=PAYLOAD),
    _plain("ask_human", question="?"),
    _plain("agent_update", state="working"),
    Row(tool="wait", scenes=(NOTHING,), arguments=lambda _: {"for": ["mail"], "timeout_s": 0}, rule=always),
    Row(
        tool="wait",
        scenes=(NOTHING,),
        arguments=lambda _: {"for": ["task"], "timeout_s": 0},
        rule=always,
        what=" for work",
        needs=Op.TASK_CLAIM,
    ),
    Row(
        tool="wait",
        scenes=(NOTHING,),
        arguments=lambda _: {"for": ["review"], "timeout_s": 0},
        rule=always,
        what=" for reviews",
        needs=Op.TASK_REVIEW,
    ),
    _plain("task_create", title="t"),
)


def knows(role: Role, tool: str) -> bool:
    """Tell whether the table of rights lets a role know a tool."""
    return any(may(role, operation) for operation in RIGHTS[tool])


def expected(role: Role, row: Row, scene: Scene, *, behind_the_door: bool = False) -> str:
    """Say how a call must end; behind the door nobody looked whether the role knows the tool."""
    if not knows(role, row.tool):
        return "forbidden" if behind_the_door else "unknown_tool"
    if row.needs is not None and not may(role, row.needs):
        return "forbidden"
    if row.tool == "task_create" and scene is NOTHING and not may(role, Op.TASK_CREATE):
        return "forbidden"
    return row.rule(role, scene)


def cells(role: Role, *, behind_the_door: bool = False) -> Iterator[Cell]:
    """Yield every cell of one role."""
    for row in ROWS:
        for scene in row.scenes:
            code = expected(role, row, scene, behind_the_door=behind_the_door)
            yield Cell(
                role=role, tool=row.tool, scene=scene, arguments=row.arguments, code=code, what=row.what
            )
