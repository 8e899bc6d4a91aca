"""Handoffs: what one agent leaves to the next about a task, by request or because it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HANDOFF_NOTES_MAX: Final = 8 * 1024


class HandoffKind(StrEnum):
    """Whether an agent handed off by its own will, or ended with work in hand."""

    ASKED = "asked"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """One record; they are only ever added. `to` is an agent's name or `role:R`."""

    id: int
    run: int
    task: str | None
    sender: str
    to: str
    notes: str
    at: float
    kind: HandoffKind = HandoffKind.ASKED
