"""How many agents a pool should have, and who goes: pure decisions on what is seen at one moment."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from supervisor.model.scale import PER_WORKER, Scale, ScalePreset, wanted_workers
from supervisor.supervision.memory_cap import Room, Squeeze

TICK_S: Final = 2.0
"""How often a pool is looked at when nothing happens."""

SURGE_LEAST: Final = 4
SURGE_S: Final = 10.0
"""Within this time a pool may double, or grow by `SURGE_LEAST` if that is more."""

STARTING_PER_CORE: Final = 2
SHRINK_S: Final = 30.0
"""Within this time a pool may lose half of its agents, or one if that is more."""

TOLERANT_FROM: Final = 10
TOLERANCE: Final = 0.1
"""From so many agents on, work for a tenth more starts nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a preset shrinks: the most that was wanted within `window_s` stays, and who was idle for less."""

    window_s: float
    idle_s: float


PACES: Final[dict[ScalePreset, Pace]] = {
    ScalePreset.EAGER: Pace(window_s=60.0, idle_s=30.0),
    ScalePreset.BALANCED: Pace(window_s=120.0, idle_s=60.0),
    ScalePreset.WARM: Pace(window_s=300.0, idle_s=60.0),
    ScalePreset.SEED: Pace(window_s=120.0, idle_s=60.0),
}


class Doing(Enum):
    """What an agent is to its pool.

    `WAITING` for its start: it will be there. `LEAVING`: it takes a place but no work any more. `LOST`:
    it takes a place and does nothing until a person acts.
    """

    WAITING = auto()
    STARTING = auto()
    IDLE = auto()
    BUSY = auto()
    LEAVING = auto()
    LOST = auto()


THERE: Final = frozenset({Doing.WAITING, Doing.STARTING, Doing.IDLE, Doing.BUSY})
"""What counts as capacity: a start that is under way is not begun twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """One agent of the pool: `since` when it does so (monotonic), `rank` of what it holds (0 critical)."""

    name: str
    doing: Doing
    since: float
    rank: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is seen of one pool at `now`.

    `ready` are the tasks that its agents could take now, None if that cannot be told. `reserved` is for
    how many agents that do not run something is reserved. `manual` is a person's number. `room` says how
    many more agents the memory holds, `squeeze` what its shortage asks of this pool.
    """

    now: float
    hands: tuple[Hand, ...]
    ready: int | None
    reserved: int = 0
    manual: int | None = None
    held_by_breaker: bool = False
    rate_cap: int | None = None
    room: Room | None = None
    squeeze: Squeeze = Squeeze.NONE

    def count(self, *doing: Doing) -> int:
        """Return how many agents do one of these."""
        return sum(hand.doing in doing for hand in self.hands)


class Hold(Enum):
    """What keeps a pool from what it wants."""

    MOST = auto()
    PLACES = auto()
    BREAKER = auto()
    MEMORY = auto()
    RATE = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """So many agents from now on: `start` new ones, let those in `retire` go; `reason` says why.

    `hold` names what stands in the way of more, or None.
    """

    wanted: int
    reason: str
    start: int = 0
    retire: tuple[str, ...] = ()
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class _Limit:
    """At most `most` agents may start now; `words` say what the limit is."""

    most: int
    words: str
    hold: Hold | None = None


class _Ledger:
    """What was started or retired within a span: Kubernetes' scaling policy of a period."""

    def __init__(self, span_s: float) -> None:
        self._span_s = span_s
        self._entries: deque[tuple[float, int]] = deque()

    def total(self, now: float) -> int:
        while self._entries and self._entries[0][0] <= now - self._span_s:
            self._entries.popleft()
        return sum(count for _, count in self._entries)

    def add(self, now: float, count: int) -> None:
        self._entries.append((now, count))


class _Window:
    """The most that was wanted within a span."""

    def __init__(self, span_s: float) -> None:
        self._span_s = span_s
        self._peaks: deque[tuple[float, int]] = deque()

    def most(self, now: float, wanted: int) -> int:
        while self._peaks and self._peaks[-1][1] <= wanted:
            self._peaks.pop()
        self._peaks.append((now, wanted))
        while self._peaks[0][0] <= now - self._span_s:
            self._peaks.popleft()
        return self._peaks[0][1]


class Autoscaler:
    """One pool's decisions, with what they remember of the last minutes. Knows no clock and no process."""

    def __init__(self, scale: Scale, *, now: float, cores: int) -> None:
        """Begin at `now`, with an empty past."""
        self._scale = scale
        self._pace = PACES[scale.preset]
        self._cores = cores
        self._started = _Ledger(SURGE_S)
        self._retired = _Ledger(SHRINK_S)
        self._window = _Window(self._pace.window_s)
        self._worked_at = now

    def decide(self, sight: Sight) -> Decision:
        """Say how many agents there should be; what is decided counts as done."""
        have = sight.count(*THERE)
        if sight.ready is None:
            decision = self._without_metric(sight, have)
        elif sight.manual is not None:
            self._look_at_work(sight, have, sight.ready)
            decision = self._as_ordered(sight, have, sight.manual)
        else:
            decision = self._by_work(sight, have, sight.ready)
        if sight.squeeze in {Squeeze.SHED_IDLE, Squeeze.SHED_BUSY} and not decision.retire:
            decision = self._shed(sight, have) or decision
        if decision.start:
            self._started.add(sight.now, decision.start)
        if decision.retire:
            self._retired.add(sight.now, len(decision.retire))
        return decision

    # ------------------------------------------------------------ what is wanted

    def _look_at_work(self, sight: Sight, have: int, ready: int) -> tuple[int, int]:
        """Return how many agents the work wants now, and how many it wanted at most within the window."""
        busy = sight.count(Doing.BUSY)
        if ready or busy or sight.reserved:
            self._worked_at = sight.now
        if self._scale.preset is ScalePreset.SEED:
            enough = min(have, busy + math.ceil(ready / PER_WORKER))
            wanted = have + more if (more := wanted_workers(ready, have)) else enough
        else:
            wanted = busy + math.ceil(ready / self._scale.target_backlog)
        if sight.reserved:
            wanted = max(wanted, have + sight.reserved)
        wanted = max(self._scale.min, wanted)
        return wanted, self._window.most(sight.now, wanted)

    def _without_metric(self, sight: Sight, have: int) -> Decision:
        """Retire nobody and start only what there must be: what is not known may be work."""
        why = "how much waits is not known: the database does not answer; nobody is retired"
        if have >= self._scale.min:
            return Decision(wanted=have, reason=why, hold=Hold.UNKNOWN)
        return self._grow(sight, have, self._scale.min, f"{self._scale.min} there must be at least")

    def _as_ordered(self, sight: Sight, have: int, manual: int) -> Decision:
        """Follow a person's number: busy agents may go too, once they have finished what they hold."""
        ordered = min(max(manual, 0), self._scale.max)
        asked = f"a person asked for {ordered}"
        if ordered > have:
            return self._grow(sight, have, ordered, asked)
        victims = _names(_going_first(sight.hands))[: have - ordered]
        told = f"{asked}: {_list(victims)} to go" if victims else asked
        return Decision(wanted=ordered, reason=told, retire=victims)

    def _by_work(self, sight: Sight, have: int, ready: int) -> Decision:
        wanted, lately = self._look_at_work(sight, have, ready)
        seen = _seen(sight, ready)
        capped = self._scale.max if sight.rate_cap is None else min(self._scale.max, sight.rate_cap)
        if have <= capped and self._is_short(sight, have, wanted):
            return self._grow(sight, have, wanted, f"{seen}; {wanted} wanted")
        target = min(max(lately, self._least(sight)), capped)
        if target < have:
            return self._shrink(sight, have, target, f"{seen}, {_over(self._pace.window_s)} {lately} wanted")
        return Decision(wanted=have, reason=f"{seen}: enough")

    def _is_short(self, sight: Sight, have: int, wanted: int) -> bool:
        """Tell whether more are needed: of many agents one is soon free for a task too many."""
        if have < max(TOLERANT_FROM, self._scale.min) or sight.reserved:
            return wanted > have
        return wanted - have > TOLERANCE * have

    def _least(self, sight: Sight) -> int:
        """Return how many stay however little there is to do: the last one until the pool has cooled down."""
        has_cooled = sight.now - self._worked_at >= self._scale.cooldown_s
        return self._scale.min if has_cooled else max(self._scale.min, 1)

    # ------------------------------------------------------------ growing

    def _grow(self, sight: Sight, have: int, wanted: int, why: str) -> Decision:
        limit = min(self._limits(sight, have), key=lambda each: each.most)
        start = max(0, min(wanted - have, limit.most))
        if start == wanted - have:
            return Decision(wanted=wanted, start=start, reason=f"{why}: {start} more")
        now = f"{start} more now" if start else f"stays at {have}"
        reason = f"{why}: {now}; {limit.words}"
        return Decision(wanted=have + start, start=start, reason=reason, hold=limit.hold)

    def _limits(self, sight: Sight, have: int) -> Iterable[_Limit]:
        """List what bounds the starts of this moment, the ones that last first."""
        if sight.held_by_breaker:
            yield _Limit(0, "held by the team's circuit breaker", Hold.BREAKER)
        if sight.squeeze is not Squeeze.NONE:
            yield _Limit(0, "held: the machine waits for memory (PSI)", Hold.MEMORY)
        if sight.rate_cap is not None:
            words = f"its service limits the rate: at most {sight.rate_cap} for now"
            yield _Limit(sight.rate_cap - have, words, Hold.RATE)
        yield _Limit(self._scale.max - have, f"it has at most {self._scale.max}", Hold.MOST)
        gone = sight.count(Doing.LEAVING, Doing.LOST)
        if gone:
            places = f"{gone} of {self._scale.max} places are taken by agents that leave or do nothing"
            yield _Limit(self._scale.max - have - gone, places, Hold.PLACES)
        if sight.room is not None:
            yield _Limit(sight.room.agents, sight.room.why, Hold.MEMORY)
        added = self._started.total(sight.now)
        surge = max(SURGE_LEAST, have - added)
        yield _Limit(surge - added, f"at most {surge} in {SURGE_S:.0f} s")
        at_once = STARTING_PER_CORE * self._cores
        starting = sight.count(Doing.STARTING)
        yield _Limit(at_once - starting, f"at most {at_once} start at once")

    # ------------------------------------------------------------ shrinking

    def _shrink(self, sight: Sight, have: int, target: int, why: str) -> Decision:
        if sight.held_by_breaker:
            return Decision(
                wanted=have, reason=f"{why}: held by the team's circuit breaker", hold=Hold.BREAKER
            )
        is_over = sight.rate_cap is not None and have > sight.rate_cap
        rested = [hand for hand in sight.hands if self._has_rested(hand, sight.now, is_over=is_over)]
        retired = self._retired.total(sight.now)
        left = max(1, (have + retired) // 2) - retired
        going = sorted(rested, key=_going_order)[: max(0, min(have - target, left))]
        if not going:
            return Decision(wanted=have, reason=f"{why}: nobody was idle for {self._pace.idle_s:.0f} s")
        names = _names(going)
        idle = f"idle for {sight.now - max(hand.since for hand in going):.0f} s"
        rate = f"; its service limits the rate: at most {sight.rate_cap} for now" if is_over else ""
        asleep = f"; no work for {sight.now - self._worked_at:.0f} s" if have == len(going) else ""
        reason = f"{why}: {_list(names)} retired, {idle}{rate}{asleep}"
        return Decision(wanted=have - len(going), reason=reason, retire=names)

    def _has_rested(self, hand: Hand, now: float, *, is_over: bool) -> bool:
        """Tell whether an agent may go: it has held nothing for long; above a cap who waits goes at once."""
        if hand.doing is Doing.WAITING and is_over:
            return True
        return hand.doing in {Doing.WAITING, Doing.IDLE} and now - hand.since >= self._pace.idle_s

    def _shed(self, sight: Sight, have: int) -> Decision | None:
        """Give memory back: the one idle for longest, or with `SHED_BUSY` who does what matters least."""
        if have <= self._scale.min:
            return None
        idle = [hand for hand in sight.hands if hand.doing is Doing.IDLE]
        going, what = min(idle, key=lambda hand: hand.since, default=None), "idle for longest"
        if going is None and sight.squeeze is Squeeze.SHED_BUSY:
            busy = [hand for hand in sight.hands if hand.doing is Doing.BUSY]
            going, what = min(busy, key=_going_order, default=None), "it does what matters least"
        if going is None:
            return None
        reason = f"the machine stands still for memory (PSI): {going.name} goes, {what}"
        return Decision(wanted=have - 1, reason=reason, retire=(going.name,), hold=Hold.MEMORY)


_GOING: Final = (Doing.WAITING, Doing.STARTING, Doing.IDLE, Doing.BUSY)


def _going_order(hand: Hand) -> tuple[int, int, float]:
    """Return who goes first: who is not there yet, who is idle for longest, who does the least urgent."""
    newest_first = hand.doing in {Doing.STARTING, Doing.BUSY}
    return (_GOING.index(hand.doing), -hand.rank, -hand.since if newest_first else hand.since)


def _going_first(hands: Iterable[Hand]) -> list[Hand]:
    return sorted((hand for hand in hands if hand.doing in THERE), key=_going_order)


def _names(hands: Iterable[Hand]) -> tuple[str, ...]:
    return tuple(hand.name for hand in hands)


_SHOWN: Final = 5


def _list(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _over(seconds: float) -> str:
    return f"within {seconds:.0f} s"


def _seen(sight: Sight, ready: int) -> str:
    reserved = f", {sight.reserved} reserved for agents that do not run" if sight.reserved else ""
    return f"{ready} waiting{reserved}, {sight.count(Doing.BUSY)} of {sight.count(*THERE)} busy"
