"""JSON-RPC 2.0 over lines, both ways at once: what Codex' app-server and ACP agents speak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from supervisor.adapters.json_lines import LINE_BYTES_MAX, JsonLines, spelled

METHOD_NOT_FOUND: Final = -32601
"""What is answered to a request that we do not know (JSON-RPC 2.0, §5.1)."""

ENDED: Final = -32000
"""The code of the error by which open calls end when the other side does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcError:
    """A refusal; the message is foreign text. `is_end`: none of theirs, but the other side is gone."""

    code: int
    message: str
    data: Any = None
    is_end: bool = False


OnResult = Callable[[Any, RpcError | None], None]
"""Hears how a call ended, exactly once: its result, or why not."""


class RpcHandler(Protocol):
    """Who takes what the other side says by itself."""

    def on_notification(self, method: str, params: dict[str, Any]) -> None:
        """Take a notification."""
        ...

    def on_request(self, number: Any, method: str, params: dict[str, Any]) -> bool:
        """Take a request, to be answered later by `reply` or `refuse` under this number; False: unknown."""
        ...

    def on_broken(self, detail: str) -> None:
        """Take note of something that is no JSON-RPC."""
        ...


class JsonRpc:
    """One connection. Not a thread of it blocks: results come to the callbacks given with the calls."""

    def __init__(
        self,
        send: Callable[[bytes], bool],
        handler: RpcHandler,
        *,
        with_version: bool = True,
        line_bytes_max: int = LINE_BYTES_MAX,
    ) -> None:
        """Begin with nothing said; Codex wants messages without the member `jsonrpc`."""
        self._send: Final = send
        self._handler: Final = handler
        self._head: Final[dict[str, Any]] = {"jsonrpc": "2.0"} if with_version else {}
        self._open: Final[dict[int, OnResult]] = {}
        self._next = 0
        self._is_over = False
        self._lines: Final = JsonLines(self._take, handler.on_broken, line_bytes_max=line_bytes_max)

    def feed(self, data: bytes) -> None:
        """Take in what the other side wrote, cut anywhere."""
        self._lines.feed(data)

    def close(self) -> None:
        """End all open calls: the other side is gone, and a call that is made now ends at once."""
        self._lines.finish()
        self._is_over = True
        calls = list(self._open.values())
        self._open.clear()
        for on_result in calls:
            on_result(None, RpcError(code=ENDED, message="the agent has ended", is_end=True))

    def call(self, method: str, params: dict[str, Any], on_result: OnResult) -> None:
        """Ask something; a call that cannot be sent ends at once with an error."""
        self._next += 1
        number = self._next
        self._open[number] = on_result
        if not self._say({"id": number, "method": method, "params": params}):
            del self._open[number]
            refusal = "the agent does not take what is sent to it"
            on_result(None, RpcError(code=ENDED, message=refusal, is_end=True))

    def notify(self, method: str, params: dict[str, Any] | None = None) -> bool:
        """Say something that is not answered."""
        return self._say({"method": method, **({} if params is None else {"params": params})})

    def reply(self, number: Any, result: Any) -> bool:
        """Answer a request."""
        return self._say({"id": number, "result": result})

    def refuse(self, number: Any, code: int, message: str) -> bool:
        """Refuse a request."""
        return self._say({"id": number, "error": {"code": code, "message": message}})

    def _say(self, message: dict[str, Any]) -> bool:
        return not self._is_over and self._send(spelled({**self._head, **message}))

    def _take(self, message: dict[str, Any]) -> None:
        method, number = message.get("method"), message.get("id")
        if isinstance(method, str):
            params = message.get("params")
            self._take_said(method, number, params if isinstance(params, dict) else {}, asks="id" in message)
            return
        on_result = self._open.pop(number, None) if type(number) is int else None
        if on_result is None:
            shown = str(number)[:80] if isinstance(number, int | str) else type(number).__name__
            self._handler.on_broken(f"an answer to nothing that was asked (id {shown})")
        else:
            on_result(message.get("result"), _error_of(message.get("error")))

    def _take_said(self, method: str, number: Any, params: dict[str, Any], *, asks: bool) -> None:
        if not asks:
            self._handler.on_notification(method, params)
        elif type(number) not in {int, str}:
            self._handler.on_broken(f"a request {method[:200]} whose id is no number and no text")
        elif not self._handler.on_request(number, method, params):
            self.refuse(number, METHOD_NOT_FOUND, f"unknown method {method[:200]}")


def _error_of(found: Any) -> RpcError | None:
    if found is None:
        return None
    if not isinstance(found, dict):
        return RpcError(code=0, message=found[:2_000] if isinstance(found, str) else "")
    code, message = found.get("code"), found.get("message")
    return RpcError(
        code=code if isinstance(code, int) else 0,
        message=message if isinstance(message, str) else "",
        data=found.get("data"),
    )
