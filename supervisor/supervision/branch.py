"""A branch of the tree: OTP's supervisor, whose children are pools and branches."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from supervisor.clock import Clock
from supervisor.model.branch import AutoShutdown, BranchSpec, OnFailed, Restart, Strategy
from supervisor.model.team import Backoff
from supervisor.supervision.restart import FREE_RESTART_AFTER_S, RestartWindow, next_delay
from supervisor.supervision.waiting import wait_at_most

LADDER = Backoff()
"""How long a branch waits before it begins again; as an agent does by default."""


class Child(Protocol):
    """What a branch does with a child, and sees of it. All calls return at once."""

    name: str

    @property
    def is_down(self) -> bool:
        """Tell whether it has obeyed and nothing of it runs, except what is stuck."""
        ...

    @property
    def has_risen(self) -> bool:
        """Tell whether all of it has begun, or cannot by itself."""
        ...

    @property
    def is_awaited(self) -> bool:
        """Tell whether something significant of it has not ended yet."""
        ...

    @property
    def is_asked_for(self) -> bool:
        """Tell whether a person has ordered a start below it that is not done yet."""
        ...

    def open(self) -> None:
        """Let it start: its turn has come."""
        ...

    def shut(self, why: str) -> None:
        """Let nothing of it start from now on."""
        ...

    def take_down(self, *, why: str, again: bool) -> None:
        """End it; with `again` to start it in its turn, as a strategy does with siblings."""
        ...

    def begin_afresh(self) -> None:
        """Undo all that it came to, except a person's word; it starts when it is opened."""
        ...


class Mode(Enum):
    """What a branch does right now.

    HELD: it waits for its turn. WAITING: it waits to be restarted. OVER: it has ended.
    """

    HELD = auto()
    RISING = auto()
    STEADY = auto()
    FALLING = auto()
    WAITING = auto()
    OVER = auto()


class After(Enum):
    """What follows when all is down: start in order; wait for the turn; be over, and tell it or not."""

    RISE = auto()
    HOLD = auto()
    STAY = auto()
    TELL = auto()


class Branch:
    """Keeps its children by its strategy.

    What is told to it takes effect on gates and its plan at once, and never waits. One task owns what
    takes several steps, and goes on whenever something below has moved; it waits for nothing else, so
    whatever comes in between changes the plan.
    """

    def __init__(
        self,
        spec: BranchSpec,
        *,
        clock: Clock,
        rng: random.Random,
        note: Callable[[Branch], None],
    ) -> None:
        """Begin held and without children; `note` is called when the mode has changed."""
        self.name = spec.name
        self.spec = spec
        self.mode = Mode.HELD
        self.above: Branch | None = None
        self.children: list[Child] = []
        self.failed = False
        self.why_over = ""
        self._clock = clock
        self._rng = rng
        self._note = note
        self._window = _window_of(spec)
        self._poked = asyncio.Event()
        self._opened = False
        self._sealed = False
        self._woken = False
        self._hastened = False
        self._due = False
        self._due_at = 0.0
        self._failures = 0
        self._steady_since: float | None = None
        self._falling: dict[str, bool] = {}
        self._told: set[str] = set()
        self._after = After.RISE
        self._why = ""

    # ------------------------------------------------------------ what it is

    @property
    def words(self) -> str:
        """Name it, for people."""
        return f"branch {self.name}" if self.name else "the team"

    @property
    def in_motion(self) -> bool:
        """Tell whether it, or one above it, may soon start what rests in it."""
        moving = self.mode in {Mode.FALLING, Mode.WAITING}
        return moving or (self.above is not None and self.above.in_motion)

    @property
    def is_closed(self) -> bool:
        """Tell whether it, or one above it, is over or about to be, so that nothing may join it."""
        falls = self.mode is Mode.FALLING and self._after is not After.RISE
        closed = falls or self.mode in {Mode.WAITING, Mode.OVER}
        return closed or (self.above is not None and self.above.is_closed)

    @property
    def is_down(self) -> bool:
        """Tell whether nothing of it runs, except what is stuck."""
        return self.mode is not Mode.FALLING and all(child.is_down for child in self.children)

    @property
    def has_risen(self) -> bool:
        """Tell whether all of it has begun, or cannot by itself."""
        if self.mode is Mode.STEADY:
            return all(child.has_risen for child in self.children)
        return self.mode is Mode.OVER and not self.is_asked_for

    @property
    def is_awaited(self) -> bool:
        """Tell whether it is significant and not over."""
        return self.spec.significant and self.mode is not Mode.OVER

    @property
    def is_asked_for(self) -> bool:
        """Tell whether a person has ordered a start below it that is not done yet."""
        return any(child.is_asked_for for child in self.children)

    # ------------------------------------------------------------ its own task

    async def run(self) -> None:
        """Carry out what is planned, until it is sealed."""
        while not self._sealed:
            self._poked.clear()
            self._step()
            if self.mode is Mode.WAITING:
                wait_s = self._due_at - self._clock.monotonic()
                poked = await wait_at_most(self._poked.wait(), self._clock, wait_s)
                self._due = self._due or not poked
            else:
                await self._poked.wait()

    def seal(self) -> None:
        """End the task: what is stopped now is not this branch's affair any more."""
        self._sealed = True
        self._poked.set()

    def poke(self) -> None:
        """Hear that something below has moved."""
        if self.mode not in {Mode.STEADY, Mode.OVER}:
            self._poked.set()
        if self.above is not None:
            self.above.poke()

    def _step(self) -> None:
        if self.mode is Mode.FALLING:
            self._fall()
        if self.mode is Mode.WAITING and self._due:
            self.begin_afresh()
        if self.mode is Mode.OVER and self._opened and (self._woken or self.is_asked_for):
            self._live_on()
        if self.mode is Mode.HELD and self._opened:
            self._turn(Mode.RISING)
        if self.mode is Mode.RISING:
            self._rise()

    def _rise(self) -> None:
        """Let the children start; unless each is for itself, the next when the former has begun."""
        for child in self.children:
            child.open()
            if self.spec.strategy is not Strategy.ONE_FOR_ONE and not child.has_risen:
                return
        if self._steady_since is None:
            self._steady_since = self._clock.monotonic()
        self._turn(Mode.STEADY)

    def _fall(self) -> None:
        """Take down what is to fall, in reverse order, each when the one before is down."""
        for child in reversed(self.children):
            if child.name not in self._falling:
                continue
            if child.name not in self._told:
                self._told.add(child.name)
                child.take_down(why=self._why, again=self._falling[child.name])
            if not child.is_down:
                return
        self._falling.clear()
        self._told.clear()
        self._landed()

    def _landed(self) -> None:
        match self._after:
            case After.RISE:
                self._turn(Mode.RISING)
            case After.HOLD if self.spec.restart is not Restart.TEMPORARY:
                self.begin_afresh()
            case After.TELL:
                self._turn(Mode.OVER)
                if self.above is not None:
                    self.above.is_over(self)
            case _:
                self._turn(Mode.OVER)

    def _live_on(self) -> None:
        """Keep what a person starts, though the branch is over."""
        self._woken = False
        self.why_over = ""
        for child in self.children:
            child.open()
        self._steady_since = self._clock.monotonic()
        self._turn(Mode.STEADY)

    def _turn(self, mode: Mode) -> None:
        self.mode = mode
        self._note(self)
        if self.above is not None:
            self.above.poke()

    # ------------------------------------------------------------ what its children tell

    @property
    def _judges(self) -> bool:
        """Tell whether its children's ends are still its affair: it is not going down itself."""
        if self.mode is Mode.FALLING:
            return self._after is After.RISE
        return self.mode in {Mode.RISING, Mode.STEADY}

    def may_restart(self, child: Child, *, counts: bool) -> bool:
        """Hear that a child is to be restarted; False: once too often, and the branch gives up.

        An end in the midst of being taken down by the strategy is part of it, and not counted.
        """
        if not self._judges or child.name in self._falling:
            return True
        if counts and not self._count():
            return False
        if self.spec.strategy is not Strategy.ONE_FOR_ONE:
            self._restart_with(child)
        return True

    def gave_up(self, child: Child, agent: str) -> None:
        """Hear that an agent will not be started again by itself."""
        if not self._judges:
            return
        why = f"{agent} gave up"
        if self.spec.on_failed is OnFailed.SHUTDOWN:
            self._end(f"{self.words} ended: {why}", failed=True)
        elif self.spec.on_failed is OnFailed.REST:
            self._plan_fall(self.children[self._index(child) + 1 :], f"stopped, because {why}", again=False)

    def finished(self, name: str) -> None:
        """Hear that something significant ended by itself."""
        if not self._judges:
            return
        match self.spec.auto_shutdown:
            case AutoShutdown.ANY_SIGNIFICANT:
                self._end(f"{self.words} ended, because {name} has", failed=False)
            case AutoShutdown.ALL_SIGNIFICANT if not any(child.is_awaited for child in self.children):
                self._end(f"{self.words} ended, because all that is significant has", failed=False)
            case _:
                pass

    def is_over(self, child: Branch) -> None:
        """Judge a branch that is over by itself; in OTP's words it exited with `shutdown`."""
        if not self._judges or child.name in self._falling:
            return
        if child.spec.restart is not Restart.PERMANENT:
            if child.spec.significant:
                self.finished(child.words)
        elif self._count():
            child.wait_for_restart()
            if self.spec.strategy is not Strategy.ONE_FOR_ONE:
                self._restart_with(child)

    def _count(self) -> bool:
        """Count a restart; with one too many the branch fails."""
        if self._window is None or self._window.add(self._clock.monotonic()):
            return True
        often = f"more than {self.spec.intensity} restarts in {self.spec.period_s:g} s"
        self._end(f"{self.words} gave up after {often}", failed=True)
        return False

    def _restart_with(self, child: Child) -> None:
        """Take down what the strategy restarts with a child, then start in order."""
        first = 0 if self.spec.strategy is Strategy.ONE_FOR_ALL else self._index(child)
        self._plan_fall(self.children[first:], f"restarts with {child.name}", again=True)

    def _end(self, why: str, *, failed: bool) -> None:
        """Take everything down and be over."""
        self.why_over, self.failed = why, failed
        self._falling.clear()
        self._plan_fall(self.children, why, again=False, after=After.TELL)

    def _plan_fall(self, children: list[Child], why: str, *, again: bool, after: After = After.RISE) -> None:
        """Have children taken down; what falls already for good stays so."""
        if self.mode is not Mode.FALLING:
            self._told.clear()
        for child in children:
            child.shut(why)
            self._falling[child.name] = again and self._falling.get(child.name, True)
            self._told.discard(child.name)
        self._why, self._after = why, after
        self._turn(Mode.FALLING)
        self._poked.set()

    def _index(self, child: Child) -> int:
        return self.children.index(child)

    # ------------------------------------------------------------ what the one above says

    def open(self) -> None:
        """Begin, or go on, once its turn has come."""
        self._opened = True
        self._poked.set()

    def shut(self, why: str) -> None:
        """Let nothing below start from now on."""
        self._opened = False
        for child in self.children:
            child.shut(why)
        if self.mode in {Mode.RISING, Mode.STEADY}:
            self._turn(Mode.HELD)

    def take_down(self, *, why: str, again: bool) -> None:
        """Take everything down; with `again` to begin afresh in its turn. A wait for a restart goes on."""
        if again and self.mode is Mode.WAITING:
            return
        self._falling.clear()
        self._plan_fall(self.children, why, again=False, after=After.HOLD if again else After.STAY)

    def begin_afresh(self) -> None:
        """Undo all that its children came to, and wait for the turn."""
        self._falling.clear()
        self._woken = self._due = self.failed = False
        self.why_over = ""
        self._steady_since = None
        self._window = _window_of(self.spec)
        for child in self.children:
            child.shut("waits for its turn")
            child.begin_afresh()
        self._turn(Mode.HELD)
        self._poked.set()

    def wait_for_restart(self) -> None:
        """Begin afresh after a while: the longer, the more often it was over soon."""
        now = self._clock.monotonic()
        steady_s = 0.0 if self._steady_since is None else now - self._steady_since
        if steady_s >= LADDER.reset_after_s:
            self._failures = 0
        self._failures += 1
        is_free = self._failures == 1 and steady_s >= FREE_RESTART_AFTER_S
        self._steady_since = None
        self._due_at = now + (0.0 if is_free else next_delay(LADDER, self._failures, self._rng))
        self._due = self._hastened and self.is_asked_for
        self._hastened = False  # once for each order: else what fails before it is carried out would spin
        self._turn(Mode.WAITING)
        self._poked.set()

    def wake(self) -> None:
        """Hear that a person starts something below: see that it can."""
        if self.above is not None:
            self.above.wake()
        if self.mode is Mode.WAITING:
            self._due = True
        elif self.mode is Mode.OVER:
            self._woken = True
        else:
            self._hastened = True
        self._poked.set()

    def rearrange(self, spec: BranchSpec, above: Branch | None, children: list[Child]) -> None:
        """Be what a new plan says; what is under way goes on with the children that remain."""
        if (spec.intensity, spec.period_s) != (self.spec.intensity, self.spec.period_s):
            self._window = _window_of(spec)
        self.spec, self.above, self.children = spec, above, children
        names = {child.name for child in children}
        self._falling = {name: again for name, again in self._falling.items() if name in names}
        if self.mode is Mode.STEADY:
            self._turn(Mode.RISING)
        self._poked.set()


def _window_of(spec: BranchSpec) -> RestartWindow | None:
    return None if spec.intensity is None else RestartWindow(spec.intensity, spec.period_s)
