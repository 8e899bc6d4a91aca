"""What a conversation with Claude is at."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from supervisor.adapters.claude_reading import Ending


class Phase(Enum):
    """What the process is at: the greeting, a command of ours, nothing, a turn; or it is gone."""

    GREETING = auto()
    ROLL_CALL = auto()
    CLEARING = auto()
    IDLE = auto()
    TURN = auto()
    GONE = auto()


@dataclass(slots=True)
class RunningTurn:
    """One turn: what was said during it and not yet taken up, and the end that waits for that."""

    prompt: str
    queued: dict[str, None] = field(default_factory=dict)
    held: Ending | None = None
    is_interrupted: bool = False
    has_begun: bool = False
