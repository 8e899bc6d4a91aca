"""One spawn of an agent, from its first moment to its empty process tree."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace

from supervisor.model.agent import ExitClass, ExitInfo
from supervisor.supervision.ports import AgentProcess, ProcessExit, TreeEnd


@dataclass(slots=True, kw_only=True)
class Incarnation:
    """What a slot remembers of its live incarnation.

    `cause` is set when we end it, before any signal is sent, so that a kill by us never looks
    like a crash. `is_ending`: its tree is being emptied; `hurried`: without patience.
    """

    number: int
    process: AgentProcess
    ready_at: float | None = None
    cause: ExitClass | None = None
    cause_detail: str = ""
    exit: ProcessExit | None = None
    tree: TreeEnd | None = None
    is_ending: bool = False
    hurried: bool = False
    retry_after_s: float = 0.0
    was_draining: bool = False

    @property
    def pid(self) -> int | None:
        """Return the leader's pid while it lives."""
        return self.process.pid if self.exit is None else None

    def ready_for(self, now: float) -> float:
        """Return the seconds since it was ready; 0 if it never was."""
        return 0.0 if self.ready_at is None else now - self.ready_at

    def ending(self, success_codes: tuple[int, ...] = (0,)) -> ExitInfo:
        """Say how it ended, by our doing if there is a cause, else by itself; and what it left running."""
        how = self._ending(success_codes)
        if self.tree is None or not self.tree.escaped:
            return how
        return replace(how, detail=f"{how.detail}; it left running: {', '.join(self.tree.escaped)}")

    def _ending(self, success_codes: tuple[int, ...]) -> ExitInfo:
        code = self.exit.code if self.exit else None
        number = self.exit.signal if self.exit else None
        if self.cause is not None:
            return ExitInfo(kind=self.cause, code=code, signal=number, detail=self.cause_detail)
        if self.exit is not None and self.exit.oom:
            detail = "killed by the kernel: out of memory"
            return ExitInfo(kind=ExitClass.OOM, signal=number, detail=detail)
        if number is not None:
            return ExitInfo(kind=ExitClass.SIGNAL, signal=number, detail=f"killed by {_signal_name(number)}")
        kind = ExitClass.OK if code in success_codes else ExitClass.FAIL
        return ExitInfo(kind=kind, code=code, detail=f"exited with code {code}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
