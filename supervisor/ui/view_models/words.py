"""How times, amounts and states are said, the same on every screen."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from supervisor.model.agent import AgentState
from supervisor.model.approval import ApprovalState
from supervisor.model.task import BlockReason, Priority, Task, TaskState
from supervisor.ui.glyphs import Glyphs
from supervisor.ui.safe_text import SafeText, safe
from supervisor.ui.spans import Line, Span, Tone, line, say

AGENT_WORDS: Final = {state: state.value for state in AgentState} | {AgentState.WAITING_HUMAN: "needs you"}
AGENT_TONES: Final = {
    AgentState.PENDING: Tone.FAINT,
    AgentState.STARTING: Tone.LINK,
    AgentState.IDLE: Tone.MUTED,
    AgentState.WORKING: Tone.GOOD,
    AgentState.WAITING_HUMAN: Tone.NOTICE,
    AgentState.PAUSED: Tone.WARN,
    AgentState.DRAINING: Tone.MUTED,
    AgentState.BACKOFF: Tone.WARN,
    AgentState.STOPPING: Tone.MUTED,
    AgentState.EXITED: Tone.FAINT,
    AgentState.PARKED: Tone.BAD,
    AgentState.STUCK: Tone.BAD,
}
TASK_WORDS: Final = {state: state.value.replace("_", " ") for state in TaskState}
TASK_TONES: Final = {
    TaskState.BLOCKED: Tone.MUTED,
    TaskState.PENDING: Tone.PLAIN,
    TaskState.IN_PROGRESS: Tone.LINK,
    TaskState.IN_REVIEW: Tone.NOTICE,
    TaskState.DONE: Tone.GOOD,
    TaskState.FAILED: Tone.BAD,
    TaskState.CANCELLED: Tone.FAINT,
    TaskState.SKIPPED: Tone.FAINT,
}
APPROVAL_TONES: Final = {
    ApprovalState.PENDING: Tone.NOTICE,
    ApprovalState.APPROVED: Tone.GOOD,
    ApprovalState.USED: Tone.GOOD,
    ApprovalState.DENIED: Tone.BAD,
    ApprovalState.EXPIRED: Tone.FAINT,
    ApprovalState.WITHDRAWN: Tone.FAINT,
}
PRIORITY_TONES: Final = {
    Priority.CRITICAL: Tone.BAD,
    Priority.HIGH: Tone.WARN,
    Priority.NORMAL: Tone.FAINT,
    Priority.LOW: Tone.FAINT,
}
TIER_WORDS: Final = (
    "tier 0: only reads",
    "tier 1: can be undone",
    "tier 2: reaches outside the project or the network",
    "tier 3: cannot be undone",
)


def age(seconds: float) -> str:
    """Say how long: `now`, `5s`, `2m`, `3h`, `4d`; in steps coarse enough not to flicker."""
    if seconds < 5:
        return "now"
    if seconds < 60:
        return f"{int(seconds // 5) * 5}s"
    if seconds < 3600:
        return f"{int(seconds // 60)}m"
    return f"{int(seconds // 3600)}h" if seconds < 48 * 3600 else f"{int(seconds // 86400)}d"


def ago(then: float | None, now: float) -> str:
    """Say how long ago, `-` if never."""
    return "-" if not then else age(max(now - then, 0.0))


def when(then: float | None, now: float) -> str:
    """Say when it was: `just now`, `5m ago`, `-` if never."""
    passed = ago(then, now)
    return {"now": "just now", "-": "-"}.get(passed, f"{passed} ago")


def left(until: float, now: float) -> str:
    """Say how long until then, in steps of 5 s in the last minute; `0s` when it has passed."""
    seconds = max(until - now, 0.0)
    return f"{int(-(-seconds // 5)) * 5}s" if seconds < 60 else age(seconds)


def span_of_time(seconds: float) -> str:
    """Say a duration exactly enough for a summary: `42s`, `3m 10s`, `2h 05m`."""
    whole = int(max(seconds, 0))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def time_of_day(at: float) -> str:
    """Spell a moment as local time, `14:03:21`."""
    return datetime.fromtimestamp(at).strftime("%H:%M:%S")  # noqa: DTZ006 - people read local time


def size(amount: int) -> str:
    """Spell an amount of memory in at most five characters: `812K`, `41M`, `1.2G`."""
    for limit, divisor, unit in ((1 << 20, 1 << 10, "K"), (1 << 30, 1 << 20, "M")):
        if amount < limit:
            return f"{amount // divisor}{unit}"
    return f"{amount / (1 << 30):.1f}G"


def count_of(number: int, noun: str) -> str:
    """Say `1 task`, `2 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def agent_state(state: AgentState, glyphs: Glyphs) -> Line:
    """Show an agent's state as sign and word."""
    return line(say(f"{glyphs.agent[state]} {AGENT_WORDS[state]}", AGENT_TONES[state]))


def task_state(state: TaskState, glyphs: Glyphs) -> Span:
    """Show a task's state as sign and word."""
    return say(f"{glyphs.task[state]} {TASK_WORDS[state]}", TASK_TONES[state])


def bar(done: int, total: int, width: int, glyphs: Glyphs, tone: Tone = Tone.LINK) -> Line:
    """Draw `done` of `total` as a bar; anything begun shows, and only all of it is full."""
    filled = round(width * done / total) if total > 0 else 0
    if 0 < done < total:
        filled = min(max(filled, 1), width - 1)
    return line(say(glyphs.bar_full * filled, tone), say(glyphs.bar_empty * (width - filled), Tone.FAINT))


def why_blocked(task: Task, open_dependencies: tuple[str, ...]) -> SafeText:
    """Say in a few words what a blocked task waits for."""
    due = f"not before {time_of_day(task.not_before)}" if task.not_before else "not yet"
    says = {
        BlockReason.DEPENDENCY: "waits for " + (" ".join(open_dependencies) or "a task"),
        BlockReason.DEPENDENCY_FAILED: "a dependency failed",
        BlockReason.TRACK: f"later in track {task.track}",
        BlockReason.WAVE: f"wave {task.wave} is not open",
        BlockReason.BACKOFF: f"retries, {due}" if task.failures else due,
        BlockReason.HOLD: "on hold",
        BlockReason.NEEDS_HUMAN: "needs you",
        BlockReason.QUARANTINE: f"{task.assignee} is quarantined",
    }
    return safe(", ".join(says[reason] for reason in task.blocked_by) or "blocked")
