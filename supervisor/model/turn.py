"""Turns: what an agent was asked to do in one go, how that ended, and what it used."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from supervisor.model.ids import number_of

TurnId = NewType("TurnId", str)

FINAL_TEXT_MAX: Final = 16 * 1024
"""Characters of an agent's last words in a turn that are kept."""

DETAIL_MAX: Final = 500


class TurnKind(StrEnum):
    """What a turn is about.

    `task`: work that was claimed for it. `review`: work to judge. `mail`: unread messages. `report`: it
    ended without a word on what became of its work, and is asked. `begin`: the one prompt of an agent
    that drives itself.
    """

    TASK = "task"
    REVIEW = "review"
    MAIL = "mail"
    REPORT = "report"
    BEGIN = "begin"


class TurnState(StrEnum):
    """Whether a turn goes on."""

    RUNNING = "running"
    ENDED = "ended"


TURN_MOVES: Final[dict[TurnState, frozenset[TurnState]]] = {
    TurnState.RUNNING: frozenset({TurnState.ENDED}),
    TurnState.ENDED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of one incarnation.

    `token` is the fencing token of its task. `reason` says in a word how it ended, `detail` in a
    sentence. Counts of tokens are None where the agent never said them; `input_tokens` is without what
    came from the cache. `cost_usd` is what is known of the cost, None if nothing is; `cost_unknown`
    says that a part of it is not known.
    """

    id: TurnId
    run: int
    agent: str
    incarnation: int
    pool: str
    kind: TurnKind
    state: TurnState = TurnState.RUNNING
    session: str = ""
    task: str | None = None
    token: int = 0
    started_at: float = 0.0
    ended_at: float | None = None
    ok: bool = False
    reason: str = ""
    detail: str = ""
    final_text: str = ""
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    cost_unknown: bool = False

    @property
    def tokens(self) -> int:
        """Return how many tokens are known to have been used: input, from the cache too, and output."""
        counts = (self.input_tokens, self.output_tokens, self.cached_tokens, self.cache_write_tokens)
        return sum(count or 0 for count in counts)


def turn_id(number: int) -> TurnId:
    """Spell the id of the turn with this row number: 9 → `U9`."""
    return TurnId(f"U{number}")


def turn_number(spelled: str) -> int:
    """Read the row number of a turn's id; raise InvalidArgument for anything else."""
    return number_of(spelled, "U")
