"""What time does: leases run out or are renewed, votes close, requests and mail expire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from supervisor.coordinator import (
    agents,
    approvals,
    cycles,
    ending,
    mailboxes,
    memory,
    outside,
    questions,
    votes,
    work,
)
from supervisor.coordinator.agents import SlotNews
from supervisor.coordinator.scope import Scope
from supervisor.model.agent import ALIVE, Agent, AgentState, ExitClass, ExitInfo
from supervisor.model.ids import SUPERVISOR
from supervisor.model.task import QUARANTINE_WINDOW_S, Task

GONE = frozenset({AgentState.EXITED, AgentState.PARKED})
"""States from which an agent does not come back by itself."""


def tick(scope: Scope, alive: Mapping[str, float]) -> None:
    """Do all that is due now. `alive` maps each live agent to its last sign of life, epoch seconds."""
    outside.keep(scope)
    _keep_leases(scope, alive)
    _keep_reviews(scope, alive)
    ending.retry_due(scope)
    cycles.begin_due_cycles(scope)
    scope.tx.execute("agent_failure.prune", at=scope.now - QUARANTINE_WINDOW_S)
    votes.close_overdue(scope)
    approvals.expire_overdue(scope)
    questions.expire_overdue(scope)
    memory.expire_overdue(scope)
    mailboxes.keep_mail(scope)


def _keep_leases(scope: Scope, alive: Mapping[str, float]) -> None:
    for task in scope.tx.values(Task, "task.held"):
        left = (task.lease_until or 0.0) - scope.now
        holder = task.holder or ""
        ceiling = task.lease_ceiling
        renewable = ceiling is None or ceiling > max(task.lease_until or 0.0, scope.now)
        if renewable and left < scope.team.lease_s * 2 / 3 and _is_active(scope, holder, alive):
            renewed = replace(task, lease_until=work.renewed_lease(scope, task))
            scope.save_task("task.renewed", renewed, actor=SUPERVISOR, reason="its holder lives")
        elif left <= 0:
            ending.give_back(
                scope, task, actor=SUPERVISOR, reason="its lease ran out", releases=task.releases
            )
            agents.refresh_activity(scope, holder)


def _keep_reviews(scope: Scope, alive: Mapping[str, float]) -> None:
    for task in scope.tx.values(Task, "task.under_review", run=scope.run):
        left = (task.review_until or 0.0) - scope.now
        judge = task.reviewer or ""
        if left < scope.team.lease_s * 2 / 3 and _is_active(scope, judge, alive):
            renewed = replace(task, review_until=scope.now + scope.team.lease_s)
            scope.save_task("task.renewed", renewed, actor=SUPERVISOR, reason="its judge lives")
        elif left <= 0:
            ending.release_review(scope, task, reason="its review lease ran out")
            agents.refresh_activity(scope, judge)


def _is_active(scope: Scope, name: str, alive: Mapping[str, float]) -> bool:
    """Tell whether an agent gave a sign of life within the last lease, or was paused by a person."""
    if name in alive and scope.now - alive[name] < scope.team.lease_s:
        return True
    agent = scope.tx.value(Agent, "agent.get", name=name)
    return agent is not None and agent.state is AgentState.PAUSED


def slot_changed(scope: Scope, news: SlotNews) -> None:
    """Take in a slot's news; what an ended incarnation held goes back before anybody hears of it."""
    if news.state not in ALIVE or news.state is AgentState.STUCK:
        _incarnation_over(scope, news)
    agents.slot_changed(scope, news)
    if news.state in GONE and not _comes_back(news):
        ending.free_reservations(scope, news.agent, reason=f"{news.agent} is {news.state.value}")


def _comes_back(news: SlotNews) -> bool:
    """Tell whether somebody stopped the agent who may start it again: what is its own waits for it."""
    asked = news.last_exit is not None and news.last_exit.kind is ExitClass.STOP_REQUESTED
    return asked and news.state is AgentState.EXITED


def _incarnation_over(scope: Scope, news: SlotNews) -> None:
    if not agents.end_incarnation(scope, news.agent, news.incarnation):
        return
    agents.keep_last_words(scope, news)
    reason = news.reason or f"{news.agent} ended"
    is_failure = agents.counts_as_failure(news.last_exit)
    ending.holder_gone(scope, news.agent, reason=reason, is_failure=is_failure)
    approvals.withdraw(scope, news.agent, reason=reason)
    questions.withdraw(scope, news.agent, reason)
    mailboxes.incarnation_over(scope, news.agent, is_failure=is_failure)


def engine_was_lost(scope: Scope) -> tuple[str, ...]:
    """End every incarnation that an earlier engine left behind; return the engine sessions they had."""
    sessions: dict[str, None] = {}
    for row in scope.tx.all("incarnation.live"):
        sessions[row["session"]] = None
        name = row["agent"]
        if scope.tx.one("agent.get", name=name) is None:
            agents.end_incarnation(scope, name, row["number"])
            continue
        lost = ExitInfo(kind=ExitClass.ENGINE_LOST, detail="the engine died")
        known = scope.agent(name)
        news = SlotNews(
            agent=name,
            state=AgentState.BACKOFF if known.state in ALIVE else known.state,
            incarnation=row["number"],
            reason="the engine died; started again by the next one",
            restarts=known.restarts,
            last_exit=lost,
        )
        slot_changed(scope, news)
    for agent in scope.agents():
        if agent.state in ALIVE:
            gone = replace(agent, state=AgentState.PENDING, pid=None, task=None, since=scope.now)
            scope.tx.record("agent.pending", gone, actor=SUPERVISOR, reason="the engine died")
    return tuple(sessions)
