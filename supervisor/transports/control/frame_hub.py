"""One stream of frames to many subscribers, none of which can hold up the sender."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from supervisor.transports.control.protocol import Bye, Frame, Lagged, MetricsFrame

BACKLOG_MAX: Final = 1_000


class FrameHub:
    """Hands every published frame to every subscriber; who falls behind gets `Lagged` and is cut off."""

    def __init__(self, *, backlog: int = BACKLOG_MAX) -> None:
        """Let each subscriber keep at most `backlog` frames unread."""
        self._backlog = backlog
        self._subscribers: set[_Subscriber] = set()
        self._last_word: Bye | None = None
        self.metrics: MetricsFrame | None = None
        """What was measured last, for who asks only once."""

    def publish(self, frame: Frame) -> None:
        """Give the frame to all subscribers without waiting for any of them; a Bye closes the hub."""
        if isinstance(frame, Bye):
            self._last_word = frame
        if isinstance(frame, MetricsFrame):
            self.metrics = frame
        for subscriber in self._subscribers:
            subscriber.offer(frame, self._backlog)

    @property
    def unread(self) -> list[int]:
        """Return how many frames each subscriber has not read yet."""
        return [subscriber.backlog for subscriber in self._subscribers]

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[Frame]]:
        """Yield the frames published from now on; the stream ends after Bye or Lagged."""
        subscriber = _Subscriber()
        if self._last_word is not None:
            subscriber.offer(self._last_word, self._backlog)
        self._subscribers.add(subscriber)
        try:
            yield subscriber.frames()
        finally:
            self._subscribers.discard(subscriber)


class _Subscriber:
    """The unread frames of one subscriber."""

    def __init__(self) -> None:
        self._unread: deque[Frame] = deque()
        self._more = asyncio.Event()
        self._cut = False

    @property
    def backlog(self) -> int:
        """Return how many frames are unread."""
        return len(self._unread)

    def offer(self, frame: Frame, backlog: int) -> None:
        """Keep the frame, or cut this subscriber off when it has too many unread."""
        if self._cut:
            return
        if len(self._unread) >= backlog and not isinstance(frame, Bye):
            self._unread.clear()
            frame = Lagged()
        self._cut = isinstance(frame, Bye | Lagged)
        self._unread.append(frame)
        self._more.set()

    async def frames(self) -> AsyncIterator[Frame]:
        """Yield the frames in order until this subscriber is cut off."""
        while True:
            await self._more.wait()
            while self._unread:
                frame = self._unread.popleft()
                yield frame
                if isinstance(frame, Bye | Lagged):
                    return
            self._more.clear()
