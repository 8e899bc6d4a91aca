"""What a model is asked and what it answers, in the words of no vendor."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Speaker(StrEnum):
    """Who said something in the conversation that a request carries."""

    USER = "user"
    MODEL = "model"
    TOOL = "tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that the client offers; a deferred one can be called only after it was searched for."""

    name: str
    namespace: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    is_deferred: bool = False

    @property
    def full_name(self) -> str:
        """Return the name with its namespace, as clients without namespaces spell it."""
        return f"{self.namespace}__{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that the model makes."""

    tool: Tool
    arguments: dict[str, Any]
    id: str

    @property
    def spelled(self) -> str:
        """Return the arguments as JSON."""
        return json.dumps(self.arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One contribution to the conversation; `calls` are the names of the tools that the model called."""

    speaker: Speaker
    text: str = ""
    calls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request. `session` is what the client tells of its conversation, if it does.

    `schema` is set when it wants JSON of that form instead of text.
    """

    model: str
    system: str
    said: tuple[Said, ...]
    tools: tuple[Tool, ...] = ()
    streams: bool = True
    session: str = ""
    schema: Mapping[str, Any] | None = None


class BeatKind(StrEnum):
    """What comes next in an answer."""

    TEXT = "text"
    THINK = "think"
    CALL = "call"
    WAIT = "wait"
    HANG = "hang"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One piece of an answer; a text may come in several, of which the first opens and the last closes it."""

    kind: BeatKind
    text: str = ""
    call: ToolCall | None = None
    wait_s: float = 0.0
    is_first: bool = True
    is_last: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The tokens that an answer says it has used; `input_tokens` includes the cached ones."""

    input_tokens: int = 1_000
    cached_tokens: int = 200
    output_tokens: int = 50
    reasoning_tokens: int = 0

    @property
    def total(self) -> int:
        """Return all tokens together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model says: its beats in order, and which step of which script that is."""

    beats: tuple[Beat, ...]
    spent: Spent = Spent()
    step: str = ""
    is_side: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The service says no; `retry_after_s` is when to ask again, None if it does not say."""

    status: int
    retry_after_s: float | None = None
    step: str = ""

    @property
    def message(self) -> str:
        """Say it to people."""
        return f"the scripted model refuses with status {self.status}, as its script says"


class Voice(Protocol):
    """How one API spells one answer."""

    def begin(self) -> Iterator[str]:
        """Open the stream."""
        ...

    def beat(self, beat: Beat) -> Iterator[str]:
        """Say a text, a thought or a call."""
        ...

    def end(self) -> Iterator[str]:
        """Close the stream, with what was used."""
        ...

    def whole(self, beats: tuple[Beat, ...]) -> dict[str, Any]:
        """Say everything in one body, for who does not want a stream."""
        ...


class Api(Protocol):
    """One vendor's API: how its requests are read and its answers spelled."""

    name: str

    def read(self, body: Mapping[str, Any], headers: Mapping[str, str], path: str) -> Asked:
        """Read a request."""
        ...

    def voice(self, asked: Asked, reply: Reply, number: int) -> Voice:
        """Begin to spell an answer; `number` makes its names unique."""
        ...

    def refusal(self, refusal: Refusal, now: float) -> tuple[dict[str, Any], dict[str, str]]:
        """Spell a refusal: its body and headers, as this vendor does."""
        ...


def merged(said: list[Said]) -> tuple[Said, ...]:
    """Put what the model said in one go into one contribution, as some APIs cut it in pieces."""
    whole: list[Said] = []
    for one in said:
        last = whole[-1] if whole else None
        if last is not None and last.speaker is one.speaker is Speaker.MODEL:
            whole[-1] = Said(
                speaker=Speaker.MODEL, text=f"{last.text}{one.text}", calls=(*last.calls, *one.calls)
            )
        else:
            whole.append(one)
    return tuple(whole)


def texts_in(content: Any) -> str:
    """Return the text of a content that is a text or a list of blocks."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(
        str(block.get("text") or "") for block in content if isinstance(block, dict) and block.get("text")
    )


def event(name: str, data: Mapping[str, Any]) -> str:
    """Spell one named server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def line(data: Mapping[str, Any]) -> str:
    """Spell one server-sent event without a name."""
    return f"data: {json.dumps(data)}\n\n"


def pieces(beats: tuple[Beat, ...], kind: BeatKind) -> str:
    """Return all text of one kind."""
    return "".join(beat.text for beat in beats if beat.kind is kind)


def calls_in(beats: tuple[Beat, ...]) -> list[ToolCall]:
    """Return the calls that an answer makes."""
    return [beat.call for beat in beats if beat.call is not None]
