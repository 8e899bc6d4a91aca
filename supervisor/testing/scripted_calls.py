"""What a scripted model was asked: a record that tests wait on, from whichever loop they run."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

CALLS_MAX: Final = 10_000
BODIES_MAX: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `step` is what was played; `is_side` one that the client makes for itself.

    `counts`: it asked the model for an answer to its work, so that somebody would have paid for it.
    """

    number: int
    api: str
    path: str
    model: str = ""
    session: str = ""
    prompt: str = ""
    step: str = ""
    status: int = 200
    is_side: bool = False
    tools: int = 0

    @property
    def counts(self) -> bool:
        """Say whether this is one for which somebody would have paid."""
        return self.api not in {"", "counting"}


class CallLog:
    """The newest calls, oldest first, and the whole bodies of the last few."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self._calls: Final[deque[Call]] = deque(maxlen=CALLS_MAX)
        self._bodies: Final[deque[tuple[int, dict[str, Any]]]] = deque(maxlen=BODIES_MAX)
        self._waiters: Final[list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = []
        self._lock: Final = threading.Lock()
        self._next = 0

    def __iter__(self) -> Iterator[Call]:
        """Go through all calls."""
        with self._lock:
            return iter(tuple(self._calls))

    def __len__(self) -> int:
        """Return how many calls there were, also those that are forgotten."""
        return self._next

    def next_number(self) -> int:
        """Return the number of the call that is being read."""
        with self._lock:
            self._next += 1
            return self._next

    def add(self, call: Call, body: dict[str, Any]) -> None:
        """Take note of a call, and wake who waits for one."""
        with self._lock:
            self._calls.append(call)
            self._bodies.append((call.number, body))
            waiters = tuple(self._waiters)
        for loop, changed in waiters:
            loop.call_soon_threadsafe(changed.set)

    def body(self, number: int) -> dict[str, Any]:
        """Return the whole body of one of the last calls; KeyError if it is forgotten."""
        with self._lock:
            return dict(self._bodies)[number]

    def bodies(self) -> list[dict[str, Any]]:
        """Return the bodies of the last calls."""
        with self._lock:
            return [body for _, body in self._bodies]

    def told(self) -> list[dict[str, Any]]:
        """Return all calls as JSON has them."""
        return [{**asdict(call), "counts": call.counts} for call in self]

    async def until(self, fits: Callable[[Call], bool], *, after: int = 0, timeout_s: float = 30.0) -> Call:
        """Return the first call after number `after` that fits; TimeoutError if none comes in time."""
        changed = asyncio.Event()
        waiter = (asyncio.get_running_loop(), changed)
        with self._lock:
            self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    changed.clear()
                    for call in self:
                        if call.number > after and fits(call):
                            return call
                    await changed.wait()
        finally:
            with self._lock:
                self._waiters.remove(waiter)
