"""The control protocol's lines: requests, answers and frames, as `docs/control-api.md` describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from supervisor.errors import InvalidArgument, SupervisorError
from supervisor.model.agent import AgentMetrics, EngineMetrics, MachineMetrics
from supervisor.model.event import Event
from supervisor.model.wire import from_wire, to_wire
from supervisor.transports import strict_json
from supervisor.transports.error_wire import error_to_wire

PROTOCOL: Final = 1
REQUEST_MAX: Final = 1024 * 1024
LINE_MAX: Final = 8 * 1024 * 1024
SUBSCRIBE: Final = "subscribe"
SNAPSHOT: Final = "snapshot"

VERBS: Final = (
    "hello",
    SNAPSHOT,
    SUBSCRIBE,
    "events",
    "archive",
    "task_add",
    "task_update",
    "task_assign",
    "task_link",
    "task_hold",
    "task_unhold",
    "task_cancel",
    "task_skip",
    "task_reopen",
    "task_unblock",
    "task_judge",
    "task_show",
    "task_why",
    "task_note",
    "plan_create",
    "plan_push",
    "plan_preview",
    "wait",
    "milestone_list",
    "milestone_show",
    "milestone_close",
    "quarantine",
    "release",
    "send",
    "ack",
    "dead_list",
    "dead_requeue",
    "dead_drop",
    "answer",
    "vote_show",
    "agent_why",
    "restart",
    "stop_agent",
    "kill",
    "pause",
    "resume",
    "drain",
    "scale",
    "usage",
    "budget_raise",
    "terminal_show",
    "terminal_type",
    "terminal_resize",
    "down",
    "reload",
    "vote_open",
    "vote_close",
    "vote_decide",
    "memory_list",
    "memory_show",
    "memory_delete",
    "memory_purge",
    "question_list",
    "question_answer",
    "rule_list",
    "rule_revoke",
    "notify_list",
    "notify_test",
    "key_create",
    "key_list",
    "key_rotate",
    "key_revoke",
    "endpoint",
    "metrics",
)
"""Every verb an engine answers; `docs/control-api.md` is tested to list the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsFrame:
    """What the agents' process trees, the engine and the machine use at one instant; never stored."""

    at: float
    agents: tuple[AgentMetrics, ...]
    engine: EngineMetrics | None = None
    machine: MachineMetrics | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BellFrame:
    """The profile wants a person called: views ring their terminal's bell. `about` is a notice's kind."""

    at: float
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """The last frame: the engine ends, for the reason given, or the connection was lost."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lagged:
    """The subscriber fell behind and was cut off: it must subscribe again and take a new snapshot."""


Frame: TypeAlias = Event | MetricsFrame | BellFrame | Bye | Lagged

_FRAME_KINDS: Final[dict[str, type[Any]]] = {
    "event": Event,
    "metrics": MetricsFrame,
    "bell": BellFrame,
    "bye": Bye,
    "lagged": Lagged,
}
_FRAME_NAMES: Final = {kind: name for name, kind in _FRAME_KINDS.items()}
_REQUEST_KEYS: Final = frozenset({"id", "verb", "args"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One verb asked for. `id` comes back with the answer."""

    id: int
    verb: str
    args: dict[str, Any]


def parse_request(line: bytes) -> Request:
    """Read one request line; raise InvalidArgument or TooLarge."""
    data = strict_json.loads(line, limit=REQUEST_MAX)
    if not isinstance(data, dict) or data.keys() - _REQUEST_KEYS:
        raise InvalidArgument('a request is an object {"id": 1, "verb": "...", "args": {...}}')
    number, verb, args = data.get("id"), data.get("verb"), data.get("args", {})
    if not isinstance(number, int) or isinstance(number, bool):
        raise InvalidArgument("a request needs an `id`, which is an integer")
    if not isinstance(verb, str) or not isinstance(args, dict):
        raise InvalidArgument("a request needs a `verb`, which is a string, and `args`, which is an object")
    return Request(id=number, verb=verb, args=args)


def request_line(request: Request) -> bytes:
    """Spell one request."""
    return _line({"id": request.id, "verb": request.verb, "args": request.args})


def answer_lines(number: int, data: Any) -> list[bytes]:
    """Spell one answer; one that does not fit on a line comes as parts of its JSON text, the answer last."""
    whole = _line({"id": number, "ok": True, "data": data})
    if len(whole) <= LINE_MAX:
        return [whole]
    text = strict_json.dumps(data, ascii_only=True)
    size = LINE_MAX // 4  # a piece may double when its quotes and backslashes are escaped
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    return [*(_line({"id": number, "part": piece}) for piece in pieces), _line({"id": number, "ok": True})]


def refusal_line(number: int | None, error: SupervisorError) -> bytes:
    """Spell one refusal; `id` is null when the request could not be read."""
    return _line({"id": number, "ok": False, "error": error_to_wire(error)})


def frame_line(frame: Frame) -> bytes:
    """Spell one frame of the feed."""
    return _line({"frame": _FRAME_NAMES[type(frame)], "data": to_wire(frame)})


def parse_frame(message: dict[str, Any]) -> Frame:
    """Read one frame back; raise InvalidArgument if it is none."""
    kind = _FRAME_KINDS.get(str(message.get("frame")))
    if kind is None:
        raise InvalidArgument("the engine sent a frame of an unknown kind")
    frame: Frame = from_wire(kind, message.get("data"))
    return frame


def _line(message: dict[str, Any]) -> bytes:
    return strict_json.dumps(message, ascii_only=True).encode() + b"\n"
