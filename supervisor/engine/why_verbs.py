"""The operator's verb `agent_why`: why an agent stands where it does, and what will be done about it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from supervisor.coordinator import pools
from supervisor.coordinator.agents import LAST_WORDS
from supervisor.coordinator.explaining import Reason
from supervisor.errors import NotFound
from supervisor.logs.tail import last_lines
from supervisor.model.agent import ALIVE, Agent, AgentState
from supervisor.model.escape import visible
from supervisor.model.health import Liveness, StallAction
from supervisor.model.wire import to_wire
from supervisor.store.transaction import Transaction, event_of
from supervisor.supervision.liveness import span
from supervisor.supervision.overseer import Opinion, Step

if TYPE_CHECKING:
    from supervisor.engine.backend import Backend

TASK_PATTERN: Final = re.compile(r"[Tt]?[0-9]{1,18}")
LINES: Final = 10
LINE_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class OneAgent:
    """Arguments of `agent_why`."""

    agent: str


async def agent_why(backend: Backend, asked: OneAgent) -> dict[str, Any]:
    """Answer why an agent stands where it does: verdict, evidence, what comes next, how it last ended."""
    agent, now, ended, asleep = await backend.coordinator.read(
        lambda scope: (
            (agent := the_agent(scope.tx, asked.agent)),
            scope.now,
            last_words(scope.tx, asked.agent),
            pools.why_asleep(scope, agent),
        )
    )
    opinion = None if backend.oversight is None else backend.oversight.opinion(agent.name)
    log = Path(backend.info().log_dir) / f"{agent.name}.log"
    return {
        "agent": to_wire(agent),
        "reasons": to_wire(_asleep(agent, asleep) or reasons(agent, opinion, now)),
        "verdict": None if opinion is None else _verdict(opinion),
        "ladder": None if opinion is None else _ladder(opinion),
        "last_words": ended,
        "last_lines": await asyncio.to_thread(log_end, log),
    }


def why_at_rest(tx: Transaction, name: str, logs: Path) -> dict[str, Any]:
    """Answer the same from disk, when no engine runs and so nobody judges. Blocks."""
    agent = the_agent(tx, name)
    if agent.state in ALIVE:
        gone = "its engine died; the next start goes on"
        agent = replace(agent, state=AgentState.PENDING, pid=None, task=None, reason=gone)
    return {
        "agent": to_wire(agent),
        "reasons": to_wire(reasons(agent, None, tx.now)),
        "verdict": None,
        "ladder": None,
        "last_words": last_words(tx, name),
        "last_lines": log_end(logs / f"{agent.name}.log"),
    }


def the_agent(tx: Transaction, name: str) -> Agent:
    """Return an agent by its name; raise NotFound with those there are."""
    found = tx.value(Agent, "agent.get", name=name)
    if found is not None:
        return found
    if TASK_PATTERN.fullmatch(name):
        raise NotFound(f"there is no agent `{name[:40]}`; of a task: supervisor task why {name[:40]}")
    there_are = ", ".join(agent.name for agent in tx.values(Agent, "agent.all"))
    raise NotFound(f"there is no agent `{name[:70]}`; there are: {there_are[:500] or 'none'}")


def last_words(tx: Transaction, name: str) -> list[str]:
    """Return what the incarnation that ended last wrote last, made visible and cut, if it was kept."""
    row = tx.one("event.last_about", subject=name, kind=LAST_WORDS)
    lines = [] if row is None else event_of(row).after.get("lines", [])
    return [visible(line)[:LINE_MAX] for line in lines[-LINES:]]


def log_end(log: Path) -> list[str]:
    """Return the last lines of a log, made visible and cut; none if it cannot be read. Blocks."""
    try:
        lines = last_lines(log, LINES)
    except OSError:
        return []
    return [visible(line[: 4 * LINE_MAX].decode("utf-8", "backslashreplace"))[:LINE_MAX] for line in lines]


def _verdict(opinion: Opinion) -> dict[str, Any]:
    verdict = opinion.verdict
    return {
        "liveness": verdict.liveness.value,
        "for_s": round(max(0.0, opinion.at - verdict.since), 1),
        "evidence": list(verdict.evidence),
        "incarnation": opinion.incarnation,
    }


def _ladder(opinion: Opinion) -> dict[str, Any]:
    """Spell what was done and what comes next unless the agent gives a sign of life."""
    following = None
    if opinion.next_step is not None and opinion.next_at is not None:
        following = {
            "step": opinion.next_step.value,
            "in_s": round(max(0.0, opinion.next_at - opinion.at), 1),
        }
    return {
        "action": opinion.action.value,
        "found_for_s": None if opinion.found_at is None else round(opinion.at - opinion.found_at, 1),
        "done": [
            {"step": done.step.value, "ago_s": round(opinion.at - done.at, 1), "words": done.words}
            for done in opinion.done
        ],
        "next": following,
    }


def reasons(agent: Agent, opinion: Opinion | None, now: float) -> tuple[Reason, ...]:
    """Say why an agent stands where it does at `now`, epoch seconds, the causes first."""
    found = [_of_slot(agent, now)]
    if opinion is not None:
        found.append(_of_liveness(agent, opinion))
    if agent.quarantined:
        release = f"`supervisor agent release {agent.name}`"
        found.append(Reason(reason="quarantined", detail=agent.quarantined, help=release))
    return tuple(found)


def _asleep(agent: Agent, why: str) -> tuple[Reason, ...]:
    """Say what starts an agent that its scaled pool does not want; nothing if it is not so."""
    if not why:
        return ()
    helping = f"a task that is for it, or `supervisor scale {agent.pool} N`"
    return (Reason(reason="not_wanted", detail=f"{agent.reason or 'not started yet'}; {why}", help=helping),)


def _of_slot(agent: Agent, now: float) -> Reason:
    """Say what its slot does, and what would change that."""
    detail, helping = _SLOT.get(agent.state, (lambda each: each.reason, ""))
    told = detail(agent)
    if agent.next_start_at is not None:
        told = f"{told}; it is started in {span(agent.next_start_at - now)}"
    return Reason(
        reason=agent.state.value,
        detail=told or agent.state.value,
        by=() if agent.task is None else (agent.task,),
        help=helping.format(name=agent.name),
    )


_Detail = Callable[[Agent], str]

_SLOT: Final[dict[AgentState, tuple[_Detail, str]]] = {
    AgentState.WORKING: (lambda each: f"it works on {each.task}", ""),
    AgentState.IDLE: (lambda each: each.activity or "it has nothing in hand", ""),
    AgentState.WAITING_HUMAN: (
        lambda _: "it asked a person and has no answer yet",
        "`supervisor approvals` or `supervisor question list`",
    ),
    AgentState.PAUSED: (lambda each: each.reason, "`supervisor resume {name}`"),
    AgentState.BACKOFF: (lambda each: each.reason, "`supervisor restart {name}` starts it at once"),
    AgentState.EXITED: (lambda each: each.reason, "`supervisor restart {name}`"),
    AgentState.PARKED: (lambda each: each.reason, "`supervisor restart {name}`"),
    AgentState.STUCK: (
        lambda each: each.reason,
        "look at these processes by hand: `ps -o stat,wchan -p PID`",
    ),
}


def _of_liveness(agent: Agent, opinion: Opinion) -> Reason:
    """Say what is thought of it, what will be done about it, and how to stop that."""
    verdict = opinion.verdict
    return Reason(
        reason=verdict.liveness.value,
        detail="; ".join(part for part in (verdict.why, *_what_next(opinion)) if part),
        help=_HELP.get(verdict.liveness, "").format(name=agent.name, pool=agent.pool, pid=agent.pid),
    )


def _what_next(opinion: Opinion) -> tuple[str, ...]:
    if opinion.next_step is None or opinion.next_at is None:
        only_told = opinion.found_at is not None and opinion.action is StallAction.NOTIFY
        return ("nothing more is done: a person was told",) if only_told else ()
    wait = span(opinion.next_at - opinion.at)
    return (f"unless it gives a sign of life, {_NEXT[opinion.next_step]} in {wait}",)


_NEXT: Final = {
    Step.TELL: "it is called stalled",
    Step.NUDGE: "it is reminded of its work",
    Step.INTERRUPT: "its turn is broken off",
    Step.RESTART: "it is ended and started again",
}

_STOP_IT: Final = (
    '`supervisor restart {name}` now; or keep it: `supervisor pause {name}`, or `action = "notify"` in '
    "[pools.stall] of pool {pool}"
)

_HELP: Final = {
    Liveness.STALLED: _STOP_IT,
    Liveness.OVERDUE: f"{_STOP_IT}; `tool_s` there says how long a tool may take",
    Liveness.SPINNING: "`supervisor logs {name}`, then `supervisor restart {name}` if it runs in circles",
    Liveness.FROZEN: (
        "a stop signal holds it: `kill -CONT {pid}` lets it go on, `supervisor restart {name}` begins anew"
    ),
}

WHY_VERBS: Final[dict[str, tuple[type[Any], Callable[[Backend, Any], Any]]]] = {
    "agent_why": (OneAgent, agent_why),
}
"""The verb, with the form of its arguments."""
