"""Objects in every state that they can have, and how each tool must answer about each of them."""

from __future__ import annotations

from collections.abc import Callable
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
from supervisor.model.task import TERMINAL, BlockReason, Task, TaskState
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
