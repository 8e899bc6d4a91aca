"""Plots made of text, for reports that are read in a terminal as well as in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
LEVELS: Final = "▁▂▃▄▅▆▇█"


def bar(value: float, most: float, width: int = 24) -> str:
    """Draw a bar of `value` on a scale that ends at `most`; a value above zero always shows."""
    if most <= 0 or value <= 0:
        return ""
    eighths = max(1, round(8 * width * min(1.0, value / most)))
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def bars(rows: Sequence[tuple[str, float]], width: int = 24, *, unit: str = "") -> list[str]:
    """Draw labelled bars under each other, with the numbers behind them."""
    if not rows:
        return []
    label_width = max(len(label) for label, _ in rows)
    most = max(value for _, value in rows)
    return [
        f"{label:<{label_width}}  {bar(value, most, width):<{width}}  {value:,.10g}{unit}"
        for label, value in rows
    ]


def spark(values: Sequence[float]) -> str:
    """Draw one line of columns, one per value; zero stays a gap."""
    most = max(values, default=0)
    return "".join(
        LEVELS[min(7, int(8 * value / most))] if value > 0 and most > 0 else "·" for value in values
    )
