"""What takes time in a slot's life: done beside its owner, and told to its mailbox."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from supervisor.clock import Clock
from supervisor.model.agent import ExitClass
from supervisor.supervision.breaker import Breaker
from supervisor.supervision.dependencies import Lack, Turn
from supervisor.supervision.incarnation import Incarnation
from supervisor.supervision.notices import (
    Due,
    Exited,
    Held,
    Notice,
    NotPrepared,
    Overdue,
    Prepared,
    TreeEnded,
    Waits,
)
from supervisor.supervision.outbox import Outbox
from supervisor.supervision.ports import Launcher, SpawnFailure, TreeEnd
from supervisor.supervision.waiting import wait_at_most

SPREAD_S: Final = 5.0
"""Over how long the agents held by the breaker start once it closes."""

ABORT_S: Final = 5.0
"""How long a leader is given to leave a core dump before it is stopped like any other."""

EndTree = Callable[[], Coroutine[Any, Any, TreeEnd]]
"""A way to end a process tree."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unverified:
    """A tree of which nothing is known but that it may still live."""

    leftovers: tuple[int, ...]
    empty: bool = False
    escaped: tuple[str, ...] = ()


class Errands:
    """Runs the tasks of one slot inside the slot's own task group.

    Each errand ends in one notice that carries the attempt it was begun for.
    """

    def __init__(
        self,
        agent: str,
        *,
        tasks: asyncio.TaskGroup,
        mailbox: asyncio.Queue[Notice],
        outbox: Outbox,
        launcher: Launcher,
        turn: Turn,
        breaker: Breaker,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        """Begin idle, except that the outbox is emptied from now on."""
        self._agent = agent
        self._tasks = tasks
        self._mailbox = mailbox
        self._outbox = outbox
        self._launcher = launcher
        self._turn = turn
        self._breaker = breaker
        self._clock = clock
        self._rng = rng
        self._errands: set[asyncio.Task[None]] = set()
        self._timers: dict[ExitClass, asyncio.Task[None]] = {}
        self._dues: dict[ExitClass, float] = {}
        self._start: asyncio.Task[None] | None = None
        self._ender: asyncio.Task[None] | None = None
        self._stiller: asyncio.Task[None] | None = None
        _ = self._send(outbox.run())

    @property
    def left_s(self) -> dict[str, float]:
        """Return the seconds that each limit which runs has left."""
        now = self._clock.monotonic()
        return {limit.value: self._dues[limit] - now for limit in self._timers}

    def cancel_all(self) -> None:
        """Give up every errand."""
        for errand in self._errands:
            errand.cancel()

    # ------------------------------------------------------------ starting

    def await_turn(self, attempt: int, delay_s: float, *, by_hand: bool) -> None:
        """Wait out the delay, the agent's turn and the breaker, then tell that the start is due.

        By a person's order it is due whatever the breaker says.
        """
        self._start = self._send(self._await_turn(attempt, delay_s, by_hand=by_hand))

    def prepare(self, attempt: int) -> None:
        """Have the next incarnation prepared, once all that was told of the last is taken."""
        self._start = self._send(self._prepare(attempt))

    def cancel_start(self) -> None:
        """Give up a start that is waited for or prepared."""
        if self._start is not None:
            self._start.cancel()

    async def _await_turn(self, attempt: int, delay_s: float, *, by_hand: bool) -> None:
        if delay_s > 0:
            await self._clock.sleep(delay_s)
        await self._turn.come(lambda lack: self._tell_wait(attempt, lack))
        if by_hand:
            self._breaker.force(self._agent)
        while not (by_hand or self._breaker.enter(self._agent)):
            self._mailbox.put_nowait(Held(attempt=attempt))
            await self._breaker.moved()
            if self._breaker.closed:
                await self._clock.sleep(self._rng.uniform(0.0, SPREAD_S))
            await self._turn.come(lambda lack: self._tell_wait(attempt, lack))
        self._mailbox.put_nowait(Due(attempt=attempt))

    def _tell_wait(self, attempt: int, lack: Lack) -> None:
        self._mailbox.put_nowait(Waits(attempt=attempt, lack=lack))

    async def _prepare(self, attempt: int) -> None:
        notice: Notice
        try:
            await self._outbox.delivered()
            number = await self._launcher.prepare(self._agent)
            notice = Prepared(attempt=attempt, incarnation=number)
        except SpawnFailure as failure:
            notice = NotPrepared(attempt=attempt, failure=failure)
        except Exception as error:  # noqa: BLE001 - a fault of a plug-in is this agent's, not the team's
            _log.error("could not prepare a start of %s", self._agent, exc_info=error)
            unknown = SpawnFailure(f"could not be prepared: {error}", permanent=False)
            notice = NotPrepared(attempt=attempt, failure=unknown)
        self._mailbox.put_nowait(notice)

    # ------------------------------------------------------------ watching

    def watch(self, live: Incarnation) -> None:
        """Tell when the leader has ended."""
        _ = self._send(self._watch(live))

    def set_timer(self, attempt: int, limit: ExitClass, seconds: float) -> None:
        """Tell when the limit is over, unless it is cancelled before; it takes the place of a former one."""
        self.forget_timer(limit)
        self._dues[limit] = self._clock.monotonic() + seconds
        self._timers[limit] = self._send(self._ring(attempt, limit, seconds))

    def put_off(self, attempt: int, limit: ExitClass, seconds: float) -> None:
        """Let a limit that is set be over in so many seconds, unless that is earlier than it is now."""
        if limit in self._timers and self._clock.monotonic() + seconds > self._dues[limit]:
            self.set_timer(attempt, limit, seconds)

    def cancel_timer(self, limit: ExitClass) -> None:
        """Forget one limit."""
        self._timers.pop(limit).cancel()

    def forget_timer(self, limit: ExitClass) -> None:
        """Forget one limit if it is set."""
        if limit in self._timers:
            self.cancel_timer(limit)

    def cancel_timers(self) -> None:
        """Forget all limits."""
        for limit in tuple(self._timers):
            self.cancel_timer(limit)

    async def _watch(self, live: Incarnation) -> None:
        self._mailbox.put_nowait(Exited(of=live, exit=await live.process.wait()))

    async def _ring(self, attempt: int, limit: ExitClass, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._mailbox.put_nowait(Overdue(attempt=attempt, limit=limit))

    def hold_still(self, live: Incarnation, *, still: bool) -> None:
        """Freeze the tree or let it go on, after what was asked so before."""
        self._stiller = self._send(self._hold_still(live, self._stiller, still=still))

    async def _hold_still(self, live: Incarnation, former: asyncio.Task[None] | None, *, still: bool) -> None:
        if former is not None:
            await asyncio.wait({former})
        try:
            await (live.process.freeze() if still else live.process.thaw())
        except Exception as error:  # noqa: BLE001 - a fault of one process is not the team's
            _log.error("could not %s %s", "pause" if still else "resume", self._agent, exc_info=error)

    # ------------------------------------------------------------ ending

    def end_tree(self, live: Incarnation, way: EndTree, *, after_s: float = 0.0, abort: bool = False) -> None:
        """End the tree in this way from now on, and tell what is left; an ending under way is cancelled.

        With `abort` the leader is asked for a core dump first, and given a moment for it.
        """
        if abort:
            way = partial(self._abort_first, live, way)
        self._ender = self._send(self._end_tree(live, self._ender, way, after_s))

    async def _abort_first(self, live: Incarnation, way: EndTree) -> TreeEnd:
        live.process.abort()
        await wait_at_most(live.process.wait(), self._clock, ABORT_S)
        return await way()

    async def _end_tree(
        self, live: Incarnation, former: asyncio.Task[None] | None, way: EndTree, after_s: float
    ) -> None:
        if former is not None and not former.done():
            former.cancel()
            await asyncio.wait({former})
        if after_s > 0:
            await self._clock.sleep(after_s)
        tree: TreeEnd
        try:
            tree = await way()
        except Exception as error:  # noqa: BLE001 - fail closed: a tree that may live blocks its slot only
            _log.error("could not end the process tree of %s", self._agent, exc_info=error)
            tree = _Unverified(leftovers=(live.process.pid,))
        self._mailbox.put_nowait(TreeEnded(of=live, tree=tree))

    def _send(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        errand = self._tasks.create_task(work, name=f"errand of {self._agent}")
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)
        return errand
