"""Inbox: what they tell each other, and what they ask of you."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.containers import Vertical
from textual.widget import Widget

from supervisor.model.ids import HUMAN
from supervisor.ui.commands import Command
from supervisor.ui.keymap import bindings
from supervisor.ui.scene import Scene
from supervisor.ui.screens.letters import write_letter
from supervisor.ui.screens.pane import Pane
from supervisor.ui.view_models.inbox import (
    ALL_MAIL,
    DEAD_MAIL,
    EMPTY,
    MAILBOX_COLUMNS,
    MESSAGE_COLUMNS,
    is_unread,
    mailbox_rows,
    message_details,
    message_rows,
)
from supervisor.ui.view_models.rows import nothing_here
from supervisor.ui.widgets.line_table import LineTable
from supervisor.ui.widgets.text_pane import TextPane


class InboxScreen(Pane):
    """All mailboxes, the chosen one's messages, and the chosen message."""

    BINDINGS = bindings("inbox")
    mode: ClassVar[str] = "inbox"

    def parts(self) -> Iterable[Widget]:
        """Lay out mailboxes, messages and the message."""
        glyphs = self.desk.glyphs
        yield LineTable(MAILBOX_COLUMNS, glyphs=glyphs, dom_id="mailboxes")
        with Vertical(id="mail"):
            yield LineTable(MESSAGE_COLUMNS, glyphs=glyphs, empty=EMPTY, dom_id="messages")
            with Vertical(classes="details"):
                yield TextPane(dom_id="message")

    def paint(self, scene: Scene) -> None:
        """Show the mailboxes, the chosen one and the chosen message."""
        mailboxes, messages = self.query_one("#mailboxes", LineTable), self.query_one("#messages", LineTable)
        mailboxes.set_rows(mailbox_rows(scene))
        messages.set_empty(nothing_here(EMPTY, self.wanted))
        messages.set_rows(message_rows(scene, mailboxes.key, self.wanted))
        self.query_one("#message", TextPane).show(message_details(scene, messages.key), messages.key)

    def _keys(self) -> tuple[str | None, str | None]:
        return self.query_one("#mailboxes", LineTable).key, self.query_one("#messages", LineTable).key

    def open_details(self) -> None:
        """Go from the mailboxes to the messages, and from there to the message."""
        if self.query_one("#mailboxes", LineTable).has_focus:
            self.query_one("#messages", LineTable).focus()
            self.add_class("-list")
        else:
            super().open_details()

    def action_write(self) -> None:
        """Write to the chosen mailbox's owner."""
        mailbox, _ = self._keys()
        nobodys = mailbox in {HUMAN, ALL_MAIL, DEAD_MAIL, None}
        write_letter(self, self.desk.scene(), to="" if nobodys else mailbox or "")

    def action_reply(self) -> None:
        """Answer the chosen message in its thread."""
        scene = self.desk.scene()
        message = scene.world.messages.get(self._keys()[1] or "")
        if message is not None:
            to = message.to if message.sender == HUMAN else message.sender
            write_letter(self, scene, to=to, thread=message.thread or message.id)

    def action_mark_read(self) -> None:
        """Acknowledge the chosen message, if it came to the person."""
        scene, message = self.desk.scene(), self._keys()[1]
        if message is None or not is_unread(scene, message, HUMAN):
            self.say("Only unread messages to you can be marked as read")
            return
        self.post_message(Command("ack", {"ids": [message]}, done=f"{message} is read"))
