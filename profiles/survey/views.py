"""Three points of view on a risk; each looks at another side of the same evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from findings import Row

ABSTAIN: Final = "abstain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A risk with what is known of its files. A table is None when nobody measured it here."""

    score: int
    files: tuple[str, ...]
    history: dict[str, Row] | None
    unmentioned: frozenset[str] | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """A choice, and the reason for it."""

    choice: str
    rationale: str


def maintainability(case: Case) -> Opinion:
    """Ask how much speaks for the risk, and whether the files it is about are still being changed."""
    busiest = max((row["commits"] for row in (case.history or {}).values()), default=0)
    warm = [
        path
        for path in case.files
        if case.history and path in case.history and 3 * case.history[path]["commits"] >= busiest > 1
    ]
    weight = case.score + (15 if warm else 0)
    heat = (
        f"{len(warm)} of its {len(case.files)} files are among the most changed"
        if case.history
        else "no history"
    )
    return Opinion(
        choice=_grade(weight, high=60, medium=30),
        rationale=f"Maintainability: score {case.score}; {heat}.",
    )


def knowledge(case: Case) -> Opinion:
    """Ask how many people know the files that the risk is about."""
    if case.history is None:
        return Opinion(choice=ABSTAIN, rationale="Knowledge: there is no history to tell who knows the code.")
    known = [case.history[path] for path in case.files if path in case.history]
    if not known:
        return Opinion(
            choice=_grade(case.score, high=75, medium=40),
            rationale=f"Knowledge: its files have no history; by the score of {case.score} alone.",
        )
    alone = sum(row["authors"] == 1 for row in known)
    share = 100 * alone // len(known)
    return Opinion(
        choice=_grade((case.score + share) / 2, high=65, medium=35),
        rationale=f"Knowledge: {alone} of {len(known)} known files have one author; score {case.score}.",
    )


def safety(case: Case) -> Opinion:
    """Ask whether tests would notice if something broke in the files that the risk is about."""
    if case.unmentioned is None:
        return Opinion(
            choice=_grade(case.score, high=70, medium=35),
            rationale=f"Safety: tests were not measured here; by the score of {case.score} alone.",
        )
    bare = [path for path in case.files if path in case.unmentioned]
    share = 100 * len(bare) // max(1, len(case.files))
    return Opinion(
        choice=_grade(0.6 * case.score + 0.4 * share, high=55, medium=25),
        rationale=f"Safety: no test mentions {len(bare)} of its {len(case.files)} files; score {case.score}.",
    )


VIEWS: Final[tuple[Callable[[Case], Opinion], ...]] = (maintainability, knowledge, safety)


def view_of(name: str) -> Callable[[Case], Opinion]:
    """Return an agent's point of view: `reviewer-1` has the first, `reviewer-2` the second, and so on."""
    number = name.rpartition("-")[2]
    return VIEWS[(int(number) - 1) % len(VIEWS)] if number.isdigit() else VIEWS[0]


def case_of(risk: dict[str, Any], history: list[Row] | None, unmentioned: list[Row] | None) -> Case:
    """Put together what memory holds about a risk."""
    return Case(
        score=int(risk["score"]),
        files=tuple(str(path) for path in risk["files"]),
        history=None if history is None else {row["path"]: row for row in history},
        unmentioned=None if unmentioned is None else frozenset(row["path"] for row in unmentioned),
        reasons=tuple(risk["reasons"]),
    )


def _grade(weight: float, *, high: int, medium: int) -> str:
    if weight >= high:
        return "high"
    return "medium" if weight >= medium else "low"
