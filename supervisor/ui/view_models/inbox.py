"""Inbox: what they tell each other, and what they ask of you."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from supervisor.model.ids import HUMAN
from supervisor.model.message import UNREAD, Delivery, DeliveryState, Message, MessageKind
from supervisor.model.task import Priority
from supervisor.ui.safe_text import SafeText, first_line, safe
from supervisor.ui.scene import Scene
from supervisor.ui.spans import BLANK, Line, Span, Tone, line, say
from supervisor.ui.view_models.facts import fact, heading, paragraph
from supervisor.ui.view_models.rows import Column, Row
from supervisor.ui.view_models.words import time_of_day, when

MAILBOX_COLUMNS: Final = (
    Column(title="mailbox", width=10, grow=1),
    Column(title="unread", width=6, right=True),
)
MESSAGE_COLUMNS: Final = (
    Column(title="at", width=8),
    Column(title="from", width=10, grow=1, most=20),
    Column(title="to", width=10, grow=1, most=20, drop=1),
    Column(title="message", width=30, grow=6),
)
ALL_MAIL: Final = "*"
DEAD_MAIL: Final = "!"
"""Keys of the rows that are nobody's mailbox: no agent can have such a name."""

EMPTY: Final = (
    line(say("No messages here", Tone.TITLE)),
    line(say("What agents write to each other and to you appears here.", Tone.MUTED)),
    line(say("Press m to write to an agent, a role, a group or all.", Tone.MUTED)),
)

_PRIORITY_TONES: Final = {Priority.CRITICAL: Tone.BAD, Priority.HIGH: Tone.NOTICE}
_KIND_TONES: Final = {MessageKind.HELP: Tone.BAD, MessageKind.QUERY: Tone.NOTICE}


@dataclass(frozen=True, slots=True)
class Mail:
    """The messages of one run, sorted by mailbox once per paint."""

    by_recipient: dict[str, list[Delivery]]
    unread: Counter[str]

    @classmethod
    def of(cls, scene: Scene) -> Mail:
        """Sort the deliveries."""
        by_recipient: dict[str, list[Delivery]] = {}
        unread: Counter[str] = Counter()
        for delivery in scene.world.deliveries.values():
            by_recipient.setdefault(delivery.recipient, []).append(delivery)
            unread[delivery.recipient] += delivery.state in UNREAD
        return cls(by_recipient, unread)


def unread_of_human(scene: Scene) -> int:
    """Count what waits in the person's own mailbox."""
    return sum(
        delivery.recipient == HUMAN and delivery.state in UNREAD
        for delivery in scene.world.deliveries.values()
    )


def mailbox_rows(scene: Scene) -> tuple[Row, ...]:
    """List your mailbox, all mail together, dead letters if there are any, and one mailbox per agent."""
    mail = Mail.of(scene)
    agents = sorted(scene.world.agents)
    dead = dead_count(scene)
    buried = Row(key=DEAD_MAIL, cells=(line(say("dead letters", Tone.BAD)), _unread(dead, Tone.BAD)))
    return (
        Row(key=HUMAN, cells=(line(say("you", Tone.STRONG)), _unread(mail.unread[HUMAN], Tone.NOTICE))),
        Row(key=ALL_MAIL, cells=(line(say("all mail")), _unread(0))),
        *((buried,) if dead else ()),
        Row(key="agents", heading=line(say("agents", Tone.TITLE))),
        *(Row(key=name, cells=(line(Span(safe(name))), _unread(mail.unread[name]))) for name in agents),
    )


def _unread(count: int, tone: Tone = Tone.PLAIN) -> Line:
    return line(say(str(count), tone)) if count else line(say("-", Tone.FAINT))


def message_rows(scene: Scene, mailbox: str | None, wanted: str = "") -> tuple[Row, ...]:
    """List one mailbox, newest first: what came in and what its owner sent."""
    chosen = [each for each in _messages(scene, mailbox) if _has(each, wanted)]
    return tuple(
        _message_row(scene, message, mailbox)
        for message in sorted(chosen, key=lambda each: (each.at, len(each.id), each.id), reverse=True)
    )


def _messages(scene: Scene, mailbox: str | None) -> list[Message]:
    if mailbox == ALL_MAIL:
        return list(scene.world.messages.values())
    if mailbox == DEAD_MAIL:
        dead = {copy.message for copy in scene.world.deliveries.values() if _is_dead(copy)}
        return [each for each in scene.world.messages.values() if each.id in dead]
    received = {each.message for each in scene.world.deliveries.values() if each.recipient == mailbox}
    return [each for each in scene.world.messages.values() if each.id in received or each.sender == mailbox]


def _has(message: Message, wanted: str) -> bool:
    needle = wanted.casefold()
    return not needle or needle in f"{message.sender} {message.to} {message.body}".casefold()


def is_unread(scene: Scene, message_id: str, mailbox: str | None) -> bool:
    """Tell whether the owner of the mailbox has not acknowledged the message yet."""
    delivery = scene.world.deliveries.get(f"{message_id}/{mailbox}")
    return delivery is not None and delivery.state in UNREAD


def dead_count(scene: Scene) -> int:
    """Count the copies that were fetched again and again without an acknowledgement."""
    return sum(map(_is_dead, scene.world.deliveries.values()))


def _is_dead(copy: Delivery) -> bool:
    return copy.state is DeliveryState.DEAD


def _message_row(scene: Scene, message: Message, mailbox: str | None) -> Row:
    unread = is_unread(scene, message.id, mailbox)
    tone = Tone.STRONG if unread else Tone.PLAIN
    mark = f"{scene.glyphs.flag} " if message.urgent else f"{scene.glyphs.unread} " if unread else ""
    kind = "" if message.kind is MessageKind.INFO else f"{message.kind.value}: "
    level = "" if message.priority is Priority.NORMAL else f"{message.priority.name.lower()} "
    return Row(
        key=message.id,
        cells=(
            line(say(time_of_day(message.at), Tone.MUTED)),
            line(Span(_name(message.sender), tone)),
            line(Span(_name(message.to), Tone.MUTED)),
            line(
                say(mark, Tone.BAD if message.urgent else Tone.NOTICE),
                say(level, _PRIORITY_TONES.get(message.priority, Tone.MUTED)),
                say(kind, _KIND_TONES.get(message.kind, Tone.LINK)),
                Span(first_line(message.body), tone),
            ),
        ),
    )


def _name(name: str) -> SafeText:
    return safe("you" if name == HUMAN else name)


def message_details(scene: Scene, message_id: str | None) -> tuple[Line, ...]:
    """Show one message whole, with who has read it and what else is in its thread."""
    message = scene.world.messages.get(message_id or "")
    if message is None:
        return (line(say("Choose a message to read it.", Tone.MUTED)),)
    copies = [each for each in scene.world.deliveries.values() if each.message == message.id]
    copies.sort(key=lambda each: not _is_dead(each))
    level = "" if message.priority is Priority.NORMAL else f"   {message.priority.name.lower()}"
    return (
        line(
            Span(_name(message.sender), Tone.STRONG),
            say(f" {scene.glyphs.arrow} ", Tone.FAINT),
            Span(_name(message.to), Tone.STRONG),
            say(f"   {message.kind.value}", _KIND_TONES.get(message.kind, Tone.LINK)),
            say(level, _PRIORITY_TONES.get(message.priority, Tone.MUTED)),
            say("   urgent" if message.urgent else "", Tone.BAD),
            say(f"   {time_of_day(message.at)}, {when(message.at, scene.now)}", Tone.MUTED),
        ),
        BLANK,
        *paragraph(message.body),
        *((BLANK, fact("payload", message.payload)) if message.payload else ()),
        *((fact("belongs to", message.correlation_id),) if message.correlation_id else ()),
        BLANK,
        *(_copy(each) for each in copies[:20]),
        *((fact("and", f"{len(copies) - 20} more"),) if len(copies) > 20 else ()),
        *_thread(scene, message),
    )


_COPY_WORDS: Final = {
    DeliveryState.QUEUED: "waits for",
    DeliveryState.DELIVERED: "fetched by",
    DeliveryState.ACKED: "read by",
    DeliveryState.EXPIRED: "expired for",
    DeliveryState.DEAD: "dead for",
}


def _copy(delivery: Delivery) -> Line:
    word, name = _COPY_WORDS[delivery.state], _name(delivery.recipient)
    if _is_dead(delivery):
        step = f"supervisor dead requeue {delivery.key}, or dead drop"
        return fact(word, f"{name}: fetched {delivery.attempts} times, never acknowledged; {step}", Tone.BAD)
    when = f" at {time_of_day(delivery.acked_at)}" if delivery.acked_at else ""
    again = f" {delivery.attempts} times" if delivery.attempts > 1 else ""
    return fact(word, f"{name}{again}{when}", Tone.MUTED)


def _thread(scene: Scene, message: Message) -> tuple[Line, ...]:
    if not message.thread:
        return ()
    others = [
        each
        for each in scene.world.messages.values()
        if each.thread == message.thread and each.id != message.id
    ]
    if not others:
        return ()
    return (
        BLANK,
        heading("in the same thread"),
        *(
            line(
                say(f"{time_of_day(each.at)} ", Tone.FAINT),
                Span(_name(each.sender), Tone.MUTED),
                say("  "),
                Span(first_line(each.body)),
            )
            for each in others[-20:]
        ),
    )
