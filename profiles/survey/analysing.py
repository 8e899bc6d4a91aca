"""The jobs that analyse: run an analysis in slices, with progress and checkpoints, and hand it in."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from agent import say
from analyses.analysis import Analysis
from analyses.churn import Churn
from analyses.dependencies import Dependencies
from analyses.duplicates import Duplicates
from analyses.functions import Functions
from analyses.imports import Imports
from analyses.size import Size
from analyses.tests_ratio import TestRatio
from analyses.todos import Todos
from effort import effort_for
from job import Job
from tree import list_tree

ANALYSES: Final[dict[str, type[Analysis]]] = {
    analysis.label: analysis
    for analysis in (Size, Functions, Imports, Churn, Todos, Duplicates, TestRatio, Dependencies)
}
SLICE_S: Final = 0.25
REPORT_EVERY_S: Final = 1.0
CHECKPOINT_EVERY_S: Final = 3.0
DETAILS: Final = "details"
START_AGAIN: Final = ("recount:", "shape:")
"""Words of a review after which nothing learnt before it is to be trusted."""


async def analyse(job: Job) -> None:
    """Do one analysis as deep as this round asks for, and hand in its findings."""
    effort = effort_for(job.round, job.task["feedback"], budget_s=float(job.settings.get("budget_s", "40")))
    analysis = ANALYSES[job.label](list_tree(job.project), effort)
    await _begin(job, analysis)
    await _run(job, analysis)
    findings = analysis.findings()
    if findings.details:
        await job.remember(DETAILS, findings.details_text())
    await job.complete(findings.result_text())


async def _begin(job: Job, analysis: Analysis) -> None:
    """Say how this round starts: afresh, from a checkpoint, or answering a review."""
    saved = job.state()
    feedback = str(job.task["feedback"])
    trusted = saved.get("round") == job.round or not any(word in feedback for word in START_AGAIN)
    if saved and trusted and analysis.restore(saved):
        await job.note(f"goes on at part {analysis.position} of {analysis.total}, from the checkpoint")
    if job.round:
        await job.note(
            f"round {job.round + 1}, with {analysis.effort.budget_s:g} s, because: {feedback[:2000]}"
        )
    say(f"{job.id} {job.label}: {analysis.total} parts, from {analysis.position}")


async def _run(job: Job, analysis: Analysis) -> None:
    """Advance until done or out of time; tell how far it is, and keep it."""
    end = time.monotonic() + analysis.effort.budget_s
    told = kept = time.monotonic()
    await job.progress(analysis.percent, f"{analysis.total} parts to do")
    while not analysis.is_complete and time.monotonic() < end:
        analysis.advance(SLICE_S)
        await asyncio.sleep(0)
        now = time.monotonic()
        if now - told >= REPORT_EVERY_S:
            told = now
            await job.progress(min(99, analysis.percent), f"part {analysis.position} of {analysis.total}")
        if now - kept >= CHECKPOINT_EVERY_S:
            kept = now
            await _keep(job, analysis)
    if not analysis.is_complete:
        await _keep(job, analysis)
    await job.progress(min(99, analysis.percent), "writing down what was found")


async def _keep(job: Job, analysis: Analysis) -> None:
    saved = analysis.saved()
    if saved is not None:
        await job.save(
            min(99, analysis.percent),
            saved | {"round": job.round},
            done=f"parts 1 to {analysis.position}",
            left=f"parts {analysis.position + 1} to {analysis.total}",
        )
