"""Every key, as data: what the screens bind, what help shows and what `docs/keys.md` lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of one place. `id` names it for rebinding, `shown` puts it into the footer.

    A key that `decides` leads to an answer: it works on the card alone, not even from the palette.
    """

    id: str
    keys: str
    action: str
    description: str
    tooltip: str
    shown: bool = False
    label: str | None = None
    decides: bool = False

    def binding(self) -> Binding:
        """Return it as the toolkit wants it."""
        return Binding(
            self.keys,
            self.action,
            self.description,
            show=self.shown,
            key_display=self.label,
            tooltip=self.tooltip,
            id=self.id,
        )


PLACES: Final = {
    "everywhere": "Everywhere",
    "screens": "On every screen",
    "lists": "In lists",
    "texts": "In texts",
    "fleet": "Fleet",
    "board": "Board",
    "inbox": "Inbox",
    "votes": "Votes",
    "logs": "Logs",
    "approvals": "Approvals",
    "letters": "Writing a message",
    "dialogs": "In dialogs",
}

SCREENS: Final = ("fleet", "board", "inbox", "votes", "logs", "approvals")

KEYMAP: Final[dict[str, tuple[Key, ...]]] = {
    "everywhere": (
        Key(
            id="go.fleet",
            keys="1",
            action="go('fleet')",
            description="Fleet",
            tooltip="Who is doing what, who is stuck",
        ),
        Key(id="go.board", keys="2", action="go('board')", description="Board", tooltip="Is it getting done"),
        Key(
            id="go.inbox",
            keys="3",
            action="go('inbox')",
            description="Inbox",
            tooltip="What they tell each other, and you",
        ),
        Key(
            id="go.votes",
            keys="4",
            action="go('votes')",
            description="Votes",
            tooltip="What they decided, and why",
        ),
        Key(id="go.logs", keys="5", action="go('logs')", description="Logs", tooltip="What exactly happened"),
        Key(
            id="go.approvals",
            keys="6",
            action="go('approvals')",
            description="Approvals",
            tooltip="What needs you",
        ),
        Key(
            id="pause",
            keys="p",
            action="pause_display",
            description="Pause",
            tooltip="Hold the display still; the agents go on",
        ),
        Key(
            id="help",
            keys="question_mark,f1",
            action="help",
            description="Help",
            tooltip="All keys of this screen",
            shown=True,
            label="?",
        ),
        Key(
            id="palette",
            keys="colon,ctrl+p",
            action="command_palette",
            description="Commands",
            tooltip="Find an action by name; those of another screen are done there",
            shown=True,
            label=":",
        ),
        Key(
            id="suspend",
            keys="ctrl+z",
            action="suspend_process",
            description="Suspend",
            tooltip="Go back to the shell, `fg` comes back; the team goes on",
        ),
        Key(
            id="quit",
            keys="ctrl+q,ctrl+c",
            action="leave",
            description="Quit",
            tooltip="Close the UI; asks whether the team goes on",
            shown=True,
            label="^q",
        ),
    ),
    "screens": (
        Key(
            id="filter",
            keys="slash",
            action="filter",
            description="Filter",
            tooltip="Show only rows that contain some words; in logs, search",
            shown=True,
            label="/",
        ),
        Key(
            id="back",
            keys="escape",
            action="back",
            description="Back",
            tooltip="Clear the filter, or go back one level",
        ),
        Key(
            id="maximise",
            keys="z",
            action="maximise",
            description="Maximise",
            tooltip="Give the whole screen to the focused pane, and back",
        ),
        Key(
            id="copy",
            keys="y",
            action="copy",
            description="Copy",
            tooltip="Copy what is chosen to the clipboard",
        ),
    ),
    "lists": (
        Key(id="list.down", keys="j,down", action="move(1)", description="Down", tooltip="Next row"),
        Key(id="list.up", keys="k,up", action="move(-1)", description="Up", tooltip="Previous row"),
        Key(
            id="list.half-down",
            keys="ctrl+d",
            action="move_page(1)",
            description="Half a page down",
            tooltip="Half a page down",
        ),
        Key(
            id="list.half-up",
            keys="ctrl+u",
            action="move_page(-1)",
            description="Half a page up",
            tooltip="Half a page up",
        ),
        Key(
            id="list.page-down",
            keys="pagedown",
            action="move_page(2)",
            description="Page down",
            tooltip="A page down",
        ),
        Key(
            id="list.page-up",
            keys="pageup",
            action="move_page(-2)",
            description="Page up",
            tooltip="A page up",
        ),
        Key(id="list.first", keys="g,home", action="move_first", description="First", tooltip="First row"),
        Key(id="list.last", keys="G,end", action="move_last", description="Last", tooltip="Last row"),
        Key(
            id="list.open",
            keys="enter",
            action="choose",
            description="Open",
            tooltip="Open the row's details (does nothing in Approvals)",
        ),
    ),
    "texts": (
        Key(
            id="text.down", keys="j,down", action="scroll_by(1)", description="Down", tooltip="One line down"
        ),
        Key(id="text.up", keys="k,up", action="scroll_by(-1)", description="Up", tooltip="One line up"),
        Key(
            id="text.half-down",
            keys="ctrl+d",
            action="scroll_pages(1)",
            description="Half a page down",
            tooltip="Half a page down",
        ),
        Key(
            id="text.half-up",
            keys="ctrl+u",
            action="scroll_pages(-1)",
            description="Half a page up",
            tooltip="Half a page up",
        ),
        Key(
            id="text.page-down",
            keys="pagedown,space",
            action="scroll_pages(2)",
            description="Page down",
            tooltip="A page down",
        ),
        Key(
            id="text.page-up",
            keys="pageup",
            action="scroll_pages(-2)",
            description="Page up",
            tooltip="A page up",
        ),
        Key(id="text.first", keys="g,home", action="scroll_first", description="Top", tooltip="To the top"),
        Key(id="text.last", keys="G,end", action="scroll_last", description="End", tooltip="To the end"),
    ),
    "fleet": (
        Key(
            id="fleet.message",
            keys="m",
            action="message",
            description="Message",
            tooltip="Write to this agent",
            shown=True,
        ),
        Key(
            id="fleet.restart",
            keys="X",
            action="restart",
            description="Restart",
            tooltip="Stop this agent and start it anew; asks first",
            shown=True,
        ),
        Key(
            id="fleet.stop",
            keys="S",
            action="stop",
            description="Stop",
            tooltip="Stop this agent; asks first",
            shown=True,
        ),
        Key(
            id="fleet.pause",
            keys="P",
            action="pause",
            description="Pause/resume",
            tooltip="Freeze this agent where it is, or let it go on",
        ),
        Key(
            id="fleet.drain",
            keys="D",
            action="drain",
            description="Drain",
            tooltip="Let this agent finish what it holds, then stop it",
        ),
        Key(
            id="fleet.kill",
            keys="K",
            action="kill",
            description="Kill",
            tooltip="Kill this agent at once; asks first",
        ),
        Key(
            id="fleet.log",
            keys="o",
            action="open_log",
            description="Log",
            tooltip="Read this agent's log",
            shown=True,
        ),
        Key(
            id="fleet.tab",
            keys="right_square_bracket",
            action="tab(1)",
            description="Next tab",
            tooltip="Show the next tab of the details",
            label="]",
        ),
        Key(
            id="fleet.tab-back",
            keys="left_square_bracket",
            action="tab(-1)",
            description="Previous tab",
            tooltip="Show the previous tab of the details",
            label="[",
        ),
    ),
    "board": (
        Key(id="board.right", keys="l,right", action="column(1)", description="Right", tooltip="Next column"),
        Key(
            id="board.left", keys="h,left", action="column(-1)", description="Left", tooltip="Previous column"
        ),
        Key(
            id="board.why",
            keys="w",
            action="why",
            description="Why",
            tooltip="Say what keeps this task from going on, and what would help",
            shown=True,
        ),
        Key(
            id="board.unblock",
            keys="U",
            action="unblock",
            description="Free",
            tooltip="Free a task that waits for a person; any other blocked one by force, asks first",
            shown=True,
        ),
        Key(
            id="board.judge",
            keys="V",
            action="judge",
            description="Judge",
            tooltip="Judge a task under review yourself: good, or back with feedback",
            shown=True,
        ),
        Key(
            id="board.cancel",
            keys="C",
            action="cancel_task",
            description="Cancel",
            tooltip="Cancel this task; asks first",
            shown=True,
        ),
        Key(
            id="board.skip",
            keys="K",
            action="skip_task",
            description="Skip",
            tooltip="End this task as not needed; asks first",
        ),
        Key(
            id="board.hold",
            keys="H",
            action="hold",
            description="Hold",
            tooltip="Keep this task from being claimed, or lift its hold",
        ),
        Key(
            id="board.reopen",
            keys="R",
            action="reopen",
            description="Reopen",
            tooltip="Put a task that has ended back to work; asks first",
        ),
        Key(
            id="board.assign",
            keys="at",
            action="assign",
            description="Assign",
            tooltip="Reserve this task for an agent",
            label="@",
        ),
        Key(
            id="board.add",
            keys="A",
            action="add_task",
            description="Add",
            tooltip="Add a task",
            shown=True,
        ),
    ),
    "inbox": (
        Key(
            id="inbox.write",
            keys="m",
            action="write",
            description="Write",
            tooltip="Write to an agent, a role, a group or all",
            shown=True,
        ),
        Key(
            id="inbox.reply",
            keys="r",
            action="reply",
            description="Reply",
            tooltip="Answer this message",
            shown=True,
        ),
        Key(
            id="inbox.read",
            keys="x",
            action="mark_read",
            description="Mark read",
            tooltip="Acknowledge this message in your mailbox",
            shown=True,
        ),
    ),
    "votes": (),
    "letters": (
        Key(
            id="letter.send",
            keys="ctrl+s,f2",
            action="send",
            description="Send",
            tooltip="Send the message",
            shown=True,
            label="^s",
        ),
        Key(
            id="letter.cancel",
            keys="escape",
            action="cancel",
            description="Cancel",
            tooltip="Close without sending",
            shown=True,
            label="esc",
        ),
    ),
    "dialogs": (
        Key(
            id="dialog.cancel",
            keys="escape",
            action="cancel",
            description="Cancel",
            tooltip="Close the dialog; nothing happens",
            shown=True,
            label="esc",
        ),
    ),
    "logs": (
        Key(
            id="logs.follow",
            keys="f",
            action="follow",
            description="Follow",
            tooltip="Stay at the end as lines come",
            shown=True,
        ),
        Key(
            id="logs.wrap",
            keys="w",
            action="wrap",
            description="Wrap",
            tooltip="Break long lines, or let them run out",
            shown=True,
        ),
        Key(
            id="logs.next",
            keys="n",
            action="match(1)",
            description="Next match",
            tooltip="Next match",
            shown=True,
        ),
        Key(
            id="logs.previous",
            keys="N",
            action="match(-1)",
            description="Previous match",
            tooltip="Previous match",
        ),
        Key(
            id="logs.right",
            keys="l,right",
            action="shift(8)",
            description="Right",
            tooltip="See further right",
        ),
        Key(
            id="logs.left", keys="h,left", action="shift(-8)", description="Left", tooltip="See further left"
        ),
    ),
    "approvals": (
        Key(
            id="approvals.approve",
            keys="a",
            action="approve",
            description="Approve once",
            tooltip="Allow exactly what is shown, once",
            decides=True,
        ),
        Key(
            id="approvals.always",
            keys="A",
            action="always",
            description="Approve always",
            tooltip="Let exactly the same act pass for 8 hours; shows the rule and asks first",
            decides=True,
        ),
        Key(
            id="approvals.reject",
            keys="r",
            action="reject",
            description="Reject",
            tooltip="Deny what is shown",
            decides=True,
        ),
        Key(
            id="approvals.reject-why",
            keys="R",
            action="reject_with_reason",
            description="Reject with a reason",
            tooltip="Deny it and tell the agent why; asks for the reason first",
            decides=True,
        ),
        Key(
            id="approvals.on",
            keys="space",
            action="read_on(1)",
            description="Read on",
            tooltip="Half a page further in the card",
            shown=True,
            label="space",
        ),
        Key(
            id="approvals.back",
            keys="b",
            action="read_on(-1)",
            description="Read back",
            tooltip="Half a page back in the card",
            shown=True,
        ),
        Key(
            id="approvals.message",
            keys="m",
            action="answer_message",
            description="Answer",
            tooltip="Answer a question or a call for help",
            shown=True,
        ),
        Key(
            id="approvals.read",
            keys="x",
            action="mark_read",
            description="Mark read",
            tooltip="Acknowledge a question or a call for help",
            shown=True,
        ),
    ),
}


def bindings(place: str) -> list[BindingType]:
    """Return the bindings of one place."""
    return [key.binding() for key in KEYMAP[place]]


def keys_of(places: Iterable[str]) -> list[tuple[str, tuple[Key, ...]]]:
    """Return (title, keys) of the places that have any."""
    return [(PLACES[place], KEYMAP[place]) for place in places if KEYMAP[place]]


_NAMES: Final = {
    "slash": "/",
    "question_mark": "?",
    "colon": ":",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "at": "@",
    "escape": "esc",
}


def spelled(keys: str) -> str:
    """Spell a key list for people: `?, f1`."""
    return ", ".join(_NAMES.get(key, key) for key in keys.split(","))
