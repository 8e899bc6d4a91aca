"""One task whole: what, for whom, why it waits, what was said and done; and the answer to why it waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supervisor.model.progress import progress
from supervisor.model.task import EdgePolicy, Gate, Join, Task, TaskState
from supervisor.ui.glyphs import Glyphs
from supervisor.ui.safe_text import first_line, safe
from supervisor.ui.scene import Scene
from supervisor.ui.spans import BLANK, Line, Span, Tone, line, say
from supervisor.ui.view_models.board import event_line, open_dependencies
from supervisor.ui.view_models.facts import fact, heading, paragraph
from supervisor.ui.view_models.words import bar, left, task_state, time_of_day, when, why_blocked


def task_details(scene: Scene, task_id: str | None) -> tuple[Line, ...]:
    """Describe one task whole: what, for whom, why it waits, what was said and done."""
    task = scene.world.tasks.get(task_id or "")
    if task is None:
        return (line(say("Choose a task to see all of it.", Tone.MUTED)),)
    return (
        line(say(f"{task.id}  ", Tone.LINK), Span(safe(task.title), Tone.STRONG)),
        line(*_state_and_bar(task, scene)),
        BLANK,
        *_facts(scene, task),
        *_plan_facts(scene, task),
        *_text("description", task.description),
        *_text("instructions", task.instructions),
        *_list(f"criteria ({len(task.criteria)})", task.criteria, scene.glyphs),
        *_dependencies(scene, task),
        *_board(scene, task),
        *_text("feedback of the review" if task.review_round else "feedback", task.feedback),
        *_list("issues", task.issues, scene.glyphs),
        *_text("result", task.result),
        *_checkpoint(scene, task),
        *_notes(scene, task),
        *_history(scene, task),
    )


def _state_and_bar(task: Task, scene: Scene) -> Line:
    spans = [task_state(task.state, scene.glyphs)]
    if task.state is TaskState.BLOCKED:
        spans.append(say(f"  {why_blocked(task, open_dependencies(scene, task))}", Tone.MUTED))
    if task.percent and not task.is_terminal:
        spans += [
            say("  "),
            *bar(task.percent, 100, 16, scene.glyphs),
            say(f" {task.percent}%  "),
            Span(first_line(task.action), Tone.MUTED),
        ]
    return tuple(spans)


def _facts(scene: Scene, task: Task) -> tuple[Line, ...]:
    now = scene.now
    given = (
        ("priority", task.priority.name.lower()),
        ("created", f"{when(task.created_at, now)} by {task.creator or '?'}"),
        (
            "holder",
            f"{task.holder}, lease ends in {left(task.lease_until, now)}"
            if task.holder and task.lease_until
            else task.holder,
        ),
        ("author", task.author),
        ("ready", when_due(task.eta, now)),
        ("assignee", task.assignee),
        ("for", _asked_for(task)),
        ("reviewer", task.reviewer),
        ("review", _review(task)),
        ("failures", _failures(task)),
        ("because", task.block_note),
        ("complexity", f"{task.complexity} of 10" if task.complexity else ""),
        ("tags", ", ".join(task.tags)),
        ("part of", task.parent),
    )
    return tuple(fact(name, value) for name, value in given if value)


def _plan_facts(scene: Scene, task: Task) -> tuple[Line, ...]:
    milestone = scene.world.milestones.get(task.milestone or "")
    if milestone is None:
        return ()
    so_far = progress(each for each in scene.world.run_tasks() if each.milestone == milestone.id)
    how_far = f"{so_far.percent}%, {so_far.ended} of {so_far.total} ended"
    given = (
        ("milestone", f"{milestone.id} {milestone.name}, {how_far}"),
        ("cycle", str(task.cycle) if task.cycle > 1 else ""),
        ("track", f"{task.track}, order {task.order}" if task.track else ""),
        ("wave", str(task.wave) if task.wave else ""),
    )
    return tuple(fact(name, value) for name, value in given if value)


def when_due(moment: float | None, now: float) -> str:
    """Say when something is expected: a time of day, and how long until then; empty if never."""
    if not moment:
        return ""
    return (
        f"{time_of_day(moment)} (in {left(moment, now)})"
        if moment > now
        else f"was due {time_of_day(moment)}"
    )


def _asked_for(task: Task) -> str:
    parts = (
        f"role {task.required_role}" if task.required_role else "",
        f"group {task.required_group}" if task.required_group else "",
        f"tags {', '.join(task.required_tags)}" if task.required_tags else "",
        f"as {task.work_role}" if task.work_role else "",
    )
    return ", ".join(part for part in parts if part)


def _review(task: Task) -> str:
    if not task.review or task.is_terminal:
        return ""
    by = ", by a person" if task.gate is Gate.HUMAN else ""
    votes = f", {len(task.approved_by)} of {task.approvals_needed}" if task.approvals_needed > 1 else ""
    return f"needed, round {task.review_round + 1}{by}{votes}"


def _failures(task: Task) -> str:
    kind = f", {task.error_class.value}" if task.error_class else ""
    return f"{task.failures}{kind}" if task.failures else ""


def _board(scene: Scene, task: Task) -> tuple[Line, ...]:
    board = scene.world.tables["board"].get(task.id)
    if board is None or not board.text.strip():
        return ()
    said = line(say(f"{time_of_day(board.at)} ", Tone.FAINT), Span(safe(board.author), Tone.MUTED))
    return (BLANK, heading("board"), said, *paragraph(board.text, lead="  "))


def _text(title: str, text: str) -> tuple[Line, ...]:
    return (BLANK, heading(title), *paragraph(text)) if text.strip() else ()


def _list(title: str, items: tuple[str, ...], glyphs: Glyphs) -> tuple[Line, ...]:
    if not items:
        return ()
    return (
        BLANK,
        heading(title),
        *(line(say(f"{glyphs.dot} ", Tone.FAINT), Span(safe(item))) for item in items),
    )


def _dependencies(scene: Scene, task: Task) -> tuple[Line, ...]:
    tasks = scene.world.run_tasks()
    after = [other for other in tasks if task.id in other.depends_on]
    below = [other for other in tasks if other.parent == task.id]
    lines: list[Line] = []
    if task.depends_on:
        lines += [BLANK, heading("needs"), *(_needed(scene, task, each) for each in task.depends_on)]
    if task.reopened_inputs:
        names = ", ".join(task.reopened_inputs)
        lines.append(line(say(f"{names} was reopened after this was begun", Tone.WARN)))
    if below:
        head = "children" if task.join is Join.ALL else "children, one is enough"
        lines += [BLANK, heading(head), *(_other(scene, each.id) for each in below)]
    if after:
        lines += [BLANK, heading("needed by"), *(_other(scene, each.id) for each in after)]
    return tuple(lines)


def _needed(scene: Scene, task: Task, needed: str) -> Line:
    policy = task.policy_of(needed)
    said = _other(scene, needed)
    return said if policy is EdgePolicy.DONE else line(*said, say(f"  ({policy.value})", Tone.FAINT))


def _other(scene: Scene, task_id: str) -> Line:
    task = scene.world.tasks.get(task_id)
    if task is None:
        return line(Span(safe(task_id), Tone.LINK), say(" unknown", Tone.BAD))
    return line(
        say(f"{task.id} ", Tone.LINK),
        task_state(task.state, scene.glyphs),
        say("  "),
        Span(first_line(task.title)),
    )


def _checkpoint(scene: Scene, task: Task) -> tuple[Line, ...]:
    checkpoint = scene.world.tables["checkpoint"].get(task.id)
    if checkpoint is None or task.is_terminal:
        return ()
    return (
        BLANK,
        heading(f"checkpoint at {checkpoint.percent}%"),
        *(line(say(f"{scene.glyphs.tick} ", Tone.GOOD), Span(safe(each))) for each in checkpoint.completed),
        *(
            line(say(f"{scene.glyphs.dot} ", Tone.FAINT), Span(safe(each), Tone.MUTED))
            for each in checkpoint.remaining
        ),
    )


def _notes(scene: Scene, task: Task) -> tuple[Line, ...]:
    notes = scene.world.notes_of(task.id)
    lines: list[Line] = []
    for note in notes:
        lines.append(line(say(f"{time_of_day(note.at)} ", Tone.FAINT), Span(safe(note.author), Tone.MUTED)))
        lines += paragraph(note.body, lead="  ")
    return (BLANK, heading("notes"), *lines) if notes else ()


def _history(scene: Scene, task: Task) -> tuple[Line, ...]:
    events = [event for event in scene.recent if event.noun == "task" and event.subject == task.id][-12:]
    return (BLANK, heading("lately"), *map(event_line, events)) if events else ()


def why_lines(answer: Mapping[str, Any]) -> tuple[Line, ...]:
    """Spell what an engine answers to why a task does not go on: each cause, and what would help."""
    lines: list[Line] = []
    for each in answer.get("reasons", ()):
        head = safe(str(each.get("reason", "")).replace("_", " "))
        lines += [*([BLANK] if lines else []), line(Span(head, Tone.TITLE))]
        lines += paragraph(str(each.get("detail", "")))
        if helping := str(each.get("help", "")):
            lines += paragraph(helping, Tone.MUTED)
    return tuple(lines) or (line(say("Nothing stands in its way.", Tone.GOOD)),)
