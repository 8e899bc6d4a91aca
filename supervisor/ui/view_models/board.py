"""Board: is it getting done."""

from __future__ import annotations

from typing import Final

from supervisor.model.event import Event
from supervisor.model.task import Task, TaskState
from supervisor.ui.glyphs import Glyphs
from supervisor.ui.safe_text import first_line, safe
from supervisor.ui.scene import Scene
from supervisor.ui.spans import BLANK, Line, Span, Tone, line, say
from supervisor.ui.view_models.facts import fact, heading, paragraph
from supervisor.ui.view_models.rows import Card
from supervisor.ui.view_models.words import (
    PRIORITY_TONES,
    bar,
    left,
    span_of_time,
    task_state,
    time_of_day,
    when,
    why_blocked,
)

COLUMNS: Final = (
    ("blocked", frozenset({TaskState.BLOCKED})),
    ("pending", frozenset({TaskState.PENDING})),
    ("in progress", frozenset({TaskState.IN_PROGRESS})),
    ("in review", frozenset({TaskState.IN_REVIEW})),
    ("done", frozenset({TaskState.DONE, TaskState.FAILED, TaskState.CANCELLED, TaskState.SKIPPED})),
)

EMPTY: Final = (
    line(say("No tasks yet", Tone.TITLE)),
    line(say("Tasks appear here when a planner creates them.", Tone.MUTED)),
    line(say('Add one yourself: supervisor task add "TITLE"', Tone.MUTED)),
)

_BAR: Final = 8


class BoardModel:
    """Sort tasks into columns of cards; a card is made anew only when its task or its blockers changed."""

    def __init__(self) -> None:
        """Begin with no cards."""
        self._cards: dict[str, tuple[object, Card]] = {}

    def columns(self, scene: Scene, wanted: str = "") -> tuple[tuple[Card, ...], ...]:
        """Return the cards of each column, in the order in which a reader wants them."""
        tasks = [task for task in scene.world.run_tasks() if matches(task, wanted)]
        return tuple(
            tuple(
                self._card(scene, task) for task in _ordered([each for each in tasks if each.state in states])
            )
            for _, states in COLUMNS
        )

    def _card(self, scene: Scene, task: Task) -> Card:
        basis = (task, open_dependencies(scene, task) if task.state is TaskState.BLOCKED else ())
        known = self._cards.get(task.id)
        if known is not None and known[0] == basis:
            return known[1]
        card = _card_of(task, basis[1], scene.glyphs)
        self._cards[task.id] = (basis, card)
        return card


def matches(task: Task, wanted: str) -> bool:
    """Tell whether the words of a filter are all found in the task's id, title, tags or people."""
    if not wanted:
        return True
    text = " ".join(
        (task.id, task.title, *task.tags, task.holder or "", task.assignee or "", task.author or "")
    )
    return all(word in text.casefold() for word in wanted.casefold().split())


def _ordered(tasks: list[Task]) -> list[Task]:
    if tasks and tasks[0].is_terminal:
        failed_first = {TaskState.FAILED: 0}
        return sorted(tasks, key=lambda each: (failed_first.get(each.state, 1), -(each.finished_at or 0.0)))
    return sorted(tasks, key=lambda each: (each.priority, each.created_at, len(each.id), each.id))


def open_dependencies(scene: Scene, task: Task) -> tuple[str, ...]:
    """List the dependencies that have not ended yet."""
    known = scene.world.tasks
    return tuple(each for each in task.depends_on if each not in known or not known[each].is_terminal)


def _card_of(task: Task, waits_for: tuple[str, ...], glyphs: Glyphs) -> Card:
    sign = glyphs.priority[task.priority].strip()
    tone = Tone.MUTED if task.state in {TaskState.CANCELLED, TaskState.SKIPPED} else Tone.PLAIN
    head = line(
        say(f"{task.id} ", Tone.LINK),
        say(f"{sign} " if sign and not task.is_terminal else "", PRIORITY_TONES[task.priority]),
        *_who(task, glyphs),
    )
    return Card(
        key=task.id, lines=(head, line(Span(first_line(task.title), tone)), _how_far(task, waits_for, glyphs))
    )


def _who(task: Task, glyphs: Glyphs) -> Line:
    if task.is_terminal:
        return (task_state(task.state, glyphs),)
    if task.state is TaskState.IN_PROGRESS:
        return line(Span(safe(task.holder or "?"), Tone.GOOD))
    if task.state is TaskState.IN_REVIEW:
        return line(
            Span(safe(task.reviewer), Tone.NOTICE) if task.reviewer else say("no judge yet", Tone.MUTED)
        )
    return line(Span(safe(task.assignee or ""), Tone.MUTED))


def _how_far(task: Task, waits_for: tuple[str, ...], glyphs: Glyphs) -> Line:
    if task.state is TaskState.BLOCKED:
        return line(Span(why_blocked(task, waits_for), Tone.MUTED))
    if task.state is TaskState.IN_PROGRESS:
        return line(
            *bar(task.percent, 100, _BAR, glyphs),
            say(f" {task.percent}%  ", Tone.MUTED),
            Span(first_line(task.action, 80), Tone.FAINT),
        )
    if task.is_terminal:
        took = (
            span_of_time(task.finished_at - task.started_at) if task.finished_at and task.started_at else ""
        )
        return line(Span(safe(task.author or task.holder or ""), Tone.MUTED), say(f"  {took}", Tone.FAINT))
    if task.state is TaskState.IN_REVIEW:
        return line(say("by ", Tone.FAINT), Span(safe(task.author or "?"), Tone.MUTED))
    if task.review_round:
        return line(say(f"sent back {task.review_round}x", Tone.WARN))
    return line(Span(safe(" ".join(f"#{tag}" for tag in task.tags)), Tone.FAINT))


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
        *_text("description", task.description),
        *_list("criteria", task.criteria, scene.glyphs),
        *_dependencies(scene, task),
        *_text("feedback of the review", task.feedback),
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
        ("assignee", task.assignee),
        ("for role", task.required_role),
        ("reviewer", task.reviewer),
        ("review", f"needed, round {task.review_round + 1}" if task.review and not task.is_terminal else ""),
        ("failures", str(task.failures) if task.failures else ""),
        ("tags", ", ".join(task.tags)),
        ("part of", task.parent),
    )
    return tuple(fact(name, value) for name, value in given if value)


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
    after = [other for other in scene.world.run_tasks() if task.id in other.depends_on]
    lines: list[Line] = []
    if task.depends_on:
        lines += [BLANK, heading("needs"), *(_other(scene, each) for each in task.depends_on)]
    if after:
        lines += [BLANK, heading("needed by"), *(_other(scene, each.id) for each in after)]
    return tuple(lines)


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


def event_line(event: Event) -> Line:
    """Show one event: when, what, to what, by whom, why."""
    return line(
        say(f"{time_of_day(event.at)}  ", Tone.FAINT),
        Span(safe(event.kind.ljust(20)), Tone.PLAIN),
        say(" "),
        Span(safe(event.subject), Tone.LINK),
        say("  by ", Tone.FAINT),
        Span(safe(event.actor), Tone.MUTED),
        Span(safe(f"  {event.reason}" if event.reason else "", 300), Tone.MUTED),
    )
