"""What the agents have used lately, for whoever decides by it: liveness, limits, scaling.

`Gauges` feeds it once a second. It holds no processes and decides nothing.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from supervisor.model.agent import MachineMetrics
from supervisor.runtime.close_look import CloseLook
from supervisor.runtime.trees import TreeUse

STEP_S: Final = 5.0
"""How far apart the points of an agent's trail are."""

REACH_S: Final = 120.0
"""How far back a trail goes."""

_POINTS: Final = int(REACH_S / STEP_S) + 2
_POOL_SAMPLES: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Vital:
    """One agent's newest sample: its tree by the last pass, and by the last close look at it.

    `at` is on the monotonic clock, `leader` the pid at the top of the tree.
    """

    at: float
    leader: int
    use: TreeUse
    close: CloseLook

    @property
    def memory_bytes(self) -> int:
        """The memory the tree uses: PSS where it is known, else RSS."""
        return self.use.rss_bytes if self.close.pss_bytes is None else self.close.pss_bytes


@dataclass(frozen=True, slots=True)
class _Point:
    at: float
    cpu_s: float
    moved_bytes: int


@dataclass(slots=True)
class _Trail:
    """What one incarnation had used in all since it was first seen, point by point."""

    leader: int
    cpu_s: float = 0.0
    moved_bytes: int = 0
    last_moved: int | None = None
    points: deque[_Point] = field(default_factory=lambda: deque(maxlen=_POINTS))

    def add(self, vital: Vital) -> None:
        self.cpu_s += vital.use.cpu_s if self.points else 0.0
        moved = vital.close.moved_bytes
        if moved is not None and self.last_moved is not None:
            self.moved_bytes += max(0, moved - self.last_moved)  # less: one of the tree has ended
        self.last_moved = moved if moved is not None else self.last_moved
        if not self.points or vital.at - self.points[-1].at >= STEP_S:
            self.points.append(_Point(vital.at, self.cpu_s, self.moved_bytes))

    def before(self, at: float) -> _Point | None:
        """Return the newest point that is not after `at`."""
        return next((point for point in reversed(self.points) if point.at <= at), None)


class Vitals:
    """Keeps the newest sample of every live agent and what it used over the last two minutes.

    All of it belongs to the event loop. A new incarnation begins with an empty trail.
    """

    def __init__(self, pool_of: Callable[[str], str]) -> None:
        """Know nothing yet; `pool_of` names an agent's pool."""
        self.machine = MachineMetrics()
        self._pool_of: Final = pool_of
        self._now: dict[str, Vital] = {}
        self._trails: dict[str, _Trail] = {}
        self._pools: Final[defaultdict[str, deque[int]]] = defaultdict(lambda: deque(maxlen=_POOL_SAMPLES))
        self._listeners: Final[list[Callable[[Mapping[str, Vital]], None]]] = []

    def listen(self, listener: Callable[[Mapping[str, Vital]], None]) -> None:
        """Call `listener` on the loop with every agent's newest sample, once a second; it must be quick."""
        self._listeners.append(listener)

    def note(self, vitals: Mapping[str, Vital], machine: MachineMetrics) -> None:
        """Take the samples of one second; an agent that is not among them has no process."""
        self.machine = machine
        for agent, vital in vitals.items():
            trail = self._trails.get(agent)
            if trail is None or trail.leader != vital.leader:
                trail = self._trails[agent] = _Trail(vital.leader)
            trail.add(vital)
            before = self._now.get(agent)
            if vital.use.processes and (before is None or before.close is not vital.close):
                self._pools[self._pool_of(agent)].append(vital.memory_bytes)
        self._now = dict(vitals)
        self._trails = {agent: self._trails[agent] for agent in vitals}
        for listener in self._listeners:
            listener(self._now)

    def of(self, agent: str) -> Vital | None:
        """Return an agent's newest sample; None while it has no process or was not looked at yet."""
        return self._now.get(agent)

    def cpu_over(self, agent: str, seconds: float) -> float | None:
        """Return what its tree used of one core over the last `seconds` (at most 120) or a bit more, percent.

        None while it has not been watched for so long: then nothing can be said.
        """
        span = self._span(agent, seconds)
        if span is None:
            return None
        then, now = span
        return 100.0 * (now.cpu_s - then.cpu_s) / (now.at - then.at)

    def moved_over(self, agent: str, seconds: float) -> int | None:
        """Return the bytes its tree read and wrote, files, pipes and sockets; None as `cpu_over`.

        Looked at every ten seconds; what a process moved right before it ended may be missing.
        """
        span = self._span(agent, seconds)
        return span[1].moved_bytes - span[0].moved_bytes if span is not None else None

    def pool_memory(self, pool: str, *, percent: int = 95) -> int | None:
        """Return the memory that so many percent of the pool's late samples do not exceed; None without."""
        samples = sorted(self._pools[pool]) if pool in self._pools else []
        if not samples:
            return None
        return samples[max(0, -(-len(samples) * percent // 100) - 1)]

    def _span(self, agent: str, seconds: float) -> tuple[_Point, _Point] | None:
        vital, trail = self._now.get(agent), self._trails.get(agent)
        if vital is None or trail is None:
            return None
        then = trail.before(vital.at - seconds)
        if then is None or then.at >= vital.at:
            return None
        return then, _Point(vital.at, trail.cpu_s, trail.moved_bytes)
