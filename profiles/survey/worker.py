"""A worker: claims what waits, does it, hands it in, and waits for more until it is stopped."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final

from agent import read_mail, run, say
from analysing import ANALYSES, analyse
from coordinator import Coordinator, Refused, Tools, wait_for
from job import Job
from reporting import write_report
from risk_job import weigh_risks

JOBS: Final[dict[str, Callable[[Job], Awaitable[None]]]] = {
    **dict.fromkeys(ANALYSES, analyse),
    "risks": weigh_risks,
    "report": write_report,
}
NO_LONGER_MINE: Final = frozenset({"stale_token", "wrong_state", "already_claimed"})
PAUSE_S: Final = 0.2
"""After a wait that led to nothing: another worker was faster, or the engine is about to stop."""


async def work(coordinator: Coordinator) -> None:
    """Work until told to stop; first go on with what this agent still holds."""
    me = await coordinator.call("whoami")
    say(f"{me['name']} at work, run {me['run']}")
    for task in me["held"]:
        await _do(coordinator, me, task["id"])
    while not coordinator.stop_requested:
        if await _do(coordinator, me, None):
            continue
        woken_by = await wait_for(coordinator, "task", "mail")
        if "mail" in woken_by:
            await read_mail(coordinator)
        else:
            await asyncio.sleep(PAUSE_S)


async def _do(tools: Tools, me: dict[str, Any], task_id: str | None) -> bool:
    """Claim the named or the recommended task and do it; tell whether there was one."""
    try:
        claim = await tools.call("task_claim", **({"task_id": task_id} if task_id else {}))
    except Refused as refused:
        if refused.code in {"nothing_to_do", *NO_LONGER_MINE}:
            return False
        raise
    job = Job(
        tools=tools,
        project=os.fsencode(me["project"]),
        settings=me["settings"],
        me=me,
        task=claim["task"],
        token=int(claim["token"]),
        checkpoint=claim["checkpoint"],
        dependencies=claim["dependencies"],
    )
    say(f"claimed {job.id}: {job.task['title']}")
    try:
        await _perform(job)
    except Refused as refused:
        if refused.code not in NO_LONGER_MINE:
            raise
        say(f"dropped {job.id}: {refused}")
    return True


async def _perform(job: Job) -> None:
    perform = JOBS.get(job.label)
    if perform is None:
        await job.fail(f"A survey has no part of this name. Tag the task with one of: {', '.join(JOBS)}.")
        return
    try:
        await perform(job)
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError, LookupError) as error:
        say(f"{job.id} failed: {error!r}")
        await job.tools.call(
            "task_fail", task_id=job.id, token=job.token, error=f"{type(error).__name__}: {error}"[:2000]
        )
        return
    say(f"handed in {job.id}")
    await _tell_judge(job)


async def _tell_judge(job: Job) -> None:
    """Send mail to who reviews; the judge would also find the task by itself."""
    try:
        await job.tools.call(
            "message_send",
            to=job.settings.get("judges", "role:judge"),
            kind="review",
            thread=job.id,
            body=f"{job.id} ({job.label}) waits for review, round {job.round + 1}.",
        )
    except Refused as refused:
        say(f"nobody to tell: {refused}")


if __name__ == "__main__":
    run(work)
