"""Reading what Codex sends without trusting it: a member of another kind than expected counts as missing."""

from __future__ import annotations

import json
from typing import Any, Final

CUT: Final = 200
"""Characters of a line for people."""


def text_in(table: dict[str, Any], name: str) -> str:
    """Return a text member, empty if it is none."""
    found = table.get(name)
    return found if isinstance(found, str) else ""


def whole_in(table: dict[str, Any], name: str) -> int | None:
    """Return a whole number that is not negative, None if it is none."""
    found = table.get(name)
    return found if type(found) is int and found >= 0 else None


def table_in(table: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a table member, empty if it is none."""
    found = table.get(name)
    return found if isinstance(found, dict) else {}


def texts_in(table: dict[str, Any], name: str) -> list[str]:
    """Return the texts of a list member; what else is in it is left out."""
    found = table.get(name)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def tables_in(table: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the tables of a list member; what else is in it is left out."""
    found = table.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def one_line(text: str, most: int = CUT) -> str:
    """Bring a text to one line of at most so many characters; it is still not safe to show."""
    line = " ".join(text[: most * 8].split())
    return line if len(line) <= most and len(text) <= most * 8 else line[: most - 1] + "…"


def raw_of(value: Any, most: int = CUT) -> str:
    """Spell a value as JSON, cut to so many characters; nothing if it cannot be spelled."""
    try:
        return json.dumps(value, ensure_ascii=False)[:most]
    except (ValueError, RecursionError):
        return ""
