"""What the project says it depends on."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from analyses.analysis import Analysis
from analyses.manifests import LOCK_FILES, READERS, Dependency, reader_of
from analyses.tests_ratio import is_test
from findings import Findings, Row
from spelling import clipped, spell, unspell
from tree import Entry

_METHOD: Final = (
    "Read from the manifests themselves ("
    + ", ".join(sorted({name.decode() for name in READERS}))
    + "); nothing is resolved or installed. Pinned means one exact version, bounded a range, free none "
    "at all. A name counts once per ecosystem. Manifests below test directories are passed over."
)

UNREADABLE: Final = (ValueError, TypeError, AttributeError, SyntaxError, RecursionError)
"""What a reader raises on a manifest that is not what its name says."""


def shown_name(dependency: Dependency) -> str:
    """Spell a dependency's name for the report, cut where nobody reads on."""
    return clipped(dependency.name.encode("utf-8", "replace"), 80)


class Dependencies(Analysis):
    """Reads one manifest per part."""

    label = "dependencies"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.found: list[tuple[bytes, Dependency]] = []
        self.unparsed: list[str] = []
        self.locks = [
            spell(entry.path)
            for entry in self.tree.entries
            if entry.path.rpartition(b"/")[2].lower() in LOCK_FILES and not is_test(entry.path)
        ]

    def chosen(self) -> tuple[Entry, ...]:
        return tuple(
            entry
            for entry in self.tree.entries
            if reader_of(entry.path) is not None and not is_test(entry.path)
        )

    def take(self, index: int) -> None:
        path = self.entries[index].path
        content = self.text_of(self.entries[index])
        reader = reader_of(path)
        if content is None or reader is None:
            return
        try:
            self.found += [(path, dependency) for dependency in reader(content.decode("utf-8", "replace"))]
        except UNREADABLE:
            self.unparsed.append(spell(path))

    def findings(self) -> Findings:
        rows: list[Row] = [
            {
                "path": spell(path),
                "name": shown_name(dependency),
                "wants": clipped(dependency.wants.encode("utf-8", "replace"), 60),
                "ecosystem": dependency.ecosystem,
                "kind": dependency.kind,
                "bound": dependency.bound,
            }
            for path, dependency in self.found
        ]
        rows.sort(key=lambda row: (row["kind"] != "runtime", row["ecosystem"], row["name"]))
        return Findings(
            label=self.label,
            method=_METHOD,
            figures=self.coverage() | self._figures(),
            evidence=rows[: 2 * self.effort.rows],
            left_out=self.left_out(),
            details=rows,
        )

    def left_out(self) -> list[str]:
        """Say also which manifests could not be read."""
        more = [f"{path}: could not be read as a manifest" for path in self.unparsed[:5]]
        in_tests = sum(
            reader_of(entry.path) is not None and is_test(entry.path) for entry in self.tree.entries
        )
        if in_tests:
            more.append(f"{in_tests} manifests below test directories: passed over")
        return super().left_out() + more

    def learning(self) -> dict[str, Any]:
        rows = [[spell(path), *dependency] for path, dependency in self.found]
        return {"found": rows, "unparsed": self.unparsed}

    def relearn(self, learnt: dict[str, Any]) -> None:
        self.found = [(unspell(path), Dependency(*rest)) for path, *rest in learnt["found"]]
        self.unparsed = list(learnt["unparsed"])

    def _figures(self) -> dict[str, Any]:
        bounds: dict[tuple[str, str], str] = {}
        for _, dependency in self.found:
            bounds.setdefault((dependency.ecosystem, dependency.name), dependency.bound)
        runtime = {(one.ecosystem, one.name) for _, one in self.found if one.kind == "runtime"}
        counts = Counter(bounds.values())
        return {
            "manifests": len(self.entries),
            "lock_files": len(self.locks),
            "dependencies": len(bounds),
            "runtime": len(runtime),
            "pinned": counts["pinned"],
            "bounded": counts["bounded"],
            "free": counts["free"],
            "by_ecosystem": sorted(Counter(ecosystem for ecosystem, _ in bounds).items()),
        }
