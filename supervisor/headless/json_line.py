"""JSON for pipes and files: one line, ASCII only, so that no terminal acts on it."""

from __future__ import annotations

import json
from typing import Any, Final

SHAPE_VERSION: Final = 1
"""The `v` of every JSON object that the CLI and headless print; a changed shape gets a new number."""


def json_line(value: dict[str, Any]) -> str:
    """Spell `value` on one line of plain ASCII; control characters and DEL come out as escapes."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    return text.replace("\x7f", "\\u007f")


def versioned(kind: str, **fields: Any) -> dict[str, Any]:
    """Put the shape's version and its type in front of the fields."""
    return {"v": SHAPE_VERSION, "type": kind, **fields}
