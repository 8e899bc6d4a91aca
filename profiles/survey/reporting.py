"""The job `report`: compose the report, ask for leave to write it, write it, hand in what was done."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from typing import Any, Final

from agent import read_mail, say
from commands import reproductions
from coordinator import Refused, wait_for
from findings import Findings
from git import GitFailed
from job import Job
from report import TITLE, Survey, compose
from risk_job import findings_of
from spelling import spell
from tree import REPORT, list_tree

PREVIEW: Final = 1500
MEMORY_KEY: Final = "report"
MEMORY_LIMIT: Final = 60 * 1024
UNDOABLE: Final = 1
IRREVERSIBLE: Final = 2


async def write_report(job: Job) -> None:
    """Write report.md if that is allowed; in any case keep its text in memory and say what happened."""
    survey = await _survey(job)
    text = compose(survey)
    await job.tools.call("memory_set", key=MEMORY_KEY, value=text[:MEMORY_LIMIT])
    await job.progress(50, "report composed; asking for leave to write it")
    content = text.encode()
    payload = {
        "path": REPORT.decode(),
        "replaces": replaced(job.project, REPORT),
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "preview": text[:PREVIEW],
    }
    approval = await _approval(job, payload)
    written, outcome = await _write_if_allowed(job, approval, payload, content)
    await job.complete(_result(survey, payload, written=written, outcome=outcome).result_text())
    await job.tools.call("message_send", to="human", kind="result", thread=job.id, body=outcome)


async def _survey(job: Job) -> Survey:
    found = findings_of(job.dependencies)
    risks = found.pop("risks", None)
    inventory: dict[str, Any] = await job.recall("inventory") or {}
    skipped: dict[str, str] = await job.recall("skipped") or {}
    tree = list_tree(job.project)
    if risks is not None and tree.digest != inventory.get("tree", tree.digest):
        risks.left_out.append(
            "files changed while the survey ran: figures may be of slightly different trees"
        )
    try:
        whole = not (tree.git and tree.git.run("rev-parse", "--show-prefix").strip())
    except GitFailed:
        whole = True
    return Survey(
        name=spell(os.path.basename(job.project.rstrip(b"/")) or b"/"),
        at=time.time(),
        run=int(job.me["run"]),
        inventory=inventory,
        found=found,
        risks=risks,
        skipped=skipped,
        whole_repository=whole,
    )


def replaced(directory: bytes, name: bytes) -> str:
    """Say what of other people's would be lost by writing this file; empty if nothing."""
    path = os.path.join(directory, name)
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return "something that is no plain file"
        with open(path, "rb") as file:
            begins = file.read(len(TITLE))
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return ""
    except OSError:
        return "a file that cannot be read"
    return "" if not size or begins == TITLE.encode() else f"a file of {size:,} bytes that no survey wrote"


async def _approval(job: Job, payload: dict[str, Any]) -> dict[str, Any]:
    """Ask for leave and return the request once it is answered.

    What would be lost for good raises its tier above what the profile allows unasked.
    """
    lost = payload["replaces"]
    title = f"Replace {lost} by {payload['path']}" if lost else f"Write {payload['path']}"
    asked = await job.tools.call(
        "approval_request",
        kind="write_file",
        title=f"{title} ({payload['bytes']:,} bytes)",
        payload=payload,
        tier=IRREVERSIBLE if lost else UNDOABLE,
        reason="The survey is done; this is its report.",
        task_id=job.id,
        idempotency_key=f"{job.id}-{job.token}-{job.me['incarnation']}",
    )
    approval: dict[str, Any] = asked["approval"]
    waiting = f"approval:{approval['id']}"
    while approval["state"] == "pending":
        await job.progress(60, f"waiting for the answer to {approval['id']}")
        if "mail" in await wait_for(job.tools, waiting, "mail"):
            await read_mail(job.tools)
        approval = (await job.tools.call("approval_get", approval_id=approval["id"]))["approval"]
    say(f"{approval['id']}: {approval['state']}")
    return approval


async def _write_if_allowed(
    job: Job, approval: dict[str, Any], payload: dict[str, Any], content: bytes
) -> tuple[bool, str]:
    """Use the approval and write; return whether it was written, and in a sentence what became of it."""
    kept = f"its text is in the team's memory under `{MEMORY_KEY}`"
    if approval["state"] != "approved":
        refusal = " ".join(filter(None, (approval["id"], "is", approval["state"] + ":", approval["answer"])))
        why = f"{refusal.rstrip(':')}; {kept}."
        if payload["replaces"]:
            there = f"{payload['path']} is {payload['replaces']}"
            return False, f"Not written: {there}. Move it away and survey again. {why}"
        return False, f"The report was not written: {why}"
    try:
        await job.tools.call("approval_use", approval_id=approval["id"], payload=payload)
        write_atomically(job.project, REPORT, content)
    except Refused as refused:
        if refused.code == "stale_token":
            raise
        return False, f"The report was not written: {refused}; {kept}."
    except OSError as error:
        return False, f"The report could not be written: {error.strerror}; {kept}."
    return True, f"{REPORT.decode()} is written: {len(content):,} bytes."


def write_atomically(directory: bytes, name: bytes, content: bytes) -> None:
    """Replace the file as a whole, so that a reader finds the old or the new one and never a part.

    A symlink of that name is replaced, not followed.
    """
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    draft = b".%s.draft" % name
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(draft, flags, 0o644, dir_fd=folder), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except OSError:
        _remove(draft, folder)
        raise
    finally:
        os.close(folder)


def _remove(name: bytes, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return


def _result(survey: Survey, payload: dict[str, Any], *, written: bool, outcome: str) -> Findings:
    reproduced = reproductions(survey.found, whole_repository=survey.whole_repository)
    return Findings(
        label="report",
        method="The results of the other tasks in one text, written as a whole, as it was approved.",
        figures={
            "path": payload["path"],
            "sha256": payload["sha256"],
            "bytes": payload["bytes"],
            "written": written,
            "outcome": outcome,
            "sections": len(survey.found),
            "skipped": len(survey.skipped),
        },
        evidence=[{"what": one.what, "figure": one.figure, "command": one.command} for one in reproduced],
        left_out=[] if written else [outcome],
    )
