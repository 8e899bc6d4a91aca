"""The life of one agent in the plain model: all at once, without tasks, mailboxes or errands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.branch import Restart
from supervisor.supervision.child_spec import ChildSpec

NORMAL: Final = frozenset({ExitClass.OK, ExitClass.STOP_REQUESTED})
FREE_AFTER_S: Final = 10.0
STUCK_LOOK_S: Final = 10.0
ABORT_S: Final = 5.0
LATE: Final = 1.125
"""What the middle of the jitter makes of a service's own delay."""


class Around(Protocol):
    """What an agent needs of its team."""

    now: float
    kits_held: bool
    reports_held: bool
    failing: dict[str, str]
    kit_s: dict[str, float]

    def did(self, what: str, name: str) -> None:
        """Note something in the order in which it was done."""

    def ring(self, name: str, what: str, after_s: float) -> None:
        """Have the agent called after a while."""

    def unring(self, name: str, *what: str) -> None:
        """Do not call it."""

    def may_start(self, agent: Life) -> bool:
        """Ask the circuit breaker, and whoever else has a say."""

    def is_tried(self, agent: Life) -> None:
        """Hear that a person has it started whatever the breaker says."""

    def is_ready(self, agent: Life) -> None:
        """Hear that it is ready."""

    def next_number(self, name: str) -> int:
        """Number its next incarnation."""

    def does_not_start(self, agent: Life) -> None:
        """Hear that it does not start now."""

    def has_crashed(self, agent: Life) -> None:
        """Hear that it does not rest though it has ended."""

    def comes_back(self, agent: Life) -> None:
        """Hear that it crashed and is started again."""

    def is_open(self, agent: Life) -> bool:
        """Tell whether its branch lets it start."""

    def is_closed(self, agent: Life) -> bool:
        """Tell whether its branch is over, or about to be."""

    def has_turn(self, agent: Life) -> bool:
        """Tell whether its branch lets it start, and all is there that it depends on."""

    def is_hopeless(self, agent: Life) -> bool:
        """Tell whether something that it depends on cannot come by itself."""

    def may_restart(self, agent: Life, *, counts: bool) -> bool:
        """Ask its branch whether it may be started again."""

    def gave_up(self, agent: Life) -> None:
        """Tell its branch that it gave up."""

    def finished(self, agent: Life) -> None:
        """Tell its branch that it rests, having ended by itself."""


@dataclass
class PlainProcess:
    """One incarnation's process."""

    number: int
    alive: bool = True
    frozen: bool = False
    obeys: bool = True
    remains: bool = False
    code: int | None = None
    ready_at: float | None = None
    cause: ExitClass | None = None
    retry_s: float = 0.0
    was_draining: bool = False
    asked_at_exit: bool = False


@dataclass
class Life:
    """What the model knows of one agent.

    `wanted`: no person wants it down; `laid`: its branch does; `paused`: it goes on later; `recycled`: its
    branch starts it again with another; `waiting`: its time has come but not its turn.
    """

    spec: ChildSpec
    around: Around
    state: AgentState = AgentState.PENDING
    number: int = 0
    restarts: int = 0
    failures: int = 0
    restarted_at: list[float] = field(default_factory=list)
    process: PlainProcess | None = None
    lines: bool = False
    wanted: bool = True
    laid: bool = False
    recycled: bool = False
    waiting: bool = False
    last: ExitClass | None = None
    again: bool = False
    paused: bool = False
    retired: bool = False
    leaving: bool = False
    asked_to_end: bool = False
    preparing: bool = False
    asked: bool = False
    held: bool = False
    by_hand: bool = False
    untold: bool = False
    spoke: bool = False

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def done(self) -> bool:
        """Tell whether nothing more can come of it."""
        gone = self.process is None or self.state is AgentState.STUCK
        return self.asked_to_end and not self.preparing and gone

    @property
    def up(self) -> PlainProcess | None:
        """Give the process if nobody is ending it."""
        going = self.state in {AgentState.STOPPING, AgentState.STUCK}
        return None if going else self.process

    @property
    def may_start(self) -> bool:
        return self.wanted and not self.laid

    @property
    def is_temporary(self) -> bool:
        return self.spec.restart is Restart.TEMPORARY

    @property
    def is_down(self) -> bool:
        nothing = self.process is None and not self.preparing
        return nothing or self.state is AgentState.STUCK

    @property
    def has_begun(self) -> bool:
        """Tell whether those after it need not wait for it any more."""
        waits = self.state in {AgentState.PENDING, AgentState.BACKOFF}
        return not waits or self.around.is_hopeless(self)

    def tell(self) -> None:
        """Let something be told of it, which it waits for before it starts again."""
        self.untold = self.untold or self.around.reports_held

    def move(self, state: AgentState) -> None:
        self.state, self.spoke = state, True
        self.tell()
        if state in {AgentState.EXITED, AgentState.PARKED, AgentState.STUCK, AgentState.PAUSED}:
            self.around.does_not_start(self)

    # ------------------------------------------------------------ starting

    def plan(self, delay_s: float) -> None:
        self.around.ring(self.name, "due", delay_s)

    def due(self) -> None:
        """Start if it is its turn and nobody holds it."""
        self.waiting = not self.around.has_turn(self)
        if self.waiting:
            self.move(AgentState.PENDING)
            return
        if self.by_hand:
            self.around.is_tried(self)
        elif not self.around.may_start(self):
            self.held = True
            return
        self.held, self.preparing = False, True
        self.around.ring(self.name, "start", self.spec.start_timeout_s)
        self.asked = False
        self.prepare()

    def prepare(self) -> None:
        """Have a kit made once all is told of the last life."""
        if self.preparing and not (self.asked or self.untold or self.around.kits_held):
            self.asked = True
            self.around.ring(self.name, "kit", self.around.kit_s[self.name])

    def start(self) -> None:
        """Start with the kit that was made, unless it must not any more."""
        fails = self.around.failing.get(self.name, "")
        if fails == "kit":
            self.not_started(permanent=False)
            return
        self.preparing = self.lines = False
        self.number = self.around.next_number(self.name)
        self.recycled = False
        if not self.may_start:
            self.forget_start()
            self.last = ExitClass.STOP_REQUESTED
            self.move(AgentState.EXITED)
            return
        if not self.around.is_open(self):
            self.forget_start()
            self.last = ExitClass.SIBLING
            self.around.does_not_start(self)
            self.move(AgentState.PENDING)
            self.plan(0.0)
            return
        self.around.did("start", self.name)
        if fails:
            self.not_started(permanent=fails == "permanent")
            return
        self.process, self.by_hand = PlainProcess(self.number), False
        self.around.ring(self.name, "runtime", self.spec.max_runtime_s)
        self.move(AgentState.STARTING)
        if self.paused:
            self.hold_still()

    def not_started(self, *, permanent: bool) -> None:
        self.forget_start()
        self.last, self.by_hand = ExitClass.SPAWN_ERROR, False
        self.laid = self.laid or self.around.is_closed(self)
        if not self.may_start:
            self.move(AgentState.EXITED)
        elif permanent:
            self.move(AgentState.PARKED)
            self.around.gave_up(self)
        else:
            self.go_on(ExitClass.SPAWN_ERROR)

    def forget_start(self) -> None:
        self.preparing = self.held = self.waiting = False
        self.around.unring(self.name, "due", "kit", "start", "runtime", "drain", "look")

    def ready(self, number: int) -> None:
        process = self.process
        if process is None or process.number != number or process.ready_at is not None:
            return
        if self.state in {AgentState.STARTING, AgentState.PAUSED}:
            process.ready_at = self.around.now
            self.around.unring(self.name, "start")
            self.around.is_ready(self)
        if self.state is AgentState.STARTING:
            self.move(AgentState.IDLE)

    def hold_still(self) -> None:
        """Freeze its process where it is."""
        if self.process is not None:
            self.paused = self.process.frozen = True
            self.process.was_draining = self.state is AgentState.DRAINING
            self.around.unring(self.name, "start")
            self.move(AgentState.PAUSED)

    # ------------------------------------------------------------ time

    def rang(self, what: str) -> None:
        """Act on a limit that has passed."""
        match what:
            case "due":
                self.due()
            case "look":
                self.look()
            case "kit":
                self.start()
            case "ask":
                self.ask()
            case "start" if self.process is None:
                self.not_started(permanent=False)
            case "start":
                self.end(ExitClass.START_TIMEOUT)
            case "runtime":
                self.end(ExitClass.RUNTIME_CAP)
            case _:
                self.end(ExitClass.STOP_REQUESTED)

    # ------------------------------------------------------------ ending

    def end(self, cause: ExitClass, *, now: bool = False, abort: bool = False) -> None:
        """Ask the process to end: it does, unless it disobeys; nobody disobeys a kill.

        With `abort` it has a moment for a core dump first.
        """
        process = self.process
        if process is None or (self.state is AgentState.STOPPING and not now):
            return
        self.around.unring(self.name, "start", "runtime", "drain", "ask")
        process.asked_at_exit = abort
        self.around.did("kill" if now else "abort" if abort else "stop", self.name)
        if self.state is not AgentState.STOPPING:
            process.cause = cause
            self.move(AgentState.STOPPING)
        if abort:
            self.around.ring(self.name, "ask", ABORT_S)
        elif now or process.obeys:
            self.exited(None)

    def ask(self) -> None:
        """Ask the process to end after its core dump."""
        process = self.process
        if process is not None and process.asked_at_exit:
            process.asked_at_exit = False
            self.around.did("stop", self.name)
            if process.obeys:
                self.exited(None)

    def exited(self, code: int | None) -> None:
        """Go on when its leader is gone: whatever it left behind keeps the slot shut."""
        process = self.process
        if process is None or not process.alive:
            return
        process.alive, process.code = False, code
        self.around.unring(self.name, "start", "runtime", "drain", "ask")
        if process.asked_at_exit:
            self.around.did("stop", self.name)
        if process.remains:
            self.move(AgentState.STUCK)
            self.around.ring(self.name, "look", STUCK_LOOK_S)
        else:
            self.conclude(process)

    def look(self) -> None:
        """See whether the remains are gone."""
        process = self.process
        if process is None:
            return
        if process.remains:
            self.around.ring(self.name, "look", STUCK_LOOK_S)
        else:
            self.around.unring(self.name, "look")
            self.conclude(process)

    def conclude(self, process: PlainProcess) -> None:
        self.process = None
        cause = process.cause
        if cause is None and process.code is None:
            cause = ExitClass.SIGNAL
        elif cause is None:
            cause = ExitClass.OK if process.code in self.spec.success_codes else ExitClass.FAIL
        ready_s = 0.0 if process.ready_at is None else self.around.now - process.ready_at
        self.go_on(cause, code=process.code, ready_s=ready_s, retry_s=process.retry_s)

    def go_on(
        self, cause: ExitClass, *, code: int | None = None, ready_s: float = 0.0, retry_s: float = 0.0
    ) -> None:
        """Decide what follows an end."""
        self.last = cause
        kept = self.is_kept(cause, code)
        recycled = cause is ExitClass.SIBLING or (self.recycled and not kept)
        if not self.may_start:
            self.move(AgentState.EXITED)
        elif self.again:
            self.again = False
            self.move(AgentState.PENDING)
            self.plan(0.0)
        elif self.paused and kept:
            self.move(AgentState.PAUSED)
        elif recycled and not self.is_temporary:
            self.recycled = False
            self.around.does_not_start(self)
            self.move(AgentState.PENDING)
            self.plan(0.0)
        elif not kept:
            self.recycled = self.paused = False
            self.move(AgentState.EXITED)
            if cause is not ExitClass.SIBLING:
                self.around.finished(self)
        else:
            self.recycled = False
            self.come_back(cause, ready_s=ready_s, retry_s=retry_s)

    def is_kept(self, cause: ExitClass, code: int | None) -> bool:
        """Tell whether OTP would start it again, unless its exit code decides."""
        if cause in {ExitClass.OK, ExitClass.FAIL}:
            if code in self.spec.no_restart_codes:
                return False
            if code in self.spec.force_restart_codes:
                return True
        if self.spec.restart is Restart.TRANSIENT:
            return cause not in NORMAL
        return self.spec.restart is Restart.PERMANENT

    def come_back(self, cause: ExitClass, *, ready_s: float, retry_s: float) -> None:
        """Start it again after its delay, or give it up."""
        now, spec = self.around.now, self.spec
        self.around.has_crashed(self)
        if cause is ExitClass.AUTH:
            self.move(AgentState.PARKED)
            return
        if cause is ExitClass.RATE_LIMITED:
            self.start_again(max(retry_s, 1.0) * LATE, counts=False)
            return
        recent = [each for each in self.restarted_at if each > now - spec.period_s]
        self.restarted_at = [*recent, now]
        if len(self.restarted_at) > spec.intensity:
            self.move(AgentState.PARKED)
            self.around.gave_up(self)
            return
        self.failures = 1 if ready_s >= spec.backoff.reset_after_s else self.failures + 1
        ladder = spec.backoff.base_s * spec.backoff.factor ** (self.failures - 1)
        free = self.failures == 1 and ready_s >= FREE_AFTER_S
        self.start_again(0.0 if free else min(spec.backoff.cap_s, ladder), counts=True)

    def start_again(self, delay_s: float, *, counts: bool) -> None:
        """Start after the delay, with whom its branch restarts with it."""
        if not self.around.may_restart(self, counts=counts):
            self.move(AgentState.PARKED)
            return
        if counts:
            self.restarts += 1
            self.around.comes_back(self)
        self.move(AgentState.PENDING if self.state is AgentState.STUCK else AgentState.BACKOFF)
        self.plan(delay_s)
