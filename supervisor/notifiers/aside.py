"""Blocking calls beside the loop, in threads that neither the loop nor the end of the process waits for.

A name that is looked up, a file on a dead network disk, a program that hangs: the loop's own threads are
few and shared with everybody, and Python waits for them when it ends.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

T = TypeVar("T")

THREADS_MAX: Final = 16


class AllBusy(Exception):
    """As many calls as there may be at once hang; this one was not begun."""


class Aside:
    """Runs blocking calls, a bounded number at once."""

    def __init__(self, *, limit: int = THREADS_MAX) -> None:
        """Begin with nothing running."""
        self._limit = limit
        self._running = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns; who gives up waiting leaves its thread behind, which still counts."""
        if self._running >= self._limit:
            raise AllBusy
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, failure: BaseException | None) -> None:
            self._running -= 1
            if answer.done():
                return
            if failure is None:
                answer.set_result(result)  # type: ignore[arg-type]  # None is what it returned, then
            else:
                answer.set_exception(failure)

        def begin() -> None:
            result: T | None = None
            failure: BaseException | None = None
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who waits for it
                failure = error
            with suppress(RuntimeError):  # the loop is gone, and with it whoever asked
                loop.call_soon_threadsafe(settle, result, failure)

        self._running += 1
        try:
            threading.Thread(target=begin, name="notifier aside", daemon=True).start()
        except RuntimeError:
            self._running -= 1
            raise AllBusy from None
        return await answer
