"""Forms of MCP servers that reach a person as one question, and the words that come back as their fields."""

from __future__ import annotations

import json
import math
from typing import Any

from supervisor.adapters.codex_fields import table_in, tables_in, text_in, texts_in

_YES = frozenset({"yes", "y", "true", "1"})


def words_for(message: str, form: dict[str, Any]) -> str:
    """Say what is asked for; several fields are named, each to be answered in a line of its own."""
    fields = _fields(form)
    if len(fields) < 2:
        return message
    named = [
        f"- {name}: {text_in(field, 'description') or text_in(field, 'title')}" for name, field in fields
    ]
    return "\n".join((message, "One line for each:", *named))


def choices_of(form: dict[str, Any]) -> tuple[str, ...]:
    """Return what can be chosen from, if there is one field and it is a choice."""
    fields = _fields(form)
    if len(fields) != 1:
        return ()
    field = fields[0][1]
    if text_in(field, "type") == "boolean":
        return ("yes", "no")
    return tuple(texts_in(field, "enum") or [text_in(one, "const") for one in tables_in(field, "oneOf")])


def content_of(form: dict[str, Any], words: str) -> dict[str, Any]:
    """Put the words into the fields: all into a single one, else a line into each, or a JSON object."""
    fields = _fields(form)
    if len(fields) == 1:
        return {fields[0][0]: _as_kind(fields[0][1], words)}
    try:
        told = json.loads(words)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict):
        return told
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return {name: _as_kind(field, line) for (name, field), line in zip(fields, lines, strict=False)}


def _fields(form: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, field) for name, field in table_in(form, "properties").items() if isinstance(field, dict)]


def _as_kind(field: dict[str, Any], words: str) -> Any:
    """Read the words as the field wants them; as they are if they cannot be read so: the server says why."""
    try:
        match text_in(field, "type"):
            case "boolean":
                return words.strip().lower() in _YES
            case "integer":
                return int(words)
            case "number":
                return float(words) if math.isfinite(float(words)) else words
            case "array":
                return [part.strip() for part in words.split(",") if part.strip()]
            case _:
                return words
    except ValueError:
        return words
