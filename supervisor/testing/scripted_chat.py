"""The scripted model's OpenAI Chat Completions API, which many other services speak too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from supervisor.testing.scripted_openai import refused
from supervisor.testing.scripted_request import (
    Asked,
    Beat,
    BeatKind,
    Refusal,
    Reply,
    Said,
    Speaker,
    Spent,
    Tool,
    ToolCall,
    calls_in,
    line,
    merged,
    pieces,
    texts_in,
)


class ChatApi:
    """`POST /v1/chat/completions`."""

    name = "chat"

    def read(self, body: Mapping[str, Any], headers: Mapping[str, str], path: str) -> Asked:
        """Read a request."""
        messages = [one for one in body.get("messages") or () if isinstance(one, dict)]
        system = [
            texts_in(one.get("content")) for one in messages if one.get("role") in {"system", "developer"}
        ]
        return Asked(
            model=str(body.get("model", "")),
            system="\n".join(system),
            said=merged([said for message in messages for said in _said(message)]),
            tools=tuple(_tools(body)),
            streams=bool(body.get("stream")),
            session=str(headers.get("x-session-id") or body.get("prompt_cache_key") or ""),
            schema=_schema(body),
        )

    def voice(self, asked: Asked, reply: Reply, number: int) -> _Voice:
        """Begin to spell an answer."""
        return _Voice(asked, reply, number)

    def refusal(self, refusal: Refusal, now: float) -> tuple[dict[str, Any], dict[str, str]]:
        """Spell a refusal, as OpenAI does."""
        return refused(refusal, now)


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    wanted = body.get("response_format")
    if not isinstance(wanted, dict):
        return None
    if wanted.get("type") == "json_object":
        return {"type": "object", "properties": {}}
    named = wanted.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    return schema if isinstance(schema, dict) else None


def _tools(body: Mapping[str, Any]) -> Iterator[Tool]:
    for tool in body.get("tools") or ():
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and function.get("name"):
            yield Tool(name=str(function["name"]), schema=function.get("parameters") or {})


def _said(message: Mapping[str, Any]) -> Iterator[Said]:
    role, text = message.get("role"), texts_in(message.get("content"))
    if role == "user":
        yield Said(speaker=Speaker.USER, text=text)
    elif role == "tool":
        yield Said(speaker=Speaker.TOOL, text=text)
    elif role == "assistant":
        calls = [call.get("function") or {} for call in message.get("tool_calls") or ()]
        names = tuple(str(function.get("name", "")) for function in calls)
        yield Said(speaker=Speaker.MODEL, text=text, calls=names)


def _usage(spent: Spent) -> dict[str, Any]:
    return {
        "prompt_tokens": spent.input_tokens,
        "completion_tokens": spent.output_tokens,
        "total_tokens": spent.total,
        "prompt_tokens_details": {"cached_tokens": spent.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": spent.reasoning_tokens},
    }


class _Voice:
    def __init__(self, asked: Asked, reply: Reply, number: int) -> None:
        self._reply: Final = reply
        self._calls = 0
        self._head: Final = {"id": f"chatcmpl-scripted-{number}", "created": 0, "model": asked.model}

    @property
    def _finish(self) -> str:
        return "tool_calls" if calls_in(self._reply.beats) else "stop"

    def begin(self) -> Iterator[str]:
        yield self._chunk({"role": "assistant", "content": ""})

    def beat(self, beat: Beat) -> Iterator[str]:
        if beat.call is not None:
            yield self._chunk({"tool_calls": [{"index": self._calls, **_called(beat.call)}]})
            self._calls += 1
        elif beat.kind is BeatKind.THINK:
            yield self._chunk({"reasoning_content": beat.text})
        else:
            yield self._chunk({"content": beat.text})

    def end(self) -> Iterator[str]:
        yield self._chunk({}, finish=self._finish)
        usage = _usage(self._reply.spent)
        yield line({**self._head, "object": "chat.completion.chunk", "choices": [], "usage": usage})
        yield "data: [DONE]\n\n"

    def whole(self, beats: tuple[Beat, ...]) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": pieces(beats, BeatKind.TEXT)}
        if calls := calls_in(beats):
            message["tool_calls"] = [_called(call) for call in calls]
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        usage = _usage(self._reply.spent)
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": usage}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return line({**self._head, "object": "chat.completion.chunk", "choices": [choice]})


def _called(call: ToolCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.tool.name, "arguments": call.spelled},
    }
