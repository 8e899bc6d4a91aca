"""What must hold of the state as it stands: counters, references between nouns, nothing that only seems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from supervisor.coordinator.recount import wrong_counters
from supervisor.model.agent import ALIVE, Agent
from supervisor.model.vote import Ballot, Vote, fault
from supervisor.store.rows import from_row
from supervisor.store.transaction import Transaction

SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a check of the state may look at."""

    tx: Transaction
    engine_runs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCheck:
    """A check by name: `judge` says what holds, or raises ValueError that says what does not."""

    name: str
    judge: Callable[[Look], str]


def counters(look: Look) -> str:
    """Hold that the counters which operations keep are what the rows say."""
    if wrong := wrong_counters(look.tx):
        raise ValueError("; ".join(wrong[:SHOWN]))
    return "as the rows say"


def deliveries(look: Look) -> str:
    """Hold that every message has its copies, and every copy its message."""
    lost = look.tx.all("fsck.messages_nobody_has", limit=SHOWN)
    if lost:
        raise ValueError(f"nobody has a copy of {', '.join(row['id'] for row in lost)}")
    stray = look.tx.all("fsck.copies_of_nothing", limit=SHOWN)
    if stray:
        raise ValueError(f"copies of {', '.join(row['message'] for row in stray)}, which is no message")
    return "every message has its copies"


def votes(look: Look) -> str:
    """Hold that each vote ended as its ballots and rules say."""
    count = 0
    for row in look.tx.each("vote.all"):
        count += 1
        vote = from_row(Vote, row)
        if wrong := fault(vote, look.tx.values(Ballot, "ballot.of_vote", vote=vote.id)):
            raise ValueError(f"{vote.id}: {wrong}")
    return f"{count} votes"


def phantoms(look: Look) -> str:
    """Say what an engine that died has left for the next start to take over."""
    if look.engine_runs:
        return "an engine runs; not judged"
    running = [agent.name for agent in look.tx.values(Agent, "agent.all") if agent.state in ALIVE]
    if running:
        return f"an engine died with {len(running)} agents up; the next start will take over"
    return "no agent shown as running"


STATE_CHECKS: Final = (
    StateCheck(name="kept counters", judge=counters),
    StateCheck(name="no message is lost (I3)", judge=deliveries),
    StateCheck(name="votes (I4)", judge=votes),
    StateCheck(name="nothing runs that does not (I8)", judge=phantoms),
)
