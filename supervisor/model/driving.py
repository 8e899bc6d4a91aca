"""How an agent is given work, where it works, and what it may do without asking."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Drive(StrEnum):
    """Who decides when the agent works: itself, by the tools, or we, one task a turn. `auto`: its adapter."""

    AUTO = "auto"
    SELF = "self"
    TURNS = "turns"


class WorkspaceKind(StrEnum):
    """Where an agent works: in the project's directory, or in a git worktree of its own."""

    PROJECT = "project"
    WORKTREE = "worktree"


class SessionScope(StrEnum):
    """How long an agent's conversation with its model lasts: for one task, or as long as the agent."""

    TASK = "task"
    AGENT = "agent"


class ClientHome(StrEnum):
    """Whose configuration the agent's program reads: the person's own, or one that is the agent's alone.

    `auto`: the agent's alone if an API key is passed on to it, else the person's, where the login is.
    """

    AUTO = "auto"
    OWN = "own"
    PRIVATE = "private"


class Allowed(StrEnum):
    """What an agent may do without asking: read; also edit files in its workspace; or everything."""

    READ = "read"
    EDIT = "edit"
    ALL = "all"


class OutputForm(StrEnum):
    """What a plain command writes: anything, for the log alone; or JSON lines, which are understood."""

    RAW = "raw"
    JSON = "json"


class BudgetScope(StrEnum):
    """Over what a budget is counted."""

    TURN = "turn"
    TASK = "task"
    AGENT = "agent"
    POOL = "pool"
    TEAM = "team"
    DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit on what is spent; None is no limit. At `warn_at` of it, a part of 1, people are told.

    `pools` is a glob over pool names. `tokens` counts input and output, cached input as well.
    """

    scope: BudgetScope
    pools: str = "*"
    tokens: int | None = None
    cost_usd: float | None = None
    warn_at: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs, in US dollars for a million tokens; `model` is a glob over model names."""

    model: str
    input: float
    output: float
    cached_input: float | None = None
    cache_write: float | None = None
