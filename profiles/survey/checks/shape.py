"""Checks that hold for every analysis: readable, honest about its limits, with enough evidence."""

from __future__ import annotations

import os
from typing import Final

from checks.verdict import Case, Verdict
from spelling import unspell

LEAST_ROWS: Final = 5
LEAST_COVERAGE: Final = 95
ROWS_THERE_ARE: Final = {
    "size": "files",
    "functions": "functions",
    "imports": "cycle_groups",
    "churn": "files_with_history",
    "todos": "dated",
    "duplicates": "blocks",
    "tests": "unmentioned_files",
    "dependencies": "dependencies",
}
"""Which figure says how many rows of evidence there could be."""


def check_shape(case: Case, verdict: Verdict) -> None:
    """Check method, evidence, coverage and what was left out."""
    findings = case.findings
    if len(findings.method) < 40:
        verdict.short("shape", "`method` does not say how it was measured")
    if not findings.left_out:
        verdict.short("shape", "`left_out` is empty; write `nothing` if nothing was left out")
    _check_rows(case, verdict)
    _check_paths(case, verdict)
    _check_coverage(case, verdict)


def _check_rows(case: Case, verdict: Verdict) -> None:
    there_are = int(case.findings.figures.get(ROWS_THERE_ARE[case.findings.label], 0))
    given = len(case.findings.evidence)
    if given < min(LEAST_ROWS, there_are):
        verdict.short(
            "evidence", f"{given} rows of {there_are}; at least {min(LEAST_ROWS, there_are)} are needed"
        )
    else:
        verdict.saw(f"{given} rows of evidence")


def _check_paths(case: Case, verdict: Verdict) -> None:
    paths = [str(row["path"]) for row in case.findings.evidence if "path" in row]
    missing = [path for path in paths if not os.path.lexists(os.path.join(case.tree.root, unspell(path)))]
    if missing and case.is_of_this_tree:
        verdict.short("recount", f"{missing[0]} does not exist")


def _check_coverage(case: Case, verdict: Verdict) -> None:
    figures = case.findings.figures
    parts, done = int(figures["parts"]), int(figures["parts_done"])
    if 100 * done >= LEAST_COVERAGE * parts:
        verdict.saw(f"{done} of {parts} parts done")
    elif case.round == 0:
        verdict.short("coverage", f"{done} of {parts} parts done. Take more time, and reach further back.")
    elif case.findings.left_out == ["nothing"]:
        verdict.short("coverage", f"{done} of {parts} parts done, and left_out does not say so")
    else:
        verdict.saw(f"{done} of {parts} parts done at the second attempt; left_out says so")
