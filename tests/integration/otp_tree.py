"""The branches of the plain model: OTP's supervisors, which do each step as soon as it can be done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from supervisor.model.agent import AgentState
from supervisor.model.branch import AutoShutdown, BranchSpec, OnFailed, Restart, Strategy
from tests.integration.otp_agent import PlainAgent

BASE_S: Final = 1.0
CAP_S: Final = 60.0
RESET_S: Final = 300.0
FREE_S: Final = 10.0
RESTS: Final = frozenset({AgentState.EXITED, AgentState.PARKED, AgentState.STUCK})


class Clockwork(Protocol):
    """What a branch needs of its team."""

    now: float

    def ring(self, name: str, what: str, after_s: float) -> None:
        """Have the branch called after a while."""

    def unring(self, name: str, *what: str) -> None:
        """Do not call it."""


@dataclass(eq=False)
class PlainPool:
    """A pool: one agent that is itself a child of its branch, or several of which each is alone."""

    name: str
    branch: PlainBranch
    agents: dict[str, PlainAgent] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    is_open: bool = False

    @property
    def is_simple(self) -> bool:
        return len(self.agents) > 1 or any(not agent.spec.single for agent in self.agents.values())

    @property
    def is_down(self) -> bool:
        return all(agent.is_down for agent in self.agents.values())

    @property
    def has_begun(self) -> bool:
        return all(agent.has_begun for agent in self.agents.values())

    @property
    def is_awaited(self) -> bool:
        over = {AgentState.EXITED, AgentState.PARKED}
        return any(agent.spec.significant and agent.state not in over for agent in self.agents.values())

    @property
    def is_asked_for(self) -> bool:
        """Tell whether a person has ordered a start that is not done yet."""
        return any(agent.by_hand for agent in self.agents.values())

    def shut(self) -> None:
        self.is_open = False

    def open(self) -> None:
        self.is_open = True

    def take_down(self, *, again: bool) -> None:
        for agent in self.agents.values():
            if again:
                agent.recycle()
            else:
                agent.lie_down()

    def begin_afresh(self) -> None:
        for agent in self.agents.values():
            agent.begin_afresh()


@dataclass(eq=False)
class PlainBranch:
    """A supervisor in OTP's sense. `falls` says of each child that is taken down whether it comes again.

    `then` is what follows: `rise` starts the children in order, `hold` waits for its own turn, `stay` is
    over, `tell` is over and lets the one above judge that.
    """

    spec: BranchSpec
    clock: Clockwork
    above: PlainBranch | None = None
    children: list[PlainPool | PlainBranch] = field(default_factory=list)
    mode: str = "held"
    then: str = "rise"
    falls: dict[str, bool] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    is_open: bool = False
    restarts: list[float] = field(default_factory=list)
    failures: int = 0
    up_since: float | None = None
    person: bool = False
    hastened: bool = False
    is_due: bool = False
    failed: bool = False

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def in_order(self) -> bool:
        return self.spec.strategy is not Strategy.ONE_FOR_ONE

    @property
    def is_down(self) -> bool:
        return self.mode != "falling" and all(child.is_down for child in self.children)

    @property
    def has_begun(self) -> bool:
        if self.mode == "up":
            return all(child.has_begun for child in self.children)
        return self.mode == "over" and not self.is_asked_for

    @property
    def is_awaited(self) -> bool:
        return self.spec.significant and self.mode != "over"

    @property
    def is_asked_for(self) -> bool:
        return any(child.is_asked_for for child in self.children)

    @property
    def in_motion(self) -> bool:
        moving = self.mode in {"falling", "waiting"}
        return moving or (self.above is not None and self.above.in_motion)

    @property
    def is_closed(self) -> bool:
        """Tell whether nothing may join it: it, or one above it, is over or about to be."""
        falls = self.mode == "falling" and self.then != "rise"
        closed = falls or self.mode in {"waiting", "over"}
        return closed or (self.above is not None and self.above.is_closed)

    @property
    def judges(self) -> bool:
        """Tell whether an end below is still its affair: not when it goes down itself."""
        return self.mode in {"rising", "up"} or (self.mode == "falling" and self.then == "rise")

    # ------------------------------------------------------------ steps

    def step(self) -> bool:
        """Do what can be done now; tell whether that was anything."""
        before = (self.mode, self.then, len(self.told))
        if self.mode == "falling":
            self._fall()
        if self.mode == "waiting" and self.is_due:
            self.begin_afresh()
        if self.mode == "over" and self.is_open and (self.person or self.is_asked_for):
            self._live_on()
        if self.mode == "held" and self.is_open:
            self.mode = "rising"
        if self.mode == "rising":
            self._rise()
        return before != (self.mode, self.then, len(self.told))

    def _live_on(self) -> None:
        """Keep what a person starts, though it is over."""
        self.person = False
        for child in self.children:
            child.open()
        self.mode, self.up_since = "up", self.clock.now

    def _rise(self) -> None:
        for child in self.children:
            child.open()
            if self.in_order and not child.has_begun:
                return
        self.mode = "up"
        self.up_since = self.clock.now if self.up_since is None else self.up_since

    def _fall(self) -> None:
        for child in reversed(self.children):
            if child.name in self.falls:
                if child.name not in self.told:
                    self.told.add(child.name)
                    child.take_down(again=self.falls[child.name])
                if not child.is_down:
                    return
        self.falls, self.told = {}, set()
        if self.then == "rise":
            self.mode = "rising"
        elif self.then == "hold" and self.spec.restart is not Restart.TEMPORARY:
            self.begin_afresh()
        else:
            self.mode = "over"
            if self.then == "tell" and self.above is not None:
                self.above.is_over(self)

    # ------------------------------------------------------------ what children tell

    def may_restart(self, child: PlainPool, *, counts: bool) -> bool:
        """Restart what the strategy restarts with a child, unless that was once too often."""
        if not self.judges or child.name in self.falls:
            return True
        if counts and not self._is_within():
            return False
        self._restart_with(child)
        return True

    def gave_up(self, child: PlainPool) -> None:
        if not self.judges:
            return
        if self.spec.on_failed is OnFailed.SHUTDOWN:
            self._end(failed=True)
        elif self.spec.on_failed is OnFailed.REST:
            self._take_down(self.children[self.children.index(child) + 1 :], again=False)

    def finished(self) -> None:
        """Hear that something significant has ended by itself."""
        shutdown = self.spec.auto_shutdown
        if not self.judges or shutdown is AutoShutdown.NEVER:
            return
        if shutdown is AutoShutdown.ANY_SIGNIFICANT or not any(each.is_awaited for each in self.children):
            self._end(failed=False)

    def is_over(self, child: PlainBranch) -> None:
        """Judge a branch that is over; OTP takes `shutdown` for a normal end."""
        if not self.judges or child.name in self.falls:
            return
        if child.spec.restart is not Restart.PERMANENT:
            if child.spec.significant:
                self.finished()
        elif self._is_within():
            child.wait()
            self._restart_with(child)

    def _is_within(self) -> bool:
        now, most = self.clock.now, self.spec.intensity
        if most is None:
            return True
        self.restarts = [each for each in self.restarts if each > now - self.spec.period_s] + [now]
        if len(self.restarts) <= most:
            return True
        self._end(failed=True)
        return False

    def _restart_with(self, child: PlainPool | PlainBranch) -> None:
        if self.in_order:
            first = 0 if self.spec.strategy is Strategy.ONE_FOR_ALL else self.children.index(child)
            self._take_down(self.children[first:], again=True)

    def _end(self, *, failed: bool) -> None:
        self.failed, self.falls = failed, {}
        self._take_down(self.children, again=False, then="tell")

    def _take_down(self, children: list[PlainPool | PlainBranch], *, again: bool, then: str = "rise") -> None:
        """Plan to take children down; who was to stay down still is."""
        for child in children:
            child.shut()
            self.falls[child.name] = again and self.falls.get(child.name, True)
            self.told.discard(child.name)
        self.mode, self.then = "falling", then

    # ------------------------------------------------------------ what the one above says

    def open(self) -> None:
        self.is_open = True

    def shut(self) -> None:
        self.is_open = False
        for child in self.children:
            child.shut()
        if self.mode in {"rising", "up"}:
            self.mode = "held"

    def take_down(self, *, again: bool) -> None:
        if not (again and self.mode == "waiting"):
            self.clock.unring(self.name, "branch")
            self.falls = {}
            self._take_down(self.children, again=False, then="hold" if again else "stay")

    def begin_afresh(self) -> None:
        self.clock.unring(self.name, "branch")
        self.falls, self.told, self.restarts = {}, set(), []
        self.person = self.failed = self.is_due = False
        self.up_since = None
        for child in self.children:
            child.shut()
            child.begin_afresh()
        self.mode = "held"

    def wait(self) -> None:
        """Begin afresh after a while: the longer, the more often it was over soon."""
        up_s = 0.0 if self.up_since is None else self.clock.now - self.up_since
        self.failures = 1 if up_s >= RESET_S else self.failures + 1
        delay_s = min(CAP_S, BASE_S * 2.0 ** (self.failures - 1))
        if self.failures == 1 and up_s >= FREE_S:
            delay_s = 0.0
        self.is_due, self.hastened = self.hastened and self.is_asked_for, False
        self.mode = "waiting"
        self.clock.ring(self.name, "branch", delay_s)

    def wake(self) -> None:
        """Let a person start something below, whatever it came to."""
        if self.above is not None:
            self.above.wake()
        if self.mode == "waiting":
            self.clock.ring(self.name, "branch", 0.0)
        elif self.mode == "over":
            self.person = True
        else:
            self.hastened = True

    def downwards(self) -> Iterator[PlainBranch]:
        """Give the branch and those below it, in start order."""
        yield self
        for child in self.children:
            if isinstance(child, PlainBranch):
                yield from child.downwards()


def pools_of(node: PlainPool | PlainBranch) -> Iterator[PlainPool]:
    """Give the pools at and below a node, in start order."""
    if isinstance(node, PlainPool):
        yield node
    else:
        for child in node.children:
            yield from pools_of(child)
