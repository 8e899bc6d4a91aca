"""The team as a profile defines it, and a run of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from supervisor.model.agent import Role
from supervisor.model.branch import ROOT_BRANCH, BranchSpec, Dependency, Restart
from supervisor.model.driving import (
    Allowed,
    Budget,
    ClientHome,
    Drive,
    OutputForm,
    Price,
    SessionScope,
    WorkspaceKind,
)
from supervisor.model.health import Containment, Probe, ProcessLimits, Readiness, StallLimits
from supervisor.model.notify import NotifySpec
from supervisor.model.rule import ApprovalRule
from supervisor.model.scale import Scale
from supervisor.model.screen import ScreenPatterns, TerminalSpec

_ORDINAL: Final = re.compile(r"[1-9][0-9]{0,8}")

KEEP_EVENTS_DAYS: Final = 30.0
KEEP_RUNS: Final = 20
LOG_CAP_MIB: Final = 2048


class OnDone(StrEnum):
    """What becomes of the agents when a run's work is done."""

    STOP = "stop"
    KEEP = "keep"


class Distribution(StrEnum):
    """How work finds agents: they take the best, or it is dealt out in turn or to the least loaded."""

    PULL = "pull"
    ROUND_ROBIN = "round_robin"
    LEAST_LOADED = "least_loaded"


class ToolSet(StrEnum):
    """Which tools an agent's list shows: the few of its role, or all that its role may call."""

    CORE = "core"
    FULL = "full"


class RunState(StrEnum):
    """Whether a run is still going on."""

    ACTIVE = "active"
    FINISHED = "finished"
    ABANDONED = "abandoned"


RUN_MOVES = {
    RunState.ACTIVE: frozenset({RunState.FINISHED, RunState.ABANDONED}),
    RunState.FINISHED: frozenset[RunState](),
    RunState.ABANDONED: frozenset[RunState](),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Delays between restarts: `base_s * factor ** (n - 1)`, at most `cap_s`, times 1 ± `jitter`."""

    base_s: float = 1.0
    factor: float = 2.0
    cap_s: float = 60.0
    jitter: float = 0.2
    reset_after_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLadder:
    """How long each rung of stopping is given, in seconds.

    `polite_s` for the adapter's own way, if it has one; `leader_s` after `signal` to the leader alone;
    `group_s` after TERM and CONT to its group; then KILL, and `sweep_s` to find what fled.
    """

    polite_s: float = 5.0
    signal: str = "TERM"
    leader_s: float = 5.0
    group_s: float = 5.0
    sweep_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec:
    """A pool: `size` agents of one role from one template, named `NAME-1` … or `NAME` if single.

    With `scale` their number follows the work. `branch` is the node of the supervision tree that
    keeps them. `escapees` are globs of programs that may outlive an agent.

    `command` is an argv list that never meets a shell; `{python}`, `{project}`, `{profile_dir}`,
    `{report_dir}` and `{agent}` are replaced inside single elements. `agent` names the known program that
    was asked for; its command and adapter were filled in from it. `args` are added to the command.
    `templates` replace ours for prompts, by name.
    """

    name: str
    role: Role
    command: tuple[str, ...]
    size: int = 1
    adapter: str = "command"
    drive: Drive = Drive.AUTO
    agent: str = ""
    model: str = ""
    args: tuple[str, ...] = ()
    workspace: WorkspaceKind = WorkspaceKind.PROJECT
    session: SessionScope = SessionScope.TASK
    home: ClientHome = ClientHome.AUTO
    allowed: Allowed = Allowed.READ
    output: OutputForm = OutputForm.RAW
    terminal: TerminalSpec = field(default_factory=TerminalSpec)
    patterns: ScreenPatterns = field(default_factory=ScreenPatterns)
    templates: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    env_allow: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    prompt: str = ""
    restart: Restart = Restart.TRANSIENT
    intensity: int = 5
    period_s: float = 120.0
    backoff: Backoff = field(default_factory=Backoff)
    stop: StopLadder = field(default_factory=StopLadder)
    start_timeout_s: float = 60.0
    max_runtime_s: float = 7200.0
    wip: int = 5
    tools: ToolSet = ToolSet.CORE
    scale: Scale | None = None
    branch: str = ROOT_BRANCH
    significant: bool = False
    depends_on: tuple[Dependency, ...] = ()
    success_codes: tuple[int, ...] = (0,)
    no_restart_codes: tuple[int, ...] = ()
    force_restart_codes: tuple[int, ...] = ()
    ready: Readiness = field(default_factory=Readiness)
    liveness: Probe | None = None
    watchdog_s: float | None = None
    stall: StallLimits = field(default_factory=StallLimits)
    limits: ProcessLimits = field(default_factory=ProcessLimits)
    containment: Containment = Containment.AUTO
    escapees: tuple[str, ...] = ()
    drain_timeout_s: float = 600.0

    @property
    def most(self) -> int:
        """Return how many agents the pool can have at once."""
        return self.size if self.scale is None else self.scale.max

    @property
    def agent_names(self) -> tuple[str, ...]:
        """List the stable names of all agents the pool can have, in start order."""
        if self.most == 1:
            return (self.name,)
        return tuple(f"{self.name}-{number}" for number in range(1, self.most + 1))

    @property
    def first_names(self) -> tuple[str, ...]:
        """List the names of the agents that it begins with."""
        return self.agent_names[: self.size if self.scale is None else self.scale.min]

    def holds(self, agent: str) -> bool:
        """Tell whether an agent is of this pool, without listing them all."""
        if self.most == 1:
            return agent == self.name
        name, _, number = agent.rpartition("-")
        return name == self.name and bool(_ORDINAL.fullmatch(number)) and int(number) <= self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamSpec:
    """A whole profile, checked. `digest` is the SHA-256 of its text; pools start in this order.

    `approvals_wait`: without a person, requests wait for one to come, as long as with one.
    `leaving` keeps the pools of agents that an earlier form of the profile had, until they are gone.
    """

    name: str
    description: str
    pools: tuple[PoolSpec, ...]
    source: str
    digest: str
    on_done: OnDone = OnDone.STOP
    deadline_s: float | None = None
    lease_s: float = 900.0
    keep_events_days: float = KEEP_EVENTS_DAYS
    keep_runs: int = KEEP_RUNS
    log_cap_mib: int = LOG_CAP_MIB
    distribution: Distribution = Distribution.PULL
    approvals: tuple[ApprovalRule, ...] = ()
    approvals_wait: bool = False
    notify: tuple[NotifySpec, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    supervision: BranchSpec = field(default_factory=BranchSpec)
    branches: tuple[BranchSpec, ...] = ()
    budgets: tuple[Budget, ...] = ()
    prices: tuple[Price, ...] = ()
    leaving: dict[str, PoolSpec] = field(default_factory=dict)

    def pool_of(self, agent: str) -> PoolSpec:
        """Return the pool that `agent` belongs to; raise KeyError for a stranger."""
        for pool in self.pools:
            if pool.holds(agent):
                return pool
        return self.leaving[agent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One go of a team at its work; it outlives engines. `outcome` says in words how it ended."""

    id: int
    team: str
    profile: str
    digest: str
    state: RunState = RunState.ACTIVE
    started_at: float = 0.0
    finished_at: float | None = None
    outcome: str = ""
