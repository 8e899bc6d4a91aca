"""What a survey consists of: which tasks, for which kind of tree, and what makes each of them good."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from analyses.functions import is_measured
from analyses.manifests import reader_of
from git import GitFailed
from languages import CODE
from tree import Tree

SHAPE: Final = (
    "The result is JSON with `method`, `figures`, `evidence` and `left_out` (at least: `nothing`).",
    "There are at least 5 rows of evidence, or all there are, and every path in them exists.",
    "At least 95 % of the parts are done; if a second attempt did not get there either, left_out says so.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A task of the survey; `needs` are the labels of the tasks it depends on."""

    label: str
    title: str
    description: str
    criteria: tuple[str, ...]
    priority: str = "normal"
    needs: tuple[str, ...] = ()


_ANALYSES: Final = (
    Template(
        label="size",
        title="Measure size and language mix",
        description="Count files, lines and bytes of all text files, by language; name the largest files.",
        criteria=("The languages add up to the totals, and `wc -l` counts the same lines.",),
        priority="critical",
    ),
    Template(
        label="churn",
        title="Read churn and ownership from the history",
        description="Commits, authors and changed lines per file; who knows what.",
        criteria=("`git rev-list` counts the same commits, in all and for the busiest files.",),
        priority="high",
    ),
    Template(
        label="functions",
        title="Find the longest functions",
        description="Measure every function in lines; list the longest.",
        criteria=("Each listed function begins and ends where the evidence says.",),
        priority="high",
    ),
    Template(
        label="tests",
        title="Work out the test ratio",
        description="Lines of tests per line of other code, and code that no test mentions.",
        criteria=("`wc -l` counts the same test lines.",),
        priority="high",
    ),
    Template(
        label="duplicates",
        title="Find duplicated blocks",
        description="Runs of at least six equal lines that stand in more than one place.",
        criteria=("Both places of every listed block read the same.",),
    ),
    Template(
        label="imports",
        title="Find import cycles",
        description="Circles among the Python modules that import each other when they are loaded.",
        criteria=("Each step of every listed cycle is an import in that file.",),
    ),
    Template(
        label="todos",
        title="Collect TODO and FIXME marks with their age",
        description="Lines marked TODO, FIXME, XXX or HACK, and how long they have been waiting.",
        criteria=("`grep -wE` finds the same number of lines.", "At least 95 % of the marks have an age."),
    ),
    Template(
        label="dependencies",
        title="List the dependencies",
        description="What the manifests ask for, and how tightly.",
        criteria=("Every listed name stands in the manifest that the evidence gives.",),
        priority="low",
    ),
)
_RISKS: Final = Template(
    label="risks",
    title="Derive the risks and put the biggest to the vote",
    description="Score the risks by the figures of the other tasks; let the reviewers vote on the biggest.",
    criteria=(
        "The result is JSON with `method`, `figures`, `evidence` and `left_out`.",
        "Every risk names its score and the figures behind it.",
        "A vote was held on each of the three biggest risks, and its tally equals its ballots.",
    ),
    priority="high",
)
_REPORT: Final = Template(
    label="report",
    title="Write report.md",
    description="Put figures, plots, risks and votes into one report; write it only with an approval.",
    criteria=(
        "The file on disk is exactly what was approved, or the result says why it was not written.",
        "The report names its method, what was left out, and commands that reproduce at least three figures.",
    ),
    priority="high",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The tasks in the order of their making, and the analyses that make no sense here, with the reason."""

    templates: tuple[Template, ...]
    skipped: dict[str, str]


def survey_plan(inventory: dict[str, Any]) -> Plan:
    """Plan a survey for a tree with this inventory."""
    skipped = {
        label: reason
        for label, count, reason in (
            ("churn", inventory["commits"], inventory["without_git"] or "there is no commit yet"),
            (
                "functions",
                inventory["function_files"],
                "no file in a language whose functions can be measured",
            ),
            ("tests", inventory["code_files"], "no code"),
            ("duplicates", inventory["code_files"], "no code"),
            ("imports", inventory["python_files"], "no Python"),
            ("todos", inventory["files"], "no files"),
            ("dependencies", inventory["manifests"], "no manifest such as pyproject.toml or package.json"),
        )
        if not count
    }
    analyses = tuple(template for template in _ANALYSES if template.label not in skipped)
    labels = tuple(template.label for template in analyses)
    risks = _with_needs(_RISKS, labels)
    report = _with_needs(_REPORT, (*labels, risks.label))
    shaped = tuple(_with_shape(template) for template in analyses)
    return Plan(templates=(*shaped, risks, report), skipped=skipped)


def inventory_of(tree: Tree) -> dict[str, Any]:
    """Say in a few figures what kind of tree this is."""
    languages = Counter(entry.language for entry in tree.entries)
    try:
        commits = tree.git.number("rev-list", "--count", "HEAD") if tree.git else 0
        head = tree.git.run("rev-parse", "HEAD").strip().decode() if tree.git else ""
    except GitFailed:
        commits, head = 0, ""
    return {
        "files": len(tree.entries),
        "code_files": sum(number for language, number in languages.items() if language in CODE),
        "python_files": sum(entry.path.endswith(b".py") for entry in tree.entries),
        "function_files": sum(is_measured(entry) for entry in tree.entries),
        "manifests": sum(reader_of(entry.path) is not None for entry in tree.entries),
        "languages": dict(languages.most_common(30)),
        "passed_over": tree.passed_over,
        "without_git": tree.without_git,
        "commits": commits,
        "head": head,
        "tree": tree.digest,
    }


def _with_needs(template: Template, needs: tuple[str, ...]) -> Template:
    return Template(
        label=template.label,
        title=template.title,
        description=template.description,
        criteria=template.criteria,
        priority=template.priority,
        needs=needs,
    )


def _with_shape(template: Template) -> Template:
    return Template(
        label=template.label,
        title=template.title,
        description=template.description,
        criteria=(*SHAPE, *template.criteria),
        priority=template.priority,
    )
