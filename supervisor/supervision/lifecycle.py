"""One agent's life: its incarnations, one at a time, from the plan to start to the judgement of the end."""

from __future__ import annotations

import asyncio
import logging
import random
from functools import partial
from typing import Final, assert_never

from supervisor.clock import Clock
from supervisor.errors import WrongState
from supervisor.model.agent import AGENT_MOVES, AgentState, ExitClass, ExitInfo
from supervisor.model.branch import Restart
from supervisor.supervision.breaker import Breaker
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.dependencies import Dependencies, Lack, Turn
from supervisor.supervision.errands import Errands
from supervisor.supervision.incarnation import Incarnation
from supervisor.supervision.notices import Notice
from supervisor.supervision.outbox import Outbox
from supervisor.supervision.place import Place
from supervisor.supervision.ports import Launcher, ProcessExit, Reporter, SlotChange, SpawnFailure, TreeEnd
from supervisor.supervision.restart import Decision, RestartPolicy, is_wanted_again

STUCK_RECHECK_S: Final = 10.0
"""How often a slot looks whether the processes it could not end are gone."""

SETTLED: Final = frozenset({AgentState.EXITED, AgentState.PARKED, AgentState.STUCK})
"""States that a slot leaves only by an order, or when stuck processes vanish."""

NOT_STARTED: Final = "stopped before it was started"
PAUSED: Final = "paused"

_log = logging.getLogger(__name__)


class Lifecycle:
    """What a slot does with its agent: it is called by the slot's owner task, and never waits.

    What takes time is sent out as an errand, and comes back to the mailbox as a notice.
    """

    def __init__(
        self,
        spec: ChildSpec,
        *,
        place: Place,
        dependencies: Dependencies,
        launcher: Launcher,
        reporter: Reporter,
        breaker: Breaker,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        """Begin pending, at this place of the tree."""
        self.spec = spec
        self.state = AgentState.PENDING
        self.ended = asyncio.Event()
        self.leaving = False
        self.last_exit: ExitInfo | None = None
        self.lines: frozenset[str] = frozenset()
        self._place = place
        self._turn = Turn(place.gate, dependencies, spec.depends_on)
        self._launcher = launcher
        self._breaker = breaker
        self._clock = clock
        self._rng = rng
        self._errands: Errands
        self._policy = RestartPolicy(spec, rng)
        self._outbox = Outbox(reporter)
        self._mailbox: asyncio.Queue[Notice] = asyncio.Queue()
        self._preparing = False
        self._live: Incarnation | None = None
        self._attempt = 0
        self._number = 0
        self._restarts = 0
        self._leftovers: tuple[int, ...] = ()
        self._first_delay_s = 0.0
        self._wanted = True
        self._again = False
        self._by_hand = False
        self._retired = False
        self._laid = False
        self._recycled = False
        self._hopeless = False
        self._ending = False
        self._left = False
        self._paused = False
        self._retry_after_s = 0.0

    # ------------------------------------------------------------ starting

    def _plan_start(self, delay_s: float) -> None:
        self._attempt += 1
        self._hopeless = False
        self._errands.await_turn(self._attempt, delay_s, by_hand=self._by_hand)

    def _on_waits(self, lack: Lack) -> None:
        self._hopeless = lack.hopeless
        self._move(AgentState.PENDING, lack.words)

    def _on_held(self) -> None:
        self._hopeless = False
        hold_s = self._breaker.hold_s
        if hold_s > 0:
            reason = "held: too many restarts in the whole team (circuit breaker)"
            self._move(self.state, reason, next_start_at=self._clock.now() + hold_s)

    def _prepare(self) -> None:
        if not self._may_start:
            return
        if not self._turn.may_go_on:
            self._breaker.withdraw(self.spec.name)
            self._plan_start(0.0)
            return
        self._hopeless = False
        self._preparing = True
        self._errands.set_timer(self._attempt, ExitClass.START_TIMEOUT, self.spec.start_timeout_s)
        self._errands.prepare(self._attempt)

    def _spawn(self, number: int) -> None:
        self._preparing = False
        self._number = number
        self.lines = frozenset()
        self._recycled = False
        if not self._may_start or not self._turn.may_go_on:
            self._drop_prepared()
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
            self._by_hand = False
            self._errands.watch(self._live)
            self._errands.set_timer(self._attempt, ExitClass.RUNTIME_CAP, self.spec.max_runtime_s)
            self._move(AgentState.STARTING, "started")
            if self._paused:
                self._hold_still(self._live)

    def _drop_prepared(self) -> None:
        """Make nothing of an incarnation that was prepared when its start was still wanted."""
        self._forget_start()
        if self._may_start:
            self.last_exit = ExitInfo(kind=ExitClass.SIBLING, detail=NOT_STARTED)
            self._breaker.withdraw(self.spec.name)
            self._move(AgentState.PENDING, NOT_STARTED)
            self._plan_start(0.0)
        else:
            self.last_exit = ExitInfo(kind=ExitClass.STOP_REQUESTED, detail=NOT_STARTED)
            self._move(AgentState.EXITED, NOT_STARTED)

    def _on_start_failed(self, failure: SpawnFailure) -> None:
        self._forget_start()
        self._by_hand = False
        self._laid = self._laid or self._place.is_closed  # only a person's order kept it from that
        self.last_exit = ExitInfo(kind=ExitClass.SPAWN_ERROR, detail=failure.detail)
        if not self._may_start:
            self._move(AgentState.EXITED, failure.detail)
            return
        self._move(AgentState.STARTING, "could not be started")
        if failure.permanent:
            self._move(AgentState.PARKED, f"cannot be started: {failure.detail}")
            self._place.gave_up(self.spec.name)
        else:
            self._go_on(self.last_exit, ready_for_s=0.0)

    def _forget_start(self) -> None:
        """Make sure that nothing of a planned start takes effect any more."""
        self._attempt += 1
        self._preparing = self._hopeless = False
        self._errands.cancel_start()
        self._errands.cancel_timers()

    # ------------------------------------------------------------ pausing

    def _hold_still(self, live: Incarnation) -> None:
        """Freeze a process that is not frozen yet."""
        self._paused = True
        live.was_draining = self.state is AgentState.DRAINING
        self._errands.forget_timer(ExitClass.START_TIMEOUT)
        self._errands.hold_still(live, still=True)
        self._move(AgentState.PAUSED, PAUSED)

    # ------------------------------------------------------------ ending

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
            self.last_exit = live.ending(self.spec.success_codes)
            self._errands.end_tree(live, live.process.clean_up)
            self._move(AgentState.STOPPING, f"{self.last_exit.detail}; clearing its process tree")
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
            self.last_exit = live.ending(self.spec.success_codes)
            pids = ", ".join(str(pid) for pid in tree.leftovers)
            self._move(AgentState.STUCK, f"processes that cannot be ended: {pids}")
        self._errands.end_tree(live, live.process.clean_up, after_s=STUCK_RECHECK_S)

    def _conclude(self, live: Incarnation) -> None:
        """Decide what follows, now that the tree is verified empty."""
        self._attempt += 1
        self._live = None
        self._retry_after_s = live.retry_after_s
        ending = self.last_exit = live.ending(self.spec.success_codes)
        self._go_on(ending, ready_for_s=live.ready_for(self._clock.monotonic()))

    def _go_on(self, ending: ExitInfo, *, ready_for_s: float) -> None:
        if not self._may_start:
            self._move(AgentState.EXITED, ending.detail)
        elif self._paused and is_wanted_again(self.spec, ending):
            self._move(AgentState.PAUSED, f"its process ended while paused: {ending.detail}")
        elif self._again:
            self._again = False
            self._move(AgentState.PENDING, "restart requested")
            self._plan_start(0.0)
        else:
            self._judge(ending, ready_for_s)

    def _judge(self, ending: ExitInfo, ready_for_s: float) -> None:
        with_others = ending.kind is ExitClass.SIBLING or (
            self._recycled and not is_wanted_again(self.spec, ending)
        )
        self._recycled = False
        if with_others and self.spec.restart is not Restart.TEMPORARY:
            self._breaker.withdraw(self.spec.name)
            self._move(AgentState.PENDING, ending.detail)
            self._plan_start(0.0)
            return
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
                if ending.kind is not ExitClass.SIBLING:
                    self._place.finished(self.spec)
            case Decision.PARK:
                self._move(AgentState.PARKED, self._why_parked(ending))
                if ending.kind is not ExitClass.AUTH:
                    self._place.gave_up(self.spec.name)
            case Decision.RESTART:
                self._start_again(ending, verdict.delay_s)
            case _:
                assert_never(verdict.decision)

    def _start_again(self, ending: ExitInfo, delay_s: float) -> None:
        """Start after the delay, if that is not too often for the branch; its strategy follows."""
        crashed = ending.kind is not ExitClass.RATE_LIMITED
        if not self._place.may_restart(counts=crashed):
            self._move(AgentState.PARKED, f"{self._place.words} gave up: {ending.detail}")
            return
        if crashed:
            self._restarts += 1
            self._breaker.count_restart(f"{self.spec.name} {ending.detail}")
        waiting = AgentState.PENDING if self.state is AgentState.STUCK else AgentState.BACKOFF
        wait_s = max(delay_s, self._breaker.hold_s)
        self._move(waiting, ending.detail, next_start_at=self._clock.now() + wait_s)
        self._plan_start(delay_s)

    def _why_parked(self, ending: ExitInfo) -> str:
        if ending.kind is ExitClass.AUTH:
            return f"its login does not work: {ending.detail}"
        often = f"more than {self.spec.intensity} restarts in {self.spec.period_s:g} s"
        return f"gave up after {often}; the last: {ending.detail}"

    # ------------------------------------------------------------ small tools

    @property
    def _may_start(self) -> bool:
        """Tell whether neither a person nor the branch wants it down."""
        return self._wanted and not self._laid

    def _errands_in(self, tasks: asyncio.TaskGroup) -> Errands:
        return Errands(
            self.spec.name,
            tasks=tasks,
            mailbox=self._mailbox,
            outbox=self._outbox,
            launcher=self._launcher,
            turn=self._turn,
            breaker=self._breaker,
            clock=self._clock,
            rng=self._rng,
        )

    def _move(self, state: AgentState, reason: str, *, next_start_at: float | None = None) -> None:
        if state is not self.state and state not in AGENT_MOVES[self.state]:
            raise WrongState(f"{self.spec.name} cannot go from {self.state} to {state}")
        self.state = state
        if state in SETTLED or state is AgentState.PAUSED:  # neither tells whether others may start
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
                last_exit=self.last_exit,
            )
        )
