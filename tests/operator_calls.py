"""For each verb of the control socket that writes, a call that succeeds in the scene of `set_scene`."""

from __future__ import annotations

from typing import Any, Final

OPERATOR_CALLS: Final[dict[str, dict[str, Any]]] = {
    "task_add": {"title": "from the terminal", "priority": "high"},
    "task_cancel": {"task_id": "T1", "reason": "not needed"},
    "task_judge": {"task_id": "T3", "decision": "reject", "feedback": "tests are missing"},
    "send": {"to": "all", "body": "hello", "urgent": True},
}
"""The verbs that write to the database."""

WRITES_NOTHING: Final = frozenset(
    "hello snapshot subscribe events task_show vote_show restart stop_agent down".split()
)
"""The verbs that only look, or that act on processes; what becomes of those is written by the engine."""
