"""What differs between the programs that speak Claude's stream of JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from supervisor.adapters.driver import Capabilities
from supervisor.model.team import PoolSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one program speaks; each difference was found by trying.

    `roll_call` is a command that it carries out without its model; at that it says who it is and which MCP
    servers it reached. Empty: it can be asked that directly. `folds_in`: words sent during a turn are
    taken up at the next tool call, else they become a turn of their own. `counts_totals`: its results say
    what the whole conversation used, and only its single messages what they did.
    """

    name: str
    capabilities: Capabilities
    roll_call: str = ""
    folds_in: bool = True
    answers_by_number: bool = False
    offers_rules: bool = True
    counts_totals: bool = False


CLAUDE: Final = Dialect(
    name="claude",
    capabilities=Capabilities(
        turns=True,
        inject=True,
        interrupt=True,
        fresh_session=True,
        resume=True,
        permissions=True,
        rewrite=True,
        questions=True,
        usage=True,
        cost=True,
        context=True,
    ),
)

QWEN: Final = Dialect(
    name="qwen",
    capabilities=Capabilities(
        turns=True,
        next_turn=True,
        interrupt=True,
        fresh_session=True,
        resume=True,
        permissions=True,
        rewrite=False,  # 0.24.4 takes `updatedInput` and runs what it first meant to run
        questions=True,
        usage=True,
        context=True,
    ),
    roll_call="/about",
    folds_in=False,
    answers_by_number=True,
    offers_rules=False,
    counts_totals=True,
)


def dialect_of(pool: PoolSpec) -> Dialect:
    """Return how the agents of a pool speak; what is not known as Qwen Code is Claude Code."""
    return QWEN if pool.agent == QWEN.name else CLAUDE
