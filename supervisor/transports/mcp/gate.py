"""What every HTTP request must pass before the SDK sees it. Plain ASGI, so that it costs no import."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias

from supervisor.coordinator.actor import Actor
from supervisor.errors import InvalidArgument, TooLarge
from supervisor.transports import strict_json
from supervisor.transports.mcp.connections import CONNECTIONS_OF_ONE_MAX, Connections

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

ENDPOINT: Final = "/mcp"
HOOKS: Final = "/hook"
ACTOR: Final = "supervisor.actor"
"""The key of the ASGI scope under which the app behind the gate finds who asks."""
REQUEST: Final = "supervisor.request"
"""The key of the ASGI scope under which it finds the request's body, parsed."""
BODY_MAX: Final = 1024 * 1024
BODY_TIMEOUT_S: Final = 10.0
SEND_TIMEOUT_S: Final = 30.0
IN_FLIGHT_MAX: Final = 32
KEY_LENGTH_MAX: Final = 256
GUESS_DELAY_S: Final = 0.1
GUESSES_AT_ONCE: Final = 16
STOPPING: Final = "the engine is stopping"

_PARSE_ERROR: Final = -32700
_INVALID_REQUEST: Final = -32600


class _Refused(Exception):
    """The request goes no further; it is answered with this status and text."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: int = _INVALID_REQUEST,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        error = {"code": code, "message": message}
        self.status = status
        self.body = json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
        self.headers = {"content-type": "application/json", "content-length": str(len(self.body))}
        self.headers |= headers or {}
        super().__init__(message)


class _HungUp(Exception):
    """The client went away before its request was complete, or does not read its answer."""


class TakenBack(Exception):
    """What the app raises when the client has cancelled the call: it wants no answer any more."""


class Gate:
    """Passes on what comes from this machine, to this port, with a living key, as readable JSON."""

    def __init__(
        self,
        app: AsgiApp,
        *,
        host: str,
        authenticate: Callable[[str], Actor | None],
        origins: tuple[str, ...] = (),
        connections: Connections | None = None,
        endpoints: tuple[str, ...] = (ENDPOINT,),
    ) -> None:
        """Guard `app`; `host` is the one `Host` header that is served, port included.

        A request with an `Origin` comes from a web page; the product serves none of any origin.
        """
        self._connections = connections or Connections()
        self._app = app
        self._endpoints = endpoints
        self._host = host.encode()
        self._origins = frozenset(origin.encode() for origin in origins)
        self._authenticate = authenticate
        self._in_flight: Counter[tuple[str, int]] = Counter()
        self._held: set[asyncio.Timeout] = set()
        self._guesses = asyncio.Semaphore(GUESSES_AT_ONCE)
        self._closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        if scope["type"] != "http":
            return
        try:
            headers = _once_each(scope["headers"])
            self._check_target(headers)
            actor = await self._who(headers)
            self._check_connection(actor, scope)
            _check_form(scope, headers, self._endpoints)
            await self._admit(actor, scope, receive, send)
        except _Refused as refusal:
            await _answer(send, refusal)
        except _HungUp:
            await self._end_connection(scope)

    def close(self) -> None:
        """End every held call now and refuse new ones."""
        self._closing = True
        for held in self._held:
            held.reschedule(0)

    def _check_target(self, headers: Mapping[bytes, bytes | None]) -> None:
        """Refuse pages in a browser: a rebound name shows in Host, any page in Origin."""
        if headers.get(b"host") != self._host:
            raise _Refused(421, "this server is reached by its own address only")
        if b"origin" in headers and headers[b"origin"] not in self._origins:
            raise _Refused(403, "requests of web pages are not served")

    async def _who(self, headers: Mapping[bytes, bytes | None]) -> Actor:
        key = _bearer_key(headers.get(b"authorization"))
        actor = self._authenticate(key) if key else None
        if actor is not None:
            return actor
        async with self._guesses:
            await asyncio.sleep(GUESS_DELAY_S)
        raise _Refused(401, "no valid key came with the request", headers={"www-authenticate": "Bearer"})

    def _check_connection(self, actor: Actor, scope: Scope) -> None:
        if not self._connections.shown(scope["client"], (actor.name, actor.incarnation)):
            raise _Refused(
                429,
                f"over {CONNECTIONS_OF_ONE_MAX} connections of this key are open",
                headers={"retry-after": "1", "connection": "close"},
            )

    async def _end_connection(self, scope: Scope) -> None:
        """End it and let the server notice, so that it does not miss the rest of the answer."""
        self._connections.end(scope["client"])
        await asyncio.sleep(0)

    async def _admit(self, actor: Actor, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request beside at most IN_FLIGHT_MAX others of the same key."""
        owner = (actor.name, actor.incarnation)
        if self._closing:
            raise _Refused(503, STOPPING)
        if self._in_flight[owner] >= IN_FLIGHT_MAX:
            raise _Refused(
                429, f"over {IN_FLIGHT_MAX} calls of this key are open", headers={"retry-after": "1"}
            )
        self._in_flight[owner] += 1
        try:
            await self._hold({**scope, ACTOR: actor}, receive, _Reply(send))
        finally:
            self._in_flight -= Counter((owner,))

    async def _hold(self, scope: Scope, receive: Receive, reply: _Reply) -> None:
        """Run the app on the request until it is done or the gate closes."""
        held = asyncio.timeout(None)
        try:
            async with held:
                self._held.add(held)
                body = await _read_body(scope, receive)
                request = _parsed(body)
                await self._app({**scope, REQUEST: request}, _replay(body, receive), reply.send)
        except TimeoutError:
            if not held.expired():
                raise
            await reply.cut_short(503, STOPPING)
        except TakenBack:
            await reply.cut_short(409, "the client has cancelled this call")
        finally:
            self._held.discard(held)


class _Reply:
    """Knows how far the answer has come, so that it can be ended in good form."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._started = False
        self._ended = False

    async def send(self, message: Message) -> None:
        self._started = True
        self._ended = message["type"] == "http.response.body" and not message.get("more_body", False)
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._send(message)
        except TimeoutError as error:
            raise _HungUp from error

    async def cut_short(self, status: int, why: str) -> None:
        if not self._started:
            await _answer(self._send, _Refused(status, why))
        elif not self._ended:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _once_each(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes | None]:
    """Map the headers by name; one that came twice counts as None, so it matches nothing."""
    headers: dict[bytes, bytes | None] = {}
    for name, value in pairs:
        headers[name] = None if name in headers else value
    return headers


def _bearer_key(authorization: bytes | None) -> str | None:
    scheme, _, key = (authorization or b"").partition(b" ")
    if scheme.lower() != b"bearer" or not key.isascii() or len(key) > KEY_LENGTH_MAX:
        return None
    return key.decode()


def _check_form(scope: Scope, headers: Mapping[bytes, bytes | None], endpoints: tuple[str, ...]) -> None:
    if scope["path"] not in endpoints:
        raise _Refused(404, f"the endpoint is {ENDPOINT}")
    if scope["method"] != "POST":
        raise _Refused(405, "only POST is served: there are no sessions", headers={"allow": "POST"})
    if _media_type(headers.get(b"content-type")) != b"application/json":
        raise _Refused(415, "the content type is application/json")
    if b"content-encoding" in headers:
        raise _Refused(415, "the body is sent as it is, not compressed")


def _media_type(content_type: bytes | None) -> bytes:
    return (content_type or b"").partition(b";")[0].strip().lower()


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    """Read the whole body, at most BODY_MAX of it."""
    declared = _once_each(scope["headers"]).get(b"content-length") or b"0"
    if not declared.isdigit() or len(declared) > len(str(BODY_MAX)) or int(declared) > BODY_MAX:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _collect(receive)
    except TimeoutError as error:
        raise _Refused(408, "the body took too long", headers={"connection": "close"}) from error


def _parsed(body: bytes) -> Any:
    """Check that the body is JSON with one meaning, and return that."""
    try:
        return strict_json.loads(body, limit=BODY_MAX)
    except (InvalidArgument, TooLarge) as error:
        raise _Refused(400, error.message, code=_PARSE_ERROR) from error


async def _collect(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _HungUp
        body += message.get("body", b"")
        if len(body) > BODY_MAX:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _too_large() -> _Refused:
    return _Refused(413, f"a request body is at most {BODY_MAX} bytes")


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the app the body that was read, then whatever comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


async def _answer(send: Send, refusal: _Refused) -> None:
    headers = [(name.encode(), value.encode()) for name, value in refusal.headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body, "more_body": False})
