"""The team as a profile defines it, and a run of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from supervisor.model.agent import Role
from supervisor.model.approval import ApprovalRule
from supervisor.model.notify import NotifySpec

_ORDINAL: Final = re.compile(r"[1-9][0-9]{0,8}")

KEEP_EVENTS_DAYS: Final = 30.0
KEEP_RUNS: Final = 20


class Restart(StrEnum):
    """OTP's restart types: always, only after an abnormal end, never."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"


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
    """How long each rung of stopping is given: leader TERM, group TERM, then KILL and the sweep."""

    leader_s: float = 5.0
    group_s: float = 5.0
    sweep_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec:
    """A pool: `size` agents of one role from one template, named `NAME-1` … or `NAME` if single.

    `command` is an argv list that never meets a shell; `{python}`, `{project}`, `{profile_dir}`,
    `{report_dir}` and `{agent}` are replaced inside single elements.
    """

    name: str
    role: Role
    command: tuple[str, ...]
    size: int = 1
    adapter: str = "command"
    drive: str = "self"
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

    @property
    def agent_names(self) -> tuple[str, ...]:
        """List the stable names of this pool's agents, in start order."""
        if self.size == 1:
            return (self.name,)
        return tuple(f"{self.name}-{number}" for number in range(1, self.size + 1))

    def holds(self, agent: str) -> bool:
        """Tell whether an agent is of this pool, without listing them all."""
        if self.size == 1:
            return agent == self.name
        name, _, number = agent.rpartition("-")
        return name == self.name and bool(_ORDINAL.fullmatch(number)) and int(number) <= self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamSpec:
    """A whole profile, checked. `digest` is the SHA-256 of its text; pools start in this order."""

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
    distribution: Distribution = Distribution.PULL
    approvals: tuple[ApprovalRule, ...] = ()
    notify: tuple[NotifySpec, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)

    def pool_of(self, agent: str) -> PoolSpec:
        """Return the pool that `agent` belongs to; raise KeyError for a stranger."""
        for pool in self.pools:
            if pool.holds(agent):
                return pool
        raise KeyError(agent)


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
