"""Notices: which events a person wants to hear of, in words, with everything foreign made safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from supervisor.model.escape import visible
from supervisor.model.event import Event
from supervisor.model.health import UNWELL
from supervisor.model.notify import NoticeKind

TITLE_MAX: Final = 200
BODY_MAX: Final = 2000
NAME_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell. `title` is one line, `body` may have several; both are escaped and cut.

    `about` is what repeats are recognised by, besides the kind.
    """

    kind: NoticeKind
    seq: int
    at: float
    run: int
    event: str
    subject: str
    actor: str
    title: str
    body: str
    about: str
    seal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """An event after which a waiting notice of this kind about this subject is no news any more."""

    kind: NoticeKind
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    kind: NoticeKind
    title: str
    body: str = ""
    about: str = ""


_Facts = Mapping[str, Any]
_Teller = Callable[[Event, _Facts], _Words | None]


def notice_of(event: Event) -> Notice | None:
    """Return what `event` is to a person who is elsewhere, or None if it is nothing to them."""
    tell = _TELLERS.get(event.noun)
    words = None if tell is None else tell(event, event.after)
    if words is None:
        return None
    return Notice(
        kind=words.kind,
        seq=event.seq,
        at=event.at,
        run=event.run,
        event=one_line(event.kind, NAME_MAX),
        subject=one_line(event.subject, NAME_MAX),
        actor=one_line(event.actor, NAME_MAX),
        title=one_line(words.title, TITLE_MAX),
        body=many_lines(words.body, BODY_MAX),
        about=words.about or event.subject,
        seal=event.hash,
    )


def settled_by(event: Event) -> Settled | None:
    """Return which waiting notice this event makes stale: a request that was answered, help that came."""
    state = event.after.get("state")
    if event.noun == "approval" and state != "pending":
        return Settled(kind=NoticeKind.APPROVAL, about=event.subject)
    if event.noun == "question" and event.kind != "question.asked":
        return Settled(kind=NoticeKind.QUESTION, about=event.subject)
    if event.noun == "delivery" and state != "dead":
        return Settled(kind=NoticeKind.DEAD_LETTER, about=event.subject)
    if event.noun == "agent" and event.after.get("liveness", "stalled") not in UNWELL:
        return Settled(kind=NoticeKind.STALLED, about=event.subject)
    if event.kind == "budget.raised":
        return Settled(kind=NoticeKind.HELP, about=event.subject)
    if event.noun == "task" and not _waits_for_a_person(event.after):
        return Settled(kind=NoticeKind.HELP, about=event.subject)
    return None


def one_line(text: object, limit: int) -> str:
    """Spell foreign text harmlessly on one line of at most `limit` characters."""
    return cut(visible(" ".join(_clipped(text, limit).split())), limit)


def many_lines(text: object, limit: int) -> str:
    """Spell foreign text harmlessly, its line feeds kept, in at most `limit` characters."""
    return cut(visible(_clipped(text, limit).strip().replace("\r\n", "\n"), newlines=True), limit)


def cut(text: str, limit: int) -> str:
    """Shorten `text` to `limit` characters, with an ellipsis where something is lost."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _clipped(text: object, limit: int) -> str:
    """Look at no more than a little over the limit: the rest would be cut off anyway."""
    return text[: 2 * limit] if isinstance(text, str) else ""


def _quoted(text: object) -> str:
    """Set foreign lines in, so that none of them can pass for one of ours."""
    lines = _clipped(text, BODY_MAX).strip().splitlines()
    return "".join(f"\n    {line}" for line in lines)


def _because(reason: str) -> str:
    return f"Because:{_quoted(reason)}" if reason else ""


def _approval(event: Event, after: _Facts) -> _Words | None:
    if event.kind != "approval.requested" or after.get("state") != "pending":
        return None
    kind = f"Kind {one_line(after.get('kind'), NAME_MAX)}, tier {after.get('tier')}"
    step = f"Look at it and answer: supervisor approve {event.subject}"
    return _Words(
        kind=NoticeKind.APPROVAL,
        title=f"{after.get('agent')} asks for approval: {after.get('title')}",
        body=f"{step}\n{kind}{_quoted(after.get('reason'))}",
    )


def _question(event: Event, after: _Facts) -> _Words | None:
    if event.kind != "question.asked":
        return None
    options = [str(option) for option in after.get("options") or ()]
    asked = "\n".join([str(after.get("question") or ""), *(f"- {option}" for option in options)])
    return _Words(
        kind=NoticeKind.QUESTION,
        title=f"{after.get('agent')} asks: {after.get('question')}",
        body=f"Answer it: supervisor question answer {event.subject}{_quoted(asked)}",
    )


def _message(event: Event, after: _Facts) -> _Words | None:
    if event.kind != "message.sent" or after.get("kind") != "help":
        return None
    thread = str(after.get("thread") or "")
    on = f" on {thread}" if thread else ""
    return _Words(
        kind=NoticeKind.HELP,
        title=f"{after.get('sender')} asks for help{on}",
        body=f"It writes:{_quoted(after.get('body'))}",
        about=thread,
    )


def _delivery(event: Event, after: _Facts) -> _Words | None:
    if after.get("state") != "dead":
        return None
    return _Words(
        kind=NoticeKind.DEAD_LETTER,
        title=f"Message {after.get('message')} did not reach {after.get('recipient')}",
        body=f"Put it back: supervisor dead requeue {event.subject}{_quoted(event.reason)}",
    )


def _task(event: Event, after: _Facts) -> _Words | None:
    named = f"{event.subject} {after.get('title')}"
    if event.kind == "task.failed":
        return _Words(kind=NoticeKind.FAILED, title=f"Task {named} failed", body=_because(event.reason))
    if event.kind == "task.blocked" and _waits_for_a_person(after):
        body = f"When it may go on: supervisor task unblock {event.subject}{_quoted(event.reason)}"
        return _Words(kind=NoticeKind.HELP, title=f"Task {named} waits for a person", body=body)
    return None


def _waits_for_a_person(task: _Facts) -> bool:
    return task.get("state") == "blocked" and "needs_human" in (task.get("blocked_by") or ())


def _agent(event: Event, after: _Facts) -> _Words | None:
    if event.kind == "agent.judged" and after.get("liveness") in UNWELL:
        body = f"See what is known and what comes next: supervisor why {event.subject}{_quoted(event.reason)}"
        title = f"Agent {event.subject} is {after.get('liveness')}"
        return _Words(kind=NoticeKind.STALLED, title=title, body=body)
    if event.kind == "agent.parked":
        body = f"Start it again: supervisor restart {event.subject}{_quoted(event.reason)}"
        return _Words(kind=NoticeKind.PARKED, title=f"Agent {event.subject} is parked", body=body)
    if event.kind == "agent.stuck":
        return _Words(
            kind=NoticeKind.STUCK, title=f"Agent {event.subject} is stuck", body=_because(event.reason)
        )
    return None


def _engine(event: Event, _after: _Facts) -> _Words | None:
    if event.kind != "engine.starts_held":
        return None
    body = f"It tries one in a while; find out what is wrong with them:{_quoted(event.reason)}"
    return _Words(kind=NoticeKind.HELP, title="No agent is started: too many end", body=body)


def _budget(event: Event, _after: _Facts) -> _Words | None:
    if event.kind not in {"budget.warned", "budget.spent"}:
        return None
    is_spent = event.kind == "budget.spent"
    what = "is spent: its agents get no more turns" if is_spent else "is nearly spent"
    body = (
        f"See it: supervisor usage; raise it: supervisor budget raise {event.subject}{_quoted(event.reason)}"
    )
    return _Words(kind=NoticeKind.HELP, title=f"Budget {event.subject} {what}", body=body)


def _run(event: Event, after: _Facts) -> _Words | None:
    if event.kind != "run.finished":
        return None
    title = f"Run {event.subject} of team {after.get('team')} is over: {after.get('outcome')}"
    return _Words(kind=NoticeKind.DONE, title=title)


def _vote(event: Event, after: _Facts) -> _Words | None:
    if event.kind != "vote.closed" or after.get("outcome") == "decided":
        return None
    why = str(after.get("outcome") or "").replace("_", " ")
    options = [f"- {option}" for option in after.get("options") or ()]
    asked = "\n".join([str(after.get("question") or ""), *options])
    return _Words(
        kind=NoticeKind.VOTE_TIE,
        title=f"Vote {event.subject} closed without a decision: {why}",
        body=f"The question was:{_quoted(asked)}",
    )


def _handoff(event: Event, after: _Facts) -> _Words | None:
    if event.kind not in {"handoff.asked", "handoff.recorded"}:
        return None
    work = after.get("task") or "its work"
    return _Words(
        kind=NoticeKind.HANDOFF,
        title=f"{after.get('sender')} hands {work} to {after.get('to')}",
        body=f"It leaves these notes:{_quoted(after.get('notes'))}",
    )


_TELLERS: Final[dict[str, _Teller]] = {
    "agent": _agent,
    "approval": _approval,
    "budget": _budget,
    "delivery": _delivery,
    "engine": _engine,
    "handoff": _handoff,
    "message": _message,
    "question": _question,
    "run": _run,
    "task": _task,
    "vote": _vote,
}
