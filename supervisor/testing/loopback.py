"""Small HTTP servers on this machine, on the loop of a test or on one of their own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

import uvicorn

HOST: Final = "127.0.0.1"
_START_S: Final = 20.0

_Served = TypeVar("_Served")


@asynccontextmanager
async def serving(app: Any, *, port: int = 0, has_lifespan: bool = False) -> AsyncIterator[str]:
    """Serve an ASGI application on this loop while the block lasts; yields its address."""
    with socket.create_server((HOST, port)) as listening:
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",
            lifespan="on" if has_lifespan else "off",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listening]))
            try:
                async with asyncio.timeout(_START_S):
                    await server.ready.wait()
                yield f"http://{HOST}:{listening.getsockname()[1]}"
            finally:
                server.should_exit = True


@contextmanager
def in_thread(begin: Callable[[], AbstractAsyncContextManager[_Served]]) -> Iterator[_Served]:
    """Keep something served in a thread with a loop of its own: it outlives the loop of one test."""
    ready = threading.Event()
    served: list[_Served] = []
    problems: list[BaseException] = []
    end: list[Callable[[], object]] = []

    async def keep() -> None:
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        end.append(lambda: loop.call_soon_threadsafe(over.set))
        async with begin() as one:
            served.append(one)
            ready.set()
            await over.wait()

    def run() -> None:
        try:
            asyncio.run(keep())
        except BaseException as problem:  # noqa: BLE001 - told to who waits, in its own thread
            problems.append(problem)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="loopback server", daemon=True)
    thread.start()
    if not ready.wait(_START_S) or not served:
        raise RuntimeError("the server did not start; is the port taken?") from next(iter(problems), None)
    try:
        yield served[0]
    finally:
        end[0]()
        thread.join(_START_S)


class _Server(uvicorn.Server):
    """Serves within somebody else's loop: signals are theirs, and they wait for it by an event."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready: Final = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
