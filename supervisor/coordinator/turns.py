"""Turns: what an agent is to do next, claimed for it as the turn begins, and what becomes of it after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from supervisor.coordinator import (
    agents,
    choosing,
    ending,
    evidence,
    handoffs,
    mailboxes,
    memory,
    reviews,
    work,
)
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.mailboxes import Letter, Wanted
from supervisor.coordinator.scope import Scope, check_live
from supervisor.coordinator.work import Claim
from supervisor.model.agent import BUSY, AgentState
from supervisor.model.evidence import Evidence
from supervisor.model.ids import SUPERVISOR
from supervisor.model.memory import MemoryEntry
from supervisor.model.permissions import Operation, may
from supervisor.model.task import NOTE_MAX, ErrorClass, Task, TaskState
from supervisor.model.turn import DETAIL_MAX, FINAL_TEXT_MAX, Turn, TurnKind, TurnState, turn_id, turn_number

MAIL_BYTES: Final = 24 * 1024
"""How much mail one prompt carries; at least one message, whole."""

MAIL_MAX: Final = 20
MEMORY_MAX: Final = 20
DRAFT_MAX: Final = NOTE_MAX - 200


class Then(StrEnum):
    """What becomes of work that its agent still holds when a turn has ended.

    `ask`: the agent is asked once what became of it, and after that a person is. `go_on`: the agent
    goes on with it in another turn. `give_back`: others may have it, and it is nobody's fault. `fail`:
    one failure is counted. `help`: a person has to look. `leave`: its incarnation is over, and what it
    held is given back by whoever finds that out.
    """

    ASK = "ask"
    GO_ON = "go_on"
    GIVE_BACK = "give_back"
    FAIL = "fail"
    HELP = "help"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one incarnation was told of its work already, by `mark_of`.

    `reported`: it was asked what became of it. `again`: it is to go on with it. `declined`: it judged
    not, though it was asked to.
    """

    reported: frozenset[str] = frozenset()
    again: frozenset[str] = frozenset()
    declined: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A turn that was begun, with all that its prompt is made of; `resumed`: it goes on with its work."""

    turn: Turn
    claim: Claim | None = None
    mail: tuple[Letter, ...] = ()
    mail_left: int = 0
    memory: tuple[MemoryEntry, ...] = ()
    draft: str = ""
    evidence: tuple[Evidence, ...] = ()
    resumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a turn ended, and what it used; the counts are as in `Turn`."""

    ok: bool
    reason: str
    detail: str = ""
    final_text: str = ""
    session: str = ""
    model: str = ""
    counts: Mapping[str, int | None] = field(default_factory=dict)
    cost_usd: float | None = None
    cost_unknown: bool = False


def mark_of(task: Task) -> str:
    """Name one holding of a task, or one round of its review."""
    if task.state is TaskState.IN_REVIEW:
        return f"{task.id}/{task.review_round}"
    return f"{task.id}#{task.token}"


def begin(scope: Scope, actor: Actor, *, pool: str, session: str, asked: Asked) -> Begun | None:
    """Begin the turn that the actor should have now, and claim what it is about; None if there is none.

    What it holds comes first, then work, then what waits for judgement, then mail.
    """
    check_live(scope, actor)
    agent = scope.agent(actor.name)
    if actor.name in scope.held_back or agent.incarnation != actor.incarnation:
        return None
    blank = Turn(
        id=turn_id(0),
        run=scope.run,
        agent=actor.name,
        incarnation=actor.incarnation,
        pool=pool,
        kind=TurnKind.MAIL,
        session=session,
        started_at=scope.now,
    )
    if agent.state in BUSY | {AgentState.DRAINING} and (held := _held(scope, actor, asked)) is not None:
        return _about_held(scope, actor, blank, held, asked)
    if agent.state not in BUSY:
        return None
    return _about_work(scope, actor, blank, asked) or _about_mail(scope, actor, blank)


def begin_alone(scope: Scope, actor: Actor, *, pool: str, session: str) -> Begun:
    """Begin the one turn of an agent that drives itself."""
    check_live(scope, actor)
    turn = Turn(
        id=turn_id(0),
        run=scope.run,
        agent=actor.name,
        incarnation=actor.incarnation,
        pool=pool,
        kind=TurnKind.BEGIN,
        session=session,
        started_at=scope.now,
    )
    return Begun(turn=_started(scope, turn), memory=_remembered(scope, actor, None))


# ---------------------------------------------------------------- what comes next


def _held(scope: Scope, actor: Actor, asked: Asked) -> Task | None:
    """Return what the actor holds; a person is called for work of which it said nothing when asked."""
    for task in scope.tx.values(Task, "task.held_by", agent=actor.name):
        if mark_of(task) not in asked.reported or mark_of(task) in asked.again:
            return task
        _call_person(scope, actor, task)
    for task in scope.tx.values(Task, "task.reviewed_by", agent=actor.name, run=scope.run):
        if mark_of(task) not in asked.reported:
            return task
        ending.release_review(scope, task, reason=f"{actor.name} was asked for a verdict and gave none")
        agents.refresh_activity(scope, actor.name)
    return None


def _call_person(scope: Scope, actor: Actor, task: Task) -> None:
    """Let a task wait for a person, with what the agent wrote last as a draft of its result."""
    _keep_draft(scope, actor, task)
    reason = f"{actor.name} ended its turns without saying whether it is done"
    ending.block_for_help(scope, actor, task.id, task.token, reason)


def _keep_draft(scope: Scope, actor: Actor, task: Task) -> None:
    if draft := draft_of(scope, task):
        cut = draft.encode()[:DRAFT_MAX].decode(errors="ignore")
        words = f"What {actor.name} wrote last, not handed in:\n{cut}"
        work.put_note(scope, task, words, author=SUPERVISOR)


def draft_of(scope: Scope, task: Task) -> str:
    """Return what an agent wrote last at the end of a turn about a task; empty if nothing."""
    turn = scope.tx.value(Turn, "turn.newest_of_task", task=task.id)
    return "" if turn is None else turn.final_text


def _about_held(scope: Scope, actor: Actor, blank: Turn, task: Task, asked: Asked) -> Begun:
    resumed = mark_of(task) in asked.again
    judged = task.state is TaskState.IN_REVIEW
    kind = TurnKind.REPORT if not resumed else TurnKind.REVIEW if judged else TurnKind.TASK
    turn = replace(blank, kind=kind, task=task.id, token=task.token)
    return _with_facts(scope, actor, turn, task, resumed=resumed)


def _about_work(scope: Scope, actor: Actor, blank: Turn, asked: Asked) -> Begun | None:
    if may(actor.role, Operation.TASK_CLAIM) and choosing.recommended(scope, actor) is not None:
        task = work.claim(scope, actor, None).task
        turn = replace(blank, kind=TurnKind.TASK, task=task.id, token=task.token)
        return _with_facts(scope, actor, turn, task, resumed=False)
    if may(actor.role, Operation.TASK_REVIEW):
        handed_in = reviews.next_review(scope, actor, declined=lambda task: mark_of(task) in asked.declined)
        if handed_in is not None:
            task = reviews.take_review(scope, actor, handed_in.id)
            turn = replace(blank, kind=TurnKind.REVIEW, task=task.id, token=task.token)
            return _with_facts(scope, actor, turn, task, resumed=False)
    return None


def _about_mail(scope: Scope, actor: Actor, blank: Turn) -> Begun | None:
    mail = _mail(scope, actor)
    if not mail:
        return None
    return Begun(
        turn=_started(scope, blank),
        mail=mail,
        mail_left=mailboxes.unread_count(scope, actor),
        memory=_remembered(scope, actor, None),
    )


def _with_facts(scope: Scope, actor: Actor, turn: Turn, task: Task, *, resumed: bool) -> Begun:
    mail = () if turn.kind is TurnKind.REPORT else _mail(scope, actor)
    return Begun(
        turn=_started(scope, turn),
        claim=work.claim_details(scope, task),
        mail=mail,
        mail_left=mailboxes.unread_count(scope, actor),
        memory=_remembered(scope, actor, task),
        draft=draft_of(scope, task) if turn.kind is TurnKind.REPORT else "",
        evidence=evidence.of_newest(scope, task) if turn.kind is TurnKind.REVIEW else (),
        resumed=resumed,
    )


def _mail(scope: Scope, actor: Actor) -> tuple[Letter, ...]:
    """Hand out as much unread mail as one prompt carries."""
    room, count = MAIL_BYTES, 0
    waiting = mailboxes.unread(scope, actor.name, Wanted(limit=MAIL_MAX), incarnation=actor.incarnation)
    for message, _ in waiting:
        room -= len(message.body.encode()) + len(message.payload.encode())
        if count and room < 0:
            break
        count += 1
    return mailboxes.fetch(scope, actor, Wanted(limit=count)) if count else ()


def _remembered(scope: Scope, actor: Actor, task: Task | None) -> tuple[MemoryEntry, ...]:
    """Return what is remembered for the task, the agent and the team, the narrowest first."""
    places = (
        [f"agent:{actor.name}", "team"]
        if task is None
        else [f"task:{task.id}", f"agent:{actor.name}", "team"]
    )
    found: list[MemoryEntry] = []
    for where in places:
        page = memory.recall_page(scope, actor, where=where, limit=MEMORY_MAX)
        found.extend(page.entries)
    return tuple(found[:MEMORY_MAX])


def _started(scope: Scope, turn: Turn) -> Turn:
    numbered = replace(turn, id=turn_id(scope.tx.scalar("turn.next_number")))
    about = f" {turn.task}" if turn.task else ""
    scope.tx.record("turn.started", numbered, actor=SUPERVISOR, reason=f"{turn.kind.value}{about}")
    agents.refresh_activity(scope, turn.agent)
    return numbered


# ---------------------------------------------------------------- how it ended


def end(
    scope: Scope, actor: Actor, turn: Turn, ended: Ended, then: Then, *, read: tuple[str, ...] = ()
) -> Turn:
    """Write down how a turn ended, and deal with what its agent still holds of it.

    `read` names the messages that its prompt carried: they are consumed if it ended well.
    """
    over = replace(
        turn,
        state=TurnState.ENDED,
        ended_at=scope.now,
        ok=ended.ok,
        reason=ended.reason,
        detail=ended.detail[:DETAIL_MAX],
        final_text=ended.final_text[-FINAL_TEXT_MAX:],
        session=ended.session or turn.session,
        model=ended.model,
        cost_usd=ended.cost_usd,
        cost_unknown=ended.cost_unknown,
        **ended.counts,  # type: ignore[arg-type]  # they are named as the fields are
    )
    scope.tx.record("turn.ended", over, actor=SUPERVISOR, reason=over.detail or over.reason)
    if then is Then.LEAVE or not _is_live(scope, actor):
        return over
    if read and ended.ok:
        mailboxes.ack(scope, actor.name, ids=read)
    task = _still_held(scope, actor, over)
    if task is not None:
        _deal_with(scope, actor, task, over, then)
    agents.refresh_activity(scope, actor.name)
    return over


def _is_live(scope: Scope, actor: Actor) -> bool:
    live = scope.tx.one("incarnation.is_live", agent=actor.name, number=actor.incarnation)
    return live is not None


def _still_held(scope: Scope, actor: Actor, turn: Turn) -> Task | None:
    """Return the turn's task if its agent still holds it, or still has to judge it."""
    task = None if turn.task is None else scope.task(turn.task)
    if task is None or task.token != turn.token:
        return None
    held = task.state is TaskState.IN_PROGRESS and task.holder == actor.name
    judged = task.state is TaskState.IN_REVIEW and task.reviewer == actor.name
    return task if held or judged else None


def _deal_with(scope: Scope, actor: Actor, task: Task, turn: Turn, then: Then) -> None:
    if then in {Then.ASK, Then.GO_ON}:
        return
    words = f"turn {turn.id} of {actor.name} ended: {turn.detail or turn.reason}"
    if task.state is TaskState.IN_REVIEW:
        ending.release_review(scope, task, reason=words)
    elif then is Then.GIVE_BACK:
        _keep_draft(scope, actor, task)
        handoffs.automatic(scope, actor.name, task, words)
        ending.give_back(scope, task, actor=SUPERVISOR, reason=words, releases=task.releases)
    elif then is Then.FAIL:
        ending.after_failure(scope, task, actor=SUPERVISOR, error=words, kind=ErrorClass.TRANSIENT)
    else:
        _keep_draft(scope, actor, task)
        ending.block_for_help(scope, actor, task.id, task.token, words)


def name_session(scope: Scope, turn: Turn, session: str) -> Turn:
    """Note which conversation a turn turned out to be in, so that its agent's next life can go on with it."""
    known = scope.tx.value(Turn, "turn.get", n=turn_number(turn.id)) or turn
    if known.state is TurnState.ENDED or known.session == session:
        return known
    return scope.tx.record("turn.named", replace(known, session=session), actor=SUPERVISOR)


def end_left(scope: Scope) -> int:
    """End the turns that an earlier engine left running; return how many."""
    left = scope.tx.values(Turn, "turn.running")
    for turn in left:
        lost = replace(
            turn,
            state=TurnState.ENDED,
            ended_at=scope.now,
            reason="lost",
            detail="the engine died",
            cost_unknown=True,
        )
        scope.tx.record("turn.ended", lost, actor=SUPERVISOR, reason=lost.detail)
    return len(left)


def session_to_resume(scope: Scope, name: str, *, keeps: bool) -> str:
    """Return the conversation that an agent's next incarnation goes on with; empty for a new one.

    Without `keeps` only one is gone on with whose last turn was cut off, and whose task is still open.
    """
    last = scope.tx.value(Turn, "turn.newest_of_agent", agent=name)
    if last is None or last.run != scope.run:
        return ""
    if keeps:
        return last.session
    if last.task is None or (last.state is TurnState.ENDED and last.reason != "lost"):
        return ""
    return "" if scope.task(last.task).is_terminal else last.session
