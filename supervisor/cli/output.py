"""How verbs print: JSON with a version, tables, ages; nothing foreign unescaped."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

import click

from supervisor.model.escape import visible


def now() -> float:
    """Return the wall clock's seconds, for ages and what is left."""
    from supervisor.clock import SystemClock  # imports asyncio: 25 ms that `--help` need not pay

    return SystemClock().now()


def print_json(kind: str, **fields: Any) -> None:
    """Print one versioned JSON object on stdout."""
    from supervisor.headless.json_line import json_line, versioned

    click.echo(json_line(versioned(kind, **fields)))


def say(text: str) -> None:
    """Print one line of data on stdout; foreign text in it is made visible and cannot begin a line."""
    click.echo(visible(text))


def note(text: str) -> None:
    """Print one line of narration on stderr, under the same rule."""
    click.echo(visible(text), err=True)


def indented(text: str) -> list[str]:
    """Set foreign text of several lines in, so that none of them can pass for one of ours."""
    return [f"    {line}" for line in text.splitlines()]


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under heads in aligned columns; in a terminal the last column is cut to fit."""
    shown = [[visible(cell) for cell in row] for row in rows]
    lines = [list(heads), *shown]
    widths = [max(cells(line[column]) for line in lines) for column in range(len(heads) - 1)]
    limit = _terminal_width()
    for line in lines:
        padded = [cell + " " * (width - cells(cell)) for cell, width in zip(line, widths, strict=False)]
        text = "  ".join([*padded, line[-1]]).rstrip()
        click.echo(text if limit is None else fitted(text, limit))


def cells(text: str) -> int:
    """Count the terminal cells that `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_cell(character) for character in text)


def fitted(text: str, width: int) -> str:
    """Cut `text` to `width` cells, with an ellipsis if something is lost."""
    if cells(text) <= width:
        return text
    kept, used = [], 0
    for character in text:
        used += _cell(character)
        if used > width - 1:
            break
        kept.append(character)
    return "".join(kept) + "…"


def duration(seconds: float) -> str:
    """Spell a duration in its largest unit and one more: `3m 20s`, `2h 5m`, `4d 1h`."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0")) or "0s"


def _cell(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _terminal_width() -> int | None:
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns
