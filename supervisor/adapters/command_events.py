"""The JSON lines of a plain command, read: each known type to its event, leniently; see docs/agents.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, TypeVar

from supervisor.adapters.events import (
    ActKind,
    AgentEvent,
    Compacted,
    CoordinatorLink,
    LoginNeeded,
    Option,
    OptionScope,
    Permission,
    Plan,
    Question,
    RateLimited,
    RequestGone,
    Retry,
    Started,
    Text,
    Thinking,
    ToolEnd,
    ToolStart,
    TurnEnd,
    TurnReason,
    Unknown,
    Usage,
)

RAW_MAX: Final = 2_000
_STEPS_MAX: Final = 200
_OPTIONS_MAX: Final = 20
_NUMBER_MAX: Final = 10**15

_Word = TypeVar("_Word", bound=Enum)
_Message = dict[str, Any]


def event_of(message: _Message) -> AgentEvent:
    """Return what a line says; Unknown for a type that we do not know."""
    kind = message.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raw = json.dumps(message, ensure_ascii=False)[:RAW_MAX]
        return Unknown(what=f"line of type {kind!r}"[:200], raw=raw)
    return read(message)


def _text(message: _Message, key: str) -> str:
    value = message.get(key)
    return value if isinstance(value, str) else ""


def _number(message: _Message, key: str) -> float | None:
    value = message.get(key)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _NUMBER_MAX else None


def _count(message: _Message, key: str) -> int | None:
    value = _number(message, key)
    return None if value is None else int(value)


def _list(message: _Message, key: str, most: int) -> list[Any]:
    value = message.get(key)
    return value[:most] if isinstance(value, list) else []


def _word(message: _Message, key: str, default: _Word) -> _Word:
    try:
        return type(default)(message.get(key))
    except ValueError:
        return default


def _started(message: _Message) -> AgentEvent:
    return Started(
        session_id=_text(message, "session"),
        model=_text(message, "model"),
        version=_text(message, "version"),
    )


def _link(message: _Message) -> AgentEvent:
    return CoordinatorLink(connected=message.get("connected") is True, detail=_text(message, "detail"))


def _tool_start(message: _Message) -> AgentEvent:
    return ToolStart(
        call=_text(message, "call"),
        tool=_text(message, "tool"),
        kind=_word(message, "kind", ActKind.OTHER),
        title=_text(message, "title"),
    )


def _tool_end(message: _Message) -> AgentEvent:
    return ToolEnd(
        call=_text(message, "call"), ok=message.get("ok") is not False, summary=_text(message, "summary")
    )


def _permission(message: _Message) -> AgentEvent:
    payload = message.get("payload")
    return Permission(
        request=_text(message, "request"),
        kind=_word(message, "kind", ActKind.OTHER),
        tool=_text(message, "tool"),
        title=_text(message, "title"),
        payload=payload if isinstance(payload, dict) else {"value": payload},
        cwd=_text(message, "cwd"),
        reason=_text(message, "reason"),
        options=tuple(
            Option(
                id=_text(each, "id"),
                label=_text(each, "label"),
                scope=_word(each, "scope", OptionScope.ONCE),
            )
            for each in _list(message, "options", _OPTIONS_MAX)
            if isinstance(each, dict)
        ),
        rewritable=message.get("rewritable") is True,
        call=_text(message, "call"),
    )


def _question(message: _Message) -> AgentEvent:
    choices = [each for each in _list(message, "choices", _OPTIONS_MAX) if isinstance(each, str)]
    return Question(request=_text(message, "request"), text=_text(message, "text"), choices=tuple(choices))


def _plan(message: _Message) -> AgentEvent:
    steps = [each for each in _list(message, "steps", _STEPS_MAX) if isinstance(each, dict)]
    return Plan(steps=tuple((_text(each, "state") or "pending", _text(each, "text")) for each in steps))


def _usage(message: _Message) -> AgentEvent:
    cost = _number(message, "cost_usd")
    return Usage(
        model=_text(message, "model"),
        input_tokens=_count(message, "input_tokens"),
        output_tokens=_count(message, "output_tokens"),
        cached_tokens=_count(message, "cached_tokens"),
        cache_write_tokens=_count(message, "cache_write_tokens"),
        reasoning_tokens=_count(message, "reasoning_tokens"),
        cost_usd=cost,
        cost_is_known=cost is not None,
        context_tokens=_count(message, "context_tokens"),
        context_window=_count(message, "context_window"),
    )


def _retry(message: _Message) -> AgentEvent:
    return Retry(
        status=_count(message, "status") or 0,
        attempt=_count(message, "attempt") or 1,
        after_s=_number(message, "after_s") or 0.0,
        detail=_text(message, "detail"),
    )


def _turn_end(message: _Message) -> AgentEvent:
    is_ok = message.get("ok") is not False
    return TurnEnd(
        ok=is_ok,
        reason=_word(message, "reason", TurnReason.DONE if is_ok else TurnReason.ERROR),
        final_text=_text(message, "text"),
        detail=_text(message, "detail"),
    )


_READERS: Final[dict[str, Callable[[_Message], AgentEvent]]] = {
    "started": _started,
    "coordinator": _link,
    "text": lambda message: Text(text=_text(message, "text")),
    "thinking": lambda message: Thinking(text=_text(message, "text")),
    "tool_start": _tool_start,
    "tool_end": _tool_end,
    "permission": _permission,
    "question": _question,
    "request_gone": lambda message: RequestGone(request=_text(message, "request"), why=_text(message, "why")),
    "plan": _plan,
    "usage": _usage,
    "retry": _retry,
    "rate_limited": lambda message: RateLimited(
        until=_number(message, "until"), detail=_text(message, "detail")
    ),
    "login_needed": lambda message: LoginNeeded(detail=_text(message, "detail")),
    "compacted": lambda message: Compacted(detail=_text(message, "detail")),
    "turn_end": _turn_end,
}
