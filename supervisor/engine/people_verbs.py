"""The operator's verbs about votes, memory and questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from supervisor.coordinator import memory, questions, views, votes
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.votes import NewVote
from supervisor.errors import InvalidArgument
from supervisor.model.question import Question
from supervisor.model.wire import to_wire

if TYPE_CHECKING:
    from supervisor.engine.backend import Backend

QUESTIONS_MAX: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseVote:
    """Arguments of `vote_close`."""

    vote_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideVote:
    """Arguments of `vote_decide`; the option must be one of those that lead."""

    vote_id: str
    option: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMemory:
    """Arguments of `memory_list`; without a scope all of them are listed."""

    scope: str | None = None
    prefix: str = ""
    after: str = ""
    limit: int = memory.LIST_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class OneEntry:
    """Arguments of `memory_show` and `memory_delete`."""

    key: str
    scope: str = "team"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeMemory:
    """Arguments of `memory_purge`."""

    author: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuestions:
    """Arguments of `question_list`; without `everything` only the open ones."""

    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerQuestion:
    """Arguments of `question_answer`: one of its options, words, or both."""

    question_id: str
    answer: str = ""
    choice: str | None = None


async def open_vote(backend: Backend, asked: NewVote) -> dict[str, Any]:
    """Open a vote in the person's name."""
    vote = await backend.coordinator.write(lambda scope: votes.open_vote(scope, None, asked))
    return {"vote": to_wire(vote)}


async def close_vote(backend: Backend, asked: CloseVote) -> dict[str, Any]:
    """Close a vote before its deadline."""
    closed = await backend.coordinator.write(
        lambda scope: votes.close_by_hand(scope, None, asked.vote_id, asked.reason)
    )
    return await backend.coordinator.read(lambda scope: views.vote_page(scope, closed.id))


async def decide_vote(backend: Backend, asked: DecideVote) -> dict[str, Any]:
    """Settle a tie."""
    settled = await backend.coordinator.write(
        lambda scope: votes.settle_tie(scope, asked.vote_id, asked.option, asked.reason)
    )
    return await backend.coordinator.read(lambda scope: views.vote_page(scope, settled.id))


async def list_memory(backend: Backend, asked: ListMemory) -> dict[str, Any]:
    """List what is remembered, a page of it."""
    limit = max(1, min(asked.limit, memory.LIST_MAX))
    return await backend.coordinator.store.read(
        lambda tx: memory.listed(tx, where=asked.scope, prefix=asked.prefix, after=asked.after, limit=limit)
    )


async def show_memory(backend: Backend, asked: OneEntry) -> dict[str, Any]:
    """Return one entry whole."""
    entry = await backend.coordinator.store.read(
        lambda tx: memory.shown(tx, key=asked.key, where=asked.scope)
    )
    return {"entry": to_wire(entry)}


async def delete_memory(backend: Backend, asked: OneEntry) -> dict[str, Any]:
    """Delete one entry, whoever wrote it."""
    gone = await backend.coordinator.write(
        lambda scope: memory.forget(scope, None, key=asked.key, where=asked.scope)
    )
    return {"deleted": gone.id, "version": gone.version}


async def purge_memory(backend: Backend, asked: PurgeMemory) -> dict[str, Any]:
    """Delete everything that one author wrote last, in batches, so that nobody waits long."""
    if not asked.author.strip():
        raise InvalidArgument("say whose memory to purge: `author`")
    purged = 0
    while batch := await backend.coordinator.write(lambda scope: memory.purge_author(scope, asked.author)):
        purged += batch
    return {"author": asked.author, "purged": purged}


async def list_questions(backend: Backend, asked: ListQuestions) -> dict[str, Any]:
    """List the questions to the person."""
    return await backend.coordinator.read(
        lambda scope: {"questions": to_wire(_questions(scope, everything=asked.everything))}
    )


def _questions(scope: Scope, *, everything: bool) -> tuple[Question, ...]:
    if not everything:
        return scope.tx.values(Question, "question.open")
    newest = scope.tx.values(Question, "question.of_run", run=scope.run, limit=QUESTIONS_MAX)
    return tuple(reversed(newest))


async def answer_question(backend: Backend, asked: AnswerQuestion) -> dict[str, Any]:
    """Answer a question of an agent."""
    question = await backend.coordinator.write(
        lambda scope: questions.answer(scope, asked.question_id, answer=asked.answer, choice=asked.choice)
    )
    return {"question": to_wire(question)}


PEOPLE_VERBS: Final[dict[str, tuple[type[Any], Callable[[Backend, Any], Any]]]] = {
    "vote_open": (NewVote, open_vote),
    "vote_close": (CloseVote, close_vote),
    "vote_decide": (DecideVote, decide_vote),
    "memory_list": (ListMemory, list_memory),
    "memory_show": (OneEntry, show_memory),
    "memory_delete": (OneEntry, delete_memory),
    "memory_purge": (PurgeMemory, purge_memory),
    "question_list": (ListQuestions, list_questions),
    "question_answer": (AnswerQuestion, answer_question),
}
