"""The shapes that tables and cards are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from supervisor.ui.spans import BLANK, Line, Tone, line, say

NO_MATCH: Final = (
    line(say("Nothing matches the filter", Tone.TITLE)),
    line(say("esc clears it.", Tone.MUTED)),
)
"""What an empty list says while a filter hides what it has."""


def nothing_here(empty: tuple[Line, ...], wanted: str) -> tuple[Line, ...]:
    """Return what an empty list says: why there is nothing, or that the filter `wanted` may hide it."""
    return NO_MATCH if wanted else empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. It takes `width` cells, and with `grow` a share of what is left, up to `most`.

    When the table is too narrow the columns with the highest `drop` go first; 0 always stays.
    """

    title: str
    width: int
    grow: int = 0
    most: int = 400
    right: bool = False
    drop: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table, known by its key. A heading spans all columns and cannot be chosen."""

    key: str
    cells: tuple[Line, ...] = ()
    heading: Line | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One card of the board: always three lines."""

    key: str
    lines: tuple[Line, Line, Line] = (BLANK, BLANK, BLANK)


def placed(columns: tuple[Column, ...], width: int, gap: int = 2) -> tuple[tuple[int, int], ...]:
    """Choose which columns fit and how wide each becomes: (index, width) from left to right."""
    kept = list(range(len(columns)))
    while len(kept) > 1 and _needed(columns, kept, gap) > width:
        expendable = max(kept, key=lambda index: columns[index].drop)
        if columns[expendable].drop == 0:
            break
        kept.remove(expendable)
    widths = {index: columns[index].width for index in kept}
    spare = width - _needed(columns, kept, gap)
    growing = [index for index in kept if columns[index].grow]
    for position, index in enumerate(growing):
        weights = sum(columns[each].grow for each in growing[position:])
        share = min(max(spare, 0) * columns[index].grow // weights, columns[index].most - widths[index])
        widths[index] += share
        spare -= share
    return tuple((index, widths[index]) for index in kept)


def _needed(columns: tuple[Column, ...], kept: list[int], gap: int) -> int:
    return sum(columns[index].width for index in kept) + gap * (len(kept) - 1)
