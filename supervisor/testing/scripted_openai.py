"""The scripted model's OpenAI Responses API."""

from __future__ import annotations

import json
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
    ToolCall,
    event,
    merged,
    texts_in,
)

_SPEAKERS: Final = {"user": Speaker.USER, "assistant": Speaker.MODEL}
_ERRORS: Final = {
    400: ("invalid_request_error", "invalid_request"),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "permission_denied"),
    429: ("requests", "rate_limit_exceeded"),
}
_LONG_S: Final = 60.0


class ResponsesApi:
    """`POST /v1/responses`."""

    name = "responses"

    def read(self, body: Mapping[str, Any], headers: Mapping[str, str], path: str) -> Asked:
        """Read a request."""
        given = body.get("input")
        items = [{"role": "user", "content": given}] if isinstance(given, str) else list(given or ())
        items = [item for item in items if isinstance(item, dict)]
        text = body.get("text")
        wanted = text.get("format") if isinstance(text, dict) else None
        return Asked(
            model=str(body.get("model", "")),
            system="\n".join((str(body.get("instructions") or ""), *_developer(items))),
            said=merged([said for item in items for said in _said(item)]),
            tools=tuple(_tools(body.get("tools") or ())),
            streams=bool(body.get("stream")),
            session=str(body.get("prompt_cache_key") or headers.get("session_id") or ""),
            schema=wanted.get("schema") if isinstance(wanted, dict) else None,
        )

    def voice(self, asked: Asked, reply: Reply, number: int) -> _Voice:
        """Begin to spell an answer."""
        return _Voice(asked, reply, number)

    def refusal(self, refusal: Refusal, now: float) -> tuple[dict[str, Any], dict[str, str]]:
        """Spell a refusal, as OpenAI does."""
        return refused(refusal, now)


def refused(refusal: Refusal, now: float) -> tuple[dict[str, Any], dict[str, str]]:
    """Spell a refusal; a long wait is a used up plan, which says when it begins anew."""
    kind, code = _ERRORS.get(refusal.status, ("server_error", "server_error"))
    error: dict[str, Any] = {"message": refusal.message, "type": kind, "param": None, "code": code}
    headers = {"x-request-id": "req_scripted"}
    wait_s = refusal.retry_after_s
    if wait_s is not None:
        headers["retry-after"] = str(round(wait_s))
        headers["x-ratelimit-reset-requests"] = f"{round(wait_s)}s"
        error["message"] += f". Please try again in {wait_s:g}s."
    if refusal.status == 429 and wait_s is not None and wait_s >= _LONG_S:
        error |= {"type": "usage_limit_reached", "plan_type": "plus", "resets_at": round(now + wait_s)}
        error["resets_in_seconds"] = round(wait_s)
    return {"error": error}, headers


def _developer(items: list[dict[str, Any]]) -> Iterator[str]:
    for item in items:
        if item.get("role") in {"developer", "system"}:
            yield texts_in(item.get("content"))


def _said(item: Mapping[str, Any]) -> Iterator[Said]:
    kind = str(item.get("type", "message"))
    if kind == "message":
        speaker = _SPEAKERS.get(str(item.get("role")))
        if speaker is not None:
            yield Said(speaker=speaker, text=texts_in(item.get("content")))
    elif kind.endswith("_call_output") or kind == "tool_search_output":
        output = item.get("output", item.get("tools"))
        text = output if isinstance(output, str) else texts_in(output) or json.dumps(output)
        yield Said(speaker=Speaker.TOOL, text=text)
    elif kind.endswith("_call"):
        yield Said(speaker=Speaker.MODEL, calls=(str(item.get("name") or kind.removesuffix("_call")),))


def _tools(found: Any, namespace: str = "") -> Iterator[Tool]:
    for tool in found:
        if not isinstance(tool, dict):
            continue
        name = str(tool.get("name") or tool.get("type") or "")
        if tool.get("type") == "namespace":
            yield from _tools(tool.get("tools") or (), name)
        elif tool.get("type") in {"function", "tool_search"}:
            yield Tool(
                name=name,
                namespace=namespace,
                schema=tool.get("parameters") or {},
                is_deferred=bool(tool.get("defer_loading")),
            )


def _usage(spent: Spent) -> dict[str, Any]:
    return {
        "input_tokens": spent.input_tokens,
        "input_tokens_details": {"cached_tokens": spent.cached_tokens},
        "output_tokens": spent.output_tokens,
        "output_tokens_details": {"reasoning_tokens": spent.reasoning_tokens},
        "total_tokens": spent.total,
    }


class _Voice:
    def __init__(self, asked: Asked, reply: Reply, number: int) -> None:
        self._reply: Final = reply
        self._number: Final = number
        self._sequence = -1
        self._index = -1
        self._text = ""
        self._output: Final[list[dict[str, Any]]] = []
        self._response: Final[dict[str, Any]] = {
            "id": f"resp_scripted_{number}",
            "object": "response",
            "created_at": 0,
            "model": asked.model,
            "parallel_tool_calls": True,
            "tools": [],
            "tool_choice": "auto",
            "error": None,
            "incomplete_details": None,
        }

    def begin(self) -> Iterator[str]:
        opened = {**self._response, "status": "in_progress", "output": [], "usage": None}
        yield self._event("response.created", response=opened)
        yield self._event("response.in_progress", response=opened)

    def beat(self, beat: Beat) -> Iterator[str]:
        if beat.is_first:
            self._index += 1
            self._text = ""
        if beat.call is not None:
            yield from self._call(beat.call)
        elif beat.kind is BeatKind.THINK:
            yield from self._thought(beat.text)
        else:
            yield from self._spoken(beat)

    def end(self) -> Iterator[str]:
        yield self._event("response.completed", response=self._completed())

    def whole(self, beats: tuple[Beat, ...]) -> dict[str, Any]:
        for beat in beats:
            list(self.beat(beat))
        return self._completed()

    def _completed(self) -> dict[str, Any]:
        usage = _usage(self._reply.spent)
        return {**self._response, "status": "completed", "output": self._output, "usage": usage}

    def _event(self, name: str, **more: Any) -> str:
        self._sequence += 1
        return event(name, {"type": name, "sequence_number": self._sequence, **more})

    def _item_event(self, name: str, item: dict[str, Any]) -> str:
        return self._event(f"response.output_item.{name}", output_index=self._index, item=item)

    def _done(self, item: dict[str, Any]) -> str:
        self._output.append(item)
        return self._item_event("done", item)

    def _call(self, call: ToolCall) -> Iterator[str]:
        item: dict[str, Any] = {
            "type": "function_call",
            "id": f"fc_{call.id}",
            "call_id": call.id,
            "name": call.tool.name,
            "arguments": "",
            "status": "in_progress",
        }
        if call.tool.namespace:
            item["namespace"] = call.tool.namespace
        if call.tool.name == "tool_search":
            yield from self._search(call)
            return
        where = {"item_id": item["id"], "output_index": self._index}
        yield self._item_event("added", item)
        yield self._event("response.function_call_arguments.delta", **where, delta=call.spelled)
        yield self._event("response.function_call_arguments.done", **where, arguments=call.spelled)
        yield self._done({**item, "arguments": call.spelled, "status": "completed"})

    def _search(self, call: ToolCall) -> Iterator[str]:
        item = {
            "type": "tool_search_call",
            "id": f"ts_{call.id}",
            "call_id": call.id,
            "execution": "client",
            "arguments": call.arguments,
            "status": "completed",
        }
        yield self._item_event("added", item)
        yield self._done(item)

    def _thought(self, text: str) -> Iterator[str]:
        item = {"type": "reasoning", "id": f"rs_{self._number}_{self._index}", "summary": []}
        where = {"item_id": item["id"], "output_index": self._index, "summary_index": 0}
        part = {"type": "summary_text", "text": text}
        yield self._item_event("added", item)
        yield self._event("response.reasoning_summary_part.added", **where, part={**part, "text": ""})
        yield self._event("response.reasoning_summary_text.delta", **where, delta=text)
        yield self._event("response.reasoning_summary_text.done", **where, text=text)
        yield self._event("response.reasoning_summary_part.done", **where, part=part)
        yield self._done({**item, "summary": [part]})

    def _spoken(self, beat: Beat) -> Iterator[str]:
        name = f"msg_{self._number}_{self._index}"
        item = {"type": "message", "id": name, "role": "assistant", "status": "in_progress", "content": []}
        where = {"item_id": name, "output_index": self._index, "content_index": 0}
        part = {"type": "output_text", "text": "", "annotations": []}
        if beat.is_first:
            yield self._item_event("added", item)
            yield self._event("response.content_part.added", **where, part=part)
        self._text += beat.text
        yield self._event("response.output_text.delta", **where, delta=beat.text, logprobs=[])
        if beat.is_last:
            part = {**part, "text": self._text}
            yield self._event("response.output_text.done", **where, text=self._text, logprobs=[])
            yield self._event("response.content_part.done", **where, part=part)
            yield self._done({**item, "status": "completed", "content": [part]})
