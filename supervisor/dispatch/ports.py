"""How dispatch speaks with live agents and hears of them; the engine fills these ports."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from supervisor.adapters.driver import Answer, Capabilities
from supervisor.adapters.events import AgentEvent
from supervisor.model.team import PoolSpec
from supervisor.supervision.notices import Condemned


class Partner(Protocol):
    """One live incarnation that can be spoken with; its methods are those of `adapters.driver.Driver`."""

    @property
    def agent(self) -> str:
        """Return its stable name."""
        ...

    @property
    def incarnation(self) -> int:
        """Return which life of that name this is."""
        ...

    @property
    def pool(self) -> PoolSpec:
        """Return its pool as it was when this life began."""
        ...

    @property
    def directory(self) -> Path:
        """Return the directory it works in."""
        ...

    @property
    def resumed(self) -> str:
        """Return the conversation it goes on with, empty for a new one."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Return what one can ask of it."""
        ...

    def prompt(self, text: str, *, fresh: bool = False) -> None:
        """Begin a turn."""
        ...

    def inject(self, text: str) -> bool:
        """Say something during a turn."""
        ...

    def interrupt(self) -> bool:
        """Have the turn end soon."""
        ...

    def answer(self, request: str, answer: Answer) -> bool:
        """Answer an open request."""
        ...


class Listener(Protocol):
    """Who hears of conversations; called on the event loop, must not block and must not raise."""

    def began(self, partner: Partner) -> None:
        """Take note of a new conversation, before its first event."""
        ...

    def heard(self, partner: Partner, event: AgentEvent) -> None:
        """Take in one event; those of one incarnation come in order."""
        ...

    def ended(self, partner: Partner) -> None:
        """Take note that a conversation is over; what was open in it was told before."""
        ...


class Bench(Protocol):
    """Who keeps the agents' processes: the supervisor."""

    def ready(self, agent: str, incarnation: int) -> None:
        """Hear that an incarnation can work."""
        ...

    def condemn(self, agent: str, condemned: Condemned) -> None:
        """End an incarnation for a cause."""
        ...


class Signs(Protocol):
    """Who watches for signs of life: the oversight."""

    def heard_event(self, agent: str) -> None:
        """Note that an agent's own stream told of progress."""
        ...

    def heard_tool(self, agent: str, *, runs: bool) -> None:
        """Note that a tool of the agent's own began, or that none runs any more."""
        ...

    def heard_limit(self, agent: str, seconds: float) -> None:
        """Note that an agent's service will not have it for so long."""
        ...
