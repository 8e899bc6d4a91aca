"""Dialogs. A person opens each of them; nothing an agent does ever opens one."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Label, TextArea

from supervisor.ui.keymap import PLACES, bindings, keys_of, spelled
from supervisor.ui.safe_text import SafeText, first_line, literal
from supervisor.ui.spans import BLANK, Line, Tone, line, say
from supervisor.ui.view_models.facts import heading
from supervisor.ui.widgets.text_pane import TextPane


@dataclass(frozen=True, slots=True)
class Choice:
    """One button: what it answers, what it says, and the letter that presses it."""

    answer: str
    label: str
    letter: str


class AskDialog(ModalScreen[str]):
    """Ask a question with a few answers; the last one is harmless and chosen beforehand."""

    BINDINGS = bindings("dialogs")
    AUTO_FOCUS = ""

    def __init__(self, title: str, text: tuple[SafeText, ...], choices: tuple[Choice, ...]) -> None:
        """Show a title, some lines and a button for each choice."""
        super().__init__()
        self._title, self._text, self._choices = title, text, choices

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        with Vertical(classes="dialog"):
            yield Label(literal(SafeText(self._title)), classes="dialog-title", markup=False)
            for text in self._text:
                yield Label(literal(text), classes="dialog-text", markup=False)
            with Horizontal(classes="dialog-buttons"):
                for choice in self._choices:
                    yield Button(_named(choice), id=f"choice-{choice.answer}", compact=True)

    def on_mount(self) -> None:
        """Stand on the harmless answer."""
        self.set_focus(self.query(Button).last())

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss((event.button.id or "").removeprefix("choice-"))

    def on_key(self, event: events.Key) -> None:
        """Answer by letter; arrows move between the buttons."""
        key = event.key
        if key in {"left", "right"}:
            (self.focus_previous if key == "left" else self.focus_next)()
        for choice in self._choices:
            if key == choice.letter:
                event.stop()
                self.dismiss(choice.answer)

    def action_cancel(self) -> None:
        """Give the harmless answer."""
        self.dismiss(self._choices[-1].answer)


def _named(choice: Choice) -> Content:
    return literal(SafeText(f"{choice.label} ({choice.letter})"))


def confirm(title: str, *text: SafeText, yes: str) -> AskDialog:
    """Ask whether to do something that cannot be undone."""
    return AskDialog(title, text, (Choice("yes", yes, "y"), Choice("no", "No", "n")))


def judgement(task_id: str, title: str) -> AskDialog:
    """Ask whether the result of a task is good."""
    choices = (Choice("good", "Good", "g"), Choice("back", "Send back", "b"), Choice("cancel", "Cancel", "c"))
    return AskDialog(f"Is {task_id} done well?", (first_line(title),), choices)


class LineDialog(ModalScreen[str | None]):
    """Ask for one line of text; with `expected`, only exactly that is taken."""

    BINDINGS = bindings("dialogs")

    def __init__(self, title: str, text: tuple[SafeText, ...], *, hint: str = "", expected: str = "") -> None:
        """Show a title, some lines and an input."""
        super().__init__()
        self._title, self._text, self._hint, self._expected = title, text, hint, expected

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        with Vertical(classes="dialog"):
            yield Label(literal(SafeText(self._title)), classes="dialog-title", markup=False)
            for text in self._text:
                yield Label(literal(text), classes="dialog-text", markup=False)
            yield Input(placeholder=self._hint, compact=True)
            yield Label(literal(SafeText("enter sends, esc cancels")), classes="dialog-hint", markup=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        words = event.value.strip()
        if not words or (self._expected and words != self._expected):
            self.app.bell()
            return
        self.dismiss(words)

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a person wrote."""

    to: str
    body: str
    urgent: bool = False


class Tick(Checkbox):
    """A box whose sign, not only its colour, tells whether it is ticked."""

    @property
    def _button(self) -> Content:
        return Content.styled("[x]" if self.value else "[ ]", self.get_visual_style("toggle--button"))


class ComposeDialog(ModalScreen[Letter | None]):
    """Write a message."""

    BINDINGS = bindings("letters")
    AUTO_FOCUS = ""

    def __init__(self, to: str, addresses: tuple[str, ...]) -> None:
        """Begin with an address filled in; `addresses` are those that exist."""
        super().__init__()
        self._to, self._addresses = to, addresses

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        with Vertical(classes="dialog wide"):
            yield Label(literal(SafeText("Write a message")), classes="dialog-title", markup=False)
            yield Input(
                self._to, placeholder="to: an agent, role:judge, group:NAME, all", id="to", compact=True
            )
            yield TextArea(
                id="body", soft_wrap=True, show_line_numbers=False, tab_behavior="focus", compact=True
            )
            yield Tick("urgent: the agent hears of it at its next call", id="urgent", compact=True)
            yield Label(
                literal(SafeText("ctrl+s or F2 sends, esc cancels. " + _known(self._addresses))),
                classes="dialog-hint",
                markup=False,
            )

    def on_mount(self) -> None:
        """Stand where the first word is missing."""
        self.set_focus(self.query_one("#body" if self._to else "#to"))

    @on(Input.Submitted)
    def _address_given(self) -> None:
        self.set_focus(self.query_one("#body"))

    def action_send(self) -> None:
        """Send it, unless something is missing."""
        to, body = self.query_one("#to", Input).value.strip(), self.query_one("#body", TextArea).text
        if to not in self._addresses:
            self.notify(
                f"There is no address of that name. {_known(self._addresses)}",
                severity="warning",
                markup=False,
            )
        elif body.strip():
            self.dismiss(Letter(to=to, body=body, urgent=self.query_one("#urgent", Checkbox).value))

    def action_cancel(self) -> None:
        """Close without sending."""
        self.dismiss(None)


def _known(addresses: tuple[str, ...]) -> str:
    shown = ", ".join(addresses[:12])
    return f"Known: {shown}{', ...' if len(addresses) > 12 else ''}"


class TextDialog(ModalScreen[None]):
    """Something to read that a person asked for."""

    BINDINGS = bindings("dialogs")

    def __init__(self, title: str, lines: tuple[Line, ...]) -> None:
        """Show a title and lines."""
        super().__init__()
        self._lines = (line(say(title, Tone.STRONG)), BLANK, *lines)

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        with Vertical(classes="dialog tall"):
            yield TextPane(dom_id="answer")

    def on_mount(self) -> None:
        """Show the lines."""
        pane = self.query_one(TextPane)
        pane.show(self._lines)
        self.set_focus(pane)

    def action_cancel(self) -> None:
        """Close."""
        self.dismiss(None)


class HelpDialog(ModalScreen[None]):
    """All keys of one screen."""

    BINDINGS = bindings("dialogs")

    def __init__(self, mode: str) -> None:
        """Show the keys of this screen first."""
        super().__init__()
        self._mode = mode

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        with Vertical(classes="dialog tall"):
            yield TextPane(dom_id="help")

    def on_mount(self) -> None:
        """Show the keys."""
        pane = self.query_one(TextPane)
        pane.show(help_lines(self._mode))
        self.set_focus(pane)

    def action_cancel(self) -> None:
        """Close."""
        self.dismiss(None)


_KEY_WIDTH = 16


def help_lines(mode: str) -> tuple[Line, ...]:
    """List the keys of a screen, then those of lists and texts, then those that work everywhere."""
    lines: list[Line] = []
    for title, keys in keys_of((mode, "screens", "everywhere", "lists", "texts")):
        lines += [*([BLANK] if lines else []), heading(title if title != PLACES[mode] else f"{title} screen")]
        lines += [
            line(say(spelled(key.keys).ljust(_KEY_WIDTH) + " ", Tone.STRONG), say(key.tooltip))
            for key in keys
        ]
    return tuple(lines)


QUIT_CHOICES: tuple[Choice, ...] = (
    Choice("stop", "Stop the team", "s"),
    Choice("leave", "Leave it running", "l"),
    Choice("cancel", "Cancel", "c"),
)
"""What can become of the team when the UI that started it is closed."""
