"""Questions to a person: asked by an agent, answered in words or by one of the options offered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from supervisor.model.ids import QuestionId

QUESTION_MAX: Final = 4000
ANSWER_MAX: Final = 8 * 1024
OPTIONS_MAX: Final = 5
OPTION_MAX: Final = 200
OPEN_MAX: Final = 10
"""How many questions one agent may have open at once."""

QUESTION_TIMEOUT_S: Final = 3600.0
QUESTION_TIMEOUT_MAX_S: Final = 24 * 3600.0


class QuestionState(StrEnum):
    """How far a question to a person has come."""

    ASKED = "asked"
    ANSWERED = "answered"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


QUESTION_MOVES: Final[dict[QuestionState, frozenset[QuestionState]]] = {
    QuestionState.ASKED: frozenset({QuestionState.ANSWERED, QuestionState.EXPIRED, QuestionState.WITHDRAWN}),
    QuestionState.ANSWERED: frozenset(),
    QuestionState.EXPIRED: frozenset(),
    QuestionState.WITHDRAWN: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question. `choice` is the option that was chosen, `answer` what else the person wrote.

    For a question that ended without a person `answer` says why.
    """

    id: QuestionId
    run: int
    agent: str
    incarnation: int
    question: str
    options: tuple[str, ...] = ()
    task: str | None = None
    state: QuestionState = QuestionState.ASKED
    asked_at: float = 0.0
    expires_at: float = 0.0
    answered_by: str | None = None
    answered_at: float | None = None
    answer: str = ""
    choice: str | None = None
