"""What supervision asks of the outside: starting, watching and ending processes, and telling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.health import Probe
from supervisor.model.team import StopLadder


class SpawnFailure(Exception):
    """An incarnation could not be started.

    `permanent`: trying again cannot help (no such program, not executable, bad directory), so the
    agent is parked at once. Else the failed start counts as a restart and is tried again later.
    """

    def __init__(self, detail: str, *, permanent: bool) -> None:
        """Keep the cause in words for people."""
        self.detail = detail
        self.permanent = permanent
        super().__init__(detail)


class ProcessExit(Protocol):
    """How a process ended: an exit code, or the signal that killed it."""

    @property
    def code(self) -> int | None:
        """Return the exit code; None after a death by signal."""
        ...

    @property
    def signal(self) -> int | None:
        """Return the number of the deadly signal; None after an exit."""
        ...

    @property
    def oom(self) -> bool:
        """Tell whether it is proved that the kernel killed it for want of memory."""
        ...


class TreeEnd(Protocol):
    """What is left of a process tree after it was ended."""

    @property
    def empty(self) -> bool:
        """Tell whether the tree was verified to be empty."""
        ...

    @property
    def leftovers(self) -> tuple[int, ...]:
        """List the pids that could not be ended."""
        ...

    @property
    def escaped(self) -> tuple[str, ...]:
        """Name the programs that live on by the profile's permission."""
        ...


class AgentProcess(Protocol):
    """One incarnation's process tree, with its leader at the top."""

    @property
    def pid(self) -> int:
        """Return the leader's pid."""
        ...

    async def wait(self) -> ProcessExit:
        """Return when the leader has ended, whoever holds its pipes."""
        ...

    async def stop(self, ladder: StopLadder, *, now: bool = False) -> TreeEnd:
        """End the tree rung by rung, or with `now` from the KILL rung; may be cancelled and called again."""
        ...

    async def freeze(self) -> None:
        """Stop every process of the tree where it is; return when they are."""
        ...

    async def thaw(self) -> None:
        """Let every process of the tree go on."""
        ...

    def abort(self) -> None:
        """Ask the leader for a core dump (SIGABRT), as a missed watchdog does; a stop follows."""
        ...

    async def clean_up(self) -> TreeEnd:
        """End what a dead leader left behind; may be called again."""
        ...


class Launcher(Protocol):
    """Starts incarnations. The slot calls `prepare`, and `spawn` in the same turn as it returned."""

    async def prepare(self, agent: str) -> int:
        """Allocate and return the next incarnation's number, with its key, kit and intent row.

        May raise SpawnFailure. Everything told of the last incarnation was reported before. Is
        cancelled only by an immediate stop; what it had written then is void.
        """
        ...

    def spawn(self, agent: str, incarnation: int) -> AgentProcess:
        """Start the process and register it in one go; raise SpawnFailure if that cannot be done."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotChange:
    """What became of an agent. `restarts` counts all restarts by itself; `next_start_at` is wall-clock time.

    The state may be the same as before when only the pid, the reason or the time of the next start is new.
    A state of rest or waiting (backoff, exited, parked) means that the incarnation named is over and
    its process tree empty.
    """

    agent: str
    state: AgentState
    incarnation: int
    pid: int | None
    reason: str
    restarts: int
    next_start_at: float | None
    last_exit: ExitInfo | None


class Reporter(Protocol):
    """Hears of every change, of one agent in order, of several agents at once.

    The next incarnation of an agent is prepared only after its changes were taken. A change that
    cannot be written now is the reporter's to keep; what it raises is logged and goes no further.
    """

    async def slot_changed(self, change: SlotChange) -> None:
        """Take note of one change."""
        ...


class ProbeAnswer(Protocol):
    """What a probe found out."""

    @property
    def passed(self) -> bool:
        """Tell whether all is well."""
        ...

    @property
    def detail(self) -> str:
        """Say in words why not."""
        ...


class Watched(Protocol):
    """A live incarnation, as its watch sees it."""

    @property
    def started_at(self) -> float:
        """Return when it was started, on the monotonic clock."""
        ...

    @property
    def thawed_at(self) -> float:
        """Return when it was last let go on after a pause; its start if never."""
        ...

    @property
    def is_frozen(self) -> bool:
        """Tell whether it is paused."""
        ...

    @property
    def is_ending(self) -> bool:
        """Tell whether it has ended or is being ended."""
        ...

    async def ask(self, probe: Probe) -> ProbeAnswer:
        """Put a probe's question once; cancelled when its time is over. Never raises."""
        ...


class WatchReports(Protocol):
    """Hears what the watch of one incarnation found."""

    def ready(self) -> None:
        """Hear that it can work."""
        ...

    def more_time(self, seconds: float) -> None:
        """Hear that it asks for so many seconds from now to become ready."""
        ...

    def condemn(self, cause: ExitClass, detail: str, *, abort: bool = False) -> None:
        """Hear that it must be ended, and how that will be judged; with `abort` after a core dump."""
        ...

    def obstacle(self, why: str) -> None:
        """Hear why it must not be given new work; empty if it may be."""
        ...
