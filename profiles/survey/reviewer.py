"""A reviewer: waits for votes, looks at the evidence from its own point of view, casts its ballot."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from agent import read_mail, run, say
from analysing import DETAILS
from coordinator import Coordinator, Refused, Tools, wait_for
from job import recall
from risk_job import evidence_key
from views import Opinion, case_of, view_of

PAUSE_S: Final = 0.2
SETTLED: Final = frozenset({"wrong_state", "vote_closed", "forbidden"})


async def review(coordinator: Coordinator) -> None:
    """Vote on whatever is put to this reviewer, until told to stop."""
    me = await coordinator.call("whoami")
    say(f"{me['name']} looks at risks from the side of {view_of(me['name']).__name__}")
    cast: set[str] = set()
    while not coordinator.stop_requested:
        woken_by = await wait_for(coordinator, "ballot", "mail")
        if "mail" in woken_by:
            await read_mail(coordinator)
        if "ballot" in woken_by:
            await _vote(coordinator, me, cast)
        if not woken_by:
            await asyncio.sleep(PAUSE_S)


async def _vote(tools: Tools, me: dict[str, Any], cast: set[str]) -> None:
    """Cast a ballot in each open vote that this reviewer has a say in, and note it in `cast`."""
    for vote in (await tools.call("vote_list", open=True))["votes"]:
        if me["name"] not in vote["electorate"] or vote["id"] in cast:
            continue
        opinion = await _opinion(tools, me, vote)
        try:
            await tools.call(
                "vote_cast", vote_id=vote["id"], choice=opinion.choice, rationale=opinion.rationale
            )
            say(f"{vote['id']}: {opinion.choice}. {opinion.rationale}")
        except Refused as refused:
            if refused.code not in SETTLED:
                raise
        cast.add(vote["id"])


async def _opinion(tools: Tools, me: dict[str, Any], vote: dict[str, Any]) -> Opinion:
    """Judge the risk that the vote is about; abstain on a question that is none of the survey's."""
    slug = vote["question"].partition(":")[0]
    risk = await recall(tools, evidence_key(int(me["run"]), slug))
    if not isinstance(risk, dict) or not {"high", "medium", "low"} <= set(vote["options"]):
        return Opinion(choice="abstain", rationale="This question is not about a risk of the survey.")
    case = case_of(risk, await _details(tools, me, "churn"), await _details(tools, me, "tests"))
    return view_of(me["name"])(case)


async def _details(tools: Tools, me: dict[str, Any], label: str) -> list[dict[str, Any]] | None:
    """Return the long table of an analysis of this run, or None if there was none."""
    tasks = (await tools.call("task_list", tag=label, state="done"))["tasks"]
    mine = [task for task in tasks if task["run"] == me["run"]]
    rows = await recall(tools, DETAILS, scope=f"task:{mine[0]['id']}") if mine else None
    return rows if isinstance(rows, list) else ([] if mine else None)


if __name__ == "__main__":
    run(review)
