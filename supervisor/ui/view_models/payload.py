"""What an approval would allow, spelled out whole: every argument quoted, nothing folded away."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from supervisor.ui.safe_text import deceptions, safe
from supervisor.ui.spans import BLANK, Line, Span, Tone, line, say
from supervisor.ui.view_models.facts import heading, paragraph

_ARGV: Final = frozenset({"argv", "command", "args"})
_FIRST: Final = ("argv", "command", "executable", "cwd", "path", "env")


def payload_lines(payload: str, edge: str) -> tuple[Line, ...]:
    """Lay out a payload's JSON text field by field; what is no JSON object is shown as it is."""
    fields = _parsed(payload)
    if fields is None:
        return (heading("content"), *paragraph(payload, lead=f"{edge} "))
    if not fields:
        return (line(say("It names no content.", Tone.MUTED)),)
    known = [name for name in _FIRST if name in fields]
    rest = [name for name in sorted(fields) if name not in _FIRST]
    lines: list[Line] = []
    for name in (*known, *rest):
        lines += [*([BLANK] if lines else []), *_field(name, fields[name], edge)]
    return tuple(lines)


def payload_deceptions(payload: str) -> tuple[str, ...]:
    """Say why the payload may not be what it looks like, over all its texts and names."""
    fields = _parsed(payload)
    texts = list(_texts(fields)) if fields is not None else [payload]
    return tuple(dict.fromkeys(each for text in texts for each in deceptions(text)))


def _parsed(payload: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for name, each in value.items() for text in (name, *_texts(each))]
    if isinstance(value, Sequence):
        return [text for each in value for text in _texts(each)]
    return []


def _field(name: str, value: Any, edge: str) -> tuple[Line, ...]:
    title = heading(safe(name))
    if name in _ARGV and isinstance(value, list):
        return (
            title,
            *(line(say(f"{edge} ", Tone.FRAME), Span(safe(_quoted(each), 70_000))) for each in value),
        )
    if isinstance(value, str) and "\n" in value:
        return (title, *paragraph(value, lead=f"{edge} "))
    if isinstance(value, str | int | float | bool) or value is None:
        return (line(*title, say("  "), Span(safe(_plain(value), 70_000))),)
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return (title, *paragraph(text, lead=f"{edge} "))


def _quoted(element: Any) -> str:
    return json.dumps(element, ensure_ascii=False)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
