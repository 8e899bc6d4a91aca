"""The run as JUnit XML: one test case per task, and one per agent that did not come through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from supervisor.headless.narrative import ending
from supervisor.model.agent import Agent, AgentState
from supervisor.model.escape import visible
from supervisor.model.task import Task, TaskState
from supervisor.model.world import World

_LOST: Final = frozenset({AgentState.PARKED, AgentState.STUCK})


def junit_lines(world: World, team: str) -> Iterator[str]:
    """Yield the document line by line; foreign text is made visible and then escaped for XML."""
    tasks = world.run_tasks()
    lost = [agent for agent in world.agents.values() if agent.state in _LOST]
    failures = sum(1 for task in tasks if task.state is TaskState.FAILED or not task.is_terminal)
    skipped = sum(1 for task in tasks if task.state in {TaskState.CANCELLED, TaskState.SKIPPED})
    totals = (
        f'tests="{len(tasks) + len(lost)}" failures="{failures}" errors="{len(lost)}" skipped="{skipped}"'
    )
    name = _attribute(team)
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield f"<testsuites name={name} {totals}>"
    yield f'<testsuite name={name} {totals} time="{_total_s(tasks):.3f}">'
    for task in tasks:
        yield from _task_case(task, team)
    for agent in lost:
        yield from _agent_case(agent, team)
    yield "</testsuite>"
    yield "</testsuites>"


def _task_case(task: Task, team: str) -> Iterator[str]:
    spent = (task.finished_at or 0.0) - (task.started_at or task.finished_at or 0.0)
    name, group = _attribute(f"{task.id} {task.title}"), _attribute(f"{team}.tasks")
    yield f'<testcase name={name} classname={group} time="{max(0.0, spent):.3f}">'
    if task.state is TaskState.FAILED:
        yield _fault("failure", "failed", task.result or task.feedback)
    elif not task.is_terminal:
        why = ", ".join(reason.value for reason in task.blocked_by)
        yield _fault("failure", f"unfinished: {task.state.value}", why or task.action)
    elif task.state is not TaskState.DONE:
        yield f"<skipped message={_attribute(task.state.value)}/>"
    else:
        yield f"<system-out>{_text(task.result)}</system-out>"
    yield "</testcase>"


def _agent_case(agent: Agent, team: str) -> Iterator[str]:
    yield f'<testcase name={_attribute(agent.name)} classname={_attribute(f"{team}.agents")} time="0.000">'
    yield _fault("error", f"{agent.state.value}: {agent.reason or ending(agent)}", "")
    yield "</testcase>"


def _fault(element: str, message: str, body: str) -> str:
    return f"<{element} message={_attribute(message)}>{_text(body)}</{element}>"


def _attribute(text: str) -> str:
    return quoteattr(visible(text))


def _text(text: str) -> str:
    return escape(visible(text, newlines=True))


def _total_s(tasks: Iterable[Task]) -> float:
    starts = [task.started_at for task in tasks if task.started_at is not None]
    ends = [task.finished_at for task in tasks if task.finished_at is not None]
    return max(0.0, max(ends) - min(starts)) if starts and ends else 0.0
