"""The hook endpoint: what Claude Code's and Codex' hooks tell, and what we answer to PermissionRequest.

Whatever goes wrong here, the program falls back to its own dialog: no answer of ours is an approval.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final, Protocol

from supervisor.coordinator.actor import Actor
from supervisor.dispatch.hooks import HookRequest, Ruling
from supervisor.errors import InvalidArgument, StoreError, SupervisorError, TooMany, Unauthenticated
from supervisor.transports.mcp.gate import ACTOR, HOOKS, REQUEST, AsgiApp, Receive, Scope, Send, TakenBack

PERMISSION: Final = "PermissionRequest"
QUESTION_TOOL: Final = "AskUserQuestion"
"""A tool whose own dialog is the point: nothing is decided for it."""
NAME_MAX: Final = 200

_STATUS: Final[tuple[tuple[type[SupervisorError], int], ...]] = (
    (TooMany, 429),
    (Unauthenticated, 401),
    (StoreError, 503),
)


class HookDesk(Protocol):
    """Whoever decides on what hooks ask."""

    async def note(self, actor: Actor) -> None:
        """Take a hook's event as a sign of life."""
        ...

    async def decide(self, actor: Actor, asked: HookRequest) -> Ruling | None:
        """Return the answer to a request; None if none came in time."""
        ...


class HookDoor:
    """Serves requests that came through the gate to the hook endpoint."""

    def __init__(self, desk: HookDesk) -> None:
        """Let `desk` decide."""
        self._desk: Final = desk

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one event of a hook; raise TakenBack if the program goes away meanwhile."""
        try:
            answer = await self._answer_to(scope[ACTOR], scope[REQUEST], receive)
        except SupervisorError as error:
            status = next((code for kind, code in _STATUS if isinstance(error, kind)), 400)
            await _reply(send, status, {"error": error.message})
            return
        await _reply(send, 200, answer)

    async def _answer_to(self, actor: Actor, told: Any, receive: Receive) -> dict[str, Any]:
        if not isinstance(told, dict) or not isinstance(told.get("hook_event_name"), str):
            raise InvalidArgument("a hook's event is an object with `hook_event_name`")
        if told["hook_event_name"] != PERMISSION or told.get("tool_name") == QUESTION_TOOL:
            await self._desk.note(actor)
            return {}
        ruling = await self._held(actor, _request_in(told), receive)
        return {} if ruling is None else decision(ruling)

    async def _held(self, actor: Actor, asked: HookRequest, receive: Receive) -> Ruling | None:
        async with asyncio.TaskGroup() as tasks:
            deciding = tasks.create_task(_outcome(self._desk, actor, asked))
            leaving = tasks.create_task(_end_when_gone(receive, deciding))
            deciding.add_done_callback(lambda _task: leaving.cancel())
        if deciding.cancelled():
            raise TakenBack
        outcome = deciding.result()
        if isinstance(outcome, SupervisorError):
            raise outcome
        return outcome


def decision(ruling: Ruling) -> dict[str, Any]:
    """Spell an answer as both programs read it."""
    said: dict[str, Any] = (
        {"behavior": "allow"} if ruling.allow else {"behavior": "deny", "message": ruling.why}
    )
    return {"hookSpecificOutput": {"hookEventName": PERMISSION, "decision": said}}


def routes(app: AsgiApp, hooks: HookDoor) -> AsgiApp:
    """Send what comes to the hook endpoint there, all else to the app."""

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        serve = hooks.handle_request if scope["path"] == HOOKS else app
        await serve(scope, receive, send)

    return routed


async def _outcome(desk: HookDesk, actor: Actor, asked: HookRequest) -> Ruling | SupervisorError | None:
    try:
        return await desk.decide(actor, asked)
    except SupervisorError as error:
        return error


async def _end_when_gone(receive: Receive, deciding: asyncio.Task[Any]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    deciding.cancel()


def _request_in(told: dict[str, Any]) -> HookRequest:
    tool, payload, cwd = told.get("tool_name"), told.get("tool_input"), told.get("cwd", "")
    if not isinstance(tool, str) or not 0 < len(tool) <= NAME_MAX:
        raise InvalidArgument("a permission request names its tool in `tool_name`")
    if not isinstance(payload, dict):
        raise InvalidArgument("a permission request has its arguments in `tool_input`, an object")
    return HookRequest(tool=tool, payload=payload, cwd=cwd if isinstance(cwd, str) else "")


async def _reply(send: Send, status: int, body: dict[str, Any]) -> None:
    text = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text, "more_body": False})
