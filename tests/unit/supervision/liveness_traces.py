"""Traces of agents' lives, each labelled with what is to be found in it, and how one is played."""

from __future__ import annotations

import asyncio
import tomllib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from supervisor.model.health import UNWELL, Liveness, StallAction, StallLimits
from supervisor.supervision.liveness import Signals
from supervisor.supervision.movement import Movement
from supervisor.supervision.notices import Condemned
from supervisor.supervision.overseer import News, Overseer, Reading
from supervisor.testing.clock import VirtualClock

FOLDER: Final = Path(__file__).with_name("traces")
TICK_S: Final = 5.0
LONG_S: Final = 20_000.0
LONG_TICK_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How an agent behaves for a while. CPU in percent, `io` in bytes a minute; 0 of `…_every_s` is never.

    `blinks_every_s`: a process that lives for a moment. `lost`: from here on nothing will come of it.
    `gap_s`: before the step the engine stood still for so long.
    """

    for_s: float
    output_every_s: float = 0.0
    event_every_s: float = 0.0
    call_every_s: float = 0.0
    worktree_every_s: float = 0.0
    blinks_every_s: float = 0.0
    cpu: float = 0.0
    io: int = 0
    children: int = 0
    helpers: int = 0
    work: bool = True
    tool: bool = False
    wait: bool = False
    person: bool = False
    limited: bool = False
    paused: bool = False
    stopped: bool = False
    lost: bool = False
    gap_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One agent's life. `finds` is the verdict that must come, None if it must be left alone."""

    name: str
    kind: str
    steps: tuple[Step, ...]
    limits: StallLimits
    finds: Liveness | None = None
    threshold_s: float = 600.0
    source: str = ""


def read_traces() -> tuple[Trace, ...]:
    """Read all traces."""
    return tuple(
        Trace(
            name=raw["name"],
            kind=path.stem,
            source=raw.get("source", ""),
            steps=tuple(Step(**step) for step in raw["steps"]),
            limits=StallLimits(**raw.get("limits", {})),
            finds=Liveness(raw["finds"]) if "finds" in raw else None,
            threshold_s=raw.get("threshold_s", 600.0),
        )
        for path in sorted(FOLDER.glob("*.toml"))
        for raw in tomllib.loads(path.read_text(encoding="utf-8"))["trace"]
    )


@dataclass(kw_only=True)
class Played:
    """What came of a trace: what was found when (seconds from the start), and what was done."""

    lost_at: float | None = None
    verdicts: list[tuple[float, Liveness]] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    condemned: list[Condemned] = field(default_factory=list)

    @property
    def found(self) -> list[tuple[float, Liveness]]:
        """List the findings that a person was told of."""
        return [(at, liveness) for at, liveness in self.verdicts if liveness in UNWELL]

    def is_right(self, trace: Trace) -> bool:
        """Tell whether the judge did what the label asks for."""
        if trace.finds is None:
            return not self.found and not self.steps and not self.condemned
        assert self.lost_at is not None
        within = [at for at, found in self.found if found is trace.finds and at >= self.lost_at]
        return bool(within) and within[0] - self.lost_at <= 2 * trace.threshold_s


class _Hands:
    async def nudge(self, agent: str, incarnation: int) -> bool:
        return True

    async def interrupt(self, agent: str, incarnation: int) -> bool:
        return True


class _Agent:
    """An agent that lives by a trace; keeps what the engine would know of it."""

    def __init__(self, limits: StallLimits, now: float) -> None:
        self._limits = limits
        self._started_at = now
        self._last: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self._movement = Movement()
        self._used: deque[tuple[float, float, float]] = deque()
        self._blinked_at = now

    def live(self, step: Step, number: int, now: float, tick_s: float) -> Signals:
        """Live for one tick that ends now, and show what can be seen."""
        for sign in ("output", "event", "call", "worktree"):
            every_s = getattr(step, f"{sign}_every_s")
            if every_s and now - self._last.get(sign, 0.0) >= every_s:
                self._last[sign] = now
        for state in ("tool", "wait", "limited"):
            if not getattr(step, state):
                self._since.pop(state, None)
            else:
                self._since.setdefault(state, now - tick_s)
        self._movement.look(
            self._pids(step, number, now),
            now,
            self._limits,
            holds_work=step.work,
            stopped=step.stopped,
        )
        cpu, moved = self._over_the_window(step, now, tick_s)
        self._movement.measure(cpu, moved, now, self._limits)
        return Signals(
            started_at=self._started_at,
            last_output_at=self._last.get("output"),
            last_event_at=self._last.get("event"),
            last_call_at=self._last.get("call"),
            worktree_at=self._last.get("worktree"),
            held_call_since=self._since.get("wait"),
            tool_since=self._since.get("tool"),
            limited_until=now + 60 if step.limited else None,
            stopped_since=self._movement.stopped_since,
            waits_for_person=step.person,
            holds_work=step.work,
            paused=step.paused,
            cpu_percent=cpu,
            io_bytes=moved,
            children=self._movement.children,
            moved_at=self._movement.moved_at,
            worked_at=self._movement.worked_at,
        )

    def _pids(self, step: Step, number: int, now: float) -> Iterator[int]:
        yield from range(100, 100 + step.helpers)
        yield from range(1000 * (number + 1), 1000 * (number + 1) + step.children)
        if step.blinks_every_s and now - self._blinked_at >= step.blinks_every_s:
            self._blinked_at = now
            yield 1_000_000 + int(now)

    def _over_the_window(self, step: Step, now: float, tick_s: float) -> tuple[float | None, int | None]:
        self._used.append((now, step.cpu * tick_s, step.io * tick_s / 60.0))
        window_s = max(self._limits.window_s, tick_s)
        while self._used[0][0] <= now - window_s - tick_s:
            self._used.popleft()
        if now - self._started_at < window_s:
            return None, None
        inside = [(cpu, moved) for at, cpu, moved in self._used if at > now - window_s]
        return sum(cpu for cpu, _ in inside) / window_s, int(sum(moved for _, moved in inside))


async def play(trace: Trace) -> Played:
    """Let an overseer watch an agent that lives by a trace, in virtual time."""
    clock, played = VirtualClock(now=0.0, monotonic=0.0), Played()

    class Bench:
        def condemn(self, agent: str, condemned: Condemned) -> None:
            played.condemned.append(condemned)

    def tell(news: News) -> None:
        if news.words:
            played.steps.append(news.words)
        else:
            played.verdicts.append((clock.monotonic(), news.verdict.liveness))

    overseer = Overseer(Bench(), _Hands(), clock, tell)
    agent = _Agent(trace.limits, 0.0)
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(overseer.keep())
        for number, step in enumerate(trace.steps):
            if step.lost and played.lost_at is None:
                played.lost_at = clock.monotonic()
            if step.gap_s:
                overseer.shift(step.gap_s)
            await _walk(trace, step, number, agent=agent, overseer=overseer, clock=clock)
        keeping.cancel()
    return played


async def _walk(
    trace: Trace, step: Step, number: int, *, agent: _Agent, overseer: Overseer, clock: VirtualClock
) -> None:
    tick_s = TICK_S if step.for_s <= LONG_S else LONG_TICK_S
    for _ in range(int(step.for_s / tick_s)):
        await clock.advance(tick_s)
        signals = agent.live(step, number, clock.monotonic(), tick_s)
        overseer.review(
            {
                "worker-1": Reading(
                    incarnation=1, signals=signals, limits=trace.limits, action=StallAction.RESTART
                )
            }
        )
