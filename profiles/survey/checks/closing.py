"""Checks of the two closing tasks: the risks with their votes, and the report on the disk."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from checks.verdict import Verdict
from coordinator import Tools
from findings import Findings
from risks import LEAST_SCORE
from tree import Tree

MOST_VOTES: Final = 3
SECTIONS: Final = ("## At a glance", "## How it was measured", "## What was left out")


async def check_risks(findings: Findings, tools: Tools, verdict: Verdict) -> None:
    """Check the scores, and that each vote that is claimed was held as it is told."""
    for row in findings.evidence:
        if not LEAST_SCORE <= row["score"] <= 100 or not row["reasons"]:
            verdict.short(
                "evidence", f"{row['risk']} has a score of {row['score']} and {len(row['reasons'])} reasons"
            )
    scores = [row["score"] for row in findings.evidence]
    if scores != sorted(scores, reverse=True):
        verdict.short("shape", "the risks are not in the order of their scores")
    voted = [row for row in findings.evidence if row["vote"]]
    for row in voted:
        await _check_vote(row, tools, verdict)
    if any(row["vote"] for row in findings.evidence[MOST_VOTES:]):
        verdict.short("shape", "there was a vote on a risk that is not one of the three biggest")
    verdict.saw(f"{len(findings.evidence)} risks, {len(voted)} votes")


async def _check_vote(row: dict[str, Any], tools: Tools, verdict: Verdict) -> None:
    page = await tools.call("vote_get", vote_id=row["vote"])
    counted: dict[str, int] = {}
    for ballot in page["ballots"]:
        counted[ballot["choice"]] = counted.get(ballot["choice"], 0) + 1
    told = {choice: number for choice, number in row["tally"].items() if number}
    verdict.compare(f"tally of {row['vote']}", told, counted, "counting the ballots")
    if page["vote"]["state"] != "closed":
        verdict.short("recount", f"vote {row['vote']} is still open")


def check_report(findings: Findings, tree: Tree, verdict: Verdict) -> None:
    """Check that the file is what was approved, and that it says how, what not, and how to check."""
    figures = findings.figures
    if not figures["written"]:
        verdict.saw(f"not written, and said so: {figures['outcome']}")
        return
    content = tree.read(str(figures["path"]).encode()) or b""
    verdict.compare(
        "SHA-256 of the report", figures["sha256"], hashlib.sha256(content).hexdigest(), "the file"
    )
    text = content.decode("utf-8", "replace")
    for heading in SECTIONS:
        if heading not in text:
            verdict.short("shape", f"the report has no section `{heading}`")
    unnamed = [row["command"] for row in findings.evidence if str(row["command"]) not in text]
    if unnamed:
        verdict.short("evidence", f"the report does not give the command `{unnamed[0]}`")
