"""What an analysis found, in a form that fits a task's result."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

RESULT_LIMIT: Final = 15 * 1024
DETAILS_LIMIT: Final = 60 * 1024

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Figures with the evidence for them, how they were measured and what was left out.

    `details` are rows too many for a result; they go to memory beside it. Paths are spelled.
    """

    label: str
    method: str
    figures: dict[str, Any]
    evidence: list[Row] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    details: list[Row] = field(default_factory=list)

    def result_text(self) -> str:
        """Write the findings as JSON that fits a task's result, with fewer evidence rows if need be."""
        rows = list(self.evidence)
        while True:
            text = dump(
                {
                    "label": self.label,
                    "method": self.method,
                    "figures": self.figures,
                    "evidence": rows,
                    "left_out": self.left_out or ["nothing"],
                }
            )
            if len(text.encode()) <= RESULT_LIMIT or not rows:
                return text
            del rows[len(rows) * 3 // 4 :]

    def details_text(self) -> str:
        """Write the details as JSON that fits a memory entry; the last rows fall away first."""
        rows = list(self.details)
        while True:
            text = dump(rows)
            if len(text.encode()) <= DETAILS_LIMIT:
                return text
            del rows[len(rows) * 3 // 4 :]


def read_findings(text: str) -> Findings | None:
    """Read a result back; None when the text is no findings."""
    try:
        data = json.loads(text)
        return Findings(
            label=str(data["label"]),
            method=str(data["method"]),
            figures=dict(data["figures"]),
            evidence=[dict(row) for row in data["evidence"]],
            left_out=[str(line) for line in data["left_out"]],
        )
    except (ValueError, KeyError, TypeError):
        return None


def dump(data: object) -> str:
    """Write compact JSON in plain ASCII."""
    return json.dumps(data, separators=(",", ":"))
