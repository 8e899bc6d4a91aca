"""One task in full, as lines: what, for whom, why it waits, what was said and done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervisor.cli.check_options import check_lines
from supervisor.cli.output import duration, indented, now
from supervisor.model.escape import visible

if TYPE_CHECKING:
    from supervisor.model.event import Event
    from supervisor.model.task import Checkpoint, Note, Task
    from supervisor.model.world import World


def why_blocked(task: Task) -> str:
    """Say why a task waits: `dependency: T1, T2`."""
    reasons = ", ".join(reason.value.replace("_", " ") for reason in task.blocked_by)
    return f"{reasons}: {', '.join(task.depends_on)}" if task.depends_on else reasons


def facts_from(world: World, wanted: str) -> dict[str, Any]:
    """Gather what an engine would answer, without the history, from the state on disk."""
    from supervisor.errors import NotFound
    from supervisor.model.wire import to_wire

    found = world.tasks.get(wanted)
    if found is None:
        raise NotFound(f"there is no task {wanted}. See `supervisor task list`")
    tasks = world.tasks.values()
    return {
        "task": to_wire(found),
        "notes": to_wire(world.notes_of(wanted)),
        "board": to_wire(world.tables["board"].get(wanted)),
        "checkpoint": to_wire(world.tables["checkpoint"].get(wanted)),
        "dependencies": [to_wire(world.tasks[each]) for each in found.depends_on if each in world.tasks],
        "children": [to_wire(each) for each in tasks if each.parent == wanted],
        "dependents": [to_wire(each) for each in tasks if wanted in each.depends_on],
        "evidence": to_wire(world.evidence_of(found)),
        "events": [],
    }


def task_page(facts: dict[str, Any]) -> list[str]:
    """Spell one task in full, from what an engine or `facts_from` answers."""
    from supervisor.model.evidence import Evidence
    from supervisor.model.task import Checkpoint, Note, Task
    from supervisor.model.wire import from_wire

    shown = from_wire(Task, facts["task"])
    lines = [f"{shown.id}  {shown.title}", *_standing(shown), *_place(shown)]
    if shown.description:
        lines += ["", *indented(shown.description)]
    lines += listed("instructions", [shown.instructions] if shown.instructions else [])
    lines += listed("criteria", [f"- {each}" for each in shown.criteria])
    told = [from_wire(Evidence, each) for each in facts.get("evidence", ())]
    lines += listed("checks", check_lines(shown, told))
    lines += listed("depends on", [_needed(shown, from_wire(Task, each)) for each in facts["dependencies"]])
    lines += listed("children", [_short(from_wire(Task, each)) for each in facts.get("children", ())])
    lines += listed("needed by", [_short(from_wire(Task, each)) for each in facts["dependents"]])
    board = facts.get("board")
    lines += listed(f"board of {board['author']}", [board["text"]]) if board else []
    lines += listed("notes", [_note(from_wire(Note, each)) for each in facts["notes"]])
    if facts["checkpoint"] is not None:
        lines += _checkpoint(from_wire(Checkpoint, facts["checkpoint"]))
    lines += listed("review said", [shown.feedback] if shown.feedback else [])
    lines += listed("issues", [f"- {each}" for each in shown.issues])
    lines += listed("result", [shown.result] if shown.result else [])
    return lines + _history(facts["events"])


def _standing(task: Task) -> list[str]:
    percent = f"{task.percent}% {task.action}" if task.percent or task.action else None
    return _facts(
        {
            "state": f"{task.state.value}{_why(task)}",
            "because": task.block_note,
            "priority": task.priority.name.lower(),
            "complexity": f"{task.complexity} of 10" if task.complexity else None,
            "held by": task.holder,
            "worked on by": task.author,
            "reviewed by": task.reviewer,
            "reserved for": task.assignee,
            "for": _asked_for(task),
            "review": _review(task),
            "progress": percent,
            "ready in": _left(task.eta),
            "not before": _left(task.not_before),
            "took": duration(task.duration_s) if task.duration_s is not None else None,
            "failed with": task.error_class.value if task.error_class else None,
        }
    )


def _why(task: Task) -> str:
    if task.is_verifying:
        return " (its checks run)"
    return f" ({why_blocked(task)})" if task.blocked_by else ""


def _place(task: Task) -> list[str]:
    attempts = f"{task.token} (failures {task.failures}, given back {task.releases})" if task.token else None
    track = f"{task.track}, order {task.order}" if task.track else None
    return _facts(
        {
            "milestone": task.milestone,
            "cycle": str(task.cycle) if task.cycle > 1 else None,
            "track": track,
            "wave": str(task.wave) if task.wave else None,
            "key": task.key,
            "part of": task.parent,
            "begun before": f"{', '.join(task.reopened_inputs)} was reopened" if task.reopened_inputs else "",
            "tags": ", ".join(task.tags),
            "attempts": attempts,
            "created by": f"{task.creator}, {duration(now() - task.created_at)} ago",
        }
    )


def _facts(facts: dict[str, str | None]) -> list[str]:
    return [f"  {name:<13} {fact}" for name, fact in facts.items() if fact]


def _asked_for(task: Task) -> str:
    parts = (
        f"role {task.required_role}" if task.required_role else "",
        f"group {task.required_group}" if task.required_group else "",
        f"tags {', '.join(task.required_tags)}" if task.required_tags else "",
        f"as {task.work_role}" if task.work_role else "",
    )
    return "; ".join(part for part in parts if part)


def _review(task: Task) -> str | None:
    if not task.review:
        return None
    by = "a person approves it" if task.gate.value == "human" else "a judge approves it"
    return by if task.approvals_needed == 1 else f"{len(task.approved_by)} of {task.approvals_needed} approve"


def _left(moment: float | None) -> str | None:
    return None if moment is None or moment <= now() else duration(moment - now())


def listed(head: str, items: list[str]) -> list[str]:
    """Set items in under a head; nothing without items."""
    lines = [line for item in items for line in indented(item)]
    return ["", f"  {head}:", *lines] if lines else []


def _short(task: Task) -> str:
    return visible(f"{task.id} {task.state.value}  {task.title}")


def _needed(task: Task, other: Task) -> str:
    policy = task.policy_of(other.id).value
    return _short(other) if policy == "done" else f"{_short(other)}  (must be: {policy})"


def _note(note: Note) -> str:
    return f"{note.author}: {note.body}"


def _checkpoint(checkpoint: Checkpoint) -> list[str]:
    done = [f"done: {each}" for each in checkpoint.completed]
    left = [f"left: {each}" for each in checkpoint.remaining]
    return listed(f"checkpoint of {checkpoint.author}, {checkpoint.percent}%", [*done, *left])


def _history(events: list[Any]) -> list[str]:
    from supervisor.cli.event_verbs import event_line
    from supervisor.model.event import Event
    from supervisor.model.wire import from_wire

    told: list[Event] = [from_wire(Event, each) for each in events]
    return listed("history", [event_line(event) for event in told])
