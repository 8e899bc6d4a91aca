"""Questions to a person: asked by an agent, answered once, withdrawn when whoever asked is gone."""

from __future__ import annotations

from dataclasses import replace

from supervisor.coordinator import agents
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import AlreadyAnswered, InvalidArgument, NotFound, TooMany
from supervisor.model.approval import Mode
from supervisor.model.ids import HUMAN, SUPERVISOR, number_of, question_id
from supervisor.model.permissions import Operation, check
from supervisor.model.question import (
    ANSWER_MAX,
    OPEN_MAX,
    OPTION_MAX,
    OPTIONS_MAX,
    QUESTION_MAX,
    QUESTION_MOVES,
    QUESTION_TIMEOUT_MAX_S,
    QUESTION_TIMEOUT_S,
    Question,
    QuestionState,
)

NOBODY_HERE = (
    "nobody is here to answer (headless run); decide yourself, and say in your result what you assumed"
)
NOBODY_ANSWERED = "nobody answered in time; decide yourself, and say in your result what you assumed"


def ask(
    scope: Scope,
    actor: Actor,
    *,
    question: str,
    options: tuple[str, ...] = (),
    task: str | None = None,
    timeout_s: float = QUESTION_TIMEOUT_S,
) -> Question:
    """Put a question to the person. Without one (headless) it ends at once as expired."""
    check(actor.role, Operation.QUESTION_ASK)
    _check_form(question, options, timeout_s)
    if len(scope.tx.all("question.open_of", agent=actor.name)) >= OPEN_MAX:
        raise TooMany(
            f"you have {OPEN_MAX} open questions, which is the most; wait for an answer, or try in 60 s",
            retry_after_s=60,
        )
    asked = Question(
        id=question_id(scope.tx.scalar("question.next_number")),
        run=scope.run,
        agent=actor.name,
        incarnation=actor.incarnation,
        question=question,
        options=options,
        task=None if task is None else scope.task(task).id,
        asked_at=scope.now,
        expires_at=scope.now + timeout_s,
    )
    scope.tx.record("question.asked", asked, actor=actor.name)
    if scope.mode is Mode.HEADLESS:
        return _end(scope, asked, QuestionState.EXPIRED, words=NOBODY_HERE)
    agents.refresh_activity(scope, actor.name)
    return asked


def _check_form(question: str, options: tuple[str, ...], timeout_s: float) -> None:
    if not question.strip():
        raise InvalidArgument("a question needs words")
    sized(question, QUESTION_MAX, "question")
    if len(options) > OPTIONS_MAX or len(set(options)) < len(options):
        raise InvalidArgument(f"a question offers at most {OPTIONS_MAX} options, each different")
    for option in options:
        if not option.strip():
            raise InvalidArgument("an option needs words")
        sized(option, OPTION_MAX, "option")
    if not 1 <= timeout_s <= QUESTION_TIMEOUT_MAX_S:
        raise InvalidArgument(f"timeout_s {timeout_s} is not between 1 and {QUESTION_TIMEOUT_MAX_S:.0f}")


def the_question(scope: Scope, spelled: str) -> Question:
    """Return a question; raise NotFound."""
    question = scope.tx.value(Question, "question.get", n=number_of(spelled, "Q"))
    if question is None:
        raise NotFound(f"there is no question `{spelled[:40]}`")
    return question


def own_question(scope: Scope, actor: Actor, spelled: str) -> Question:
    """Return a question that an incarnation of this agent asked; a foreign one looks unknown."""
    check(actor.role, Operation.QUESTION_ASK)
    question = the_question(scope, spelled)
    if question.agent != actor.name:
        raise NotFound(f"there is no question `{spelled[:40]}`")
    return question


def answer(scope: Scope, spelled: str, *, answer: str = "", choice: str | None = None) -> Question:
    """Let the person answer by an option, in words, or both; only the first answer counts.

    This is no agent's operation: it is reached through the operator's socket alone.
    """
    question = the_question(scope, spelled)
    if QuestionState.ANSWERED not in QUESTION_MOVES[question.state]:
        by = f" by {question.answered_by}" if question.answered_by else ""
        raise AlreadyAnswered(f"question {question.id} is {question.state.value} already{by}")
    if scope.now > question.expires_at:
        raise AlreadyAnswered(f"question {question.id} has expired; the agent has to ask again")
    if choice is not None and choice not in question.options:
        offered = ", ".join(question.options) or "none"
        raise InvalidArgument(f"`{choice[:40]}` is no option of question {question.id}; there are: {offered}")
    if choice is None and not answer.strip():
        raise InvalidArgument("an answer needs words, or one of the options")
    answered = replace(
        question,
        state=QuestionState.ANSWERED,
        answered_by=HUMAN,
        answered_at=scope.now,
        answer=sized(answer, ANSWER_MAX, "answer"),
        choice=choice,
    )
    scope.tx.record("question.answered", answered, actor=HUMAN)
    agents.refresh_activity(scope, question.agent)
    return answered


def _end(scope: Scope, question: Question, to: QuestionState, *, words: str) -> Question:
    ended = replace(question, state=to, answered_by=SUPERVISOR, answered_at=scope.now, answer=words)
    return scope.tx.record(f"question.{to.value}", ended, actor=SUPERVISOR, reason=words)


def expire_overdue(scope: Scope) -> None:
    """End the questions that nobody answered in time."""
    for question in scope.tx.values(Question, "question.overdue", now=scope.now):
        _end(scope, question, QuestionState.EXPIRED, words=NOBODY_ANSWERED)
        agents.refresh_activity(scope, question.agent)


def expire_unattended(scope: Scope) -> None:
    """When a run goes on without a person, end what still waits for one."""
    if scope.mode is Mode.HEADLESS:
        for question in scope.tx.values(Question, "question.open"):
            _end(scope, question, QuestionState.EXPIRED, words=NOBODY_HERE)


def withdraw(scope: Scope, name: str, reason: str) -> None:
    """End what an ended incarnation asked: nobody waits for the answer any more."""
    for question in scope.tx.values(Question, "question.open_of", agent=name):
        _end(scope, question, QuestionState.WITHDRAWN, words=reason[:QUESTION_MAX] or f"{name} ended")


def withdraw_one(scope: Scope, spelled: str, *, reason: str) -> Question:
    """End a question whose agent does not wait for the answer any more; an answered one stays as it is."""
    question = the_question(scope, spelled)
    if QuestionState.WITHDRAWN not in QUESTION_MOVES[question.state]:
        return question
    ended = _end(scope, question, QuestionState.WITHDRAWN, words=reason)
    agents.refresh_activity(scope, question.agent)
    return ended
