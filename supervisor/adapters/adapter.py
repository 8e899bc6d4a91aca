"""The seam between the engine and one kind of agent."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from supervisor.adapters.driver import Capabilities, Driver, Line
from supervisor.adapters.kit import LaunchKit
from supervisor.model.team import PoolSpec
from supervisor.runtime.spawn import Launch


def _own_environment() -> Mapping[str, str]:
    return dict(os.environ)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchContext:
    """All that an adapter may use to say how an incarnation is started.

    `environ` is the engine's own environment: what an allow-list picks from, never what is passed on.
    `workspace` is the directory to work in, the project's if it has none of its own. `resume` is the agent's
    own name of the conversation to go on with, as `Started` told it; empty for a new one.
    """

    agent: str
    incarnation: int
    pool: PoolSpec
    project: Path
    profile_dir: Path
    report_dir: Path
    kit: LaunchKit
    session: str
    workspace: Path | None = None
    resume: str = ""
    environ: Mapping[str, str] = field(default_factory=_own_environment, repr=False)

    @property
    def directory(self) -> Path:
        """Return the directory to work in."""
        return self.workspace or self.project

    @property
    def places(self) -> Mapping[str, str]:
        """Return what stands for the placeholders in a command."""
        return {
            "python": sys.executable,
            "project": str(self.project),
            "profile_dir": str(self.profile_dir),
            "report_dir": str(self.report_dir),
            "agent": self.agent,
        }

    @property
    def marker(self) -> str:
        """Name this incarnation as its process tree is marked: `worker-2#7`."""
        return f"{self.agent}#{self.incarnation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KitFile:
    """A file that an adapter wants in the kit's directory, for the owner only; `name` may have folders.

    With `link` it is a symbolic link to that file, which need not exist: a login that is renewed stays one.
    """

    name: str
    text: str = field(default="", repr=False)
    link: Path | None = None


class Adapter(Protocol):
    """One kind of agent. Adapters are made without arguments and hold no state.

    `files`, `launch` and `driver` only read the context: what is shown before a start is what is started.
    """

    @property
    def name(self) -> str:
        """Return the name by which a profile asks for this adapter."""
        ...

    def capabilities(self, pool: PoolSpec) -> Capabilities:
        """Say what one can ask of the agents of a pool."""
        ...

    def files(self, context: LaunchContext) -> tuple[KitFile, ...]:
        """List the configuration that the agent's program reads; written before each start."""
        ...

    def launch(self, context: LaunchContext) -> Launch:
        """Say what to start."""
        ...

    def driver(self, context: LaunchContext, line: Line) -> Driver | None:
        """Begin a conversation with what was started; None if there is none: its output is for the log."""
        ...
