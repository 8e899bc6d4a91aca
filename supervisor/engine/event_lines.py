"""What an agent's log shows of its events: lines that a person reads, one matter each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from supervisor.adapters import events


def lines_of(event: events.AgentEvent) -> Iterator[bytes]:
    """Spell an event as whole lines, newline included; nothing for what no person wants to read."""
    for line in _words(event).splitlines():
        yield line.encode("utf-8", "replace") + b"\n"


@singledispatch
def _words(event: Any) -> str:
    return f"· {type(event).__name__.lower()}"


@_words.register
def _started(event: events.Started) -> str:
    return f"· conversation {event.session_id} begins" + (f" with {event.model}" if event.model else "")


@_words.register
def _link(event: events.CoordinatorLink) -> str:
    return "· coordinator: connected" if event.connected else f"! no coordinator: {event.detail}"


@_words.register
def _text(event: events.Text) -> str:
    return event.text


@_words.register
def _thinking(event: events.Thinking) -> str:
    return "\n".join(f"~ {line}" for line in event.text.splitlines())


@_words.register
def _tool_start(event: events.ToolStart) -> str:
    return f"> {event.tool}: {event.title}" if event.title else f"> {event.tool}"


@_words.register
def _tool_end(event: events.ToolEnd) -> str:
    sign = "<" if event.ok else "< failed:"
    return f"{sign} {event.summary}" if event.summary or not event.ok else ""


@_words.register
def _permission(event: events.Permission) -> str:
    return f"? {event.kind.value}: {event.title}"


@_words.register
def _question(event: events.Question) -> str:
    return f"? {event.text}"


@_words.register
def _gone(event: events.RequestGone) -> str:
    return f"? waits no longer for an answer: {event.why}"


@_words.register
def _plan(event: events.Plan) -> str:
    return "\n".join(f"· plan: {state}: {text}" for state, text in event.steps)


@_words.register
def _usage(_event: events.Usage) -> str:
    return ""


@_words.register
def _retry(event: events.Retry) -> str:
    return (
        f"! its model answered {event.status}; attempt {event.attempt} in {event.after_s:g} s {event.detail}"
    )


@_words.register
def _limited(event: events.RateLimited) -> str:
    return f"! rate limited: {event.detail}"


@_words.register
def _login(event: events.LoginNeeded) -> str:
    return f"! not logged in: {event.detail}"


@_words.register
def _compacted(event: events.Compacted) -> str:
    return f"· its context was shortened {event.detail}"


@_words.register
def _turn_end(event: events.TurnEnd) -> str:
    return f"· turn ends: {event.reason.value}" + (f": {event.detail}" if event.detail else "")


@_words.register
def _unknown(event: events.Unknown) -> str:
    return f"· {event.what}: {event.raw}" if event.raw else f"· {event.what}"


@_words.register
def _broken(event: events.Broken) -> str:
    return f"! {event.detail}"
