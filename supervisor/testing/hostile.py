"""Text as an attacker writes it, and a team that says nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from supervisor.model.agent import Agent, AgentState, ExitClass, ExitInfo, Role
from supervisor.model.approval import Approval, ApprovalState, canonical
from supervisor.model.ids import ApprovalId, MessageId, QuestionId, TaskId, VoteId
from supervisor.model.message import Delivery, Message, MessageKind
from supervisor.model.question import Question, QuestionState
from supervisor.model.task import BlockReason, Checkpoint, Note, Task, TaskState
from supervisor.model.team import Run
from supervisor.model.vote import Ballot, Vote, VoteOutcome, VoteState
from supervisor.testing.fake_feed import FakeEngine

SEQUENCES: Final = {
    "title": "\x1b]0;owned\x07",
    "icon": "\x1b]1;owned\x1b\\",
    "link": "\x1b]8;;file:///etc/passwd\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;b3duZWQ=\x07",
    "clear": "\x1b[2J\x1b[H",
    "reset": "\x1bc",
    "status report": "\x1b[6n",
    "device attributes": "\x1b[c",
    "device control": '\x1bP$q"p\x1b\\',
    "application command": "\x1b_owned\x1b\\",
    "paste end": "\x1b[201~",
    "c1 control": "\x9b2J\x9d0;owned\x9c",
    "unterminated": "\x1b]0;owned",
    "bidi": "\u202egnissecorp\u2066",
    "invisible": "a\u200bb\u2060c\u3164d\U000e0041",
    "newlines": "one\r\ntwo\x0bthree\x0cfour\u2028five",
    "backspace": "safe\x08\x08\x08\x08evil\x7f",
    "markup": "[bold]x[/bold] [/] [@click=app.exit]quit[/] [link=file:///x]y[/link] [",
    "click": "[@click=app.exit('owned')]approve[/]",
    "surrogate": "\ud800\udfff",
    "marks": "z" + "\u0335\u0336" * 30,
    "wide": "日本語" * 40,
    "padding": " " * 300 + "tail",
    "dialog": "│ a approve once   r reject │\n└────┘\n\n in the words of nobody",
    "huge": "x" * 20_000,
}
"""One sequence of each kind that has been used against a terminal or against this toolkit."""

SINKS: Final[dict[str, Callable[[FakeEngine, str], None]]] = {}
"""Where foreign text comes in: each puts one text into one kind of field."""


def _sink(name: str) -> Callable[[Callable[[FakeEngine, str], None]], Callable[[FakeEngine, str], None]]:
    def keep(fill: Callable[[FakeEngine, str], None]) -> Callable[[FakeEngine, str], None]:
        SINKS[name] = fill
        return fill

    return keep


@_sink("agent: name, tags, groups, reason, exit")
def _agent(engine: FakeEngine, text: str) -> None:
    ended = ExitInfo(kind=ExitClass.FAIL, code=1, detail=text)
    for number, state in enumerate((AgentState.PARKED, AgentState.BACKOFF, AgentState.WORKING)):
        engine.put(
            Agent(
                name=f"{text}{number}",
                pool=text,
                role=Role.WORKER,
                state=state,
                pid=None if number == 0 else 7,
                reason=text,
                tags=(text,),
                groups=(text,),
                last_exit=ended,
                task="T1",
            )
        )


@_sink("task: title, people, action")
def _task(engine: FakeEngine, text: str) -> None:
    base = {"run": 1, "title": text, "description": text, "creator": text, "author": text, "action": text}
    states = (TaskState.IN_PROGRESS, TaskState.IN_REVIEW, TaskState.PENDING, TaskState.DONE, TaskState.FAILED)
    for number, state in enumerate(states, start=1):
        engine.put(
            Task(
                **base,  # type: ignore[arg-type]
                id=TaskId(f"T{number}"),
                state=state,
                holder=text,
                reviewer=text,
                assignee=text,
                required_role=text,
                tags=(text,),
                criteria=(text,),
                result=text,
                feedback=text,
                percent=50,
                lease_until=1.0,
            )
        )


@_sink("task that waits for a person")
def _held(engine: FakeEngine, text: str) -> None:
    engine.put(
        Task(
            id=TaskId("T8"),
            run=1,
            title=text,
            feedback=text,
            state=TaskState.BLOCKED,
            blocked_by=(BlockReason.NEEDS_HUMAN, BlockReason.DEPENDENCY),
            depends_on=(TaskId(text),),
        )
    )


@_sink("note")
def _note(engine: FakeEngine, text: str) -> None:
    engine.put(
        Task(id=TaskId("T1"), run=1, title="t"), Note(id=1, task=TaskId("T1"), author=text, body=text, at=1.0)
    )


@_sink("checkpoint")
def _checkpoint(engine: FakeEngine, text: str) -> None:
    engine.put(
        Task(id=TaskId("T1"), run=1, title="t"),
        Checkpoint(
            task=TaskId("T1"),
            author=text,
            token=1,
            percent=5,
            completed=(text,),
            remaining=(text,),
            state=text,
        ),
    )


@_sink("message")
def _message(engine: FakeEngine, text: str) -> None:
    for number, to in enumerate((text, "human"), start=1):
        message = MessageId(f"M{number}")
        engine.put(
            Message(id=message, run=1, sender=text, to=to, body=text, kind=MessageKind.HELP, thread=text),
            Delivery(message=message, recipient=to),
            Delivery(message=message, recipient="human"),
        )


@_sink("open vote")
def _vote(engine: FakeEngine, text: str) -> None:
    _put_vote(engine, text, VoteState.OPEN)


@_sink("closed vote")
def _closed_vote(engine: FakeEngine, text: str) -> None:
    _put_vote(engine, text, VoteState.CLOSED)


def _put_vote(engine: FakeEngine, text: str, state: VoteState) -> None:
    vote = Vote(
        id=VoteId("V1"),
        run=1,
        question=text,
        options=(text, "other"),
        electorate=(text, "x"),
        quorum=1,
        opened_by=text,
        opened_at=1.0,
        deadline=2.0,
        state=state,
        outcome=VoteOutcome.DECIDED if state is VoteState.CLOSED else None,
        winner=text if state is VoteState.CLOSED else None,
        closed_because=text,
    )
    engine.put(vote, Ballot(vote=vote.id, voter=text, choice=text, rationale=text, at=1.0))


@_sink("approval that waits")
def _approval(engine: FakeEngine, text: str) -> None:
    _put_approval(
        engine, text, ApprovalState.PENDING, canonical({"argv": [text], text: {text: [text]}, "cwd": text})
    )


@_sink("approval whose payload is no object")
def _odd_approval(engine: FakeEngine, text: str) -> None:
    _put_approval(engine, text, ApprovalState.PENDING, text)


@_sink("approval that was answered")
def _answered(engine: FakeEngine, text: str) -> None:
    _put_approval(engine, text, ApprovalState.DENIED, canonical({"content": text}))


def _put_approval(engine: FakeEngine, text: str, state: ApprovalState, payload: str) -> None:
    engine.put(
        Approval(
            id=ApprovalId("A1"),
            run=1,
            agent=text,
            incarnation=1,
            kind=text,
            tier=1,
            title=text,
            payload=payload,
            digest="0" * 64,
            reason=text,
            task=text,
            state=state,
            answered_by=text,
            answer=text,
        )
    )


@_sink("question to a person")
def _question(engine: FakeEngine, text: str) -> None:
    engine.put(Task(id=TaskId("T1"), run=1, title=text))
    for number, state in enumerate((QuestionState.ASKED, QuestionState.ANSWERED), start=1):
        engine.put(
            Question(
                id=QuestionId(f"Q{number}"),
                run=1,
                agent=text,
                incarnation=1,
                question=text,
                options=(text, "other"),
                task="T1",
                state=state,
                answer=text,
                choice=text,
            )
        )


@_sink("run")
def _run(engine: FakeEngine, text: str) -> None:
    run = Run(id=1, team=text, profile=text, digest=text, outcome=text)
    engine.put(run, verb=text, actor=text, reason=text)


def fill_all(engine: FakeEngine, text: str) -> None:
    """Put the text into every field that foreign text can reach."""
    for fill in SINKS.values():
        fill(engine, text)
