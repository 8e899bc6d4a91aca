"""Objects in every state that they can have, and how each tool must answer about each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from supervisor.coordinator import memory
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.model.agent import Role
from supervisor.model.approval import APPROVAL_MOVES, Approval, ApprovalState, canonical, digest_of
from supervisor.model.ids import approval_id, message_id, milestone_id, question_id, task_id, vote_id
from supervisor.model.message import Delivery, DeliveryState, Message
from supervisor.model.milestone import Milestone, MilestoneState
from supervisor.model.permissions import Operation, may
from supervisor.model.question import Question, QuestionState
from supervisor.model.task import OPEN, TERMINAL, BlockReason, Task, TaskState
from supervisor.model.transitions import TASK_MOVES, TRANSITIONS
from supervisor.model.vote import Ballot, Vote, VoteOutcome, VoteState

Op = Operation
S = TaskState
OK: Final = "ok"

AGENTS: Final = {
    Role.ORCHESTRATOR: "chief",
    Role.PLANNER: "planner",
    Role.WORKER: "worker-1",
    Role.JUDGE: "judge",
    Role.MONITOR: "watcher",
    Role.SOLO: "solo",
}
STRANGER: Final = "worker-2"
OTHER_JUDGE: Final = "voter-1"
PAYLOAD: Final = {"path": "b"}

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
class Scene:
    """One object in one state, as it stands towards the caller: `make` brings it about, whoever calls."""

    noun: str
    state: str
    relation: str = ""
    make: Callable[[Scope, str], str] = lambda _scope, _me: ""

    @property
    def name(self) -> str:
        return f"{self.noun} {self.state} {self.relation}".strip()


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


# ---- scenes


def task_scene(state: TaskState, relation: str, **more: Any) -> Scene:
    def make(scope: Scope, me: str) -> str:
        names = {"me": me, "another": STRANGER, "another judge": OTHER_JUDGE}
        said: dict[str, Any] = {name: names.get(value, value) for name, value in more.items()}
        number = scope.tx.scalar("task.next_number")
        task = Task(id=f"T{number}", run=scope.run, title="t")  # type: ignore[arg-type]  # as stored
        scope.save_task("task.created", task, actor="supervisor")
        author = said.get("holder") or said.get("author") or STRANGER
        held = replace(
            task, state=S.IN_PROGRESS, holder=author, author=author, token=1, lease_until=scope.now + 900
        )
        scope.save_task("task.claimed", held, actor="supervisor")
        if state is not S.IN_PROGRESS:
            blocked = (BlockReason.HOLD,) if state is S.BLOCKED else ()
            ended = scope.now if state in TERMINAL else None
            free = replace(held, state=state, holder=None, lease_until=None, blocked_by=blocked)
            said = {"author": author, "finished_at": ended} | said
            scope.save_task(f"task.{state.value}", replace(free, **said), actor="supervisor")
        return str(task.id)

    return Scene(noun="task", state=state.value, relation=relation, make=make)


def subtask_scene(state: TaskState, relation: str, *, parent: str, creator: str) -> Scene:
    """Make a task with a child in a state; the child is what the call is about."""
    above = task_scene(S.IN_PROGRESS, "", holder=parent)
    below = task_scene(state, "", **({"holder": "another"} if state is S.IN_PROGRESS else {}))

    def make(scope: Scope, me: str) -> str:
        parent_id, child = above.make(scope, me), scope.task(below.make(scope, me))
        by = me if creator == "me" else "planner"
        below_it = replace(child, parent=task_id(int(parent_id[1:])), creator=by)
        scope.save_task("task.updated", below_it, actor="supervisor")
        counted = {"open": int(not child.is_terminal), "done": int(child.state is S.DONE)}
        scope.tx.execute("task.child_changed", n=int(parent_id[1:]), **counted)
        return str(child.id)

    return Scene(noun="subtask", state=state.value, relation=relation, make=make)


TASKS: Final = (
    task_scene(S.PENDING, "of nobody"),
    task_scene(S.PENDING, "reserved for another", assignee="another"),
    task_scene(S.PENDING, "reserved for the caller", assignee="me"),
    task_scene(S.BLOCKED, "of nobody"),
    task_scene(S.IN_PROGRESS, "held by the caller", holder="me"),
    task_scene(S.IN_PROGRESS, "held by another", holder="another"),
    task_scene(S.IN_REVIEW, "done by another", author="another"),
    task_scene(S.IN_REVIEW, "done by the caller", author="me"),
    task_scene(S.IN_REVIEW, "taken by another judge", author="another", reviewer="another judge"),
    *(task_scene(state, "of nobody") for state in sorted(TERMINAL)),
)
SUBTASKS: Final = tuple(
    subtask_scene(state, relation, parent=parent, creator=creator)
    for state in TaskState
    for relation, parent, creator in (
        ("of the caller's making under its task", "me", "me"),
        ("of another's making under the caller's task", "me", "another"),
        ("of the caller's making under another's task", "another", "me"),
    )
)


def _vote(state: VoteState, relation: str, *, voters: tuple[str, ...], voted: bool, opener: str) -> Scene:
    def make(scope: Scope, me: str) -> str:
        names = tuple(me if each == "me" else each for each in voters)
        vote = Vote(
            id=vote_id(scope.tx.scalar("vote.next_number")),
            run=scope.run,
            question="?",
            options=("yes", "no"),
            electorate=names,
            quorum=3,
            opened_by=me if opener == "me" else "voter-3",
            opened_at=scope.now,
            deadline=scope.now + 1e6,
        )
        scope.tx.record("vote.opened", vote, actor="supervisor")
        if voted:
            scope.tx.record("ballot.cast", Ballot(vote=vote.id, voter=me, choice="yes"), actor="supervisor")
        if state is VoteState.CLOSED:
            closed = replace(vote, state=state, outcome=VoteOutcome.NO_QUORUM, closed_at=scope.now)
            scope.tx.record("vote.closed", closed, actor="supervisor")
        return str(vote.id)

    return Scene(noun="vote", state=state.value, relation=relation, make=make)


COUNCIL: Final = ("voter-1", "voter-2", "voter-3")
VOTES: Final = tuple(
    _vote(state, relation, voters=voters, voted=voted, opener=opener)
    for state in VoteState
    for relation, voters, voted, opener in (
        ("the caller has a ballot", ("me", *COUNCIL), False, "another"),
        ("the caller has voted", ("me", *COUNCIL), True, "another"),
        ("the caller has none", COUNCIL, False, "another"),
        ("the caller opened it", COUNCIL, False, "me"),
    )
)


def _approval(state: ApprovalState, relation: str) -> Scene:
    def make(scope: Scope, me: str) -> str:
        agent = scope.agent(me if relation == "of the caller" else STRANGER)
        number = approval_id(scope.tx.scalar("approval.next_number"))
        text = canonical(dict(PAYLOAD))
        bound = {"agent": agent.name, "incarnation": agent.incarnation, "kind": "k", "tier": 1, "title": "t"}
        approval = Approval(
            id=number,
            run=scope.run,
            payload=text,
            digest=digest_of(**bound, payload=text),  # type: ignore[arg-type]  # as above
            created_at=scope.now,
            expires_at=scope.now + 1e6,
            **bound,  # type: ignore[arg-type]  # as above
        )
        scope.tx.record("approval.requested", approval, actor="supervisor")
        for step in _way(state):
            approval = replace(approval, state=step)
            scope.tx.record(f"approval.{step.value}", approval, actor="supervisor")
        return str(number)

    return Scene(noun="approval", state=state.value, relation=relation, make=make)


def _way(state: ApprovalState) -> tuple[ApprovalState, ...]:
    if state is ApprovalState.PENDING:
        return ()
    direct = state in APPROVAL_MOVES[ApprovalState.PENDING]
    return (state,) if direct else (ApprovalState.APPROVED, state)


APPROVALS: Final = tuple(
    _approval(state, relation) for state in ApprovalState for relation in ("of the caller", "of another")
)


def _question(state: QuestionState, relation: str) -> Scene:
    def make(scope: Scope, me: str) -> str:
        question = Question(
            id=question_id(scope.tx.scalar("question.next_number")),
            run=scope.run,
            agent=me if relation == "of the caller" else STRANGER,
            incarnation=1,
            question="?",
            expires_at=scope.now + 1e6,
        )
        scope.tx.record("question.asked", question, actor="supervisor")
        if state is not QuestionState.ASKED:
            scope.tx.record(f"question.{state.value}", replace(question, state=state), actor="supervisor")
        return str(question.id)

    return Scene(noun="question", state=state.value, relation=relation, make=make)


QUESTIONS: Final = tuple(
    _question(state, relation) for state in QuestionState for relation in ("of the caller", "of another")
)


def _milestone(state: MilestoneState) -> Scene:
    def make(scope: Scope, me: str) -> str:
        number = milestone_id(scope.tx.scalar("milestone.next_number"))
        milestone = Milestone(id=number, run=scope.run, name="n", key=f"key-{number}")
        scope.tx.record("milestone.created", milestone, actor="supervisor")
        if state is not MilestoneState.OPEN:
            scope.tx.record(f"milestone.{state.value}", replace(milestone, state=state), actor="supervisor")
        return str(number)

    return Scene(noun="milestone", state=state.value, make=make)


MILESTONES: Final = tuple(_milestone(state) for state in MilestoneState)


def _letter(state: DeliveryState, relation: str) -> Scene:
    def make(scope: Scope, me: str) -> str:
        number = message_id(scope.tx.scalar("message.next_number"))
        name = me if relation == "to the caller" else STRANGER
        message = Message(
            id=number, run=scope.run, sender="planner", to=name, body="b", expires_at=scope.now + 1e6
        )
        scope.tx.record("message.sent", message, actor="supervisor")
        copy = Delivery(message=number, recipient=name)
        scope.tx.record("delivery.queued", copy, actor="supervisor")
        if state not in {DeliveryState.QUEUED, DeliveryState.EXPIRED}:
            copy = replace(
                copy, state=DeliveryState.DELIVERED, attempts=3, visible_at=scope.now, incarnation=1
            )
            scope.tx.record("delivery.delivered", copy, actor="supervisor")
        if state not in {DeliveryState.QUEUED, DeliveryState.DELIVERED}:
            scope.tx.record(f"delivery.{state.value}", replace(copy, state=state), actor="supervisor")
        return str(number)

    return Scene(noun="mail", state=state.value, relation=relation, make=make)


LETTERS: Final = tuple(
    _letter(state, relation) for state in DeliveryState for relation in ("to the caller", "to another")
)


def _entry(state: str, relation: str) -> Scene:
    def make(scope: Scope, me: str) -> str:
        where = {"of the team": "team", "of the caller": f"agent:{me}"}.get(relation, f"agent:{STRANGER}")
        owner = where.removeprefix("agent:") if where != "team" else "planner"
        key = f"k{scope.tx.end.seq}"
        actor = Actor(name=owner, role=scope.agent(owner).role, incarnation=1, run=scope.run)
        if state != "unknown" and may(actor.role, Op.MEMORY_WRITE):  # else its place stays empty for ever
            memory.remember(scope, actor, key=key, value="v", where=where)
            if state == "deleted":
                memory.forget(scope, None, key=key, where=where)
        return f"{where}/{key}"

    return Scene(noun="memory", state=state, relation=relation, make=make)


MEMORIES: Final = tuple(
    _entry(state, relation)
    for state in ("live", "deleted", "unknown")
    for relation in ("of the team", "of the caller", "of another")
)
NOTHING: Final = Scene(noun="nothing", state="")

# ---- what must come of it

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
