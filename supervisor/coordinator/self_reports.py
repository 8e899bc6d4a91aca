"""What a live incarnation lets its watch know: a line about itself, and whether it can take work."""

from __future__ import annotations

from dataclasses import replace

from supervisor.coordinator.roster import ACTIVITY_MAX
from supervisor.coordinator.scope import Scope
from supervisor.model.agent import ALIVE, AT_WORK, Agent
from supervisor.model.escape import visible
from supervisor.model.ids import SUPERVISOR


def says(scope: Scope, name: str, number: int, words: str) -> bool:
    """Show what an incarnation says that it does; False if its start is not stored yet: try again later."""
    agent = scope.tx.value(Agent, "agent.get", name=name)
    if agent is None or agent.incarnation < number:
        return False
    line = activity_of(words)
    if agent.incarnation == number and agent.state in ALIVE and line != agent.activity:
        scope.tx.record(
            "agent.reported", replace(agent, activity=line), actor=SUPERVISOR, reason="its own status"
        )
    return True


def held_back(scope: Scope, name: str, number: int, why: str) -> bool:
    """Tell that an incarnation gets no new work, or some again with an empty `why`; False as for `says`."""
    agent = scope.tx.value(Agent, "agent.get", name=name)
    if agent is None or agent.incarnation < number:
        return False
    if agent.incarnation == number and agent.state in AT_WORK and why != agent.reason:
        kind = "agent.held_back" if why else "agent.available"
        told = why or "it can take work again"
        scope.tx.record(kind, replace(agent, reason=why), actor=SUPERVISOR, reason=told)
    return True


def activity_of(words: str) -> str:
    """Make foreign words a line that is safe to show, cut to what a line may have."""
    line = visible(" ".join(words.split()))
    return line.encode()[:ACTIVITY_MAX].decode("utf-8", "ignore")
