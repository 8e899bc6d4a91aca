"""What to start, and in what confinement: plain words, before anything is done."""

from __future__ import annotations

from dataclasses import dataclass, field

from supervisor.model.health import Containment, ProcessLimits
from supervisor.runtime.cgroup import SessionCgroup
from supervisor.runtime.oom_log import OomLog
from supervisor.runtime.terminal import TerminalSize


@dataclass(frozen=True, slots=True, kw_only=True)
class Polite:
    """An agent's own way of being asked to end: a message to its stdin, the end of its stdin, a signal.

    Whatever is given is done, in this order, before the first rung that is common to all.
    """

    message: bytes = b""
    close_input: bool = False
    signal: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to start: `argv` never meets a shell, `env` is all the child gets besides the marker.

    `session` names the engine's life, `agent` the incarnation (`worker-2#3`); together they mark the tree.
    `within` names another agent whose tree this one is a part of. `pass_fds` are open in the child too.
    With `takes_input` its stdin is a pipe from us, else it is empty. With `errors_apart` its stderr comes
    by a pipe of its own. With `terminal` all three are a terminal of that size, its controlling one.
    """

    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    session: str
    agent: str
    within: str = ""
    pass_fds: tuple[int, ...] = ()
    takes_input: bool = False
    errors_apart: bool = False
    terminal: TerminalSize | None = None
    polite: Polite | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What holds a tree together, what it may use, and which of its programs may outlive it.

    `cgroups` is needed for the level of that name; with `is_strict` the child does nothing before it is in
    its group, else it starts at once and what it did in the first moments is looked up. `oom_log` tells
    whom the kernel killed for memory.
    """

    level: Containment = Containment.GROUP_MARKER
    limits: ProcessLimits = field(default_factory=ProcessLimits)
    escapees: tuple[str, ...] = ()
    cgroups: SessionCgroup | None = None
    is_strict: bool = False
    oom_log: OomLog | None = None
