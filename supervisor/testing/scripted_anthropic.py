"""The scripted model's Anthropic Messages API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

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
    calls_in,
    event,
    merged,
    texts_in,
)

_ERRORS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class AnthropicApi:
    """`POST /v1/messages`."""

    name = "anthropic"

    def read(self, body: Mapping[str, Any], headers: Mapping[str, str], path: str) -> Asked:
        """Read a request; a tool that is deferred counts as shown once a search has named it."""
        messages = [one for one in body.get("messages") or () if isinstance(one, dict)]
        shown = set(_references(messages))
        metadata = body.get("metadata")
        user = metadata.get("user_id") if isinstance(metadata, dict) else ""
        return Asked(
            model=str(body.get("model", "")),
            system=texts_in(body.get("system")),
            said=merged([said for message in messages for said in _said(message)]),
            tools=tuple(
                _tool(tool, shown)
                for tool in body.get("tools") or ()
                if isinstance(tool, dict) and tool.get("name")
            ),
            streams=bool(body.get("stream")),
            session=str(headers.get("x-claude-code-session-id") or user or ""),
            schema=_schema(body),
        )

    def voice(self, asked: Asked, reply: Reply, number: int) -> _Voice:
        """Begin to spell an answer."""
        return _Voice(asked, reply, number)

    def refusal(self, refusal: Refusal, now: float) -> tuple[dict[str, Any], dict[str, str]]:
        """Spell a refusal."""
        kind = _ERRORS.get(refusal.status, "api_error")
        headers = {"request-id": "req_scripted"}
        if refusal.retry_after_s is not None:
            headers["retry-after"] = str(round(refusal.retry_after_s))
            headers["anthropic-ratelimit-unified-status"] = "rejected"
            headers["anthropic-ratelimit-unified-reset"] = str(round(now + refusal.retry_after_s))
        return {"type": "error", "error": {"type": kind, "message": refusal.message}}, headers


def _tool(tool: Mapping[str, Any], shown: set[str]) -> Tool:
    name = str(tool["name"])
    return Tool(
        name=name,
        schema=tool.get("input_schema") or {},
        is_deferred=bool(tool.get("defer_loading")) and name not in shown,
    )


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    config = body.get("output_config")
    wanted = body.get("output_format") or (config.get("format") if isinstance(config, dict) else None)
    schema = wanted.get("schema") if isinstance(wanted, dict) else None
    return schema if isinstance(schema, dict) else None


def _blocks(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content or () if isinstance(block, dict)]


def _references(messages: list[dict[str, Any]]) -> Iterator[str]:
    for message in messages:
        for block in _blocks(message):
            content = block.get("content")
            for inner in content if isinstance(content, list) else ():
                if isinstance(inner, dict) and inner.get("type") == "tool_reference":
                    yield str(inner.get("tool_name", ""))


def _said(message: Mapping[str, Any]) -> Iterator[Said]:
    blocks = _blocks(message)
    if message.get("role") == "assistant":
        yield Said(
            speaker=Speaker.MODEL,
            text=texts_in(blocks),
            calls=tuple(str(block.get("name", "")) for block in blocks if block.get("type") == "tool_use"),
        )
        return
    for block in blocks:
        if block.get("type") == "tool_result":
            yield Said(speaker=Speaker.TOOL, text=texts_in(block.get("content")))
        elif block.get("type") == "text":
            yield Said(speaker=Speaker.USER, text=str(block.get("text", "")))


def _usage(spent: Spent, output: int) -> dict[str, Any]:
    return {
        "input_tokens": spent.input_tokens - spent.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": spent.cached_tokens,
        "output_tokens": output,
    }


class _Voice:
    def __init__(self, asked: Asked, reply: Reply, number: int) -> None:
        self._reply: Final = reply
        self._index = -1
        self._message: Final[dict[str, Any]] = {
            "id": f"msg_scripted_{number}",
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }

    @property
    def _stop(self) -> str:
        return "tool_use" if calls_in(self._reply.beats) else "end_turn"

    def begin(self) -> Iterator[str]:
        usage = _usage(self._reply.spent, 1)
        yield event("message_start", {"type": "message_start", "message": {**self._message, "usage": usage}})

    def beat(self, beat: Beat) -> Iterator[str]:
        if beat.is_first:
            self._index += 1
            yield self._block("start", content_block=_empty(beat))
        for delta in _deltas(beat):
            yield self._block("delta", delta=delta)
        if beat.is_last:
            yield self._block("stop")

    def end(self) -> Iterator[str]:
        spent = self._reply.spent
        yield event(
            "message_delta",
            {
                "type": "message_delta",
                "delta": {"stop_reason": self._stop, "stop_sequence": None},
                "usage": _usage(spent, spent.output_tokens),
            },
        )
        yield event("message_stop", {"type": "message_stop"})

    def whole(self, beats: tuple[Beat, ...]) -> dict[str, Any]:
        spent = self._reply.spent
        return {
            **self._message,
            "content": [_block(beat) for beat in beats],
            "stop_reason": self._stop,
            "usage": _usage(spent, spent.output_tokens),
        }

    def _block(self, what: str, **more: Any) -> str:
        name = f"content_block_{what}"
        return event(name, {"type": name, "index": self._index, **more})


def _block(beat: Beat) -> dict[str, Any]:
    if beat.call is not None:
        return {**_empty(beat), "input": beat.call.arguments}
    if beat.kind is BeatKind.THINK:
        return {"type": "thinking", "thinking": beat.text, "signature": "scripted"}
    return {"type": "text", "text": beat.text}


def _empty(beat: Beat) -> dict[str, Any]:
    if beat.call is not None:
        return {"type": "tool_use", "id": beat.call.id, "name": beat.call.tool.name, "input": {}}
    if beat.kind is BeatKind.THINK:
        return {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "text", "text": ""}


def _deltas(beat: Beat) -> Iterator[dict[str, Any]]:
    if beat.call is not None:
        yield {"type": "input_json_delta", "partial_json": beat.call.spelled}
    elif beat.kind is BeatKind.THINK:
        yield {"type": "thinking_delta", "thinking": beat.text}
        yield {"type": "signature_delta", "signature": "scripted"}
    else:
        yield {"type": "text_delta", "text": beat.text}
