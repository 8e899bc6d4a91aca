"""Board: is it getting done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from textual import events
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from supervisor.model.task import BlockReason, Task, TaskState
from supervisor.ui.commands import Command, Inquiry
from supervisor.ui.keymap import bindings
from supervisor.ui.safe_text import SafeText, first_line, safe
from supervisor.ui.scene import Scene
from supervisor.ui.screens.dialogs import LineDialog, TextDialog, confirm, judgement
from supervisor.ui.screens.pane import Pane
from supervisor.ui.spans import BLANK
from supervisor.ui.view_models.board import COLUMNS, EMPTY, BoardModel, milestone_line
from supervisor.ui.view_models.rows import nothing_here
from supervisor.ui.view_models.task_details import task_details, why_lines
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
        """Lay out the milestones, five columns and the details."""
        with Vertical(id="work"):
            yield OneLine(dom_id="milestones")
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
        milestones = milestone_line(scene, self.wanted)
        self.query_one("#milestones", OneLine).show(milestones or BLANK)
        self.set_class(milestones is not None, "-milestones")
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
        task = self._chosen()
        if task is not None and task.state is not wanted:
            self.say(f"{task.id} {why_not}")
            return None
        return task

    def action_unblock(self) -> None:
        """Free the chosen task: at once if it waits for a person, else if the person means it."""
        task = self._in_state(TaskState.BLOCKED, "is not blocked")
        if task is None:
            return
        free = Command("task_unblock", {"task_id": task.id}, done=f"Freed {task.id}")
        if BlockReason.NEEDS_HUMAN in task.blocked_by:
            self.post_message(free)
            return
        forced = Command("task_unblock", {"task_id": task.id, "force": True}, done=f"Freed {task.id}")
        text = (why_blocked(task, task.depends_on), safe("It stays free: what it waits for is cut off."))
        self._ask(f"Free {task.id} by force?", *text, yes="Free it", command=forced)

    def action_hold(self) -> None:
        """Hold the chosen task, or lift its hold."""
        task = self._open_task()
        if task is None:
            return
        if BlockReason.HOLD in task.blocked_by:
            self.post_message(Command("task_unhold", {"task_id": task.id}, done=f"Let {task.id} go"))
            return

        def given(reason: str | None) -> None:
            if reason:
                args = {"task_id": task.id, "reason": reason}
                self.post_message(Command("task_hold", args, done=f"Held {task.id}"))

        text = (safe(f"{task.holder} works on it and loses it."),) if task.holder else ()
        self.app.push_screen(LineDialog(f"Hold {task.id}", text, hint="why"), given)

    def action_reopen(self) -> None:
        """Put the chosen task back to work, if it has ended and the person means it."""
        task = self._chosen()
        if task is None:
            return
        if not task.is_terminal:
            self.say(f"{task.id} has not ended")
            return
        args = {"task_id": task.id, "reason": "reopened in the UI"}
        text = (first_line(task.title), safe("What depends on it waits again."))
        command = Command("task_reopen", args, done=f"Reopened {task.id}")
        self._ask(f"Reopen {task.id}?", *text, yes="Reopen it", command=command)

    def action_assign(self) -> None:
        """Reserve the chosen task for an agent."""
        task = self._open_task()
        if task is None:
            return

        def given(name: str | None) -> None:
            if name:
                wanted = {
                    "assignee": name,
                    "required_role": task.required_role,
                    "required_tags": list(task.required_tags),
                    "required_group": task.required_group,
                    "work_role": task.work_role,
                }
                args = {"task_id": task.id, "assignment": wanted}
                self.post_message(Command("task_assign", args, done=f"Assigned {task.id} to {safe(name)}"))

        text = (safe(f"{task.holder} works on it and loses it."),) if task.holder else ()
        self.app.push_screen(LineDialog(f"Assign {task.id}", text, hint="an agent's name"), given)

    def action_why(self) -> None:
        """Ask the engine what keeps the chosen task from going on."""
        task = self._chosen()
        if task is not None:
            self.post_message(Inquiry("task_why", {"task_id": task.id}, partial(self._show_why, task.id)))

    def _show_why(self, task_id: str, answer: Mapping[str, Any]) -> None:
        """Show the answer, unless the person has gone elsewhere meanwhile."""
        if self.app.screen is self:
            self.app.push_screen(TextDialog(f"Why {task_id} stands where it does", why_lines(answer)))

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
        self._withdraw("task_cancel", "Cancel", "cancelled in the UI", yes="Cancel the task")

    def action_skip_task(self) -> None:
        """End the chosen task as not needed, if the person means it."""
        self._withdraw("task_skip", "Skip", "skipped in the UI", yes="Skip the task")

    def _withdraw(self, verb: str, word: str, reason: str, *, yes: str) -> None:
        task = self._open_task()
        if task is None:
            return
        text = [first_line(task.title)]
        if task.state is TaskState.IN_PROGRESS:
            text.append(safe(f"{task.holder} works on it and will be told to stop."))
        if below := self._open_below(task):
            text.append(safe(f"Its parts that are open end with it: {', '.join(below[:10])}"))
        done = "Cancelled" if verb == "task_cancel" else "Skipped"
        command = Command(verb, {"task_id": task.id, "reason": reason}, done=f"{done} {task.id}")
        self._ask(f"{word} {task.id}?", *text, yes=yes, command=command)

    def _open_below(self, task: Task) -> list[str]:
        """List the open tasks below this one, however deep."""
        above, found = {str(task.id)}, []
        for each in self.desk.scene().world.run_tasks():
            if each.parent in above:
                above.add(each.id)
                if not each.is_terminal:
                    found.append(str(each.id))
        return found

    def _chosen(self) -> Task | None:
        task: Task | None = self.desk.scene().world.tasks.get(self._key() or "")
        return task

    def _open_task(self) -> Task | None:
        """Return the chosen task if it has not ended; else say that it has."""
        task = self._chosen()
        if task is not None and task.is_terminal:
            self.say(f"{task.id} has ended already")
            return None
        return task

    def _ask(self, title: str, *text: SafeText, yes: str, command: Command) -> None:
        """Have something done if the person means it."""

        def answered(answer: str | None) -> None:
            if answer == "yes":
                self.post_message(command)

        self.app.push_screen(confirm(title, *text, yes=yes), answered)
