"""Board: is it getting done. Cards in columns, and how far the milestones are."""

from __future__ import annotations

from typing import Final

from supervisor.model.event import Event
from supervisor.model.milestone import Milestone, MilestoneKind, MilestoneState
from supervisor.model.progress import progress
from supervisor.model.task import Task, TaskState
from supervisor.ui.glyphs import Glyphs
from supervisor.ui.safe_text import first_line, safe
from supervisor.ui.scene import Scene
from supervisor.ui.spans import Line, Span, Tone, line, say
from supervisor.ui.view_models.rows import Card
from supervisor.ui.view_models.words import (
    PRIORITY_TONES,
    bar,
    span_of_time,
    task_state,
    time_of_day,
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
_MILESTONES: Final = 3
"""How many milestones the line over the columns names."""


class BoardModel:
    """Sort tasks into columns of cards; a card is made anew only when its task or its blockers changed."""

    def __init__(self) -> None:
        """Begin with no cards."""
        self._cards: dict[str, tuple[object, Card]] = {}

    def columns(self, scene: Scene, wanted: str = "") -> tuple[tuple[Card, ...], ...]:
        """Return the cards of each column, in the order in which a reader wants them."""
        known = scene.world.milestones
        tasks = [
            task for task in scene.world.run_tasks() if matches(task, wanted, known.get(task.milestone or ""))
        ]
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


def matches(task: Task, wanted: str, milestone: Milestone | None = None) -> bool:
    """Tell whether the words of a filter are all found in what the task is called, where it is, or whose."""
    if not wanted:
        return True
    place = () if milestone is None else (milestone.id, milestone.name)
    track = f"track:{task.track}" if task.track else ""
    wave = f"wave:{task.wave}" if task.wave else ""
    people = (task.holder or "", task.assignee or "", task.author or "")
    text = " ".join((task.id, task.title, *task.tags, *people, *place, track, wave)).casefold()
    return all(word in text for word in wanted.casefold().split())


def milestone_line(scene: Scene, wanted: str = "") -> Line | None:
    """Tell how far the open milestones are, or those of the tasks shown; None without any."""
    shown: dict[str, list[Task]] = {}
    for task in scene.world.run_tasks():
        milestone = scene.world.milestones.get(task.milestone or "")
        is_meant = milestone is not None and (milestone.state is MilestoneState.OPEN or wanted)
        if milestone is not None and is_meant and matches(task, wanted, milestone):
            shown.setdefault(milestone.id, [])
    for task in scene.world.run_tasks():
        if task.milestone in shown:
            shown[task.milestone].append(task)
    spans: list[Span] = []
    for name, tasks in list(shown.items())[:_MILESTONES]:
        spans += [*_milestone(scene, scene.world.milestones[name], tasks), say("   ")]
    more = len(shown) - _MILESTONES
    return line(*spans, say(f"+{more}" if more > 0 else "", Tone.MUTED)) if spans else None


def _milestone(scene: Scene, milestone: Milestone, tasks: list[Task]) -> Line:
    so_far = progress(tasks)
    failed = so_far.counts.get("failed", 0)
    return line(
        say(f"{milestone.id} ", Tone.LINK),
        Span(first_line(milestone.name, 30), Tone.TITLE),
        say(f" cycle {milestone.cycle}" if milestone.kind is MilestoneKind.LOOP else "", Tone.MUTED),
        say(" "),
        *bar(so_far.percent, 100, _BAR, scene.glyphs),
        say(f" {so_far.percent}% {so_far.ended}/{so_far.total}", Tone.MUTED),
        say(f" {failed} failed" if failed else "", Tone.BAD),
    )


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
        say(f" c{task.complexity}" if task.complexity and not task.is_terminal else "", Tone.FAINT),
    )
    return Card(
        key=task.id, lines=(head, line(Span(first_line(task.title), tone)), _how_far(task, waits_for, glyphs))
    )


def _who(task: Task, glyphs: Glyphs) -> Line:
    if task.is_terminal:
        return (task_state(task.state, glyphs),)
    if task.state is TaskState.IN_PROGRESS:
        return line(Span(safe(task.holder or "?"), Tone.GOOD))
    if task.is_verifying:
        return line(say("its checks run", Tone.MUTED))
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
            say(f"ready {time_of_day(task.eta)[:5]}  " if task.eta else "", Tone.MUTED),
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
