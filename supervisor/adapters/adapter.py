"""The seam between the engine and one kind of agent."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from supervisor.adapters.kit import LaunchKit
from supervisor.model.team import PoolSpec
from supervisor.runtime.spawn import Launch


def _own_environment() -> Mapping[str, str]:
    return dict(os.environ)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchContext:
    """All that an adapter may use to say how an incarnation is started.

    `environ` is the engine's own environment: what an allow-list picks from, never what is passed on.
    """

    agent: str
    incarnation: int
    pool: PoolSpec
    project: Path
    profile_dir: Path
    report_dir: Path
    kit: LaunchKit
    session: str
    environ: Mapping[str, str] = field(default_factory=_own_environment, repr=False)

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
class Text:
    """The agent wrote a line for people. It is foreign text: raw, not yet safe to show."""

    text: str


AgentEvent = Text
"""What an adapter can read from an agent's output."""


class Adapter(Protocol):
    """One kind of agent. Adapters are made without arguments and hold no state."""

    @property
    def name(self) -> str:
        """Return the name by which a profile asks for this adapter."""
        ...

    def launch(self, context: LaunchContext) -> Launch:
        """Say what to start; pure but for reading the context, so that it can be shown before it runs."""
        ...

    def parse_line(self, line: bytes) -> AgentEvent | None:
        """Read one line of output, without its newline; None if it says nothing. Never raises."""
        ...
