"""Evidence: the checks that a task's result must pass, and what each of them said when we ran it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from supervisor.model.ids import TaskId

CHECKS_MAX: Final = 20
CHECK_TIMEOUT_S: Final = 600.0
CHECK_TIMEOUT_MAX_S: Final = 3600.0
ARGV_MAX: Final = 200
ARGV_BYTES_MAX: Final = 16 * 1024
TAIL_MAX: Final = 16 * 1024
"""How many bytes of the end of a check's output are kept with it; the whole is in its log."""

CHECK_FAILURES_MAX: Final = 3
"""How often a task's checks may fail before a person has to decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A program that must exit with 0 in the agent's workspace; `argv` never meets a shell."""

    name: str
    argv: tuple[str, ...]
    timeout_s: float = CHECK_TIMEOUT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one check said of the work that was handed in under `token`.

    It ended by `exit_code`, by `signal` or because its time was over; without any of these it could not
    be started, and `problem` says why. `tail` is foreign text. `commit` is HEAD of the workspace, empty
    without a repository; `dirty` says that more than the commit was checked, None that nobody knows.
    """

    task: TaskId
    token: int
    check: str
    argv: tuple[str, ...]
    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    problem: str = ""
    tail: str = ""
    commit: str = ""
    dirty: bool | None = None
    started_at: float
    duration_s: float

    @property
    def key(self) -> str:
        """Return the id under which it stands: of a check that is run again, the newest counts."""
        return evidence_key(self.task, self.token, self.check)

    @property
    def passed(self) -> bool:
        """Tell whether the check passed."""
        return self.exit_code == 0 and not self.timed_out

    @property
    def outcome(self) -> str:
        """Say in words how the check ended."""
        if self.passed:
            return "passed"
        if self.timed_out:
            return f"was not done after {self.duration_s:.0f} s and was ended"
        if self.signal is not None:
            return f"was killed by signal {self.signal}"
        if self.exit_code is None:
            return f"could not be run: {self.problem}"
        return f"failed: exit code {self.exit_code}"


def evidence_key(task: str, token: int, check: str) -> str:
    """Return the id of what a check said of one hand-in."""
    return f"{task}/{token}/{check}"
