"""Our autoscaler beside the rules that others use, simulated with fixed seeds: waits, starts, idle time.

Tasks last as long as agents' turns do: lognormal, median 150 s. An agent is ready 5 s after its start. Nobody
is ever stopped at work, with any rule: the others are spared the work that they would lose.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from benchmarks.table import Table, percentile
from supervisor.model.scale import Scale, ScalePreset
from supervisor.supervision.autoscaler import TICK_S, Autoscaler, Doing, Hand, Sight

MEDIAN_S: Final = 150.0
SIGMA: Final = 0.8
START_S: Final = 5.0
MOST: Final = 50
HORIZON_S: Final = 7200
SEEDS: Final = 8


@dataclass(slots=True, eq=False)
class Worker:
    """One agent on paper: `free_at` is when its start or its task is over."""

    name: str
    free_at: float
    is_busy: bool = False
    since: float = 0.0

    def doing(self, now: float) -> Doing:
        """Say what it does at `now`."""
        if self.is_busy:
            return Doing.BUSY
        return Doing.STARTING if now < self.free_at else Doing.IDLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a rule asks for: so many starts, and who goes."""

    start: int = 0
    retire: tuple[str, ...] = ()


class Rule(Protocol):
    """A way to follow the work, asked every `period_s`, or at once when work comes if it is `woken`."""

    period_s: float
    woken: bool

    def decide(self, now: float, ready: int, workers: list[Worker]) -> Change:
        """Say what changes."""
        ...


class Ours:
    """A preset of ours, as it is."""

    period_s = TICK_S
    woken = True

    def __init__(self, preset: ScalePreset) -> None:
        """Begin asleep."""
        scale = Scale(min=0, max=MOST, preset=preset)
        self._autoscaler = Autoscaler(scale, now=0.0, cores=MOST)

    def decide(self, now: float, ready: int, workers: list[Worker]) -> Change:
        """Ask the autoscaler."""
        hands = tuple(
            Hand(name=worker.name, doing=worker.doing(now), since=worker.since) for worker in workers
        )
        decision = self._autoscaler.decide(Sight(now=now, hands=hands, ready=ready))
        return Change(start=decision.start, retire=decision.retire)


class Naive:
    """One agent for each waiting task at once, and whoever is idle is stopped at once."""

    period_s = 1.0
    woken = False

    def decide(self, now: float, ready: int, workers: list[Worker]) -> Change:
        """Start and stop without a memory."""
        starting = sum(worker.doing(now) is Doing.STARTING for worker in workers)
        idle = tuple(worker.name for worker in workers if worker.doing(now) is Doing.IDLE)
        start = max(0, min(ready - starting - len(idle), MOST - len(workers)))
        return Change(start=start, retire=idle if not ready else ())


@dataclass(slots=True)
class Hpa:
    """Kubernetes' HorizontalPodAutoscaler with its defaults, on the length of the queue per pod."""

    least: int = 1
    sampled_every_s: float = 15.0
    period_s: float = 15.0
    woken: bool = False
    _wished: list[tuple[float, int]] = field(default_factory=list)
    _sample: tuple[float, int] = (-math.inf, 0)
    _active_at: float = 0.0

    def decide(self, now: float, ready: int, workers: list[Worker]) -> Change:
        """Follow the ratio of work to pods: up at once, down by the most of 300 s; to zero as KEDA does."""
        busy = sum(worker.is_busy for worker in workers)
        if now - self._sample[0] >= self.sampled_every_s:
            self._sample = (now, ready + busy)
        work, have = self._sample[1], len(workers)
        if work:
            self._active_at = now
        if not have:
            return Change(start=max(self.least, min(1, work)))
        wished = have if abs(work / have - 1.0) <= 0.1 else work
        wished = max(self._floor(now), min(MOST, wished))
        self._wished = [each for each in self._wished if each[0] > now - 300.0] + [(now, wished)]
        if wished > have:
            return Change(start=min(wished, have + max(4, have)) - have)
        surplus = have - max(wish for _, wish in self._wished)
        idle = [worker.name for worker in workers if worker.doing(now) is Doing.IDLE]
        return Change(retire=tuple(idle[: max(0, surplus)]))

    def _floor(self, now: float) -> int:
        return 0 if not self.least and now - self._active_at >= 300.0 else 1


RULES: Final[dict[str, Callable[[], Rule]]] = {
    "naive: 1 s, stop when idle": Naive,
    "HPA, defaults": Hpa,
    "KEDA and HPA, defaults": lambda: Hpa(least=0, sampled_every_s=30.0),
    **{f"ours, `{preset.value}`": lambda preset=preset: Ours(preset) for preset in ScalePreset},  # type: ignore[misc]
}


def burst(_rng: random.Random) -> list[float]:
    """Send two hundred tasks at once."""
    return [0.0] * 200


def steady(rng: random.Random) -> list[float]:
    """Send four tasks a minute, by chance."""
    return _by_chance(rng, 4 / 60)


def spiky(_rng: random.Random) -> list[float]:
    """Send thirty tasks at once, every seven minutes."""
    return [at for at in range(60, HORIZON_S, 420) for _ in range(30)]


def trickle(rng: random.Random) -> list[float]:
    """Send a task every two minutes, by chance."""
    return _by_chance(rng, 1 / 120)


def _by_chance(rng: random.Random, per_s: float) -> list[float]:
    times, at = [], rng.expovariate(per_s)
    while at < HORIZON_S:
        times.append(at)
        at += rng.expovariate(per_s)
    return times


LOADS: Final[dict[str, Callable[[random.Random], list[float]]]] = {
    "burst": burst,
    "steady": steady,
    "spiky": spiky,
    "trickle": trickle,
}


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How a rule fared: the seconds each task waited, the starts, and how long agents lived and rested."""

    waits: list[float] = field(default_factory=list)
    starts: int = 0
    most: int = 0
    left: int = 0
    alive_s: float = 0.0
    idle_s: float = 0.0

    def add(self, other: Outcome) -> None:
        """Add another seed's figures."""
        self.waits += other.waits
        self.starts += other.starts
        self.alive_s += other.alive_s
        self.idle_s += other.idle_s

    @property
    def idle_percent(self) -> float:
        """Return how much of the agents' time was spent waiting for work."""
        return 100.0 * self.idle_s / self.alive_s if self.alive_s else 0.0


class Simulation:
    """One rule under one load, second by second, until all is done and the pool could fall asleep."""

    def __init__(self, rule: Rule, arrivals: list[float], rng: random.Random) -> None:
        """Draw how long each task takes before anything begins: the same for every rule."""
        self._rule = rule
        self._coming = [(at, rng.lognormvariate(math.log(MEDIAN_S), SIGMA)) for at in sorted(arrivals)]
        self._waiting: list[tuple[float, float]] = []
        self._workers: list[Worker] = []
        self._outcome = Outcome()
        self._next_look = 0.0

    def run(self, *, after_s: int = 900) -> Outcome:
        """Return how it went."""
        now, over_at = 0.0, math.inf
        while now < over_at:
            is_woken = self._arrive(now)
            self._work(now)
            if now >= self._next_look or (is_woken and self._rule.woken):
                self._change(now)
                self._next_look = now + self._rule.period_s
            self._measure(now)
            if over_at == math.inf and not (self._coming or self._waiting or self._any_busy()):
                over_at = now + after_s
            now += 1.0
        self._outcome.left = len(self._workers)
        return self._outcome

    def _any_busy(self) -> bool:
        return any(worker.is_busy for worker in self._workers)

    def _arrive(self, now: float) -> bool:
        count = len(self._waiting)
        while self._coming and self._coming[0][0] <= now:
            self._waiting.append(self._coming.pop(0))
        return len(self._waiting) > count

    def _work(self, now: float) -> None:
        for worker in self._workers:
            if worker.free_at > now:
                continue
            if worker.is_busy:
                worker.is_busy, worker.since = False, worker.free_at
            if self._waiting:
                came, lasts = self._waiting.pop(0)
                self._outcome.waits.append(now - came)
                worker.is_busy, worker.free_at, worker.since = True, now + lasts, now

    def _change(self, now: float) -> None:
        change = self._rule.decide(now, len(self._waiting), list(self._workers))
        gone = [worker for worker in self._workers if worker.name in change.retire]
        if any(worker.is_busy for worker in gone):
            raise AssertionError("a busy agent was stopped")
        self._workers = [worker for worker in self._workers if worker not in gone]
        for _ in range(change.start):
            self._outcome.starts += 1
            at = now + START_S
            self._workers.append(Worker(name=f"w-{self._outcome.starts}", free_at=at, since=at))

    def _measure(self, now: float) -> None:
        outcome = self._outcome
        outcome.most = max(outcome.most, len(self._workers))
        if self._coming or self._waiting or self._any_busy():
            outcome.alive_s += len(self._workers)
            outcome.idle_s += sum(worker.doing(now) is Doing.IDLE for worker in self._workers)


def simulated(rule: str, load: str, seeds: int) -> Outcome:
    """Return how a rule fares under a load, over so many seeds; each seed draws the same for every rule."""
    whole = Outcome()
    for seed in range(seeds):
        rng = random.Random(seed)
        outcome = Simulation(RULES[rule](), LOADS[load](rng), rng).run()
        whole.add(outcome)
        whole.most, whole.left = max(whole.most, outcome.most), max(whole.left, outcome.left)
    return whole


def tables(rounds: int) -> Iterator[Table]:
    """Simulate every rule under every load."""
    seeds = SEEDS if rounds > 3 else 2
    table = Table(
        f"Pools that follow the work, simulated: {seeds} seeds, at most {MOST} agents, median task 150 s",
        (
            "rule",
            "burst of 200: mean wait s",
            "4 a minute: p95 wait s",
            "starts per task",
            "idle %",
            "30 every 7 min: p95 wait s",
            "idle %",
            "1 in 2 min: p95 wait s",
            "idle %",
        ),
    )
    for rule in RULES:
        of = {load: simulated(rule, load, seeds) for load in LOADS}
        steadily = of["steady"]
        table.add(
            rule,
            sum(of["burst"].waits) / len(of["burst"].waits),
            percentile(steadily.waits, 95),
            round(steadily.starts / len(steadily.waits), 2),
            round(steadily.idle_percent),
            percentile(of["spiky"].waits, 95),
            round(of["spiky"].idle_percent),
            percentile(of["trickle"].waits, 95),
            round(of["trickle"].idle_percent),
        )
    yield table
