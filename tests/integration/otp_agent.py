"""What an agent of the plain model is told: by persons, by its branch, and what others wait for of it."""

from __future__ import annotations

from dataclasses import dataclass

from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.branch import Condition, Restart
from tests.integration.otp_life import Life


@dataclass
class PlainAgent(Life):
    """A life that can be ordered about."""

    # ------------------------------------------------------------ orders

    def restart(self) -> None:
        if self.retired:
            return
        self.wanted = self.by_hand = True
        self.laid = self.paused = False
        self.failures, self.restarted_at = 0, []
        if self.process is not None:
            self.again = True
            if self.state is AgentState.STUCK:
                self.look()
            else:
                self.end(ExitClass.STOP_REQUESTED)
        elif not self.preparing:
            self.forget_start()
            self.move(AgentState.PENDING)
            self.plan(0.0)

    def pause(self) -> None:
        if self.preparing:
            self.paused = True
        elif self.process is None and self.state in {AgentState.PENDING, AgentState.BACKOFF}:
            self.paused = True
            self.forget_start()
            self.move(AgentState.PAUSED)
        elif self.up is not None and self.state is not AgentState.PAUSED:
            self.hold_still()

    def resume(self) -> None:
        self.paused = False
        if self.state is not AgentState.PAUSED:
            return
        process = self.process
        if process is None:
            self.move(AgentState.PENDING)
            self.plan(0.0)
            return
        process.frozen = False
        if process.was_draining:
            self.move(AgentState.DRAINING)
        elif process.ready_at is None:
            self.around.ring(self.name, "start", self.spec.start_timeout_s)
            self.move(AgentState.STARTING)
        else:
            self.move(AgentState.IDLE)

    def drain(self) -> None:
        self.wanted = self.again = self.by_hand = False
        if self.process is None or self.process.ready_at is None:
            self.rest()
        elif self.up is not None and self.state is not AgentState.DRAINING:
            self.paused = self.up.frozen = False
            self.around.ring(self.name, "drain", self.spec.drain_timeout_s)
            self.move(AgentState.DRAINING)

    def drained(self) -> None:
        if self.state is AgentState.DRAINING:
            self.end(ExitClass.STOP_REQUESTED)

    def stop(self, *, now: bool = False) -> None:
        self.rest(now=now)
        if self.state is AgentState.PARKED:
            self.move(AgentState.EXITED)

    def retire(self) -> None:
        """Start nothing any more; what lives goes on until its turn comes."""
        self.wanted, self.retired = False, True
        if self.process is None:
            self.rest()

    def rest(self, *, now: bool = False) -> None:
        """Bring it to rest from wherever it is."""
        self.wanted = self.again = self.by_hand = self.paused = False
        if self.process is not None:
            if self.state is not AgentState.STUCK:
                self.end(ExitClass.STOP_REQUESTED, now=now)
        elif now or not self.preparing:
            self.forget_start()
            if self.state in {AgentState.PENDING, AgentState.BACKOFF, AgentState.PAUSED}:
                self.move(AgentState.EXITED)

    # ------------------------------------------------------------ its branch's word

    def recycle(self) -> None:
        """Be ended to start again with another; one that had ended normally does too."""
        if self.process is not None:
            self.recycled = True
            if self.state is not AgentState.STUCK:
                self.end(ExitClass.SIBLING)
        elif self.state is AgentState.EXITED and self.may_start and not self.is_temporary:
            self.move(AgentState.PENDING)
            self.plan(0.0)

    def lie_down(self) -> None:
        """Be ended until the branch begins afresh or a person says so, unless one has."""
        if self.by_hand:
            return
        self.laid, self.again, self.paused = True, False, False
        if self.process is not None:
            if self.state is not AgentState.STUCK:
                self.end(ExitClass.SIBLING)
        elif not self.preparing:
            self.forget_start()
            if self.state in {AgentState.PENDING, AgentState.BACKOFF, AgentState.PAUSED}:
                self.move(AgentState.EXITED)

    def begin_afresh(self) -> None:
        """Start whatever it came to, but not against a person's word, nor without a login."""
        if self.wanted and not (self.state is AgentState.PARKED and self.last is ExitClass.AUTH):
            self.laid, self.restarted_at = False, []
            if self.state in {AgentState.EXITED, AgentState.PARKED}:
                self.move(AgentState.PENDING)
                self.plan(0.0)

    def condemn(self, number: int, cause: ExitClass, retry_s: float) -> None:
        if self.up is not None and self.up.number == number:
            self.up.retry_s = retry_s
            self.end(cause, abort=cause is ExitClass.WATCHDOG)

    # ------------------------------------------------------------ what others wait for

    def meets(self, condition: Condition) -> bool:
        """Tell whether it is what another waits for."""
        completed = self.state is AgentState.EXITED and self.last is ExitClass.OK
        match condition:
            case Condition.STARTED:
                return self.up is not None or completed
            case Condition.READY:
                return self.up is not None and self.up.ready_at is not None
            case Condition.COMPLETED_OK:
                return completed
            case _:
                return self.lines

    def never_meets(self, condition: Condition) -> bool:
        """Tell whether it never is what another waits for, whatever comes."""
        return condition is Condition.COMPLETED_OK and self.spec.restart is Restart.PERMANENT
