from __future__ import annotations

import pytest

from analysing import ANALYSES
from risks import derive_risks
from tests.unit.survey.project import Project
from tests.unit.survey.test_analyses import grow
from views import Case, case_of, knowledge, maintainability, safety, view_of


def history(**commits: int) -> dict[str, dict[str, int]]:
    return {path: {"commits": number, "authors": 1} for path, number in commits.items()}


def case(score: int = 50, **changes: object) -> Case:
    known: dict[str, object] = {"files": ("a", "b"), "history": history(a=9, b=1), "unmentioned": frozenset()}
    return Case(score=score, **(known | changes))  # type: ignore[arg-type]


def test_risks_come_highest_score_first_with_their_reasons(project: Project) -> None:
    grow(project)
    risks = derive_risks({label: project.analyse(kind) for label, kind in ANALYSES.items()})

    assert [risk.score for risk in risks] == sorted((risk.score for risk in risks), reverse=True)
    assert {"import-cycles", "duplication"} <= {risk.slug for risk in risks}
    assert all(risk.reasons and 10 <= risk.score <= 100 for risk in risks)


def test_without_findings_there_is_no_risk(project: Project) -> None:
    assert derive_risks({}) == []
    assert derive_risks({label: project.analyse(kind) for label, kind in ANALYSES.items()}) == []


def test_a_short_history_says_little_about_who_knows_what(project: Project) -> None:
    project.git("init", "-q")
    project.write("a.py", "1\n")
    project.commit()

    assert derive_risks({"churn": project.analyse(ANALYSES["churn"])}) == []


def test_maintainability_weighs_files_that_still_change() -> None:
    assert maintainability(case(50)).choice == "high"
    assert maintainability(case(50, files=("b",))).choice == "medium"
    assert maintainability(case(50, history=None)).choice == "medium"


def test_knowledge_weighs_files_of_one_author_and_abstains_without_history() -> None:
    shared = {"a": {"commits": 3, "authors": 4}, "b": {"commits": 3, "authors": 2}}
    assert knowledge(case(50)).choice == "high"
    assert knowledge(case(50, history=shared)).choice == "low"
    assert knowledge(case(80, files=("new",))).choice == "high"
    assert knowledge(case(50, history=None)).choice == "abstain"


def test_safety_weighs_files_that_no_test_mentions() -> None:
    assert safety(case(50)).choice == "medium"
    assert safety(case(50, unmentioned=frozenset("ab"))).choice == "high"
    assert safety(case(80, unmentioned=None)).choice == "high"


def test_every_opinion_gives_its_reason() -> None:
    for view in (maintainability, knowledge, safety):
        assert "score 50" in view(case(50)).rationale


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("reviewer-1", maintainability),
        ("reviewer-2", knowledge),
        ("reviewer-3", safety),
        ("reviewer-4", maintainability),
        ("reviewer", maintainability),
    ],
)
def test_each_reviewer_has_its_own_point_of_view(name: str, view: object) -> None:
    assert view_of(name) is view


def test_a_case_is_put_together_from_memory() -> None:
    row = {"path": "a", "commits": 2, "authors": 1}
    built = case_of({"score": 7, "files": ["a"], "reasons": ["r"]}, [row], None)

    assert (built.score, built.history, built.unmentioned) == (7, {"a": row}, None)
