"""What an engine is asked to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from supervisor.model.approval import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """One start. `profile` None continues the unfinished run; `on_ready` gets the control socket.

    `goal` is the beginning of its work, in words.
    """

    project: Path
    profile: str | None = None
    mode: Mode = Mode.INTERACTIVE
    report_dir: Path | None = None
    new_run: bool = False
    deadline_s: float | None = None
    goal: str = ""
    on_ready: Callable[[Path], None] | None = None
