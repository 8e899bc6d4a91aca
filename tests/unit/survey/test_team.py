"""The agents together: a survey from plan to report, and what happens when something goes wrong in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import analysing
import effort
from supervisor.coordinator import approvals, planning, steering
from supervisor.coordinator.planning import NewTask
from supervisor.model.approval import Mode
from tests.unit.survey.desk import Died, Survey, survey_team
from tests.unit.survey.project import Project
from tests.unit.survey.test_analyses import grow
from worker import work

EVERYBODY = ("worker-1", "worker-2", "worker-3", "judge", "reviewer-1", "reviewer-2", "reviewer-3")
LABELS = {
    "size",
    "churn",
    "functions",
    "tests",
    "duplicates",
    "imports",
    "todos",
    "dependencies",
    "risks",
    "report",
}


@pytest.fixture
async def survey(project: Project, tmp_path: Path) -> AsyncIterator[Survey]:
    grow(project)
    async with survey_team(project.root, tmp_path) as running:
        yield running


async def test_a_survey_goes_from_plan_to_report(survey: Survey, project: Project) -> None:
    await survey.plan()
    async with survey.at_work(*EVERYBODY):
        await survey.until_ended("report")
    tasks = await survey.tasks()
    report = (project.root / "report.md").read_bytes()

    assert {label: task["state"] for label, task in tasks.items()} == dict.fromkeys(LABELS, "done")
    assert json.loads(tasks["report"]["result"])["figures"]["sha256"] == hashlib.sha256(report).hexdigest()
    assert all(f"**{label}**" in report.decode() for label in LABELS - {"report"})
    assert {task["review_round"] for task in tasks.values()} == {0}


async def test_the_three_biggest_risks_are_voted_on_by_three_reviewers(survey: Survey) -> None:
    await survey.plan()
    async with survey.at_work(*EVERYBODY):
        await survey.until_ended("risks")
    votes = (await survey.tools("planner").call("vote_list"))["votes"]
    risks = json.loads((await survey.tasks())["risks"]["result"])["evidence"]

    assert [vote["state"] for vote in votes] == ["closed"] * 3
    assert [len(risk["ballots"]) for risk in risks[:3]] == [3, 3, 3]
    assert all(ballot["why"] for risk in risks[:3] for ballot in risk["ballots"])
    assert all(risk["outcome"] == "not voted on" for risk in risks[3:])


async def test_everybody_is_told_and_everything_is_acknowledged(survey: Survey) -> None:
    await survey.plan()
    async with survey.at_work(*EVERYBODY):
        await survey.until_ended("report")
    mails = await survey.team.store.read(lambda tx: tx.all("event.since", since=0, limit=10_000))
    kinds = [row["kind"] for row in mails if row["kind"].startswith("delivery.")]

    assert kinds.count("delivery.acked") >= 10


async def test_a_plan_made_twice_is_made_once(survey: Survey) -> None:
    await survey.plan()
    first = await survey.tasks()
    await survey.team.crash("planner")
    await survey.team.start("planner")
    await survey.plan()

    assert len((await survey.tools("planner").call("task_list"))["tasks"]) == len(LABELS)
    assert await survey.tasks() == first


async def test_a_planner_that_dies_half_way_is_completed_by_the_next(survey: Survey) -> None:
    tools = survey.tools("planner")

    async def die_at_the_fifth(tool: str, _arguments: dict[str, Any]) -> None:
        if tool == "task_create" and tools.calls.count(tool) == 5:
            raise Died

    tools.before = die_at_the_fifth
    from planner import plan_survey

    with pytest.raises(Died):
        await plan_survey(tools)
    await survey.team.crash("planner")
    await survey.team.start("planner")
    await survey.plan()
    tasks = await survey.tasks()

    assert set(tasks) == LABELS
    assert len(tasks["report"]["depends_on"]) == len(LABELS) - 1


async def test_the_next_worker_goes_on_from_the_checkpoint_of_a_killed_one(
    survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysing, "SLICE_S", 0)
    monkeypatch.setattr(analysing, "CHECKPOINT_EVERY_S", 0)
    await survey.plan()
    doomed = survey.tools("worker-1")

    async def die_after_three_parts(tool: str, _arguments: dict[str, Any]) -> None:
        if tool == "task_checkpoint" and doomed.calls.count(tool) == 4:
            raise Died

    doomed.before = die_after_three_parts
    with pytest.raises(Died):
        await work(doomed)  # type: ignore[arg-type]
    await survey.team.crash("worker-1")
    async with survey.at_work("worker-2", "judge"):
        await survey.until_ended("size")
    size = (await survey.tasks())["size"]
    notes = (await survey.tools("worker-2").call("task_get", task_id=size["id"]))["notes"]

    assert [note["body"] for note in notes] == ["goes on at part 3 of 9, from the checkpoint"]
    assert (size["state"], size["author"], size["failures"]) == ("done", "worker-2", 1)


async def test_votes_are_opened_once_though_their_opener_died(survey: Survey) -> None:
    await survey.plan()
    everybody_else = ("worker-2", "worker-3", "judge")
    async with survey.at_work(*everybody_else):
        await survey.until_ended(*(LABELS - {"risks", "report"}))
    doomed = survey.tools("worker-1")

    async def die_waiting(tool: str, arguments: dict[str, Any]) -> None:
        if tool == "wait" and "vote:V1" in arguments["for"]:
            raise Died

    doomed.before = die_waiting
    with pytest.raises(Died):
        await work(doomed)  # type: ignore[arg-type]
    await survey.team.crash("worker-1")
    async with survey.at_work("worker-2", "judge", "reviewer-1", "reviewer-2", "reviewer-3"):
        await survey.until_ended("risks")

    assert len((await survey.tools("planner").call("vote_list"))["votes"]) == 3


async def test_a_task_that_was_taken_away_is_dropped_and_work_goes_on(survey: Survey) -> None:
    await survey.plan()
    task_id = (await survey.tasks())["size"]["id"]
    tools = survey.tools("worker-1")

    async def cancelled_meanwhile(tool: str, arguments: dict[str, Any]) -> None:
        if tool == "task_complete" and arguments["task_id"] == task_id:
            await survey.team.do(lambda scope: steering.cancel_task(scope, None, task_id, "not wanted"))
        elif tool == "task_complete":
            tools.stop_requested = True

    tools.before = cancelled_meanwhile
    await work(tools)  # type: ignore[arg-type]
    tasks = await survey.tasks()

    assert tasks["size"]["state"] == "cancelled"
    assert [task["state"] for task in tasks.values()].count("in_review") == 1


async def test_a_denied_report_is_kept_and_said_so(project: Project, tmp_path: Path) -> None:
    async with survey_team(project.root, tmp_path, approvals=()) as survey:
        await survey.plan()
        async with survey.at_work(*EVERYBODY):
            await survey.until_ended("report")
        report = (await survey.tasks())["report"]
        kept = (await survey.tools("planner").call("memory_get", key="report"))["entry"]

    assert report["state"] == "done"
    assert "was not written: A1 is denied" in json.loads(report["result"])["figures"]["outcome"]
    assert kept["value"].startswith("# Survey of")
    assert not (project.root / "report.md").exists()


async def test_a_person_is_asked_and_the_report_waits_for_the_answer(
    project: Project, tmp_path: Path
) -> None:
    async with survey_team(project.root, tmp_path, mode=Mode.INTERACTIVE) as survey:
        await survey.plan()
        asked = survey.tools("worker-1")

        async def answer_while_it_waits(tool: str, arguments: dict[str, Any]) -> None:
            if tool == "wait" and "approval:A1" in arguments["for"]:
                assert not (project.root / "report.md").exists()
                request = await survey.team.do(lambda scope: approvals.own_approval(scope, asked.actor, "A1"))
                await survey.team.do(
                    lambda scope: approvals.answer(
                        scope, "A1", digest=request.digest, allow=True, reason="go"
                    )
                )

        asked.before = answer_while_it_waits
        async with survey.at_work("judge", "reviewer-1", "reviewer-2", "reviewer-3"):
            import asyncio

            async with asyncio.TaskGroup() as group:
                worker = group.create_task(work(asked))  # type: ignore[arg-type]
                await survey.until_ended("report")
                worker.cancel()

    assert (project.root / "report.md").read_text().startswith("# Survey of project")


async def test_somebody_elses_report_is_not_replaced_unasked(project: Project, tmp_path: Path) -> None:
    project.write("a.py", "1\n")
    project.write("report.md", "# What I wrote\n")
    async with survey_team(project.root, tmp_path) as survey:
        await survey.plan()
        async with survey.at_work(*EVERYBODY):
            await survey.until_ended("report")
        task = (await survey.tasks())["report"]

    assert (project.root / "report.md").read_text() == "# What I wrote\n"
    outcome = json.loads(task["result"])["figures"]["outcome"]
    assert outcome.startswith(
        "Not written: report.md is a file of 15 bytes that no survey wrote. Move it away"
    )
    assert "A1 is denied" in outcome


async def test_a_part_that_nobody_knows_fails_with_a_hint(survey: Survey) -> None:
    wanted = NewTask(title="Paint the fence", tags=("fence",), priority="critical")
    await survey.team.do(lambda scope: planning.create_task(scope, None, wanted))
    tools = survey.tools("worker-1")

    async def stop_after(tool: str, _arguments: dict[str, Any]) -> None:
        tools.stop_requested |= tool == "task_fail"

    tools.before = stop_after
    await work(tools)  # type: ignore[arg-type]
    task = (await survey.tasks())["fence"]

    assert task["state"] == "failed"
    assert "Tag the task with one of: size" in task["feedback"]


async def test_too_shallow_a_look_is_sent_back_and_done_deeper(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = {**(effort.Effort.__init__.__kwdefaults__ or {}), "blamed_files": 1}
    monkeypatch.setattr(effort.Effort.__init__, "__kwdefaults__", defaults)
    project.git("init", "-q")
    for number in range(4):
        project.write(f"{number}.py", "# TODO\n" * 10)
    project.commit()
    async with survey_team(project.root, tmp_path) as survey:
        await survey.plan()
        async with survey.at_work("worker-1", "worker-2", "judge"):
            await survey.until_ended("todos")
        task = (await survey.tasks())["todos"]
        notes = (await survey.tools("worker-2").call("task_get", task_id=task["id"]))["notes"]

    assert (task["state"], task["review_round"]) == ("done", 1)
    assert json.loads(task["result"])["figures"]["dated"] == 40
    assert "coverage: 14 of 44 parts done" in notes[-1]["body"]


async def test_what_cannot_be_reached_in_time_is_told_and_accepted_at_the_second_attempt(
    project: Project, tmp_path: Path
) -> None:
    project.write("a.py", "1\n")
    async with survey_team(project.root, tmp_path, settings={"budget_s": "0"}) as survey:
        await survey.plan()
        async with survey.at_work(*EVERYBODY):
            await survey.until_ended("report")
        tasks = await survey.tasks()

    assert (tasks["size"]["state"], tasks["size"]["review_round"]) == ("done", 1)
    assert "1 of 1 files: not reached within 0 s" in (project.root / "report.md").read_text()


async def test_an_empty_directory_is_surveyed_too(project: Project, tmp_path: Path) -> None:
    async with survey_team(project.root, tmp_path) as survey:
        await survey.plan()
        async with survey.at_work(*EVERYBODY):
            await survey.until_ended("report")
        tasks = await survey.tasks()

    assert {label: task["state"] for label, task in tasks.items()} == dict.fromkeys(
        ("size", "risks", "report"), "done"
    )
    assert "nothing to measure" in (project.root / "report.md").read_text()


async def test_a_reviewer_abstains_on_a_question_of_somebody_else(survey: Survey) -> None:
    vote = (
        await survey.tools("planner").call(
            "vote_open", question="Tea or coffee?", options=["tea", "coffee"], electorate=["group:reviewers"]
        )
    )["vote"]
    async with survey.at_work("reviewer-1", "reviewer-2", "reviewer-3"):
        await survey.tools("planner").call("wait", **{"for": [f"vote:{vote['id']}"]})
    tally = (await survey.tools("planner").call("vote_get", vote_id=vote["id"]))["tally"]

    assert tally == {"tea": 0, "coffee": 0, "abstain": 3}
