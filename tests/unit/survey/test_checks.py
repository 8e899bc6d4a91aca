"""The judge counts again: right results pass, and each kind of wrong one is caught."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from analysing import ANALYSES
from checks import pipeline
from checks.recount import recount
from checks.shape import check_shape
from checks.verdict import Case, Verdict
from effort import Effort
from findings import Findings, read_findings
from tests.unit.survey.project import Project
from tests.unit.survey.test_analyses import grow


def judged(project: Project, findings: Findings, *, attempt: int = 0) -> Verdict:
    verdict = Verdict()
    handed_in = read_findings(findings.result_text())
    assert handed_in is not None
    case = Case(findings=handed_in, tree=project.tree(), round=attempt)
    check_shape(case, verdict)
    recount(case, verdict)
    return verdict


@pytest.mark.parametrize("label", ANALYSES)
def test_a_right_result_is_approved_for_a_reason(project: Project, label: str) -> None:
    grow(project)
    verdict = judged(project, project.analyse(ANALYSES[label]))

    assert verdict.shortfalls == []
    assert len(verdict.seen) >= 3


@pytest.mark.parametrize("label", ANALYSES)
def test_a_right_result_of_hostile_names_is_approved(project: Project, label: str) -> None:
    project.git("init", "-q")
    for name in (b"bad\xff.py", b"new\nline.py", b"-x.py", b" sp ace.py", b"q'\"uo\\te.py"):
        project.write(name, b"def f():  # TODO\n    return 1\n\n\ndef g():\n    return 2\n")
    project.commit()

    assert judged(project, project.analyse(ANALYSES[label])).shortfalls == []


def tampered(findings: Findings, label: str) -> Findings:
    """Return the findings with the figure or the evidence that this analysis stands on made wrong."""
    figures: dict[str, Any] = copy.deepcopy(findings.figures)
    evidence = copy.deepcopy(findings.evidence)
    if label == "size":
        figures["lines"] += 1
        figures["languages"][0]["lines"] += 1
    elif label in {"churn", "todos", "tests"}:
        figures[{"churn": "commits", "todos": "marks", "tests": "test_lines"}[label]] += 1
    elif label == "imports":
        evidence[0]["cycle"] = ["shop/late.py", "tests/test_cart.py"]
    elif label == "duplicates":
        evidence[0]["other_line"] += 1
    elif label == "dependencies":
        evidence[0]["name"] = "never-heard-of"
    else:
        evidence[0]["lines"] += 1
    return replace(findings, figures=figures, evidence=evidence)


@pytest.mark.parametrize("label", ANALYSES)
def test_a_wrong_figure_is_sent_back_to_be_counted_again(project: Project, label: str) -> None:
    grow(project)
    verdict = judged(project, tampered(project.analyse(ANALYSES[label]), label))

    assert any(shortfall.startswith("recount: ") for shortfall in verdict.shortfalls)


LONG_BODY = b"    x = 1\n" * 70


@pytest.mark.parametrize(
    "content",
    [
        "def \ufb01x():\n".encode() + LONG_BODY,
        b"def \\\n\\\n\\\n\\\n  late():\n" + LONG_BODY,
        b"# coding: latin-1\ndef f\xfc():\n" + LONG_BODY,
        b"def f():\r" + LONG_BODY.replace(b"\n", b"\r"),
        b"import \\\n  b\n",
        b"x = 1; import b\n",
        b"from c import (  # why\n    d,\n)\nif 1: import b\n",
        b"# coding: latin-1\nf\xfc = 1; import b\n",
    ],
    ids=["ligature", "continued", "latin", "returns", "import-continued", "second", "inline", "latin-import"],
)
@pytest.mark.parametrize("label", ANALYSES)
def test_python_is_read_again_as_python_reads_it(project: Project, label: str, content: bytes) -> None:
    project.git("init", "-q")
    project.write("a.py", content)
    project.write("b.py", "import a\n")
    project.commit()

    assert judged(project, project.analyse(ANALYSES[label])).shortfalls == []


@pytest.mark.parametrize(
    "written",
    [r"a\u001b[31mb", r"\u0061bc", "n" * 200, r"x\"y\\z", "\u00fcn\u00ef", "tick`|", r"g:a\u0062"],
    ids=["control", "escaped", "long", "quoted", "accents", "markup", "grouped"],
)
def test_a_dependency_is_found_again_however_its_manifest_spells_it(project: Project, written: str) -> None:
    project.write("package.json", f'{{"dependencies": {{"{written}": "^1"}}}}')
    found = project.analyse(ANALYSES["dependencies"])

    assert len(found.evidence) == 1
    assert judged(project, found).shortfalls == []
    assert judged(project, tampered(found, "dependencies")).shortfalls != []


def test_languages_that_do_not_add_up_are_sent_back(project: Project) -> None:
    grow(project)
    found = project.analyse(ANALYSES["size"])
    found.figures["languages"].pop()

    assert any("add up" in shortfall for shortfall in judged(project, found).shortfalls)


def test_too_little_evidence_is_sent_back(project: Project) -> None:
    grow(project)
    found = project.analyse(ANALYSES["size"])

    assert judged(project, replace(found, evidence=found.evidence[:4])).shortfalls == [
        f"evidence: 4 rows of {found.figures['files']}; at least 5 are needed"
    ]


def test_a_result_without_a_method_is_sent_back(project: Project) -> None:
    grow(project)
    found = replace(project.analyse(ANALYSES["todos"]), method="counted")

    assert [each.partition(":")[0] for each in judged(project, found).shortfalls] == ["shape"]


def test_an_unfinished_analysis_is_sent_back_once_and_then_accepted_if_it_says_so(project: Project) -> None:
    for number in range(10):
        project.write(f"{number}.py", "1\n")
    analysis = ANALYSES["size"](project.tree(), Effort())
    while analysis.position < 5:
        analysis.advance(0)
    found = analysis.findings()

    assert [each.partition(":")[0] for each in judged(project, found).shortfalls] == ["coverage"]
    assert judged(project, found, attempt=1).shortfalls == []
    silent = replace(found, left_out=[])
    assert any("does not say so" in each for each in judged(project, silent, attempt=1).shortfalls)


def test_a_tree_that_changed_is_measured_once_more_and_no_oftener(project: Project) -> None:
    project.write("a.py", "1\n")
    found = project.analyse(ANALYSES["size"])
    project.write("a.py", "1\n2\n")

    assert judged(project, found).shortfalls == [
        "recount: files changed while this was measured. Measure again."
    ]
    assert judged(project, found, attempt=1).shortfalls == []


def test_without_the_tools_the_judge_says_what_it_did_not_count(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(project)
    monkeypatch.setattr(pipeline, "TEXT_ONLY", ("no-such-program",))
    verdict = judged(project, project.analyse(ANALYSES["size"]))

    assert verdict.shortfalls == []
    assert any("not counted again" in seen for seen in verdict.seen)


def test_a_pipeline_hands_on_more_than_fits_a_pipe(project: Project) -> None:
    project.write("a.txt", b"x\n" * 500_000)
    listing = pipeline.text_files(project.tree().root, [b"a.txt"] * 3)

    assert listing is not None
    assert pipeline.count_lines(project.tree().root, listing) == 1_500_000


def test_a_failing_program_gives_no_count(project: Project) -> None:
    assert pipeline.pipe(project.tree().root, [("sh", "-c", "exit 7"), ("wc", "-l")], b"") is None
