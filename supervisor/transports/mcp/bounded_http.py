"""HTTP over one connection, as uvicorn does it, with clients that may be slow on purpose."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from supervisor.transports.mcp.connections import HEAD_TIMEOUT_S, Connections


class BoundedHttp(H11Protocol):
    """Ends a connection whose next request does not begin, or does not come to the end of its head, in time.

    uvicorn waits for ever for the first request, and after one byte of any later one.
    """

    connections_open: ClassVar[Connections]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take what uvicorn gives."""
        super().__init__(*arguments, **options)
        self._head_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Begin to wait for the first request."""
        super().connection_made(transport)
        if self.client is not None:
            self.connections_open.opened(self.client, transport.abort, now=self.loop.time())
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        if self.client is not None:
            self.connections_open.closed(self.client)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a head that has begun must come to its end in time."""
        super().data_received(data)
        begun = self.cycle is not None  # though uvicorn says that it is never None
        if begun and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._head_deadline is None:
            self._await_head()

    def _await_head(self) -> None:
        self._head_deadline = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None


def http_over(connections: Connections) -> type[BoundedHttp]:
    """Make the protocol of a server that keeps its connections there."""

    class Http(BoundedHttp):
        connections_open = connections

    return Http
