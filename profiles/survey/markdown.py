"""Tables, plots and numbers in Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from spelling import code


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Draw a table; nothing when it has no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    rule = "|" + "|".join(" --- " for _ in head) + "|"
    return [f"| {' | '.join(head)} |", rule, *lines] if lines else []


def plot(lines: list[str]) -> list[str]:
    """Put the lines of a text plot into a block, followed by an empty line."""
    plain = [line.replace("```", "'''") for line in lines]
    return ["```text", *plain, "```", ""] if lines else []


def many(number: int, one: str, more: str = "") -> str:
    """Write a count with its noun: `1 file`, `2 files`."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def place(path: object, line: object) -> str:
    """Write a line of a file so that editors can jump to it."""
    return code(f"{path}:{line}")
