"""Put everything that was found into one Markdown text. All foreign text goes through `code` or `prose`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from commands import listing, reproductions
from findings import Findings, Row
from markdown import table
from sections import SECTIONS
from spelling import code, prose

TITLE: Final = "# Survey of "
"""How every report begins; a file that does not is not ours to replace unasked."""

Shown = tuple[str, str, Callable[[Mapping[str, Any]], str]]


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
    for label, section in SECTIONS.items():
        if label in survey.found:
            lines += ["", *section(survey.found[label])]
    lines += [*_reproduce(survey), *_how(survey), *_left_out(survey)]
    text = "\n".join(lines).rstrip() + "\n"
    return re.sub(r"\n{3,}", "\n\n", text)


def _head(survey: Survey) -> list[str]:
    at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(survey.at))
    head = str(survey.inventory.get("head", ""))[:12]
    where = f", commit {code(head)}" if head else ""
    return [TITLE + prose(survey.name), "", f"{at}{where}, run {survey.run}.", ""]


def _at_a_glance(survey: Survey) -> list[str]:
    found = survey.found
    size = found["size"].figures if "size" in found else {}
    if not size.get("files"):
        return ["## At a glance", "", "There is no text file here: nothing to measure.", ""]
    rows = [("Text files", f"{size['files']:,}"), ("Lines", f"{size['lines']:,}")]
    wanted: tuple[Shown, ...] = (
        ("churn", "Commits, authors", lambda one: f"{one['commits']:,}, {one['authors']:,}"),
        ("functions", "Functions, longest", lambda one: f"{one['functions']:,}, {one['longest']:,} lines"),
        ("tests", "Test lines per line of other code", lambda one: f"{one['ratio']}"),
        ("duplicates", "Duplicated", lambda one: f"{one['duplicated_percent']} %"),
        ("imports", "Import cycles", lambda one: f"{one['cycle_groups']:,}"),
        ("todos", "Marks, over a year old", lambda one: f"{one['marks']:,}, {one['old']:,}"),
        ("dependencies", "Dependencies", lambda one: f"{one['dependencies']:,}"),
    )
    rows += [(name, show(found[label].figures)) for label, name, show in wanted if label in found]
    return ["## At a glance", "", *table(("", ""), rows), ""]


def _risks(risks: Findings) -> list[str]:
    lines = ["## Risks", ""]
    if not risks.evidence:
        return [*lines, "The figures speak for no risk worth a vote.", ""]
    for row in risks.evidence:
        severity = f"**{row['severity']}** by vote {row['vote']}" if row["severity"] else str(row["outcome"])
        lines += [f"### {prose(row['title'])}", "", f"Score {row['score']}; severity: {severity}.", ""]
        lines += [f"- {prose(reason)}" for reason in row["reasons"]]
        if row.get("ballots"):
            lines += ["", *table(("Voter", "Ballot", "Why"), [_ballot(one) for one in row["ballots"]])]
        if row["files"]:
            lines += ["", "Concerns " + ", ".join(code(path) for path in row["files"][:5]) + "."]
        lines.append("")
    return lines[:-1]


def _ballot(ballot: Row) -> tuple[str, str, str]:
    return prose(ballot["voter"]), prose(ballot["choice"]), prose(ballot["why"])


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
