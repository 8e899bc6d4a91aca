"""The signs beside the words, in two sets: one for Unicode terminals and one in plain ASCII."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from supervisor.model.agent import AgentState
from supervisor.model.approval import ApprovalState
from supervisor.model.task import Priority, TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """One complete set of signs, each one cell wide."""

    agent: Mapping[AgentState, str]
    task: Mapping[TaskState, str]
    approval: Mapping[ApprovalState, str]
    priority: Mapping[Priority, str]
    flag: str
    bar_full: str
    bar_empty: str
    cursor: str
    ellipsis: str
    dot: str
    rule: str
    edge: str
    arrow: str
    unread: str
    tick: str
    cross: str
    open: str


UNICODE: Final = Glyphs(
    agent={
        AgentState.PENDING: "·",
        AgentState.STARTING: "◌",
        AgentState.IDLE: "○",
        AgentState.WORKING: "●",
        AgentState.WAITING_HUMAN: "◆",
        AgentState.PAUSED: "‖",
        AgentState.DRAINING: "◒",
        AgentState.BACKOFF: "↻",
        AgentState.STOPPING: "◐",
        AgentState.EXITED: "□",
        AgentState.PARKED: "■",
        AgentState.STUCK: "▲",
    },
    task={
        TaskState.BLOCKED: "▪",
        TaskState.PENDING: "○",
        TaskState.IN_PROGRESS: "●",
        TaskState.IN_REVIEW: "◆",
        TaskState.DONE: "✓",
        TaskState.FAILED: "✗",
        TaskState.CANCELLED: "⊘",
        TaskState.SKIPPED: "⊘",
    },
    approval={
        ApprovalState.PENDING: "◆",
        ApprovalState.APPROVED: "✓",
        ApprovalState.USED: "✓",
        ApprovalState.DENIED: "✗",
        ApprovalState.EXPIRED: "⊘",
        ApprovalState.WITHDRAWN: "⊘",
    },
    priority={Priority.CRITICAL: "‼", Priority.HIGH: "↑", Priority.NORMAL: " ", Priority.LOW: "↓"},
    flag="⚑",
    bar_full="━",
    bar_empty="─",
    cursor="▌",
    ellipsis="…",
    dot="·",
    rule="─",
    edge="│",
    arrow="→",
    unread="●",
    tick="✓",
    cross="✗",
    open="◆",
)

ASCII: Final = Glyphs(
    agent={
        AgentState.PENDING: ".",
        AgentState.STARTING: "~",
        AgentState.IDLE: "o",
        AgentState.WORKING: "*",
        AgentState.WAITING_HUMAN: "!",
        AgentState.PAUSED: "=",
        AgentState.DRAINING: "v",
        AgentState.BACKOFF: "@",
        AgentState.STOPPING: "-",
        AgentState.EXITED: "x",
        AgentState.PARKED: "#",
        AgentState.STUCK: "^",
    },
    task={
        TaskState.BLOCKED: "#",
        TaskState.PENDING: "o",
        TaskState.IN_PROGRESS: "*",
        TaskState.IN_REVIEW: "?",
        TaskState.DONE: "+",
        TaskState.FAILED: "x",
        TaskState.CANCELLED: "-",
        TaskState.SKIPPED: "-",
    },
    approval={
        ApprovalState.PENDING: "!",
        ApprovalState.APPROVED: "+",
        ApprovalState.USED: "+",
        ApprovalState.DENIED: "x",
        ApprovalState.EXPIRED: "-",
        ApprovalState.WITHDRAWN: "-",
    },
    priority={Priority.CRITICAL: "!", Priority.HIGH: "^", Priority.NORMAL: " ", Priority.LOW: "v"},
    flag="!",
    bar_full="=",
    bar_empty=".",
    cursor=">",
    ellipsis="~",
    dot="-",
    rule="-",
    edge="|",
    arrow=">",
    unread="*",
    tick="+",
    cross="x",
    open="?",
)


def glyphs_for(environ: Mapping[str, str]) -> Glyphs:
    """Choose the set: `SUPERVISOR_ASCII=1` or the C locale gets ASCII."""
    if environ.get("SUPERVISOR_ASCII", "") not in {"", "0"}:
        return ASCII
    spoken = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "UTF-8"
    return ASCII if spoken in {"C", "POSIX"} else UNICODE
