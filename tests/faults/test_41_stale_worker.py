"""A worker sleeps past its lease, another finishes the task, and the first reports success after all: its
report is refused by the token, told, and the task stays done once."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil

from supervisor.model.task import TaskState
from tests.acceptance.project import Project
from tests.faults.engines import kinds, python, with_leases

TAKES_S = 1.5
TASKS = 40

UNFENCED = """
from dataclasses import replace
from supervisor.coordinator import work

def believed(scope, actor, spelled, token):
    task = scope.task(spelled)
    scope.tx.tell("belief.given", task.id, actor="supervisor", token=token)
    return replace(task, holder=actor.name)

work.held_task = believed
work.checked_move = lambda task, to: None
"""


async def overtaken(project: Project, *program: str) -> tuple[str, str]:
    """Stop a worker until another has done its task; return who it was, and what came of its report."""
    with_leases(project, step_s=TAKES_S, tasks=TASKS, lease_s=3)
    project.start("run", str(project.profile), program=program or ("-m", "supervisor"))
    async with project.watched() as watcher:
        world = await watcher.until(lambda world: "T1" in world.tasks and world.tasks["T1"].holder)
        name = str(world.tasks["T1"].holder)
        process = psutil.Process(world.agents[name].pid)
        process.send_signal(signal.SIGSTOP)
        await watcher.until(lambda world: world.tasks["T1"].state is TaskState.DONE)
        process.send_signal(signal.SIGCONT)
        answer = reported(project, name)
        while not answer:
            assert process.is_running()
            answer = reported(project, name)
        seen = watcher.world.seq
        await watcher.until(lambda world: world.seq > seen + 3)
    assert project.run("down", "--now").returncode == 0
    return name, answer


def reported(project: Project, name: str) -> str:
    """Return what the engine answered to the late report; empty before."""
    log = (project.root / ".supervisor" / "logs" / f"{name}.log").read_text()
    _, found, answer = log.partition("handed in T1 by token 1: ")
    return answer.split("\n", 1)[0] if found else ""


async def test_its_report_is_refused_and_told(project: Project) -> None:
    name, answer = await overtaken(project)
    assert answer == "stale_token"
    events = await project.events()
    (finished,) = [event for event in kinds(events, "task.done") if event.subject == "T1"]
    assert finished.actor != name
    assert (finished.after["token"], finished.after["result"]) == (2, finished.actor)
    (late,) = kinds(events, "late_report.refused")
    assert (late.subject, late.after["tool"]) == (name, "task_complete")
    await project.check()


async def test_without_the_token_it_would_be_believed(project: Project, tmp_path: Path) -> None:
    """The canary."""
    name, answer = await overtaken(project, *python(UNFENCED, tmp_path / "unfenced.py"))
    assert answer == "taken"
    ends = [
        event.actor for event in await project.events() if (event.kind, event.subject) == ("task.done", "T1")
    ]
    assert len(ends) == 2
    assert ends[1] == name
