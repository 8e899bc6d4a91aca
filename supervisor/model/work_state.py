"""What an agent knows of its own work across its incarnations: read first by each new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ITEMS_MAX: Final = 50
ITEM_MAX: Final = 500
SUMMARY_MAX: Final = 4000
OUTCOME_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTask:
    """The task that ended last under an agent, and how."""

    task_id: str
    title: str
    outcome: str
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkState:
    """One agent's state, kept under its stable name. `incarnation` is the one that wrote it last."""

    agent: str
    last_task: LastTask | None = None
    work_items: tuple[str, ...] = ()
    open_questions: tuple[str, ...] = ()
    summary: str = ""
    updated_at: float = 0.0
    incarnation: int = 0

    @property
    def id(self) -> str:
        """Name this state by its agent."""
        return self.agent
