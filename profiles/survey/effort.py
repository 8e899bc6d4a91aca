"""How deep an analysis goes. The first look is quick; each review that asks for more digs deeper."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Bounds of one analysis: seconds in all, rows shown, and how much is asked of git."""

    budget_s: float = 40.0
    rows: int = 12
    commits: int = 10_000
    blamed_files: int = 60
    windows: int = 3_000_000


def effort_for(review_round: int, feedback: str, *, budget_s: float) -> Effort:
    """Return the bounds for this round: four times the reach for every review that sent it back.

    Rows grow only when the feedback asks for evidence, because the result must stay short.
    """
    first = Effort(budget_s=budget_s)
    reach = 4**review_round
    return replace(
        first,
        budget_s=first.budget_s * reach,
        rows=first.rows * 2 if "evidence:" in feedback else first.rows,
        commits=first.commits * reach,
        blamed_files=first.blamed_files * reach,
        windows=first.windows * min(reach, 4),
    )
