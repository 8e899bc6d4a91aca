"""How what we say to Claude is spelled, and with what a conversation begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

END_NAMES: Final = ("end-turn", "end")
"""The names of the requests to end, which are written past the driver when the agent is stopped."""

_COMMAND_SIGNS: Final = frozenset("/!?#")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """How a conversation begins. `seed` makes the names of its messages its own; empty `session`: unknown."""

    seed: str
    session: str
    is_resumed: bool = False
    model: str = ""
    cwd: str = ""
    allows_all: bool = False


def plain(text: str) -> str:
    """Keep words from being taken for a command: a mail that says `/clear` must clear nothing."""
    return f"Message:\n{text}" if text.lstrip()[:1] in _COMMAND_SIGNS else text


def saying(text: str, name: str) -> dict[str, Any]:
    """Say something as the user; `name` is a UUID that was never used before."""
    content = [{"type": "text", "text": text}]
    return {"type": "user", "uuid": name, "message": {"role": "user", "content": content}}


def asking(name: str, what: str, more: dict[str, Any]) -> dict[str, Any]:
    """Ask the program itself for something."""
    return {"type": "control_request", "request_id": name, "request": {"subtype": what, **more}}


def replying(request: str, reply: dict[str, Any]) -> dict[str, Any]:
    """Answer what it asked."""
    response = {"subtype": "success", "request_id": request, "response": reply}
    return {"type": "control_response", "response": response}


def refusing(request: str, why: str) -> dict[str, Any]:
    """Refuse what it asked."""
    response = {"subtype": "error", "request_id": request, "error": why}
    return {"type": "control_response", "response": response}
