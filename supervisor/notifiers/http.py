"""One POST: to a judged address, within a deadline, no redirect followed, little of the answer read."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from supervisor.clock import Clock
from supervisor.notifiers.addresses import Lookup, look_up, permitted
from supervisor.notifiers.aside import AllBusy, Aside
from supervisor.notifiers.notice import one_line
from supervisor.notifiers.secrets import Target, redacted, target_of
from supervisor.notifiers.sink import NotSent

if TYPE_CHECKING:
    import httpx2

DEADLINE_S: Final = 10.0
CONNECT_S: Final = 3.0
ANSWER_READ: Final = 4096
ANSWER_SHOWN: Final = 200
AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS: Final = range(300, 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parcel:
    """What is posted, and where to."""

    target: Target
    body: bytes
    headers: Mapping[str, str] = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Poster:
    """Posts bodies to URLs. `lookup` blocks and runs in a thread beside the loop."""

    clock: Clock
    aside: Aside
    deadline_s: float = DEADLINE_S
    lookup: Lookup = look_up
    _context: ssl.SSLContext | None = field(default=None, init=False)

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        allow_private: bool,
        hide: tuple[str, ...] = (),
    ) -> str:
        """Post and return the status in words; raise NotSent. `hide` is secret besides the URL."""
        target = target_of(url)
        try:
            async with asyncio.timeout(self.deadline_s):
                addresses = await self._addresses(target, allow_private=allow_private)
                status, answer, after = await self._exchange(
                    _Parcel(target=target, body=body, headers=headers), addresses
                )
        except TimeoutError:
            raise NotSent(f"no answer within {self.deadline_s:g} s", again=True) from None
        except AllBusy:
            raise NotSent("too many calls of the system hang", again=True) from None
        words = _answer_words(status, redacted(answer, url, *hide))
        if 200 <= status < 300:
            return f"status {status}"
        if status in _REDIRECTS:
            raise NotSent(f"status {status}: redirects are not followed", again=False)
        again = status in AGAIN or status >= 500
        raise NotSent(words, again=again, after_s=_seconds_until(after, self.clock.now()) if again else None)

    async def _addresses(self, target: Target, *, allow_private: bool) -> list[str]:
        try:
            found = await self.aside.run(lambda: self.lookup(target.host, target.port))
        except (OSError, UnicodeError) as error:
            kind = "has no address" if isinstance(error, socket.gaierror) else "cannot be looked up"
            raise NotSent(f"the host of its URL {kind}", again=True) from None
        return permitted(target, found, allow_private=allow_private)

    async def _exchange(self, parcel: _Parcel, addresses: list[str]) -> tuple[int, str, str]:
        """Try the addresses in turn until one is connected to."""
        http = await self.aside.run(_load_client)
        context = await self._tls(parcel.target)
        failure: Exception | None = None
        for address in addresses:
            try:
                return await _one_exchange(http, context, address, parcel)
            except (http.ConnectError, http.ConnectTimeout) as error:
                failure = error
            except (http.HTTPError, http.InvalidURL, ValueError) as error:
                raise NotSent(_cause(error), again=True) from None
        raise NotSent(_cause(failure), again=not _is_certificate_fault(failure))

    async def _tls(self, target: Target) -> ssl.SSLContext:
        if target.scheme == "http":
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody; not used
        if self._context is None:
            self._context = await self.aside.run(ssl.create_default_context)
        return self._context


def _load_client() -> Any:
    import httpx2  # noqa: PLC0415 - 70 ms; nobody pays them who has no such sink

    return httpx2


async def _one_exchange(
    http: Any, context: ssl.SSLContext, address: str, parcel: _Parcel
) -> tuple[int, str, str]:
    """Send one request to one address and return status, beginning of the answer and Retry-After.

    The client's own layer of redirects, proxies, cookies and logs is left out. Where the status says
    that the body arrived, nothing more is waited for.
    """
    target = parcel.target
    host = f"[{address}]" if ":" in address else address
    request = http.Request(
        "POST",
        f"{target.scheme}://{host}:{target.port}{target.path}",
        content=parcel.body,
        headers={"Host": target.authority, "Accept-Encoding": "identity", **parcel.headers},
        extensions={"sni_hostname": target.host, "timeout": {"connect": CONNECT_S}},
    )
    transport: httpx2.AsyncHTTPTransport = http.AsyncHTTPTransport(verify=context, trust_env=False)
    async with transport:
        response = await transport.handle_async_request(request)
        try:
            answer = "" if response.status_code < 300 else await _beginning_of(response)
        finally:
            await response.aclose()
    return response.status_code, answer, response.headers.get("retry-after", "")


async def _beginning_of(response: httpx2.Response) -> str:
    """Read at most a few kilobytes, as they come over the wire."""
    content = b""
    async for piece in response.aiter_raw(ANSWER_READ):
        content += piece
        if len(content) >= ANSWER_READ:
            break
    return content[:ANSWER_READ].decode("utf-8", "replace")


def _answer_words(status: int, answer: str) -> str:
    shown = one_line(answer, ANSWER_SHOWN)
    return f"status {status}: {shown}" if shown else f"status {status}"


def _seconds_until(header: str, now: float) -> float | None:
    """Read Retry-After, in seconds or as a date; None if it says nothing."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _cause(error: Exception | None) -> str:
    """Say in our own words what went wrong: the library's may quote the URL."""
    if _is_certificate_fault(error):
        return "the certificate of its host is not trusted"
    name = type(error).__name__
    if name.startswith("Connect"):
        return "no connection to its host"
    if name in {"ReadError", "RemoteProtocolError", "WriteError", "CloseError"}:
        return "the connection broke"
    return f"the request failed ({name})"


def _is_certificate_fault(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
