"""The slot: one agent's owner, through which every order and every event of its life goes."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from functools import partial
from typing import Final, assert_never

from supervisor.clock import Clock
from supervisor.errors import WrongState
from supervisor.model.agent import AGENT_MOVES, AgentState, ExitClass, ExitInfo
from supervisor.supervision.breaker import Breaker
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.errands import Errands
from supervisor.supervision.incarnation import Incarnation
from supervisor.supervision.notices import (
    FOR_GOOD,
    NO_MORE_STARTS,
    Condemned,
    Due,
    Exited,
    Held,
    MoreTime,
    Notice,
    NotPrepared,
    Order,
    Overdue,
    Prepared,
    Ready,
    TreeEnded,
)
from supervisor.supervision.outbox import Outbox
from supervisor.supervision.ports import Launcher, ProcessExit, Reporter, SlotChange, SpawnFailure, TreeEnd
from supervisor.supervision.restart import Decision, RestartPolicy, is_wanted_again
from supervisor.supervision.waiting import wait_at_most

STUCK_RECHECK_S: Final = 10.0
"""How often a slot looks whether the processes it could not end are gone."""

FLUSH_S: Final = 10.0
"""How long an ended slot waits for the reporter to take its last changes."""

SETTLED: Final = frozenset({AgentState.EXITED, AgentState.PARKED, AgentState.STUCK})
"""States that a slot leaves only by an order, or when stuck processes vanish."""

_NOT_STARTED: Final = "stopped before it was started"
_PAUSED: Final = "paused"

_log = logging.getLogger(__name__)


class Slot:
    """Keeps at most one incarnation of one agent alive.

    One task owns the state and never waits for anything but its mailbox, so an order always gets
    through; what takes time runs beside it and comes back as a notice. Notices of a former start
    are dropped. The orders may be called from any task of the same loop.
    """

    def __init__(
        self,
        spec: ChildSpec,
        *,
        launcher: Launcher,
        reporter: Reporter,
        breaker: Breaker,
        clock: Clock,
        rng: random.Random,
        on_move: Callable[[], None],
    ) -> None:
        """Begin pending; `on_move` is called after each change."""
        self.spec = spec
        self.state = AgentState.PENDING
        self.ended = asyncio.Event()
        self.leaving = False
        self._launcher = launcher
        self._breaker = breaker
        self._clock = clock
        self._rng = rng
        self._errands: Errands
        self._on_move = on_move
        self._policy = RestartPolicy(spec, rng)
        self._outbox = Outbox(reporter)
        self._mailbox: asyncio.Queue[Notice] = asyncio.Queue()
        self._preparing = False
        self._live: Incarnation | None = None
        self._attempt = 0
        self._number = 0
        self._restarts = 0
        self._last_exit: ExitInfo | None = None
        self._leftovers: tuple[int, ...] = ()
        self._first_delay_s = 0.0
        self._wanted = True
        self._again = False
        self._retired = False
        self._ending = False
        self._paused = False
        self._retry_after_s = 0.0

    # ------------------------------------------------------------ orders

    def restore(
        self,
        *,
        next_start_at: float | None,
        restarts: int,
        incarnation: int,
        last_exit: ExitInfo | None,
        at_rest: bool,
    ) -> None:
        """Go on where a former engine was: at rest, waiting, or to be started; before `run`.

        A wait is never longer than the backoff's cap, whatever the wall clock did in between.
        """
        self._restarts, self._number, self._last_exit = restarts, incarnation, last_exit
        if at_rest:
            self._wanted = False
            self.state = AgentState.EXITED
        elif next_start_at is not None:
            self._policy.resume(restarts)
            backoff = self.spec.backoff
            longest = backoff.cap_s * (1.0 + backoff.jitter)
            self._first_delay_s = min(max(0.0, next_start_at - self._clock.now()), longest)
            self.state = AgentState.BACKOFF if self._first_delay_s else AgentState.PENDING

    def ready(self, incarnation: int) -> None:
        """Hear that this incarnation has reported for work; cheap, for it comes with every call."""
        if self.state in {AgentState.STARTING, AgentState.PAUSED}:
            self._mailbox.put_nowait(Ready(incarnation=incarnation))

    def more_time(self, incarnation: int, seconds: float) -> None:
        """Hear that this incarnation asks for so many seconds from now to become ready."""
        self._mailbox.put_nowait(MoreTime(incarnation=incarnation, seconds=seconds))

    def order(self, order: Order) -> None:
        """Give an order; one that ends the agent forbids a start from this moment on."""
        if order in NO_MORE_STARTS:
            self._wanted = False
            self._retired = self._retired or order in FOR_GOOD
            self.leaving = self.leaving or order is Order.LEAVE
        self._mailbox.put_nowait(order)

    def condemn(self, condemned: Condemned) -> None:
        """Have an incarnation ended for a cause that is not anybody's wish; another one is left alone."""
        self._mailbox.put_nowait(condemned)

    async def run(self) -> None:
        """Own the agent until an END order is carried out."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._errands = self._errands_in(tasks)
                if self._wanted:
                    self._begin()
                while not self._over:
                    self._take(await self._mailbox.get())
                await wait_at_most(self._outbox.delivered(), self._clock, FLUSH_S)
                self._errands.cancel_all()
        finally:
            self.ended.set()

    @property
    def _over(self) -> bool:
        if self._preparing or not (self._ending or self.leaving):
            return False
        return self._live is None or (self._ending and self.state is AgentState.STUCK)

    # ------------------------------------------------------------ mailbox

    def _take(self, notice: Notice) -> None:
        if self._is_stale(notice):
            return
        match notice:
            case Order():
                self._obey(notice)
            case Ready():
                self._on_ready()
            case MoreTime(seconds=seconds):
                self._errands.put_off(self._attempt, ExitClass.START_TIMEOUT, seconds)
            case Condemned():
                self._on_condemned(notice)
            case Overdue(limit=limit):
                self._on_overdue(limit)
            case Exited(of=live, exit=how):
                self._on_exited(live, how)
            case TreeEnded(of=live, tree=tree):
                self._on_tree_ended(live, tree)
            case _:
                self._on_start_notice(notice)

    def _is_stale(self, notice: Notice) -> bool:
        match notice:
            case Order():
                return False
            case Ready(incarnation=number) | MoreTime(incarnation=number) | Condemned(incarnation=number):
                return self._live is None or self._live.number != number
            case Exited(of=live) | TreeEnded(of=live):
                return live is not self._live
            case _:
                return notice.attempt != self._attempt

    def _obey(self, order: Order) -> None:
        match order:
            case Order.RESTART:
                self._restart_by_hand()
            case Order.PAUSE:
                self._pause()
            case Order.RESUME:
                self._resume()
            case Order.DRAIN:
                self._drain()
            case Order.DRAINED:
                self._on_drained()
            case Order.LEAVE:
                self._drain()
                if self.state is AgentState.PARKED:
                    self._move(AgentState.EXITED, "retired")
            case _:
                self._obey_a_stop(order)

    def _obey_a_stop(self, order: Order) -> None:
        self._ending = self._ending or order in {Order.END, Order.END_NOW}
        if order is not Order.RETIRE or self._live is None:
            self._rest(now=order in {Order.KILL, Order.END_NOW})
        if order in {Order.STOP, Order.KILL} and self.state is AgentState.PARKED:
            self._move(AgentState.EXITED, "stopped on request")

    # ------------------------------------------------------------ starting

    def _begin(self) -> None:
        delay_s = self._first_delay_s
        if delay_s:
            reason = "waits as before the engine was started again"
            self._move(AgentState.BACKOFF, reason, next_start_at=self._clock.now() + delay_s)
        self._plan_start(delay_s)

    def _plan_start(self, delay_s: float, *, by_hand: bool = False) -> None:
        self._attempt += 1
        self._errands.await_turn(self._attempt, delay_s, by_hand=by_hand)

    def _on_start_notice(self, notice: Held | Due | Prepared | NotPrepared) -> None:
        match notice:
            case Held():
                self._on_held()
            case Due():
                self._prepare()
            case Prepared(incarnation=number):
                self._spawn(number)
            case NotPrepared(failure=failure):
                self._on_start_failed(failure)
            case _:
                assert_never(notice)

    def _on_held(self) -> None:
        hold_s = self._breaker.hold_s
        if hold_s > 0:
            reason = "held: too many restarts in the whole team (circuit breaker)"
            self._move(self.state, reason, next_start_at=self._clock.now() + hold_s)

    def _prepare(self) -> None:
        if not self._wanted:
            return
        self._preparing = True
        self._errands.set_timer(self._attempt, ExitClass.START_TIMEOUT, self.spec.start_timeout_s)
        self._errands.prepare(self._attempt)

    def _spawn(self, number: int) -> None:
        self._preparing = False
        self._number = number
        if not self._wanted:
            self._forget_start()
            self._last_exit = ExitInfo(kind=ExitClass.STOP_REQUESTED, detail=_NOT_STARTED)
            self._move(AgentState.EXITED, _NOT_STARTED)
            return
        try:
            process = self._launcher.spawn(self.spec.name, number)
        except SpawnFailure as failure:
            self._on_start_failed(failure)
        except Exception as error:  # noqa: BLE001 - a fault of a plug-in is this agent's, not the team's
            _log.error("could not start %s", self.spec.name, exc_info=error)
            self._on_start_failed(SpawnFailure(f"could not be started: {error}", permanent=False))
        else:
            self._live = Incarnation(number=number, process=process)
            self._errands.watch(self._live)
            self._errands.set_timer(self._attempt, ExitClass.RUNTIME_CAP, self.spec.max_runtime_s)
            self._move(AgentState.STARTING, "started")
            if self._paused:
                self._pause()

    def _on_start_failed(self, failure: SpawnFailure) -> None:
        self._forget_start()
        self._last_exit = ExitInfo(kind=ExitClass.SPAWN_ERROR, detail=failure.detail)
        if not self._wanted:
            self._move(AgentState.EXITED, failure.detail)
            return
        self._move(AgentState.STARTING, "could not be started")
        if failure.permanent:
            self._move(AgentState.PARKED, f"cannot be started: {failure.detail}")
        else:
            self._go_on(self._last_exit, ready_for_s=0.0)

    def _forget_start(self) -> None:
        """Make sure that nothing of a planned start takes effect any more."""
        self._attempt += 1
        self._preparing = False
        self._errands.cancel_start()
        self._errands.cancel_timers()

    def _on_ready(self) -> None:
        """Note that it can work; one that was paused meanwhile shows it when it goes on."""
        live = self._live
        if live is None or live.is_ending or live.ready_at is not None:
            return  # it called again, or is being stopped
        live.ready_at = self._clock.monotonic()
        self._errands.forget_timer(ExitClass.START_TIMEOUT)
        self._breaker.succeeded(self.spec.name)
        if self.state is AgentState.STARTING:
            self._move(AgentState.IDLE, "ready")

    # ------------------------------------------------------------ pausing, draining

    def _pause(self) -> None:
        """Freeze the process, or the wait for one; an agent at rest or on its way out is left alone."""
        if self._live is None:
            if self._preparing:
                self._paused = True
            elif self.state in {AgentState.PENDING, AgentState.BACKOFF}:
                self._paused = True
                self._forget_start()
                self._move(AgentState.PAUSED, _PAUSED)
        elif not self._live.is_ending and self.state is not AgentState.PAUSED:
            self._paused = True
            self._live.was_draining = self.state is AgentState.DRAINING
            self._errands.forget_timer(ExitClass.START_TIMEOUT)
            self._errands.hold_still(self._live, still=True)
            self._move(AgentState.PAUSED, _PAUSED)

    def _resume(self) -> None:
        self._paused = False
        live = self._live
        if self.state is not AgentState.PAUSED:
            return
        if live is None:
            self._move(AgentState.PENDING, "resumed")
            self._plan_start(0.0)
            return
        self._errands.hold_still(live, still=False)
        if live.was_draining:
            self._move(AgentState.DRAINING, "resumed")
        elif live.ready_at is None:
            self._errands.set_timer(self._attempt, ExitClass.START_TIMEOUT, self.spec.start_timeout_s)
            self._move(AgentState.STARTING, "resumed")
        else:
            self._move(AgentState.IDLE, "resumed")

    def _drain(self) -> None:
        """Let the agent finish what it holds; one that holds nothing for certain is stopped."""
        live = self._live
        if live is None or live.ready_at is None:
            self._rest(now=False)
        elif not live.is_ending and self.state is not AgentState.DRAINING:
            if self.state is AgentState.PAUSED:
                self._paused = False
                self._errands.hold_still(live, still=False)
            self._again = False
            self._errands.set_timer(self._attempt, ExitClass.STOP_REQUESTED, self.spec.drain_timeout_s)
            self._move(AgentState.DRAINING, "draining: it finishes what it holds")

    def _on_drained(self) -> None:
        if self._live is not None and self.state is AgentState.DRAINING:
            self._end(self._live, ExitClass.STOP_REQUESTED, "drained")

    # ------------------------------------------------------------ ending

    def _on_condemned(self, condemned: Condemned) -> None:
        live = self._live
        if live is None or live.is_ending:
            return
        live.retry_after_s = condemned.retry_after_s
        self._end(live, condemned.cause, condemned.detail, abort=condemned.abort)

    def _on_overdue(self, limit: ExitClass) -> None:
        live = self._live
        if live is None:
            detail = f"could not be prepared within {self.spec.start_timeout_s:g} s"
            self._on_start_failed(SpawnFailure(detail, permanent=False))
        elif limit is ExitClass.STOP_REQUESTED:
            self._end(live, limit, f"still busy after {self.spec.drain_timeout_s:g} s of draining")
        elif limit is ExitClass.RUNTIME_CAP:
            self._end(live, limit, f"still running after {self.spec.max_runtime_s:g} s")
        elif live.ready_at is None:  # else it became ready while the timer rang
            self._end(live, limit, f"not ready within {self.spec.start_timeout_s:g} s")

    def _restart_by_hand(self) -> None:
        if self._retired:
            return
        self._wanted = True
        self._paused = False
        self._policy.reset()
        if self._live is not None:
            self._again = True
            if self.state is AgentState.STUCK:
                self._errands.end_tree(self._live, self._live.process.clean_up)
            else:
                self._end(self._live, ExitClass.STOP_REQUESTED, "restart requested")
        elif not self._preparing:
            self._forget_start()
            self._move(AgentState.PENDING, "restart requested")
            self._plan_start(0.0, by_hand=True)

    def _rest(self, *, now: bool) -> None:
        """Bring the agent to rest from wherever it is; a parked one stays visibly parked."""
        self._wanted = False
        self._again = False
        self._paused = False
        if self._live is not None:
            if self.state is not AgentState.STUCK:
                self._end(self._live, ExitClass.STOP_REQUESTED, "stopped on request", now=now)
        elif now or not self._preparing:
            self._forget_start()
            if self.state in {AgentState.PENDING, AgentState.BACKOFF, AgentState.PAUSED}:
                self._move(AgentState.EXITED, _NOT_STARTED)

    def _end(
        self, live: Incarnation, cause: ExitClass, detail: str, *, now: bool = False, abort: bool = False
    ) -> None:
        """End the tree; with `now` hurry an ending under way, unless only remains are cleared."""
        if live.is_ending and (not now or live.hurried or live.cause is None):
            return
        if live.cause is None:
            live.cause, live.cause_detail = cause, detail
        live.is_ending, live.hurried = True, now
        self._errands.cancel_timers()
        self._errands.end_tree(live, partial(live.process.stop, self.spec.stop, now=now), abort=abort)
        self._move(AgentState.STOPPING, detail)

    def _on_exited(self, live: Incarnation, how: ProcessExit) -> None:
        live.exit = how
        if not live.is_ending:
            live.is_ending = True
            self._errands.cancel_timers()
            self._last_exit = live.ending(self.spec.success_codes)
            self._errands.end_tree(live, live.process.clean_up)
            self._move(AgentState.STOPPING, f"{self._last_exit.detail}; clearing its process tree")
        elif live.tree is not None and live.tree.empty:
            self._conclude(live)

    def _on_tree_ended(self, live: Incarnation, tree: TreeEnd) -> None:
        live.tree = tree
        if not tree.empty:
            self._on_stuck(live, tree)
        elif live.exit is not None:
            self._conclude(live)

    def _on_stuck(self, live: Incarnation, tree: TreeEnd) -> None:
        """Keep the slot shut until a later look finds the tree empty."""
        if self.state is not AgentState.STUCK or tree.leftovers != self._leftovers:
            self._leftovers = tree.leftovers
            self._last_exit = live.ending(self.spec.success_codes)
            pids = ", ".join(str(pid) for pid in tree.leftovers)
            self._move(AgentState.STUCK, f"processes that cannot be ended: {pids}")
        self._errands.end_tree(live, live.process.clean_up, after_s=STUCK_RECHECK_S)

    def _conclude(self, live: Incarnation) -> None:
        """Decide what follows, now that the tree is verified empty."""
        self._attempt += 1
        self._live = None
        self._retry_after_s = live.retry_after_s
        ending = self._last_exit = live.ending(self.spec.success_codes)
        self._go_on(ending, ready_for_s=live.ready_for(self._clock.monotonic()))

    def _go_on(self, ending: ExitInfo, *, ready_for_s: float) -> None:
        if not self._wanted:
            self._move(AgentState.EXITED, ending.detail)
        elif self._paused and is_wanted_again(self.spec, ending):
            if self.state is AgentState.STUCK:
                self._move(AgentState.PENDING, _PAUSED)
            self._move(AgentState.PAUSED, f"its process ended while paused: {ending.detail}")
        elif self._again:
            self._again = False
            self._move(AgentState.PENDING, "restart requested")
            self._plan_start(0.0, by_hand=True)
        else:
            self._judge(ending, ready_for_s)

    def _judge(self, ending: ExitInfo, ready_for_s: float) -> None:
        verdict = self._policy.judge(
            ending,
            ready_for_s=ready_for_s,
            now=self._clock.monotonic(),
            retry_after_s=self._retry_after_s,
        )
        if verdict.decision is not Decision.REST:
            self._breaker.failed(self.spec.name)
        match verdict.decision:
            case Decision.REST:
                self._move(AgentState.EXITED, ending.detail)
            case Decision.PARK:
                self._move(AgentState.PARKED, self._why_parked(ending))
            case Decision.RESTART:
                self._restarts += 1
                if ending.kind is not ExitClass.RATE_LIMITED:
                    self._breaker.count_restart()
                waiting = AgentState.PENDING if self.state is AgentState.STUCK else AgentState.BACKOFF
                wait_s = max(verdict.delay_s, self._breaker.hold_s)
                self._move(waiting, ending.detail, next_start_at=self._clock.now() + wait_s)
                self._plan_start(verdict.delay_s)
            case _:
                assert_never(verdict.decision)

    def _why_parked(self, ending: ExitInfo) -> str:
        if ending.kind is ExitClass.AUTH:
            return f"its login does not work: {ending.detail}"
        often = f"more than {self.spec.intensity} restarts in {self.spec.period_s:g} s"
        return f"gave up after {often}; the last: {ending.detail}"

    # ------------------------------------------------------------ small tools

    def _errands_in(self, tasks: asyncio.TaskGroup) -> Errands:
        return Errands(
            self.spec.name,
            tasks=tasks,
            mailbox=self._mailbox,
            outbox=self._outbox,
            launcher=self._launcher,
            breaker=self._breaker,
            clock=self._clock,
            rng=self._rng,
        )

    def _move(self, state: AgentState, reason: str, *, next_start_at: float | None = None) -> None:
        if state is not self.state and state not in AGENT_MOVES[self.state]:
            raise WrongState(f"{self.spec.name} cannot go from {self.state} to {state}")
        self.state = state
        if state in SETTLED:
            self._breaker.withdraw(self.spec.name)
        self._outbox.put(
            SlotChange(
                agent=self.spec.name,
                state=state,
                incarnation=self._number,
                pid=self._live.pid if self._live else None,
                reason=reason,
                restarts=self._restarts,
                next_start_at=next_start_at,
                last_exit=self._last_exit,
            )
        )
        self._on_move()
