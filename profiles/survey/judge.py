"""The judge: takes what was handed in, counts again, approves it or says what is missing."""

from __future__ import annotations

import asyncio
import os
from typing import Any, Final

from agent import read_mail, run, say
from checks.closing import check_report, check_risks
from checks.recount import recount
from checks.shape import ROWS_THERE_ARE, check_shape
from checks.verdict import Case, Verdict
from coordinator import Coordinator, Refused, Tools, wait_for
from findings import Findings, read_findings
from tree import list_tree

PAUSE_S: Final = 0.2
NOT_MINE: Final = frozenset({"wrong_state", "already_claimed", "forbidden", "stale_token"})


async def judge(coordinator: Coordinator) -> None:
    """Judge whatever waits for review, until told to stop."""
    me = await coordinator.call("whoami")
    say(f"{me['name']} judges run {me['run']}")
    while not coordinator.stop_requested:
        if await _judge_next(coordinator, os.fsencode(me["project"])):
            continue
        woken_by = await wait_for(coordinator, "review", "mail")
        if "mail" in woken_by:
            await read_mail(coordinator)
        else:
            await asyncio.sleep(PAUSE_S)


async def _judge_next(tools: Tools, project: bytes) -> bool:
    """Take the next task in review and settle it; tell whether there was one."""
    try:
        task = (await tools.call("review_take"))["task"]
    except Refused as refused:
        if refused.code in {"nothing_to_do", *NOT_MINE}:
            return False
        raise
    try:
        await _settle(tools, task, await _verdict(tools, task, project))
    except Refused as refused:
        if refused.code not in NOT_MINE:
            raise
        say(f"dropped {task['id']}: {refused}")
    return True


async def _verdict(tools: Tools, task: dict[str, Any], project: bytes) -> Verdict:
    """Look at a result in every way its label asks for; a result that breaks a check falls short by it."""
    verdict = Verdict()
    findings = read_findings(task["result"])
    if findings is None:
        verdict.short("shape", "the result is not JSON with label, method, figures, evidence and left_out")
        return verdict
    try:
        await _check(tools, task, findings, project, verdict)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        verdict.short("shape", f"the result cannot be checked: {type(error).__name__} {error}")
    return verdict


async def _check(
    tools: Tools, task: dict[str, Any], findings: Findings, project: bytes, verdict: Verdict
) -> None:
    if findings.label not in task["tags"]:
        verdict.short("shape", f"the label {findings.label!r} is not that of the task")
    elif findings.label == "risks":
        await check_risks(findings, tools, verdict)
    elif findings.label == "report":
        check_report(findings, list_tree(project), verdict)
    elif findings.label in ROWS_THERE_ARE:
        case = Case(findings=findings, tree=list_tree(project), round=int(task["review_round"]))
        check_shape(case, verdict)
        recount(case, verdict)


async def _settle(tools: Tools, task: dict[str, Any], verdict: Verdict) -> None:
    """Approve, with what was seen; or reject, with everything that falls short, and tell the author."""
    if not verdict.shortfalls:
        await tools.call("task_approve", task_id=task["id"], note="; ".join(verdict.seen)[:4000])
        say(f"approved {task['id']}: {'; '.join(verdict.seen)}")
        return
    feedback = "\n".join(verdict.shortfalls)[:4000]
    await tools.call("task_reject", task_id=task["id"], feedback=feedback)
    say(f"sent back {task['id']}: {feedback}")
    if task["author"]:
        body = f"{task['id']} came back: {feedback}"
        await tools.call("message_send", to=task["author"], kind="review", thread=task["id"], body=body)


if __name__ == "__main__":
    run(judge)
