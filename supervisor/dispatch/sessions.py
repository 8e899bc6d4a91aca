"""Which conversation an agent's next turn belongs to: the one it has, or a new one."""

from __future__ import annotations

from typing import Final

from supervisor.adapters.events import AgentEvent, Started
from supervisor.dispatch.ports import Partner
from supervisor.model.driving import SessionScope
from supervisor.model.turn import Turn, TurnKind

_ABOUT_WORK: Final = frozenset({TurnKind.TASK, TurnKind.REVIEW})


class Sessions:
    """One incarnation's conversations: each for one task, or one for all, as its pool says."""

    def __init__(self, partner: Partner) -> None:
        """Begin with the one that the incarnation goes on with, if it does."""
        self._partner: Final = partner
        self._task = ""
        self._prompted = False
        self.is_full = False
        self.id = partner.resumed
        self.model = ""

    def hear(self, event: AgentEvent) -> None:
        """Take note of the conversation's name and model."""
        if isinstance(event, Started):
            self.id, self.model = event.session_id or self.id, event.model or self.model

    @property
    def used_up(self) -> bool:
        """Tell whether only a new process has a new conversation for other work."""
        return self._is_stale("") and not self._partner.capabilities.fresh_session

    def begin(self, turn: Turn) -> bool:
        """Take note of a turn; tell whether it begins a new conversation."""
        task = turn.task or "" if turn.kind in _ABOUT_WORK else ""
        fresh = bool(task) and self._is_stale(task) and self._partner.capabilities.fresh_session
        self._prompted = True
        if task:
            self._task = task
        if fresh:
            self.is_full = False
        return fresh

    @property
    def goes_on(self) -> bool:
        """Tell whether the next prompt is the first in a conversation that is gone on with."""
        return bool(self._partner.resumed) and not self._prompted

    def _is_stale(self, task: str) -> bool:
        if self.is_full:
            return True
        per_task = self._partner.pool.session is SessionScope.TASK
        return per_task and bool(self._task) and task != self._task
