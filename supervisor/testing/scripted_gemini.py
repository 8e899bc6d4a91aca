"""The scripted model's Gemini API."""

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
    line,
    merged,
    texts_in,
)

_STATUS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    529: "UNAVAILABLE",
}


class GeminiApi:
    """`POST /v1beta/models/MODEL:generateContent` and `:streamGenerateContent`."""

    name = "gemini"

    def read(self, body: Mapping[str, Any], headers: Mapping[str, str], path: str) -> Asked:
        """Read a request."""
        contents = [one for one in body.get("contents") or () if isinstance(one, dict)]
        model, _, verb = path.rpartition("/")[2].partition(":")
        system = body.get("systemInstruction")
        return Asked(
            model=model,
            system=texts_in(system.get("parts")) if isinstance(system, dict) else "",
            said=merged([said for content in contents for said in _said(content)]),
            tools=tuple(_tools(body)),
            streams=verb.startswith("stream"),
            session=str(body.get("session_id") or headers.get("x-gemini-session-id") or ""),
            schema=_schema(body),
        )

    def voice(self, asked: Asked, reply: Reply, number: int) -> _Voice:
        """Begin to spell an answer."""
        return _Voice(asked, reply, number)

    def refusal(self, refusal: Refusal, now: float) -> tuple[dict[str, Any], dict[str, str]]:
        """Spell a refusal."""
        status = _STATUS.get(refusal.status, "INTERNAL")
        error: dict[str, Any] = {"code": refusal.status, "message": refusal.message, "status": status}
        headers = {}
        if refusal.retry_after_s is not None:
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            error["details"] = [{"@type": kind, "retryDelay": f"{refusal.retry_after_s:g}s"}]
            headers["retry-after"] = str(round(refusal.retry_after_s))
        return {"error": error}, headers


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    config = body.get("generationConfig")
    if not isinstance(config, dict) or config.get("responseMimeType") != "application/json":
        return None
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    return schema if isinstance(schema, dict) else {"type": "object", "properties": {}}


def _tools(body: Mapping[str, Any]) -> Iterator[Tool]:
    for group in body.get("tools") or ():
        for tool in (group.get("functionDeclarations") or ()) if isinstance(group, dict) else ():
            schema = tool.get("parametersJsonSchema") or tool.get("parameters") or {}
            yield Tool(name=str(tool.get("name", "")), schema=schema)


def _said(content: Mapping[str, Any]) -> Iterator[Said]:
    parts = [part for part in content.get("parts") or () if isinstance(part, dict)]
    if content.get("role") == "model":
        calls = [part["functionCall"] for part in parts if isinstance(part.get("functionCall"), dict)]
        text = texts_in([part for part in parts if not part.get("thought")])
        yield Said(speaker=Speaker.MODEL, text=text, calls=tuple(str(call.get("name", "")) for call in calls))
        return
    for part in parts:
        if isinstance(part.get("functionResponse"), dict):
            response = part["functionResponse"].get("response")
            yield Said(speaker=Speaker.TOOL, text=json.dumps(response))
        elif part.get("text"):
            yield Said(speaker=Speaker.USER, text=str(part["text"]))


def _usage(spent: Spent) -> dict[str, Any]:
    return {
        "promptTokenCount": spent.input_tokens,
        "cachedContentTokenCount": spent.cached_tokens,
        "candidatesTokenCount": spent.output_tokens - spent.reasoning_tokens,
        "thoughtsTokenCount": spent.reasoning_tokens,
        "totalTokenCount": spent.total,
    }


class _Voice:
    def __init__(self, asked: Asked, reply: Reply, number: int) -> None:
        self._reply: Final = reply
        self._head: Final = {"modelVersion": asked.model, "responseId": f"scripted-{number}"}

    def begin(self) -> Iterator[str]:
        yield from ()

    def beat(self, beat: Beat) -> Iterator[str]:
        yield line({**self._head, "candidates": [_candidate([_part(beat)])]})

    def end(self) -> Iterator[str]:
        yield line(self._last([{"text": ""}]))

    def whole(self, beats: tuple[Beat, ...]) -> dict[str, Any]:
        return self._last([_part(beat) for beat in beats])

    def _last(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        candidate = {**_candidate(parts), "finishReason": "STOP"}
        return {**self._head, "candidates": [candidate], "usageMetadata": _usage(self._reply.spent)}


def _candidate(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"index": 0, "content": {"role": "model", "parts": parts}}


def _part(beat: Beat) -> dict[str, Any]:
    if beat.call is not None:
        call = {"id": beat.call.id, "name": beat.call.tool.name, "args": beat.call.arguments}
        return {"functionCall": call}
    if beat.kind is BeatKind.THINK:
        return {"text": beat.text, "thought": True}
    return {"text": beat.text}
