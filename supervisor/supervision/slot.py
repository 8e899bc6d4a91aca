"""The slot: one agent's owner, through which every order and every event of its life goes."""

from __future__ import annotations

import asyncio
from typing import Final, assert_never

from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.branch import Restart
from supervisor.supervision.lifecycle import NOT_STARTED, PAUSED, SETTLED, Lifecycle
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
    StartNotice,
    TakeDown,
    TreeEnded,
    Waits,
)
from supervisor.supervision.ports import SpawnFailure
from supervisor.supervision.waiting import wait_at_most

FLUSH_S: Final = 10.0
"""How long an ended slot waits for the reporter to take its last changes."""


class Slot(Lifecycle):
    """Keeps at most one incarnation of one agent alive.

    One task owns the state and never waits for anything but its mailbox, so an order always gets
    through; what takes time runs beside it and comes back as a notice. Notices of a former start
    are dropped. The orders may be called from any task of the same loop.
    """

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
        self._restarts, self._number, self.last_exit = restarts, incarnation, last_exit
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
            self.leaving = self.leaving or order in {Order.LEAVE, Order.QUIT}
        self._mailbox.put_nowait(order)

    def take_down(self, *, why: str, again: bool) -> None:
        """Hear that the branch ends this agent; with `again` to start it in its turn."""
        self._mailbox.put_nowait(TakeDown(why=why, again=again))

    def saw_line(self, incarnation: int, pattern: str) -> None:
        """Hear that this incarnation has written a line that others wait for."""
        if incarnation == self._number:
            self.lines |= {pattern}
            self._place.moved(self.spec.name)

    def succeed(self, former: Slot, *, at_rest: bool) -> None:
        """Go on counting where the former owner of the name stopped; before `run`."""
        self.restore(
            next_start_at=None,
            restarts=former._restarts,
            incarnation=former._number,
            last_exit=former.last_exit,
            at_rest=at_rest,
        )

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
                    self._place.moved(self.spec.name)
                await wait_at_most(self._outbox.delivered(), self._clock, FLUSH_S)
                self._errands.cancel_all()
        finally:
            self.ended.set()
            self._place.moved(self.spec.name)

    @property
    def inside(self) -> str:
        """Tell what is under way, for a look at an engine that misbehaves."""
        limits = ", ".join(f"{name} in {left:.1f} s" for name, left in self._errands.left_s.items())
        pid = "-" if self._live is None else str(self._live.pid)
        return (
            f"{self.state.value}, incarnation {self._number}, pid {pid}, attempt {self._attempt}; "
            f"{self._mailbox.qsize()} notices and {self._outbox.waiting} changes wait; "
            f"limits: {limits or 'none'}"
        )

    @property
    def caught_up(self) -> bool:
        """Tell whether it has obeyed everything; one that is over reads no more."""
        return self._mailbox.empty() or self._over or self.ended.is_set()

    @property
    def is_down(self) -> bool:
        """Tell whether it has obeyed and nothing of it runs; what is stuck is passed over."""
        nothing = self._live is None and not self._preparing
        return self.caught_up and (nothing or self.state is AgentState.STUCK)

    @property
    def has_risen(self) -> bool:
        """Tell whether it has begun, or cannot by itself."""
        waits = self.state in {AgentState.PENDING, AgentState.BACKOFF}
        return self.caught_up and (self._hopeless or not waits)

    @property
    def rests(self) -> bool:
        """Tell whether nothing becomes of it without an order, its branch's included."""
        waits = self._hopeless or self.state in SETTLED
        return self.caught_up and waits and not self._place.in_motion

    @property
    def is_stranded(self) -> bool:
        """Tell whether it waits for what cannot come by itself."""
        return self._hopeless

    @property
    def is_asked_for(self) -> bool:
        """Tell whether a person has ordered a start that is not done yet."""
        return self._by_hand

    @property
    def is_up(self) -> bool:
        """Tell whether it has a process that is not being ended."""
        return self._live is not None and not self._live.is_ending

    @property
    def is_ready(self) -> bool:
        """Tell whether that process has reported for work."""
        return self.is_up and self._live is not None and self._live.ready_at is not None

    @property
    def stays_down(self) -> bool:
        """Tell whether a person wants it down, or had it so under a former engine."""
        return not self._wanted and not self._retired

    @property
    def _over(self) -> bool:
        if self._preparing or not (self._ending or self._left):
            return False
        return self._live is None or (self._ending and self.state is AgentState.STUCK)

    # ------------------------------------------------------------ mailbox

    def _take(self, notice: Notice) -> None:
        if self._is_stale(notice):
            return
        match notice:
            case Order():
                self._obey(notice)
            case TakeDown():
                self._go_down(notice)
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
            case Order() | TakeDown():
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
            case Order.BEGIN:
                self._begin_afresh()
            case Order.LEAVE | Order.QUIT:
                self._leave(at_once=order is Order.QUIT)
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

    def _on_start_notice(self, notice: StartNotice) -> None:
        match notice:
            case Waits(lack=lack):
                self._on_waits(lack)
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
                self._move(AgentState.PAUSED, PAUSED)
        elif not self._live.is_ending and self.state is not AgentState.PAUSED:
            self._hold_still(self._live)

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
        self._wanted = self._again = self._by_hand = False
        live = self._live
        if live is None or live.ready_at is None:
            self._rest(now=False)
        elif not live.is_ending and self.state is not AgentState.DRAINING:
            if self.state is AgentState.PAUSED:
                self._paused = False
                self._errands.hold_still(live, still=False)
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
        self._wanted = self._by_hand = True
        self._laid = self._paused = False
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
            self._plan_start(0.0)

    def _leave(self, *, at_once: bool) -> None:
        self._left = True
        if at_once:
            self._rest(now=False)
        else:
            self._drain()
        if self.state is AgentState.PARKED:
            self._move(AgentState.EXITED, "retired")

    def _go_down(self, order: TakeDown) -> None:
        if order.again:
            self._recycle(order.why)
        else:
            self._lie_down(order.why)

    def _recycle(self, why: str) -> None:
        """End what lives, to start again in its turn; one that had ended normally does too, as in OTP."""
        if self._live is not None:
            self._recycled = True
            if self.state is not AgentState.STUCK:
                self._end(self._live, ExitClass.SIBLING, why)
        elif (
            self.state is AgentState.EXITED and self._may_start and self.spec.restart is not Restart.TEMPORARY
        ):
            self._move(AgentState.PENDING, why)
            self._plan_start(0.0)

    def _lie_down(self, why: str) -> None:
        """End what lives or waits, until the branch begins afresh; a person's order to start stays one."""
        if self._by_hand:
            return
        self._laid = True
        self._again = self._paused = False
        if self._live is not None:
            if self.state is not AgentState.STUCK:
                self._end(self._live, ExitClass.SIBLING, why)
        elif not self._preparing:
            self._forget_start()
            if self.state in {AgentState.PENDING, AgentState.BACKOFF, AgentState.PAUSED}:
                self._move(AgentState.EXITED, why)

    def _begin_afresh(self) -> None:
        """Start whatever it came to, except against a person's word or with a login that does not work."""
        cannot_log_in = self.last_exit is not None and self.last_exit.kind is ExitClass.AUTH
        if not self._wanted or (cannot_log_in and self.state is AgentState.PARKED):
            return
        self._laid = False
        self._policy.renew()
        if self.state in {AgentState.EXITED, AgentState.PARKED}:
            self._move(AgentState.PENDING, "its branch begins afresh")
            self._plan_start(0.0)

    def _rest(self, *, now: bool) -> None:
        """Bring the agent to rest from wherever it is; a parked one stays visibly parked."""
        self._wanted = False
        self._again = self._by_hand = self._paused = False
        if self._live is not None:
            if self.state is not AgentState.STUCK:
                self._end(self._live, ExitClass.STOP_REQUESTED, "stopped on request", now=now)
        elif now or not self._preparing:
            self._forget_start()
            if self.state in {AgentState.PENDING, AgentState.BACKOFF, AgentState.PAUSED}:
                self._move(AgentState.EXITED, NOT_STARTED)
