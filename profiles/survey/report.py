"""Put everything that was found into one Markdown text. All foreign text goes through `code` or `prose`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bars import bars, spark
from commands import listing, reproductions
from findings import Findings, Row
from spelling import code, prose

ROWS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All that a report is made of. `whole_repository` is false for a directory within a repository."""

    name: str
    at: float
    run: int
    inventory: Mapping[str, Any]
    found: Mapping[str, Findings]
    risks: Findings | None
    skipped: Mapping[str, str] = field(default_factory=dict)
    whole_repository: bool = True


def compose(survey: Survey) -> str:
    """Write the report; the same survey always gives the same text."""
    lines = [*_head(survey), *_at_a_glance(survey)]
    if survey.risks is not None:
        lines += _risks(survey.risks)
    for label, section in _SECTIONS.items():
        if label in survey.found:
            lines += ["", *section(survey.found[label])]
    lines += [*_reproduce(survey), *_how(survey), *_left_out(survey)]
    return "\n".join(lines).rstrip() + "\n"


def _head(survey: Survey) -> list[str]:
    at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(survey.at))
    head = str(survey.inventory.get("head", ""))[:12]
    where = f", commit {code(head)}" if head else ""
    return [f"# Survey of {prose(survey.name)}", "", f"{at}{where}, run {survey.run}.", ""]


def _at_a_glance(survey: Survey) -> list[str]:
    found = survey.found
    size = found["size"].figures if "size" in found else {}
    if not size.get("files"):
        return ["## At a glance", "", "There is no text file here: nothing to measure.", ""]
    rows = [("Text files", f"{size['files']:,}"), ("Lines", f"{size['lines']:,}")]
    wanted: tuple[tuple[str, str, Callable[[Mapping[str, Any]], str]], ...] = (
        ("churn", "Commits, authors", lambda one: f"{one['commits']:,}, {one['authors']:,}"),
        ("functions", "Functions, longest", lambda one: f"{one['functions']:,}, {one['longest']:,} lines"),
        ("tests", "Test lines per line of other code", lambda one: f"{one['ratio']}"),
        ("duplicates", "Duplicated", lambda one: f"{one['duplicated_percent']} %"),
        ("imports", "Import cycles", lambda one: f"{one['cycle_groups']:,}"),
        ("todos", "Marks, over a year old", lambda one: f"{one['marks']:,}, {one['old']:,}"),
        ("dependencies", "Dependencies", lambda one: f"{one['dependencies']:,}"),
    )
    rows += [(name, show(found[label].figures)) for label, name, show in wanted if label in found]
    return ["## At a glance", "", *_table(("", ""), rows), ""]


def _risks(risks: Findings) -> list[str]:
    lines = ["## Risks", ""]
    if not risks.evidence:
        return [*lines, "The figures speak for no risk worth a vote.", ""]
    for row in risks.evidence:
        severity = f"**{row['severity']}** by vote {row['vote']}" if row["severity"] else str(row["outcome"])
        lines += [f"### {prose(row['title'])}", "", f"Score {row['score']}; severity: {severity}.", ""]
        lines += [f"- {prose(reason)}" for reason in row["reasons"]]
        if row.get("ballots"):
            lines += ["", *_table(("Voter", "Ballot", "Why"), [_ballot(one) for one in row["ballots"]])]
        if row["files"]:
            lines += ["", "Concerns " + ", ".join(code(path) for path in row["files"][:5]) + "."]
        lines.append("")
    return lines[:-1]


def _ballot(ballot: Row) -> tuple[str, str, str]:
    return prose(ballot["voter"]), prose(ballot["choice"]), prose(ballot["why"])


def _size(found: Findings) -> list[str]:
    mix = found.figures["languages"][:12]
    table = [(row["language"], f"{row['files']:,}", f"{row['lines']:,}", f"{row['bytes']:,}") for row in mix]
    return [
        "## Size and languages",
        "",
        *_plot(bars([(row["language"], row["lines"]) for row in mix], unit=" lines")),
        *_table(("Language", "Files", "Lines", "Bytes"), table),
        "",
        *_table(
            ("Largest file", "Lines"),
            [(code(row["path"]), f"{row['lines']:,}") for row in found.evidence[:ROWS]],
        ),
    ]


def _churn(found: Findings) -> list[str]:
    figures = found.figures
    months = [(str(month), int(number)) for month, number in figures["by_month"]]
    period = (
        f"{months[0][0]} to {months[-1][0]}: {code(spark([number for _, number in months]))}"
        if months
        else ""
    )
    rows = [
        (code(row["path"]), f"{row['commits']:,}", f"+{row['added']:,} −{row['deleted']:,}", _owner(row))
        for row in found.evidence[:ROWS]
    ]
    return [
        "## Churn and ownership",
        "",
        f"{figures['commits']:,} commits by {figures['authors']:,} authors; half of them by {figures['core']}. "
        f"{figures['files_of_one']:,} of {figures['files_with_history']:,} files were only ever changed by one author.",
        "",
        f"Commits per month with any, {period}",
        "",
        *_plot(bars([(row["author"], row["commits"]) for row in figures["by_author"]], unit=" commits")),
        *_table(("Most changed", "Commits", "Lines", "Most by"), rows),
    ]


def _owner(row: Row) -> str:
    return f"{prose(row['by'])} ({row['share']} %)"


def _functions(found: Findings) -> list[str]:
    figures = found.figures
    rows = [(_place(row), code(row["name"]), f"{row['lines']:,}") for row in found.evidence[:ROWS]]
    return [
        "## Longest functions",
        "",
        f"{figures['functions']:,} functions, median {figures['median']} lines; "
        f"{figures['long']:,} over 60 lines ({figures['long_percent']} %).",
        "",
        *_table(("Place", "Function", "Lines"), rows),
    ]


def _tests(found: Findings) -> list[str]:
    figures = found.figures
    sides = [("tests", figures["test_lines"]), ("other code", figures["code_lines"])]
    rows = [(code(row["path"]), f"{row['lines']:,}") for row in found.evidence[:ROWS]]
    return [
        "## Tests",
        "",
        f"{figures['test_files']:,} test files with {figures['test_cases']:,} cases; "
        f"{figures['ratio']} test lines per line of other code.",
        "",
        *_plot(bars(sides, unit=" lines")),
        f"{figures['unmentioned_files']:,} of {figures['judged_files']:,} judged files are mentioned in no test.",
        "",
        *_table(("Largest file that no test mentions", "Lines"), rows),
    ]


def _duplicates(found: Findings) -> list[str]:
    figures = found.figures
    rows = [
        (
            f"{row['lines']:,}",
            _range(row["path"], row["line"], row["last"]),
            _range(row["other"], row["other_line"], row["other_last"]),
        )
        for row in found.evidence[:ROWS]
    ]
    return [
        "## Duplicated blocks",
        "",
        f"{figures['duplicated_lines']:,} of {figures['code_lines']:,} telling lines stand elsewhere too "
        f"({figures['duplicated_percent']} %), in {figures['blocks']:,} blocks over {figures['files']:,} files.",
        "",
        *_table(("Lines", "Here", "And there"), rows),
    ]


def _imports(found: Findings) -> list[str]:
    figures = found.figures
    rows = [
        (f"{row['modules']:,}", " → ".join(code(path) for path in [*row["cycle"], *row["cycle"][:1]]))
        for row in found.evidence[:ROWS]
    ]
    return [
        "## Import cycles",
        "",
        f"{figures['modules']:,} Python modules with {figures['imports']:,} imports of each other; "
        f"{figures['cycle_groups']:,} groups in a circle, {figures['modules_in_cycles']:,} modules in them.",
        "",
        *_table(("Modules", "A shortest way round"), rows),
    ]


def _todos(found: Findings) -> list[str]:
    figures = found.figures
    rows = [(f"{row['days']:,}", row["by"], _place(row), code(row["text"])) for row in found.evidence[:ROWS]]
    words = ", ".join(f"{word} {number:,}" for word, number in figures["by_word"].items())
    return [
        "## Marks left for later",
        "",
        f"{figures['marks']:,} lines ({words}); {figures['dated']:,} dated, {figures['old']:,} over a year old.",
        "",
        *_plot(bars([(str(age), int(number)) for age, number in figures["by_age"]])),
        *_table(("Days", "By", "Place", "Line"), rows),
    ]


def _dependencies(found: Findings) -> list[str]:
    figures = found.figures
    rows = [
        (code(row["name"]), code(row["wants"]), row["kind"], row["bound"], code(row["path"]))
        for row in found.evidence[: 2 * ROWS]
    ]
    return [
        "## Dependencies",
        "",
        f"{figures['dependencies']:,} names in {figures['manifests']:,} manifests, {figures['runtime']:,} needed at run time; "
        f"{figures['pinned']:,} pinned, {figures['bounded']:,} bounded, {figures['free']:,} free; "
        f"{figures['lock_files']:,} lock files.",
        "",
        *_table(("Name", "Wants", "Kind", "Bound", "Manifest"), rows),
    ]


_SECTIONS: Final[dict[str, Callable[[Findings], list[str]]]] = {
    "size": _size,
    "churn": _churn,
    "functions": _functions,
    "tests": _tests,
    "duplicates": _duplicates,
    "imports": _imports,
    "todos": _todos,
    "dependencies": _dependencies,
}


def _reproduce(survey: Survey) -> list[str]:
    wanted = reproductions(survey.found, whole_repository=survey.whole_repository)
    if not wanted:
        return []
    commands = [f"{one.command}  # {one.what}: {one.figure}" for one in wanted]
    return [
        "",
        "## Check these figures",
        "",
        "In the project's directory, with GNU tools; the figure behind each command is what it printed then.",
        "",
        "```sh",
        listing(by_git=not survey.inventory.get("without_git")),
        *commands,
        "```",
    ]


def _how(survey: Survey) -> list[str]:
    without = str(survey.inventory.get("without_git", ""))
    files = (
        f"by walking, because {prose(without)}" if without else "by `git ls-files`, untracked files included"
    )
    methods = [f"- **{label}**: {findings.method}" for label, findings in survey.found.items()]
    if survey.risks is not None:
        methods.append(f"- **risks**: {survey.risks.method}")
    return [
        "",
        "## How it was measured",
        "",
        f"Files were listed {files}; never through a symlink.",
        "",
        *methods,
    ]


def _left_out(survey: Survey) -> list[str]:
    lines = [f"- **{label}** was not done: {prose(reason)}" for label, reason in survey.skipped.items()]
    for sentence, labels in _by_sentence(survey).items():
        lines.append(f"- {prose(sentence)} ({', '.join(labels)})")
    return ["", "## What was left out", "", *(lines or ["Nothing."])]


def _by_sentence(survey: Survey) -> dict[str, list[str]]:
    """Gather what was left out so that each sentence stands once, with all it holds for."""
    labels: dict[str, list[str]] = {}
    every = [*survey.found.values(), *([survey.risks] if survey.risks else [])]
    for findings in every:
        for sentence in findings.left_out:
            if sentence != "nothing":
                labels.setdefault(sentence, []).append(findings.label)
    return labels


def _place(row: Row) -> str:
    return code(f"{row['path']}:{row['line']}")


def _range(path: str, first: int, last: int) -> str:
    return code(f"{path}:{first}-{last}")


def _plot(lines: list[str]) -> list[str]:
    plain = [line.replace("```", "'''") for line in lines]
    return ["```text", *plain, "```", ""] if lines else []


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    cells = list(rows)
    if not cells:
        return []
    rule = "|" + "|".join(" --- " for _ in head) + "|"
    return [f"| {' | '.join(head)} |", rule, *(f"| {' | '.join(row)} |" for row in cells)]
