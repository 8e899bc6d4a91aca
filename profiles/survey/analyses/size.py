"""How much there is, of which language."""

from __future__ import annotations

from typing import Any, Final

from analyses.analysis import Analysis
from findings import Findings, Row
from spelling import spell, unspell

_METHOD: Final = (
    "A line is a newline byte, as `wc -l` counts it. Text files only; the name tells the language."
)


class Size(Analysis):
    """Counts files, newline bytes and bytes of all text files, as `wc -lc` does."""

    label = "size"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.languages: dict[str, list[int]] = {}
        self.largest: list[tuple[int, bytes]] = []

    def take(self, index: int) -> None:
        entry = self.entries[index]
        content = self.text_of(entry)
        if content is None:
            return
        lines = content.count(b"\n")
        row = self.languages.setdefault(entry.language, [0, 0, 0])
        for column, amount in enumerate((1, lines, len(content))):
            row[column] += amount
        self.largest.append((lines, entry.path))
        if len(self.largest) > 4 * self.effort.rows:
            self._keep_largest()

    def findings(self) -> Findings:
        self._keep_largest()
        mix: list[Row] = [
            {"language": name, "files": files, "lines": lines, "bytes": size}
            for name, (files, lines, size) in sorted(self.languages.items(), key=lambda item: -item[1][1])
        ]
        totals = {column: sum(row[column] for row in mix) for column in ("files", "lines", "bytes")}
        return Findings(
            label=self.label,
            method=_METHOD,
            figures=self.coverage() | totals | {"binary_files": self.binary, "languages": mix},
            evidence=[{"path": spell(path), "lines": lines} for lines, path in self.largest],
            left_out=self.left_out(),
        )

    def learning(self) -> dict[str, Any]:
        self._keep_largest()
        return {
            "languages": self.languages,
            "largest": [[lines, spell(path)] for lines, path in self.largest],
        }

    def relearn(self, learnt: dict[str, Any]) -> None:
        self.languages = {name: list(row) for name, row in learnt["languages"].items()}
        self.largest = [(lines, unspell(path)) for lines, path in learnt["largest"]]

    def _keep_largest(self) -> None:
        self.largest.sort(key=lambda item: (-item[0], item[1]))
        del self.largest[self.effort.rows :]
