"""The job `risks`: score the candidates, open a vote on each of the three biggest, wait, write down."""

from __future__ import annotations

from typing import Any, Final

from agent import read_mail, say
from coordinator import Refused, wait_for
from findings import Findings, dump, read_findings
from job import Job
from risks import METHOD, Risk, derive_risks

MOST_VOTES: Final = 3
SEVERITIES: Final = ["high", "medium", "low"]
VOTE_DEADLINE_S: Final = 120.0


def evidence_key(run_number: int, slug: str) -> str:
    """Return under which key of the team's memory the voters find a risk."""
    return f"run-{run_number}-risk-{slug}"


def question_for(risk: Risk) -> str:
    """Word the question; its first word tells the voters which risk it is about."""
    return (
        f"{risk.slug}: {risk.title}. How severe is it here? (score {risk.score}; {'; '.join(risk.reasons)})"
    )


async def weigh_risks(job: Job) -> None:
    """Derive the risks, have the biggest voted on, and hand in scores and votes."""
    found = findings_of(job.dependencies)
    risks = derive_risks(found)
    await job.progress(20, f"{len(risks)} risks found in {len(found)} results")
    votes = await _open_votes(job, risks[:MOST_VOTES])
    await _await_votes(job, votes)
    rows = [risk.row() | await _vote_of(job, votes.get(risk.slug)) for risk in risks]
    few = f"the figures speak for {len(risks)} risks only, so there were fewer than {MOST_VOTES} votes"
    left_out = [few] if len(risks) < MOST_VOTES else []
    findings = Findings(
        label="risks",
        method=METHOD,
        figures={
            "risks": len(risks),
            "votes": len(votes),
            "decided": sum(row["outcome"] == "decided" for row in rows),
            "highest_score": max((risk.score for risk in risks), default=0),
        },
        evidence=rows,
        left_out=left_out,
    )
    await job.tools.call("memory_set", key="risks", value=findings.result_text())
    await job.complete(findings.result_text())


def findings_of(tasks: list[dict[str, Any]]) -> dict[str, Findings]:
    """Read the results of finished tasks, by label."""
    read = (read_findings(task["result"]) for task in tasks if task["state"] == "done")
    return {findings.label: findings for findings in read if findings is not None}


async def _open_votes(job: Job, risks: list[Risk]) -> dict[str, str]:
    """Open one vote per risk, unless an earlier holder of this task did; return their ids."""
    run_number = int(job.me["run"])
    known = (await job.tools.call("vote_list"))["votes"]
    votes = {vote["question"].partition(":")[0]: vote["id"] for vote in known if vote["run"] == run_number}
    for risk in risks:
        await job.tools.call("memory_set", key=evidence_key(run_number, risk.slug), value=dump(risk.row()))
    for risk in risks:
        if risk.slug not in votes:
            votes[risk.slug] = await _open(job, risk, run_number)
        await job.save(30, {"votes": votes}, done="votes opened", left="their results")
    return {risk.slug: votes[risk.slug] for risk in risks if votes[risk.slug]}


async def _open(job: Job, risk: Risk, run_number: int) -> str:
    """Open a vote; return its id, or nothing when there is nobody to vote."""
    try:
        answer = await job.tools.call(
            "vote_open",
            question=question_for(risk)[:1900],
            options=SEVERITIES,
            electorate=[job.settings.get("reviewers", "group:reviewers")],
            deadline_s=VOTE_DEADLINE_S,
            early=False,  # every reviewer is heard, also when the rest cannot change the outcome
            idempotency_key=f"run-{run_number}-vote-{risk.slug}",
        )
    except Refused as refused:
        if refused.code != "not_found":
            raise
        say(f"no vote on {risk.slug}: {refused}")
        return ""
    return str(answer["vote"]["id"])


async def _await_votes(job: Job, votes: dict[str, str]) -> None:
    for number, vote in enumerate(votes.values()):
        await job.progress(30 + 20 * number, f"waiting for the ballots of {vote}")
        while f"vote:{vote}" not in (woken_by := await wait_for(job.tools, f"vote:{vote}", "mail")):
            if "mail" in woken_by:
                await read_mail(job.tools)
            await job.progress(30 + 20 * number, f"waiting for the ballots of {vote}")


async def _vote_of(job: Job, vote_id: str | None) -> dict[str, Any]:
    """Return how a vote ended, in the shape of an evidence row."""
    if not vote_id:
        return {"vote": None, "outcome": "not voted on", "severity": None}
    page = await job.tools.call("vote_get", vote_id=vote_id)
    return {
        "vote": vote_id,
        "outcome": page["vote"]["outcome"],
        "severity": page["vote"]["winner"],
        "tally": page["tally"],
        "ballots": [
            {"voter": one["voter"], "choice": one["choice"], "why": one["rationale"][:300]}
            for one in page["ballots"]
        ],
    }
