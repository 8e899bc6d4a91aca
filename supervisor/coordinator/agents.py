"""The agents' side of the story: incarnations with their keys, slot states, and what they do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from supervisor.coordinator.scope import Scope
from supervisor.model.agent import AT_WORK, BUSY, Agent, AgentState, ExitClass, ExitInfo
from supervisor.model.health import Liveness
from supervisor.model.ids import SUPERVISOR
from supervisor.model.team import PoolSpec, TeamSpec

LAST_WORDS: Final = "incarnation.last_words"
"""The event that keeps what an incarnation wrote last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotNews:
    """What supervision reports of one slot. `next_start_at` is epoch seconds.

    `last_words` is what an incarnation that is over wrote last: foreign text.
    """

    agent: str
    state: AgentState
    incarnation: int
    pid: int | None = None
    reason: str = ""
    restarts: int = 0
    next_start_at: float | None = None
    last_exit: ExitInfo | None = None
    last_words: tuple[str, ...] = ()


def enrol(scope: Scope, team: TeamSpec) -> None:
    """Give every agent that the profile begins with its row; those that have one keep their counters."""
    for pool in team.pools:
        for name in pool.first_names:
            enrol_agent(scope, pool, name)


def enrol_agent(scope: Scope, pool: PoolSpec, name: str) -> None:
    """Give an agent its row, or bring the one it has up to its pool's state."""
    known = scope.tx.value(Agent, "agent.get", name=name)
    fresh = Agent(name=name, pool=pool.name, role=pool.role, tags=pool.tags, groups=pool.groups)
    if known is None:
        scope.tx.record("agent.enrolled", replace(fresh, since=scope.now), actor=SUPERVISOR)
        return
    same = replace(known, pool=pool.name, role=pool.role, tags=pool.tags, groups=pool.groups)
    if same != known:
        scope.tx.record("agent.enrolled", same, actor=SUPERVISOR)


def reservable(scope: Scope, name: str) -> Agent:
    """Return an agent that a task may be reserved for; one that its scaled pool could start gets its row."""
    pool = scope.pool_of(name)
    if pool is not None and pool.scale is not None and scope.tx.one("agent.get", name=name) is None:
        enrol_agent(scope, pool, name)
    return scope.agent(name)


def reset_for_run(scope: Scope, team: TeamSpec) -> None:
    """Put every agent back to pending with no restarts, at the start of a new run.

    Those that a scaled pool had beyond the ones it begins with are at rest until it wants them.
    """
    for pool in team.pools:
        first = pool.first_names
        for agent in scope.tx.values(Agent, "agent.all"):
            if agent.name in first:
                _reset(scope, agent, AgentState.PENDING)
            elif pool.holds(agent.name):
                _reset(scope, agent, AgentState.EXITED)


def _reset(scope: Scope, agent: Agent, state: AgentState) -> None:
    fresh = replace(
        agent,
        state=state,
        pid=None,
        task=None,
        restarts=0,
        since=scope.now,
        next_start_at=None,
        last_exit=None,
        reason="",
        liveness=Liveness.OK,
        liveness_why="",
    )
    if fresh != agent:
        scope.tx.record(f"agent.{state.value}", fresh, actor=SUPERVISOR, reason="a new run")


def begin_incarnation(scope: Scope, name: str, *, key_hash: str, session: str, boot_id: str) -> int:
    """Store the hash of the next incarnation's key before anything is spawned; return its number."""
    number: int = scope.tx.scalar("incarnation.next_number", agent=name)
    scope.tx.execute(
        "incarnation.begin",
        agent=name,
        number=number,
        run=scope.run,
        session=session,
        boot_id=boot_id,
        key_hash=key_hash,
        started_at=scope.now,
    )
    scope.tx.execute("incarnation.end_older", agent=name, number=number, ended_at=scope.now)
    return number


def slot_changed(scope: Scope, news: SlotNews) -> Agent:
    """Store what supervision reports; an ended incarnation loses its key and its work right here."""
    agent = scope.agent(news.agent)
    same = agent.incarnation == news.incarnation and news.state in AT_WORK
    changed = replace(
        agent,
        state=news.state,
        incarnation=news.incarnation,
        pid=news.pid,
        reason=news.reason,
        restarts=news.restarts,
        next_start_at=news.next_start_at,
        last_exit=news.last_exit or agent.last_exit,
        since=scope.now,
        activity=agent.activity if news.state in AT_WORK else "",
        task=agent.task if news.state in AT_WORK else None,
        liveness=agent.liveness if same else Liveness.OK,
        liveness_why=agent.liveness_why if same else "",
    )
    scope.tx.record(f"agent.{news.state.value}", changed, actor=SUPERVISOR, reason=news.reason)
    if news.state in BUSY:
        refresh_activity(scope, news.agent)
    return scope.agent(news.agent)


def judged(
    scope: Scope, name: str, incarnation: int, *, liveness: Liveness, why: str, deed: str = ""
) -> Agent | None:
    """Store what the overseer thinks of an incarnation, or with `deed` what it did about it; nothing else.

    None if it is not at work any more: its verdict is nobody's business then.
    """
    agent = scope.tx.value(Agent, "agent.get", name=name)
    if agent is None or agent.incarnation != incarnation or agent.state not in AT_WORK:
        return None
    changed = replace(agent, liveness=liveness, liveness_why=why)
    kind = "agent.urged" if deed else "agent.judged"
    return scope.tx.record(kind, changed, actor=SUPERVISOR, reason=deed or why)


def process_started(scope: Scope, name: str, number: int, *, pid: int, start_time: int) -> None:
    """Remember which process an incarnation became, so that the next engine can find it."""
    scope.tx.execute("incarnation.spawned", agent=name, number=number, pid=pid, start_time=start_time)


def end_incarnation(scope: Scope, name: str, number: int) -> bool:
    """Revoke an incarnation's key; tell whether it was still live."""
    return bool(scope.tx.execute("incarnation.end", agent=name, number=number, ended_at=scope.now))


def keep_last_words(scope: Scope, news: SlotNews) -> None:
    """Log what an ended incarnation wrote last; in its row it would be told again with every change."""
    if news.last_words:
        how = news.last_exit.detail if news.last_exit is not None else ""
        facts = {"incarnation": news.incarnation, "lines": list(news.last_words)}
        scope.tx.tell(LAST_WORDS, news.agent, actor=SUPERVISOR, reason=how, **facts)


def counts_as_failure(last_exit: ExitInfo | None) -> bool:
    """Tell whether an end with work in hand is the agent's failure: a crash is, our own stop is not."""
    return last_exit is not None and last_exit.kind not in {
        ExitClass.STOP_REQUESTED,
        ExitClass.ENGINE_LOST,
        ExitClass.OK,
    }


def refresh_activity(scope: Scope, *names: str | None) -> None:
    """Set each named agent to waiting, working or idle by what it holds, asks for, and has a turn about."""
    for name in names:
        agent = None if name is None else scope.tx.value(Agent, "agent.get", name=name)
        if agent is None or agent.state not in BUSY:
            continue
        ((held, reviewed, asks, in_turn),) = scope.tx.all("agent.doing", agent=name, run=scope.run)
        task = held or reviewed
        state = AgentState.WORKING if task is not None or in_turn else AgentState.IDLE
        if asks:
            state = AgentState.WAITING_HUMAN
        if (state, task) != (agent.state, agent.task):
            turned = replace(agent, state=state, task=task, since=scope.now, reason="")
            scope.tx.record(f"agent.{state.value}", turned, actor=agent.name)
