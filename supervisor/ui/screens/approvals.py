"""Approvals: what needs me. Only here is anything decided, and only about the card that was painted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.containers import Vertical
from textual.widget import Widget

from supervisor.model.approval import HIGHEST_TIER
from supervisor.model.ids import HUMAN
from supervisor.model.question import Question
from supervisor.ui.commands import Command
from supervisor.ui.keymap import bindings
from supervisor.ui.safe_text import first_line, safe
from supervisor.ui.scene import Scene
from supervisor.ui.screens.dialogs import AskDialog, Choice, LineDialog
from supervisor.ui.screens.letters import write_letter
from supervisor.ui.screens.pane import Pane
from supervisor.ui.spans import BLANK, Line, Tone, line, say
from supervisor.ui.view_models.approvals import COLUMNS, EMPTY, Card, card_of, queue_rows
from supervisor.ui.view_models.inbox import is_unread
from supervisor.ui.view_models.questions import answer_to
from supervisor.ui.view_models.rows import nothing_here
from supervisor.ui.widgets.line_table import LineTable
from supervisor.ui.widgets.one_line import OneLine
from supervisor.ui.widgets.text_pane import TextPane

READ_ALL_FROM_TIER = 2
"""From this tier on the card's end must have been on screen before it can be approved."""
RULE_SHOWN = 1200
"""Characters of the longest rule that the dialog shows; a longer one is made at the command line."""
ALWAYS = frozenset({"agent", "pool"})


class ApprovalsScreen(Pane):
    """The queue of what waits for a person, and exactly what the chosen item would allow."""

    BINDINGS = bindings("approvals")
    mode: ClassVar[str] = "approvals"

    def __init__(self) -> None:
        """Begin without a card."""
        super().__init__()
        self._card: Card | None = None
        self._is_message = self._is_question = False
        self._read: tuple[str, str, str] | None = None

    def parts(self) -> Iterable[Widget]:
        """Lay out the queue and the card."""
        yield LineTable(COLUMNS, glyphs=self.desk.glyphs, empty=EMPTY, dom_id="queue")
        with Vertical(id="card-side"):
            yield TextPane(dom_id="card")
            yield OneLine(dom_id="decision")

    # Painting

    def paint(self, scene: Scene) -> None:
        """Show the queue and the chosen card; what is shown is what a key would answer."""
        queue, pane = self.query_one("#queue", LineTable), self.query_one("#card", TextPane)
        queue.set_empty(nothing_here(EMPTY, self.wanted))
        queue.set_rows(queue_rows(scene, self.wanted))
        self._card = card = card_of(scene, queue.key)
        pane.show(card.lines if card else (), card.identity if card else None)
        self._watch_card(pane)
        self._offer_what_works()

    def _watch_card(self, pane: TextPane) -> None:
        """Note what of the card can be seen at this moment: nothing else can be answered."""
        card = self._card
        self._watch_reading(pane)
        if card is not None and card.approval is not None and self._is_in_sight(pane):
            self.desk.arming.show(card.identity, self.desk.moment())
        else:
            self.desk.arming.hide()
        self._show_decision()

    def _is_in_sight(self, pane: TextPane) -> bool:
        """Tell whether the card is on the terminal: no dialog over it, room for it, nothing maximised."""
        return self.is_current and not self.is_too_small and pane.region.area > 0

    def _offer_what_works(self) -> None:
        """Let the footer name the keys that mean something for this kind of card."""
        is_message = self._card is not None and self._card.approval is None
        is_question = is_message and self._chosen_question() is not None
        if (is_message, is_question) != (self._is_message, self._is_question):
            self._is_message, self._is_question = is_message, is_question
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide what has no meaning for the card."""
        if action == "answer_message":
            return self._is_message
        if action == "mark_read":
            return self._is_message and not self._is_question
        return super().check_action(action, parameters)

    def beat(self) -> None:
        """Show when the keys become armed, also after a change of the layout."""
        self._watch_card(self.query_one("#card", TextPane))

    def on_screen_suspend(self) -> None:
        """Disarm the keys while the card is out of sight."""
        self.desk.arming.hide()

    def _watch_reading(self, pane: TextPane) -> None:
        if self._card is not None and pane.end_was_seen and self._is_in_sight(pane):
            self._read = self._card.identity

    def _must_read_on(self, card: Card) -> bool:
        return card.tier >= READ_ALL_FROM_TIER and self._read != card.identity

    def _show_decision(self) -> None:
        self.query_one("#decision", OneLine).show(self._decision_line())

    def _decision_line(self) -> Line:
        card = self._card
        if card is None or card.approval is None:
            return BLANK
        if card.refusal and not card.can_be_rejected:
            return line(say(f" {safe(card.refusal)}", Tone.MUTED))
        armed = self.desk.arming.is_armed(self.desk.moment())
        key, word = (Tone.STRONG, Tone.PLAIN) if armed else (Tone.FAINT, Tone.FAINT)
        approve = (say(" a", key), say(" approve once   ", word))
        if card.refusal:
            approve = (say(f" {safe(card.refusal)}   ", Tone.BAD), say(""))
        elif self._must_read_on(card):
            approve = (say(" space", Tone.STRONG), say(" reads on; approve at the end   ", Tone.NOTICE))
        return line(
            *approve,
            say("r", key),
            say(" reject   ", word),
            say("R", Tone.STRONG),
            say(" reject with a reason"),
            *(() if card.never_always else (say("   A", key), say(" always", word))),
        )

    # Deciding

    def _decidable(self) -> Card | None:
        """Return the painted card if this key press may answer it; else say why not."""
        card = self._open_card()
        if card is not None and not self.desk.arming.press_counts:
            self.say("Not counted: pause for a moment after the last key, then press again")
            return None
        return card

    def _open_card(self) -> Card | None:
        """Return the painted card if it can be answered at all; else say why not."""
        card, pane = self._card, self.query_one("#card", TextPane)
        if card is None or card.approval is None:
            self.say("Nothing to decide here")
        elif not self._is_in_sight(pane):
            self.say("Not counted: the card is not on screen")
        elif card.refusal and not card.can_be_rejected:
            self.say(card.refusal)
        else:
            return card
        return None

    def action_approve(self) -> None:
        """Allow exactly what is painted, once."""
        card = self._decidable()
        if card is None:
            return
        if card.refusal:
            self.say(card.refusal)
        elif self._must_read_on(card):
            self.say("Read the card to its end first (space)")
        elif card.tier >= HIGHEST_TIER:
            self._confirm_in_writing(card)
        else:
            self._answer(card, "approve")

    def action_reject(self) -> None:
        """Deny what is painted."""
        if card := self._decidable():
            self._answer(card, "reject")

    def action_always(self) -> None:
        """Ask whether exactly the painted act may pass from now on; the dialog shows the rule whole."""
        card = self._decidable()
        if card is None:
            return
        spelled = tuple(safe(f"{name}: {text}", RULE_SHOWN) for name, text in card.always)
        if card.refusal or card.never_always:
            self.say(card.refusal or f"Not always: {card.never_always}")
        elif self._must_read_on(card):
            self.say("Read the card to its end first (space)")
        elif sum(len(text) for _, text in card.always) > RULE_SHOWN:
            self.say(f"Too long to be shown here whole: supervisor approve {card.approval} --always")
        else:
            self.app.push_screen(
                AskDialog(
                    "Allow exactly this from now on, for 8 hours?",
                    spelled,
                    (
                        Choice("agent", "This agent", "t"),
                        Choice("pool", "Its pool", "p"),
                        Choice("no", "No", "n"),
                    ),
                ),
                lambda answer: self._answer(card, "approve", always=answer) if answer in ALWAYS else None,
            )

    def action_reject_with_reason(self) -> None:
        """Ask for a reason to deny what is painted; the key itself answers nothing and needs no arming."""
        if card := self._open_card():
            self.app.push_screen(
                LineDialog(
                    f"Reject {card.approval}", (first_line(card.title),), hint="why; the agent reads this"
                ),
                lambda reason: self._answer(card, "reject", reason) if reason else None,
            )

    def _confirm_in_writing(self, card: Card) -> None:
        words = f"approve {card.approval}"
        self.app.push_screen(
            LineDialog(
                "This cannot be undone",
                (first_line(card.title), safe(f"Type `{words}` to allow it once.")),
                expected=words,
            ),
            lambda typed: self._answer(card, "approve") if typed else None,
        )

    def _answer(self, card: Card, decision: str, reason: str = "", *, always: str | None = None) -> None:
        """Send the answer for this card and no other: its id and digest travel with it."""
        args = {"approval_id": card.approval, "digest": card.digest, "decision": decision, "reason": reason}
        if always is not None:
            args["always"] = always
        past = "Approved" if decision == "approve" else "Rejected"
        self.post_message(Command("answer", args, done=f"{past} {card.approval}"))

    # The rest

    def open_details(self) -> None:
        """Do nothing: enter never means anything here."""

    def action_read_on(self, half_pages: int) -> None:
        """Scroll the card."""
        pane = self.query_one("#card", TextPane)
        pane.action_scroll_pages(half_pages)
        self._watch_reading(pane)
        self._show_decision()

    def action_answer_message(self) -> None:
        """Answer the question or call for help that is chosen."""
        scene = self.desk.scene()
        if (question := self._chosen_question()) is not None:
            self._answer_question(question)
            return
        message = scene.world.messages.get(self._card.key if self._card else "")
        if message is not None:
            write_letter(self, scene, to=message.sender, thread=message.thread or message.id)

    def _chosen_question(self) -> Question | None:
        return self.desk.scene().world.questions.get(self._card.key if self._card else "")

    def _answer_question(self, question: Question) -> None:
        """Ask for the answer to exactly this question; its options are taken by number."""
        options = tuple(
            first_line(f"{number} {option}") for number, option in enumerate(question.options, start=1)
        )
        self.app.push_screen(
            LineDialog(
                f"Answer {question.id}",
                (first_line(question.question), *options),
                hint="words, or the number of an option" if options else "the agent reads this",
            ),
            lambda typed: self._send_answer(question, typed) if typed else None,
        )

    def _send_answer(self, question: Question, typed: str) -> None:
        args = answer_to(question, typed)
        self.post_message(Command("question_answer", args, done=f"Answered {question.id}"))

    def action_mark_read(self) -> None:
        """Acknowledge the question or call for help that is chosen."""
        key = self._card.key if self._card else ""
        if is_unread(self.desk.scene(), key, HUMAN):
            self.post_message(Command("ack", {"ids": [key]}, done=f"{key} is read"))
