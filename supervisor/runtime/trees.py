"""What each agent's process tree uses, for all agents in one pass over the process table."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from supervisor.clock import Clock
from supervisor.runtime.marker import marks_in
from supervisor.runtime.proc_table import TICKS_PER_S, ProcRef, ProcStat, read_environ, read_table
from supervisor.runtime.subreaper import is_owned, reap_adopted


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeUse:
    """What one tree uses: CPU in percent of one core and in seconds, both since the look before.

    `is_stopped` if its leader is frozen. `helpers` are the names of all but the leader: foreign text.
    """

    cpu_percent: float = 0.0
    cpu_s: float = 0.0
    rss_bytes: int = 0
    processes: int = 0
    threads: int = 0
    is_stopped: bool = False
    helpers: tuple[str, ...] = ()
    pids: tuple[int, ...] = ()


class Sampler:
    """Samples trees again and again; remembers CPU ticks and who belonged to whom.

    An orphan stays with the tree it was seen in, and one first seen as an orphan is told by its marker.
    """

    def __init__(self, *, session: str, clock: Clock) -> None:
        """Sample trees that were marked with `session`."""
        self._session: Final = session
        self._clock: Final = clock
        self._ticks: dict[ProcRef, int] = {}
        self._home: dict[ProcRef, str] = {}
        self._sampled_at: float | None = None
        self._newest: float = math.inf

    def sample(
        self, leaders: Mapping[str, int], table: Mapping[int, ProcStat] | None = None
    ) -> dict[str, TreeUse]:
        """Return the use of each agent's tree by the pid of its leader, and bury our dead orphans.

        Reads all of /proc in some milliseconds: call it off the event loop, never twice at once.
        """
        table = read_table() if table is None else table
        reap_adopted(table)
        living = [stat for stat in table.values() if stat.alive]
        now = self._clock.monotonic()
        homes = self._homes(living, leaders)
        elapsed = now - self._sampled_at if self._sampled_at is not None else 0.0
        uses = {agent: self._use(members, leaders[agent], elapsed) for agent, members in homes.items()}
        self._ticks = {stat.ref: stat.cpu_ticks for members in homes.values() for stat in members}
        self._home = {stat.ref: agent for agent, members in homes.items() for stat in members}
        self._sampled_at = now
        self._newest = max((stat.start_time for stat in table.values()), default=math.inf)
        return {agent: uses.get(agent, TreeUse()) for agent in leaders}

    def _use(self, members: list[ProcStat], leader: int, elapsed: float) -> TreeUse:
        ticks = sum(stat.cpu_ticks - self._ticks_before(stat) for stat in members)
        cpu_s = ticks / TICKS_PER_S
        return TreeUse(
            cpu_percent=100.0 * cpu_s / elapsed if elapsed > 0 else 0.0,
            cpu_s=cpu_s,
            rss_bytes=sum(stat.rss_bytes for stat in members),
            processes=len(members),
            threads=sum(stat.threads for stat in members),
            is_stopped=any(stat.pid == leader and stat.stopped for stat in members),
            helpers=tuple(stat.name for stat in members if stat.pid != leader),
            pids=tuple(stat.pid for stat in members),
        )

    def _ticks_before(self, stat: ProcStat) -> int:
        """Return what it had used at the look before; all of it when only its home is new to us."""
        is_born_since = stat.start_time > self._newest
        return self._ticks.get(stat.ref, 0 if is_born_since else stat.cpu_ticks)

    def _homes(self, living: list[ProcStat], leaders: Mapping[str, int]) -> dict[str, list[ProcStat]]:
        """Tell each process's agent: by leader, session, memory or marker, then by descent."""
        agent_of = {pid: agent for agent, pid in leaders.items()}
        children: defaultdict[int, list[ProcStat]] = defaultdict(list)
        queue: list[tuple[ProcStat, str]] = []
        for stat in living:
            children[stat.parent].append(stat)
            agent = agent_of.get(stat.pid) or agent_of.get(stat.session) or self._home.get(stat.ref)
            agent = agent or self._marked_agent(stat)
            if agent is not None and agent in leaders:
                queue.append((stat, agent))
        homes: dict[str, list[ProcStat]] = defaultdict(list)
        seen: set[int] = {os.getpid()}
        while queue:
            stat, agent = queue.pop()
            if stat.pid not in seen:
                seen.add(stat.pid)
                homes[agent].append(stat)
                queue += [(child, agent) for child in children[stat.pid]]
        return dict(homes)

    def _marked_agent(self, stat: ProcStat) -> str | None:
        """Read the marker of an adopted orphan; reading everybody's would cost more than the pass."""
        if stat.parent != os.getpid() or is_owned(stat.pid):
            return None
        for session, incarnation in marks_in(read_environ(stat.pid)):
            if session == self._session:
                return incarnation.rpartition("#")[0]
        return None
