"""The MCP endpoint's life: bound at once, served once the SDK is loaded, ended without waiting for calls."""

from __future__ import annotations

import asyncio
import logging
import socket
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from supervisor.transports.mcp.connections import Connections
from supervisor.transports.mcp.desk import ToolDesk
from supervisor.transports.mcp.gate import ENDPOINT, HOOKS, AsgiApp, Gate
from supervisor.transports.mcp.hook_door import HookDesk, HookDoor, routes

if TYPE_CHECKING:
    from uvicorn import Server

    from supervisor.transports.mcp.sdk_app import Additions, SdkApp

HOST: Final = "127.0.0.1"
"""The only address ever served; there is no setting for it."""
BACKLOG: Final = 512
GRACE_S: Final = 1.0
KEEP_ALIVE_S: Final = 75
PROGRESS_EVERY_S: Final = 5.0
_CHATTY_LOGGERS: Final = ("mcp", "uvicorn.error", "sse_starlette")


class McpServer:
    """Serves a desk to the agents of this machine, on the port of last time or one of the kernel's choice."""

    def __init__(
        self,
        desk: ToolDesk,
        *,
        progress_every_s: float = PROGRESS_EVERY_S,
        additions: Additions | None = None,
        serve_own_pages: bool = False,
        hooks: HookDesk | None = None,
    ) -> None:
        """Serve `desk` from `bind` or the context's begin on, and `hooks` beside it if there are any.

        `additions` and `serve_own_pages` are for the conformance suite: more tools and methods to try, and
        requests that say to come from a page of this very address, refused otherwise as those of every page
        are.
        """
        self._desk = desk
        self._hooks = hooks
        self._progress_every_s = progress_every_s
        self._additions = additions
        self._serve_own_pages = serve_own_pages
        self._connections = Connections()
        self._listener: socket.socket | None = None
        self._ready = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self._serving: asyncio.Task[None] | None = None

    def bind(self, port: int | None = None) -> None:
        """Take a port now: from here on the kernel queues early connections until `serve` takes them.

        `port` is tried first; the kernel chooses one if it is taken, or if none is given.
        """
        if self._listener is not None:
            return
        try:
            self._listener = _listening(port or 0)
        except OSError:
            if port is None:
                raise
            self._listener = _listening(0)

    @property
    def port(self) -> int:
        """Return the port; it is known once bound."""
        port: int = self._bound.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Return the endpoint's address; it is known once bound."""
        return f"http://{self._host}{ENDPOINT}"

    async def ready(self) -> None:
        """Return when requests are answered."""
        await self._ready.wait()

    async def serve(self) -> None:
        """Answer requests until cancelled; held calls are ended then."""
        self.bind()
        app, server, gate = await asyncio.to_thread(self._load)
        async with app.run():
            try:
                await server.startup(sockets=[self._bound])
                self._ready.set()
                await asyncio.Event().wait()
            finally:
                self._ready.clear()
                gate.close()
                await _shut(server)

    async def __aenter__(self) -> Self:
        """Bind and begin to serve, without waiting until it does."""
        self.bind()
        await self._tasks.__aenter__()
        self._serving = self._tasks.create_task(self.serve())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End held calls and stop serving."""
        if self._serving is not None:
            self._serving.cancel()
        # Only a cancellation is the group's business: other errors pass through it unwrapped.
        cancelled = (kind, error, trace) if kind is asyncio.CancelledError else (None, None, None)
        try:
            await self._tasks.__aexit__(*cancelled)
        finally:
            self._bound.close()

    @property
    def _bound(self) -> socket.socket:
        if self._listener is None:
            raise RuntimeError("bind the server first")
        return self._listener

    @property
    def _host(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def _origins(self) -> tuple[str, ...]:
        return (f"http://{self._host}",) if self._serve_own_pages else ()

    def _guard(self, app: AsgiApp) -> Gate:
        return Gate(
            app if self._hooks is None else routes(app, HookDoor(self._hooks)),
            host=self._host,
            authenticate=self._desk.authenticate,
            origins=self._origins,
            connections=self._connections,
            endpoints=(ENDPOINT,) if self._hooks is None else (ENDPOINT, HOOKS),
        )

    def _load(self) -> tuple[SdkApp, Server, Gate]:
        """Import the SDK (about 450 ms) and put the parts together; runs in a thread beside the loop."""
        import uvicorn  # noqa: PLC0415 - off the way to the first agent

        from supervisor.transports.mcp import bounded_http, sdk_app  # noqa: PLC0415 - as above

        for name in _CHATTY_LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)
        app = sdk_app.SdkApp(
            self._desk,
            self._host,
            origins=self._origins,
            additions=self._additions,
            progress_every_s=self._progress_every_s,
        )
        gate = self._guard(app.handle_request)
        config = uvicorn.Config(
            gate,
            loop="asyncio",
            http=bounded_http.http_over(self._connections),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        return app, server, gate


def _listening(port: int) -> socket.socket:
    # With the protocol named, asyncio turns Nagle's delay off; without it a call takes 40 ms more.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Connections of the engine before, not yet forgotten by the kernel, are no hindrance: if both set it.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - positional by its signature
    except BaseException:
        listener.close()
        raise
    return listener


async def _shut(server: Server) -> None:
    """Stop accepting and let the answers in hand go out; `Server.shutdown` would do it by polling."""
    for listening in server.servers:
        listening.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    if server.server_state.tasks:
        _, late = await asyncio.wait(server.server_state.tasks, timeout=GRACE_S)
        for task in late:
            task.cancel()
