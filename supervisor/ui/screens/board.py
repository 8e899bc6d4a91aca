"""Board: is it getting done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from supervisor.model.task import BlockReason, Task, TaskState
from supervisor.ui.commands import Command
from supervisor.ui.keymap import bindings
from supervisor.ui.safe_text import first_line, safe
from supervisor.ui.scene import Scene
from supervisor.ui.screens.dialogs import LineDialog, confirm, judgement
from supervisor.ui.screens.pane import Pane
from supervisor.ui.view_models.board import COLUMNS, EMPTY, BoardModel, task_details
from supervisor.ui.view_models.rows import nothing_here
from supervisor.ui.view_models.words import why_blocked
from supervisor.ui.widgets.board_column import BoardColumn, column_title
from supervisor.ui.widgets.one_line import OneLine
from supervisor.ui.widgets.text_pane import TextPane


class BoardScreen(Pane):
    """The tasks in columns by state, and all of the chosen one."""

    BINDINGS = bindings("board")
    mode: ClassVar[str] = "board"

    def __init__(self) -> None:
        """Begin with no cards."""
        super().__init__()
        self._model = BoardModel()
        self._current = 0

    def parts(self) -> Iterable[Widget]:
        """Lay out five columns and the details."""
        with Horizontal(id="columns"):
            for number, (name, _) in enumerate(COLUMNS):
                with Vertical(classes="column"):
                    yield OneLine(column_title(name, 0), dom_id=f"title-{number}", classes="column-title")
                    yield BoardColumn(glyphs=self.desk.glyphs, dom_id=f"column-{number}")
        with Vertical(classes="details"):
            yield TextPane(dom_id="task")

    def paint(self, scene: Scene) -> None:
        """Show the cards and the chosen task."""
        columns = self._model.columns(scene, self.wanted)
        has_tasks = any(columns)
        for number, cards in enumerate(columns):
            self.query_one(f"#title-{number}", OneLine).show(column_title(COLUMNS[number][0], len(cards)))
            self._column(number).set_rows(cards)
        self.set_class(not has_tasks, "-no-tasks")
        self._leave_empty_column()
        self._mark_current()
        task = self.query_one("#task", TextPane)
        task.show(
            task_details(scene, self._key()) if has_tasks else nothing_here(EMPTY, self.wanted), self._key()
        )

    def _column(self, number: int) -> BoardColumn:
        return self.query_one(f"#column-{number}", BoardColumn)

    def _key(self) -> str | None:
        return self._column(self._current).key

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Follow the focus into another column."""
        for number in range(len(COLUMNS)):
            if event.widget is self._column(number) and number != self._current:
                self._current = number
                self.repaint()

    def _leave_empty_column(self) -> None:
        """Stand where there are cards, as long as the person has not gone anywhere."""
        current = self._current
        if not self._column(current).rows and self._column(current).has_focus:
            self._go_to_column(next((n for n in (2, 3, 1, 0, 4) if self._column(n).rows), current))

    def _go_to_column(self, number: int) -> None:
        if number != self._current:
            self._current = number
            self._column(number).focus()
            self._mark_current()

    def _mark_current(self) -> None:
        for number in range(len(COLUMNS)):
            column = self._column(number)
            if column.is_current != (number == self._current):
                column.is_current = number == self._current
                column.refresh()

    def action_column(self, step: int) -> None:
        """Go to the next column that has cards."""
        number = self._current + step
        while 0 <= number < len(COLUMNS):
            if self._column(number).rows:
                self._go_to_column(number)
                self.repaint()
                return
            number += step

    def action_add_task(self) -> None:
        """Add a task with a title; agents take it like any other."""

        def given(title: str | None) -> None:
            if title:
                self.post_message(Command("task_add", {"title": title}, done="Task added"))

        self.app.push_screen(LineDialog("New task", (), hint="what is to be done"), given)

    def _in_state(self, wanted: TaskState, why_not: str) -> Task | None:
        """Return the chosen task if it stands as wanted; else say why nothing can be done."""
        task: Task | None = self.desk.scene().world.tasks.get(self._key() or "")
        if task is not None and task.state is not wanted:
            self.say(f"{task.id} {why_not}")
            return None
        return task

    def action_unblock(self) -> None:
        """Free the chosen task, if it waits for a person."""
        task = self._in_state(TaskState.BLOCKED, "is not blocked")
        if task is None:
            return
        if BlockReason.NEEDS_HUMAN not in task.blocked_by:
            self.say(f"{task.id} does not wait for you: {why_blocked(task, task.depends_on)}")
            return
        self.post_message(Command("task_unblock", {"task_id": task.id}, done=f"Freed {task.id}"))

    def action_judge(self) -> None:
        """Judge the chosen task in place of a judge."""
        task = self._in_state(TaskState.IN_REVIEW, "is not under review")
        if task is not None:
            self.app.push_screen(judgement(task.id, task.title), lambda answer: self._judged(task.id, answer))

    def _judged(self, task_id: str, answer: str | None) -> None:
        if answer == "good":
            self._judge(task_id, "approve", "")
        elif answer == "back":
            self.app.push_screen(
                LineDialog(f"Send {task_id} back", (), hint="what falls short; the agent reads this"),
                lambda feedback: self._judge(task_id, "reject", feedback) if feedback else None,
            )

    def _judge(self, task_id: str, decision: str, feedback: str) -> None:
        args = {"task_id": task_id, "decision": decision, "feedback": feedback}
        self.post_message(Command("task_judge", args, done=f"Judged {task_id}"))

    def action_cancel_task(self) -> None:
        """Cancel the chosen task, if the person means it."""
        task = self.desk.scene().world.tasks.get(self._key() or "")
        if task is None:
            return
        if task.is_terminal:
            self.say(f"{task.id} has ended already")
            return
        text = [first_line(task.title)]
        if task.state is TaskState.IN_PROGRESS:
            text.append(safe(f"{task.holder} works on it and will be told to stop."))

        def answered(answer: str | None) -> None:
            if answer == "yes":
                args = {"task_id": task.id, "reason": "cancelled in the UI"}
                self.post_message(Command("task_cancel", args, done=f"Cancelled {task.id}"))

        self.app.push_screen(confirm(f"Cancel {task.id}?", *text, yes="Cancel the task"), answered)
