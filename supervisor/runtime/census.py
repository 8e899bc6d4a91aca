"""Which processes belong to whom, answered from one look at the process table.

Fifty agents that stop at once ask at once; `SharedCensus` answers all who asked before a look began
with that one look, taken off the event loop.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from supervisor.runtime.marker import NO_MARKS, Marks, marks_in
from supervisor.runtime.proc_table import ProcRef, ProcStat, read_environ, read_table
from supervisor.runtime.subreaper import adopted, reap_adopted

_Key = TypeVar("_Key")


class Census:
    """One look at the process table, indexed so that each question costs what its answer holds."""

    def __init__(self, table: Mapping[int, ProcStat], marks: Mapping[int, Marks]) -> None:
        """Index `table`; `marks` says which markers each process carries, by pid."""
        self.table: Final = table
        self._own_pid: Final = os.getpid()
        self._own_group: Final = os.getpgrp()
        self._children: Final = _grouped((stat.parent, stat) for stat in table.values())
        self._by_group: Final = _grouped((stat.group, stat) for stat in table.values())
        self._by_session: Final = _grouped((stat.session, stat) for stat in table.values())
        prey = [stat for stat in table.values() if self._is_prey(stat)]
        marked = [(mark, stat) for stat in prey for mark in marks.get(stat.pid, NO_MARKS)]
        self._by_mark: Final = _grouped(marked)
        self._by_marked_session: Final = _grouped((session, stat) for (session, _), stat in marked)

    @classmethod
    def take(cls) -> Census:
        """Look at the process table now; reads /proc, so call it off the event loop."""
        marks: dict[int, Marks] = {}

        def note(stat: ProcStat) -> None:
            if stat.alive and (found := _marks_of(stat)):
                marks[stat.pid] = found

        return cls(read_table(note), marks)

    def marked(self, session: str, agent: str | None = None) -> list[ProcStat]:
        """List who carries the marker of `session` (of one agent of it), and all their descendants."""
        if agent is None:
            return self._with_descendants(self._by_marked_session[session])
        return self._with_descendants(self._by_mark[session, agent])

    def tree(
        self, leader: ProcRef, session: str, agent: str, *, kin: Collection[ProcRef] = ()
    ) -> list[ProcStat]:
        """List the living processes of the tree that `leader` began.

        Members are the leader, its group and session, whoever carries its marker, who is known as `kin`,
        and every descendant of those. The leader must not be reaped yet: its number stays its own till then.
        """
        by_number = [*self._by_group[leader.pid], *self._by_session[leader.pid]]
        known = [stat for ref in (leader, *kin) if (stat := self.table.get(ref.pid)) and stat.ref == ref]
        newer = [stat for stat in by_number if stat.start_time >= leader.start_time]
        return self._with_descendants([*known, *newer, *self._by_mark[session, agent]])

    def strays(self) -> list[ProcStat]:
        """List the living orphans that came to us, and their descendants, whatever they carry."""
        return self._with_descendants(adopted(self.table))

    def group(self, leader: ProcRef) -> list[ProcStat]:
        """List the living members of the process group that `leader` began."""
        return [stat for stat in self._by_group[leader.pid] if self._is_prey(stat)]

    def _with_descendants(self, members: Iterable[ProcStat]) -> list[ProcStat]:
        found: dict[int, ProcStat] = {}
        queue = list(members)
        while queue:
            stat = queue.pop()
            if stat.pid not in found and stat.pid != self._own_pid:
                found[stat.pid] = stat
                queue += self._children[stat.pid]
        return [stat for stat in found.values() if self._is_prey(stat)]

    def _is_prey(self, stat: ProcStat) -> bool:
        """Say whether it lives and is not of our own group: trees we start have groups of their own."""
        return stat.alive and stat.pid != self._own_pid and stat.group != self._own_group


def _marks_of(stat: ProcStat) -> Marks:
    return marks_in(read_environ(stat.pid))


def _grouped(pairs: Iterable[tuple[_Key, ProcStat]]) -> defaultdict[_Key, list[ProcStat]]:
    grouped: defaultdict[_Key, list[ProcStat]] = defaultdict(list)
    for key, stat in pairs:
        grouped[key].append(stat)
    return grouped


class SharedCensus:
    """One look at a time, shared by everyone who asked before it began. Each buries our dead orphans."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve callers on `loop`."""
        self._loop: Final = loop
        self._next: asyncio.Future[Census] | None = None
        self._is_looking = False

    async def take(self) -> Census:
        """Return a census that began after this call."""
        if self._next is None:
            self._next = self._loop.create_future()
        answer = self._next
        if not self._is_looking:
            self._look()
        return await asyncio.shield(answer)

    def _look(self) -> None:
        answer, self._next = self._next, None
        if answer is None:
            return
        look = self._loop.run_in_executor(None, Census.take)
        self._is_looking = True
        look.add_done_callback(lambda done: self._answer(answer, done))

    def _answer(self, answer: asyncio.Future[Census], look: asyncio.Future[Census]) -> None:
        self._is_looking = False
        if look.cancelled():
            answer.cancel()
        elif (problem := look.exception()) is not None:
            answer.set_exception(problem)
        else:
            reap_adopted(look.result().table)
            answer.set_result(look.result())
        self._look()


_SHARED: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, SharedCensus]] = WeakKeyDictionary()


def shared_census() -> SharedCensus:
    """Return the census that everyone on the running loop shares."""
    loop = asyncio.get_running_loop()
    if loop not in _SHARED:
        _SHARED[loop] = SharedCensus(loop)
    return _SHARED[loop]
