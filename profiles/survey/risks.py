"""What could hurt this project: candidate risks with a score each, from the figures of the analyses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from findings import Findings, Row

LEAST_SCORE: Final = 10
ENOUGH_COMMITS: Final = 20
"""A history shorter than this says little about who knows what."""
ENOUGH_LINES: Final = 200
"""Less code than this needs few tests."""
METHOD: Final = (
    "Each risk has a score from 0 to 100 by a fixed formula over the figures of the other tasks; "
    f"below {LEAST_SCORE} it is no risk. The three with the highest scores were put to the vote."
)
Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Something that may go wrong, how much speaks for it, and the files that it is about."""

    slug: str
    title: str
    score: int
    reasons: tuple[str, ...]
    files: tuple[str, ...] = ()

    def row(self) -> Row:
        return {
            "risk": self.slug,
            "title": self.title,
            "score": self.score,
            "reasons": list(self.reasons),
            "files": list(self.files[:8]),
        }


def derive_risks(found: Mapping[str, Findings]) -> list[Risk]:
    """Return the risks that the findings speak for, highest score first."""
    risks: list[Risk | None] = [rule(found[label]) for label, rule in _RULES.items() if label in found]
    risks.append(_hot_spots(found))
    kept = [risk for risk in risks if risk is not None and risk.score >= LEAST_SCORE]
    return sorted(kept, key=lambda risk: (-risk.score, risk.slug))


def _functions(found: Findings) -> Risk:
    figures = found.figures
    long = [row for row in found.evidence if row["lines"] > 60]
    return Risk(
        slug="long-functions",
        title="Long functions are hard to change safely",
        score=_score(8 * figures["long_percent"] + min(40, figures["longest"] / 15)),
        reasons=(
            f"{figures['long']} of {figures['functions']} functions are over 60 lines",
            f"the longest has {figures['longest']} lines, the median {figures['median']}",
        ),
        files=_paths(long),
    )


def _imports(found: Findings) -> Risk:
    figures = found.figures
    share = figures["modules_in_cycles"] / max(1, figures["modules"])
    return Risk(
        slug="import-cycles",
        title="Import cycles tie modules together",
        score=_score(15 + 200 * share) if figures["cycle_groups"] else 0,
        reasons=(
            f"{figures['cycle_groups']} groups of modules import each other in a circle",
            f"{figures['modules_in_cycles']} of {figures['modules']} modules are in one",
            f"the largest has {figures['largest_group']} modules",
        ),
        files=tuple(dict.fromkeys(path for row in found.evidence for path in row["cycle"])),
    )


def _churn(found: Findings) -> Risk:
    figures = found.figures
    authors = figures["by_author"]
    share = 100 * authors[0]["commits"] / max(1, found.figures["parts_done"]) if authors else 0
    alone = 100 * figures["files_of_one"] / max(1, figures["files_with_history"])
    core = {1: 60, 2: 20}.get(figures["core"], 0)
    enough = min(1.0, figures["commits"] / ENOUGH_COMMITS)
    return Risk(
        slug="few-who-know",
        title="Few people know the code",
        score=_score(enough * (core + 0.3 * alone)),
        reasons=(
            f"half of the commits are by {figures['core']} of {figures['authors']} authors",
            f"the busiest author made {share:.0f} % of {figures['commits']} commits",
            f"{figures['files_of_one']} of {figures['files_with_history']} files have only one author",
        ),
        files=_paths([row for row in found.evidence if row["authors"] == 1]),
    )


def _todos(found: Findings) -> Risk:
    figures = found.figures
    return Risk(
        slug="old-marks",
        title="Work was left for later and stayed there",
        score=_score(2 * figures["old"] + min(25, figures["marks"] / 5)),
        reasons=(
            f"{figures['marks']} lines are marked TODO, FIXME, XXX or HACK",
            f"{figures['old']} of the {figures['dated']} dated ones are over a year old",
            f"the oldest is {figures['oldest_days']} days old",
        ),
        files=_paths(found.evidence),
    )


def _duplicates(found: Findings) -> Risk:
    figures = found.figures
    return Risk(
        slug="duplication",
        title="Code is repeated",
        score=_score(4 * figures["duplicated_percent"]),
        reasons=(
            f"{figures['duplicated_percent']} % of {figures['code_lines']} telling lines stand elsewhere too",
            f"{figures['blocks']} blocks in {figures['files']} files",
            f"the longest block has {figures['longest_block']} lines",
        ),
        files=_paths(found.evidence),
    )


def _tests(found: Findings) -> Risk:
    figures = found.figures
    enough = min(1.0, figures["code_lines"] / ENOUGH_LINES)
    unmentioned = figures["unmentioned_files"] / max(1, figures["judged_files"])
    score = 70 * max(0.0, 1 - figures["ratio"] / 0.6) + 30 * unmentioned
    return Risk(
        slug="thin-tests",
        title="Much of the code is not tested",
        score=_score(enough * score),
        reasons=(
            f"{figures['ratio']} test lines per line of other code",
            f"{figures['unmentioned_files']} of {figures['judged_files']} files of code appear in no test",
        ),
        files=_paths(found.evidence),
    )


def _dependencies(found: Findings) -> Risk:
    figures = found.figures
    total = max(1, figures["dependencies"])
    no_lock = 15 if not figures["lock_files"] and total >= 5 else 0
    return Risk(
        slug="loose-dependencies",
        title="What gets installed is not fixed",
        score=_score(60 * figures["free"] / total + no_lock + total / 10) if figures["dependencies"] else 0,
        reasons=(
            f"{figures['free']} of {figures['dependencies']} dependencies may have any version",
            f"{figures['pinned']} are pinned, {figures['lock_files']} lock files",
        ),
        files=_paths(found.evidence),
    )


def _hot_spots(found: Mapping[str, Findings]) -> Risk | None:
    """Combine two analyses: files that change most and hold the longest functions."""
    if not {"churn", "functions"} <= found.keys():
        return None
    busy = {row["path"]: row for row in found["churn"].evidence if row["commits"] > 2}
    both = {
        row["path"]: row for row in found["functions"].evidence if row["lines"] > 60 and row["path"] in busy
    }
    reasons = tuple(
        f"{path}: {busy[path]['commits']} commits, a function of {row['lines']} lines"
        for path, row in list(both.items())[:3]
    )
    return Risk(
        slug="hot-spots",
        title="What changes most is also the hardest to change",
        score=_score(18 * len(both)),
        reasons=reasons,
        files=tuple(both),
    )


_RULES: Final[dict[str, Callable[[Findings], Risk]]] = {
    "functions": _functions,
    "imports": _imports,
    "churn": _churn,
    "todos": _todos,
    "duplicates": _duplicates,
    "tests": _tests,
    "dependencies": _dependencies,
}


def _score(value: float) -> int:
    return round(min(100.0, max(0.0, value)))


def _paths(rows: list[Row]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(row["path"]) for row in rows))
