"""What stands in the way of an agent's next turn, as the agent itself tells: login, coordinator, limits."""

from __future__ import annotations

import random
from typing import Final

from supervisor.adapters.events import AgentEvent, CoordinatorLink, LoginNeeded, RateLimited
from supervisor.clock import Clock
from supervisor.model.agent import ExitClass

LINK_GRACE_S: Final = 30.0
"""How long an agent that says it does not reach the coordinator is given to reach it."""

LIMITED_S: Final = 60.0
"""How long an agent waits whose service refuses without saying for how long."""

JITTER: Final = 0.1


class Obstacles:
    """What one incarnation told of its own hindrances."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        """Begin with none, and with nothing known of the way to the coordinator."""
        self._clock: Final = clock
        self._rng: Final = rng
        self.linked: bool | None = None
        self._unlinked_since = 0.0
        self._why_unlinked = ""
        self._limited_until = 0.0
        self._login = ""

    def hear(self, event: AgentEvent) -> bool:
        """Take in an event; tell whether it was about this."""
        match event:
            case CoordinatorLink(connected=True):
                self.linked = True
            case CoordinatorLink():
                if self.linked is not False:
                    self._unlinked_since = self._clock.monotonic()
                self.linked, self._why_unlinked = False, event.detail
            case RateLimited():
                self._limited_until = self._clock.monotonic() + self._limit_s(event)
            case LoginNeeded():
                self._login = event.detail or "it asks for a login"
            case _:
                return False
        return True

    def _limit_s(self, event: RateLimited) -> float:
        seconds = LIMITED_S if event.until is None else max(event.until - self._clock.now(), 1.0)
        return seconds * (1 + self._rng.uniform(0, JITTER))

    @property
    def limited_s(self) -> float:
        """Return for how long its service will not have it."""
        return max(self._limited_until - self._clock.monotonic(), 0.0)

    @property
    def needs_login(self) -> bool:
        """Tell whether only a person can help it, by logging in."""
        return bool(self._login)

    @property
    def words(self) -> str:
        """Say what stands in the way; empty if nothing does."""
        if self._login:
            return f"not logged in: {self._login}"
        if self.linked is False:
            return f"no coordinator: {self._why_unlinked or 'it does not say why'}"
        return f"limited by its service for {self.limited_s:.0f} s" if self.limited_s else ""

    @property
    def wait_s(self) -> float:
        """Return for how long to wait before looking again; it can end sooner."""
        if self._login:
            return 0.0
        if self.linked is False:
            return max(self._unlinked_since + LINK_GRACE_S - self._clock.monotonic(), 0.0)
        return self.limited_s

    @property
    def verdict(self) -> ExitClass | None:
        """Say as what its process has to be ended now, None if it can be waited for."""
        if self._login:
            return ExitClass.AUTH
        over = self.linked is False and not self.wait_s
        return ExitClass.PROBE if over else None
