"""Agents: the stable name, the states of its slot, and what an exit means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from supervisor.model.health import Liveness


class Role(StrEnum):
    """What an agent is for; rights hang on it and on nothing else."""

    ORCHESTRATOR = "orchestrator"
    PLANNER = "planner"
    WORKER = "worker"
    JUDGE = "judge"
    MONITOR = "monitor"
    SOLO = "solo"


ROLE_ALIASES: Final[dict[str, str]] = {
    "reviewer": Role.JUDGE,
    "critic": Role.JUDGE,
    "conductor": Role.ORCHESTRATOR,
    "manager": Role.ORCHESTRATOR,
    "lead": Role.ORCHESTRATOR,
    "architect": Role.PLANNER,
    "builder": Role.WORKER,
    "coder": Role.WORKER,
    "developer": Role.WORKER,
    "engineer": Role.WORKER,
    "watcher": Role.MONITOR,
}
"""Words of other systems for our roles: mail understands them, a profile is told what was meant."""


class AgentState(StrEnum):
    """What the slot of an agent does right now."""

    PENDING = "pending"
    STARTING = "starting"
    IDLE = "idle"
    WORKING = "working"
    WAITING_HUMAN = "waiting_human"
    PAUSED = "paused"
    DRAINING = "draining"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    EXITED = "exited"
    PARKED = "parked"
    STUCK = "stuck"


ALIVE: Final = frozenset(
    {
        AgentState.STARTING,
        AgentState.IDLE,
        AgentState.WORKING,
        AgentState.WAITING_HUMAN,
        AgentState.PAUSED,
        AgentState.DRAINING,
        AgentState.STOPPING,
        AgentState.STUCK,
    }
)
"""States in which the agent may have a process."""

BUSY: Final = frozenset({AgentState.IDLE, AgentState.WORKING, AgentState.WAITING_HUMAN})
"""States between which an agent's own doings decide; all others are its slot's."""

AT_WORK: Final = BUSY | {AgentState.PAUSED, AgentState.DRAINING}
"""States in which an agent keeps what it holds."""

_ENDS: Final = frozenset(
    {AgentState.BACKOFF, AgentState.STOPPING, AgentState.EXITED, AgentState.PARKED, AgentState.STUCK}
)
"""What a live incarnation can come to."""

AGENT_MOVES: Final[dict[AgentState, frozenset[AgentState]]] = {
    AgentState.PENDING: frozenset(
        {AgentState.STARTING, AgentState.PARKED, AgentState.EXITED, AgentState.PAUSED}
    ),
    AgentState.STARTING: BUSY | _ENDS | {AgentState.PAUSED, AgentState.DRAINING},
    **{
        state: (BUSY - {state}) | _ENDS | {AgentState.PAUSED, AgentState.DRAINING}
        for state in AgentState
        if state in BUSY
    },
    AgentState.PAUSED: BUSY | _ENDS | {AgentState.STARTING, AgentState.PENDING, AgentState.DRAINING},
    AgentState.DRAINING: _ENDS | {AgentState.PAUSED},
    AgentState.BACKOFF: frozenset(
        {
            AgentState.STARTING,
            AgentState.EXITED,
            AgentState.PARKED,
            AgentState.PENDING,
            AgentState.PAUSED,
        }
    ),
    AgentState.STOPPING: frozenset(
        {
            AgentState.EXITED,
            AgentState.STUCK,
            AgentState.PARKED,
            AgentState.BACKOFF,
            AgentState.PENDING,
            AgentState.PAUSED,
        }
    ),
    AgentState.EXITED: frozenset({AgentState.PENDING, AgentState.STARTING}),
    AgentState.PARKED: frozenset({AgentState.PENDING, AgentState.STARTING, AgentState.EXITED}),
    AgentState.STUCK: frozenset(
        {AgentState.EXITED, AgentState.PARKED, AgentState.PENDING, AgentState.PAUSED}
    ),
}


class ExitClass(StrEnum):
    """Why an incarnation ended.

    `sibling`: its branch restarts it with another; `rate_limited` and `auth` are its service's doing.
    """

    OK = "ok"
    FAIL = "fail"
    SIGNAL = "signal"
    OOM = "oom"
    WATCHDOG = "watchdog"
    PROBE = "probe"
    STALLED = "stalled"
    RATE_LIMITED = "rate_limited"
    AUTH = "auth"
    SIBLING = "sibling"
    SPAWN_ERROR = "spawn_error"
    STOP_REQUESTED = "stop_requested"
    START_TIMEOUT = "start_timeout"
    RUNTIME_CAP = "runtime_cap"
    ENGINE_LOST = "engine_lost"


class Assurance(StrEnum):
    """How well an agent is confined: L0 same user, no sandbox; L1 sandboxed; L2 other user or machine."""

    L0 = "L0"
    L1 = "L1"
    L2 = "L2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitInfo:
    """How one incarnation ended: `code` for an exit, `signal` for a death by signal, `detail` for people."""

    kind: ExitClass
    code: int | None = None
    signal: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One stable name of the team, e.g. `worker-2`, and what its slot does.

    `incarnation` counts the spawns of this name over all runs. `reason` says in words why
    the slot is where it is (for parked, backoff and stuck always). `quarantined` says why it
    may claim nothing until a person releases it; empty if it may. `spawned_by` is the agent
    whose work called for this one. `liveness` is the overseer's verdict on a live incarnation and
    `liveness_why` its evidence in words. Times are epoch seconds.
    """

    name: str
    pool: str
    role: Role
    state: AgentState = AgentState.PENDING
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    incarnation: int = 0
    pid: int | None = None
    task: str | None = None
    restarts: int = 0
    since: float = 0.0
    next_start_at: float | None = None
    last_exit: ExitInfo | None = None
    reason: str = ""
    activity: str = ""
    """What the agent last said of itself; it is shown and gives no right."""
    assurance: Assurance = Assurance.L0
    quarantined: str = ""
    spawned_by: str | None = None
    liveness: Liveness = Liveness.OK
    liveness_why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMetrics:
    """What one agent's process tree uses now; never stored. CPU in percent of one core, sizes in bytes.

    `rss_bytes` counts memory that processes share once for each; `pss_bytes` shares it out, and is None
    until the tree was looked at so closely, which happens every ten seconds. So are the bytes it has
    read from disk and written to it, and its open files.
    """

    name: str
    cpu_percent: float = 0.0
    rss_bytes: int = 0
    pss_bytes: int | None = None
    processes: int = 0
    threads: int = 0
    open_files: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    is_stopped: bool = False
    last_output_at: float | None = None
    last_call_at: float | None = None

    @property
    def memory_bytes(self) -> int:
        """The memory to show: PSS where it is known."""
        return self.rss_bytes if self.pss_bytes is None else self.pss_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineMetrics:
    """What the engine itself uses, and how late its loop was: but for one look in a hundred, and at worst."""

    cpu_percent: float = 0.0
    rss_bytes: int = 0
    pss_bytes: int | None = None
    lag_p99_ms: float = 0.0
    lag_max_ms: float = 0.0

    @property
    def memory_bytes(self) -> int:
        """The memory to show: PSS where it is known."""
        return self.rss_bytes if self.pss_bytes is None else self.pss_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineMetrics:
    """How the machine stands.

    The pressures are the percent of the last ten seconds in which some task, or all of them, waited for
    memory; None where the kernel does not say.
    """

    memory_bytes: int = 0
    available_bytes: int = 0
    load: float = 0.0
    pressure_some: float | None = None
    pressure_full: float | None = None
