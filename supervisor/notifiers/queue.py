"""What waits for one sink: bounded, without repeats, in the order of the events."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, TypeAlias

from supervisor.model.notify import NoticeKind
from supervisor.notifiers.notice import Notice, Settled

QUEUE_MAX: Final = 1000
REPEAT_S: Final = 300.0
"""Within this time a second notice of the same kind about the same thing is not told."""

SEPARATE_MAX: Final = 3
"""More waiting notices than these leave as one."""

STALE_S: Final = 3600.0
"""Older notices leave as one digest, not each for itself."""

_RANK: Final = {kind: rank for rank, kind in enumerate(NoticeKind)}
_REMEMBERED_MAX: Final = 10_000
_Key: TypeAlias = tuple[NoticeKind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What leaves as one: the notices in the order of their events, and whether they come late.

    `dropped` counts those that the full queue had to let go since the last batch that arrived.
    """

    notices: tuple[Notice, ...]
    late: bool = False
    dropped: int = 0

    @property
    def upto(self) -> int:
        """Return the number of its last event."""
        return self.notices[-1].seq

    def by_weight(self) -> list[Notice]:
        """List the notices, what a person is waited for first."""
        return sorted(self.notices, key=lambda notice: (_RANK[notice.kind], notice.seq))

    def counts(self) -> dict[NoticeKind, int]:
        """Count the notices by kind, the most pressing kinds first."""
        counted = Counter(notice.kind for notice in self.notices)
        return {kind: counted[kind] for kind in NoticeKind if counted[kind]}


class NoticeQueue:
    """The waiting notices of one sink. Nothing here waits but `arrival`; each step is short.

    Events come in rising order. `handled` is the number of the last event up to which nothing waits:
    whoever starts again from there misses nothing.
    """

    def __init__(self, kinds: Collection[NoticeKind], *, handled: int, limit: int = QUEUE_MAX) -> None:
        """Take notices of these kinds about events after number `handled`."""
        self._limit = limit
        self._waiting: dict[int, Notice] = {}
        self._by_kind: dict[NoticeKind, dict[int, None]] = {kind: {} for kind in NoticeKind if kind in kinds}
        self._by_key: dict[_Key, list[int]] = {}
        self._told_at: OrderedDict[_Key, float] = OrderedDict()
        self._begin = handled
        self._seen = handled
        self._dropped = 0
        self._arrived = asyncio.Event()
        self._nudged = False

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._waiting)

    @property
    def handled(self) -> int:
        """Return the number of the last event before which nothing waits."""
        first = next(iter(self._waiting), None)
        return self._seen if first is None else first - 1

    def saw(self, seq: int) -> None:
        """Note that the events up to this number were looked at."""
        self._seen = max(self._seen, seq)

    def put(self, notice: Notice) -> bool:
        """Let a notice wait, unless it is none of this sink's, or a repeat; tell whether it waits."""
        if notice.kind not in self._by_kind or self._is_repeat(notice):
            return False
        if notice.seq <= self._begin:
            return False  # an earlier engine told it; it is remembered, to know repeats of it
        self._waiting[notice.seq] = notice
        self._by_kind[notice.kind][notice.seq] = None
        self._by_key.setdefault(_key(notice), []).append(notice.seq)
        if len(self._waiting) > self._limit:
            self._drop_one()
        self._arrived.set()
        return True

    def settle(self, settled: Settled) -> None:
        """Take back what is no news any more; asked for again, it will be news again."""
        key = settled.kind, settled.about
        self._told_at.pop(key, None)
        for seq in tuple(self._by_key.get(key, ())):
            self._remove(seq)

    async def arrival(self) -> None:
        """Return once something waits, or there was a nudge."""
        while not self._waiting and not self._nudged:
            self._arrived.clear()
            await self._arrived.wait()
        self._nudged = False

    def nudge(self) -> None:
        """Let `arrival` return though nothing may wait."""
        self._nudged = True
        self._arrived.set()

    def take(self, now: float, *, upto: int | None = None) -> Batch | None:
        """Take what leaves next, or None if nothing waits; with `upto` exactly what waits up to there.

        It is always the oldest part of the queue, so `handled` stays true when it has arrived.
        """
        waiting = list(self._waiting.values())
        stale = [notice for notice in waiting if now - notice.at > STALE_S]
        late = bool(stale)
        if upto is not None:
            waiting = [notice for notice in waiting if notice.seq <= upto]
        elif stale:
            waiting = [notice for notice in waiting if notice.seq <= stale[-1].seq]
        elif len(waiting) <= SEPARATE_MAX:
            waiting = waiting[:1]
        if not waiting:
            return None
        for notice in waiting:
            self._remove(notice.seq)
        dropped, self._dropped = self._dropped, 0
        return Batch(notices=tuple(waiting), late=late, dropped=dropped)

    def count_dropped(self, number: int) -> None:
        """Count notices that were let go, to be told with the next batch."""
        self._dropped += number

    def _is_repeat(self, notice: Notice) -> bool:
        """Tell whether the same was told shortly before it, by the time of the events."""
        key = _key(notice)
        told_at = self._told_at.get(key)
        if told_at is not None and notice.at - told_at < REPEAT_S:
            return True
        self._told_at[key] = notice.at
        self._told_at.move_to_end(key)
        if len(self._told_at) > _REMEMBERED_MAX:
            self._told_at.popitem(last=False)
        return False

    def _drop_one(self) -> None:
        """Let the oldest of the least pressing kind go."""
        least = next(kind for kind in reversed(self._by_kind) if self._by_kind[kind])
        self._remove(next(iter(self._by_kind[least])))
        self._dropped += 1

    def _remove(self, seq: int) -> None:
        notice = self._waiting.pop(seq)
        del self._by_kind[notice.kind][seq]
        same = self._by_key[_key(notice)]
        same.remove(seq)
        if not same:
            del self._by_key[_key(notice)]


def _key(notice: Notice) -> _Key:
    return notice.kind, notice.about
