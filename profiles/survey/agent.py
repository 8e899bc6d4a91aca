"""Run an agent: connect, begin again when the connection is lost, end well when told to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import httpx2
from anyio import BrokenResourceError, ClosedResourceError
from mcp import MCPError

from coordinator import Coordinator, Kit, Tools, connected, read_kit
from spelling import spell

RETRY_DELAYS_S: Final = (0.2, 0.5, 1.0, 2.0, 4.0)
STEADY_S: Final = 60.0
"""A connection that held this long makes the retries count from the first again."""

LOST: Final = (httpx2.HTTPError, MCPError, OSError, BrokenResourceError, ClosedResourceError, EOFError)

Main = Callable[[Coordinator], Awaitable[None]]


def run(main: Main) -> None:
    """Run the agent's main function to its end and exit: 0 when done or stopped, 1 when cut off."""
    sys.exit(asyncio.run(_until_stopped(main, read_kit())))


def say(text: str) -> None:
    """Write one line to the agent's log; a log that is gone is no reason to fail."""
    try:
        print(spell(text.encode("utf-8", "surrogateescape")).replace("\\\\", "\\"), flush=True)
    except OSError:
        return


async def _until_stopped(main: Main, kit: Kit) -> int:
    task = asyncio.ensure_future(_serve(main, kit))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        say("stopped")
        return 0


async def _serve(main: Main, kit: Kit) -> int:
    """Run main on a connection; on a lost one begin it again, for everything it needs is kept there."""
    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        since = loop.time()
        reason: BaseException
        try:
            async with connected(kit) as coordinator:
                await main(coordinator)
            return 0
        except LOST as error:
            reason = error
        except BaseExceptionGroup as group:
            reason = _reason(group)
        failures = 1 if loop.time() - since > STEADY_S else failures + 1
        if failures > len(RETRY_DELAYS_S):
            say(f"the coordinator cannot be reached: {reason!r}")
            return 1
        await asyncio.sleep(RETRY_DELAYS_S[failures - 1])


def _reason(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return why the connection was lost; raise what has nothing to do with the connection."""
    leaves = list(_leaves(group))
    for leaf in leaves:
        if not isinstance(leaf, LOST):
            raise leaf from group
    return leaves[0]


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def read_mail(tools: Tools) -> list[dict[str, Any]]:
    """Read what is in the inbox, write it to the log and acknowledge it."""
    messages: list[dict[str, Any]] = (await tools.call("inbox", limit=50))["messages"]
    for message in messages:
        say(f"mail from {message['sender']}: {message['body'][:500]}")
    if messages:
        await tools.call("message_ack", ids=[message["id"] for message in messages])
    return messages
