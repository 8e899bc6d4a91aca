"""Is it alive and getting on? Judged from many signs together, never from silence alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from supervisor.model.health import Liveness, StallLimits

FROZEN_S: Final = 3.0
"""How long a process must be stopped to count as frozen: pausing and going on take a moment."""

IO_BYTES: Final = 4096
"""What a tree must have read and written in a window to count as moving; timers and keep-alives move less."""

SPIN_PERCENT: Final = 90.0
"""Percent of a core above which a silent process without children or traffic runs in circles."""

ACTED_ON: Final = frozenset({Liveness.STALLED, Liveness.OVERDUE})
"""What the ladder of actions is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What is known of one live incarnation; all times are on the monotonic clock, None is never.

    `counts_from`: silence before it has its reason, and is not counted.
    `tool_since`: a tool of its own, or a call at our door that is not a `wait`, is under way.
    `held_call_since`: it waits at our door. `cpu_percent` and `io_bytes` are its tree's over the
    window, None before it was watched for so long. `children` counts processes beyond the leader and
    those that are always there. `moved_at` is when the tree last moved by any of these three, and
    `worked_at` when that was more than a blip.
    `stopped_since`: a stop signal holds its leader. `limited_until` is None again once it has passed.
    """

    started_at: float
    counts_from: float | None = None
    last_output_at: float | None = None
    last_event_at: float | None = None
    last_call_at: float | None = None
    worktree_at: float | None = None
    held_call_since: float | None = None
    tool_since: float | None = None
    limited_until: float | None = None
    stopped_since: float | None = None
    waits_for_person: bool = False
    holds_work: bool = False
    paused: bool = False
    cpu_percent: float | None = None
    io_bytes: int | None = None
    children: int = 0
    moved_at: float | None = None
    worked_at: float | None = None

    @property
    def is_occupied(self) -> bool:
        """Tell whether its silence has a reason now, so that it must not be counted later either."""
        waits = self.paused or self.waits_for_person or self.limited_until is not None
        return waits or self.held_call_since is not None or self.tool_since is not None

    @property
    def said_at(self) -> float:
        """When it last did something that shows from outside; its start counts."""
        said = (self.last_output_at, self.last_event_at, self.last_call_at, self.worktree_at)
        return max(at for at in (self.started_at, self.counts_from, *said) if at is not None)

    def moves(self, limits: StallLimits) -> bool:
        """Tell whether its processes do anything, said or not."""
        return self.children > 0 or is_busy(self.cpu_percent, self.io_bytes, limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an incarnation is judged to be, since when, and why: the deciding phrase first."""

    liveness: Liveness
    since: float
    evidence: tuple[str, ...]

    @property
    def why(self) -> str:
        """Spell the evidence in one line."""
        return "; ".join(self.evidence)


def is_busy(cpu_percent: float | None, io_bytes: int | None, limits: StallLimits) -> bool:
    """Tell whether a tree uses more than one that only waits."""
    return (cpu_percent is not None and cpu_percent >= limits.cpu_percent) or (io_bytes or 0) >= IO_BYTES


def judge(signals: Signals, limits: StallLimits, now: float) -> Verdict:
    """Judge one incarnation; whoever waits, is limited, works in a tool or moves is never a stall."""
    return _excused(signals, now) or _in_a_tool(signals, limits, now) or _by_silence(signals, limits, now)


def _excused(signals: Signals, now: float) -> Verdict | None:
    """Find a reason for which it may do nothing at all."""
    if signals.paused:
        return _verdict(Liveness.OK, now, "paused by a person")
    if signals.waits_for_person:
        return _verdict(Liveness.WAITING, now, "it asked a person and has no answer yet")
    if signals.limited_until is not None:
        left = span(signals.limited_until - now)
        return _verdict(Liveness.LIMITED, now, f"its service will have it again in {left}")
    if signals.held_call_since is not None:
        return _verdict(Liveness.OK, signals.held_call_since, "it waits at our door")
    return None


def _in_a_tool(signals: Signals, limits: StallLimits, now: float) -> Verdict | None:
    if signals.tool_since is None or _is_frozen(signals, now):
        return None
    lasts = now - signals.tool_since
    if lasts < limits.tool_s:
        return _verdict(Liveness.OK, signals.tool_since, f"in a tool for {span(lasts)}")
    over = f"in one tool for {span(lasts)}; {span(limits.tool_s)} are allowed"
    return _verdict(Liveness.OVERDUE, signals.tool_since + limits.tool_s, over, *_state_of(signals, now))


def stalls_at(signals: Signals, limits: StallLimits, now: float) -> float | None:
    """Return when it will be called stalled if nothing changes; None if that will not happen."""
    if not signals.holds_work or _excused(signals, now):
        return None
    frozen = _is_frozen(signals, now)
    if signals.tool_since is not None and not frozen:
        return signals.tool_since + limits.tool_s
    return _stillness_over(signals, limits, frozen=frozen)


def _by_silence(signals: Signals, limits: StallLimits, now: float) -> Verdict:
    silent_s = now - signals.said_at
    frozen = _is_frozen(signals, now)
    over_at = _stillness_over(signals, limits, frozen=frozen)
    said = tuple(_state_of(signals, now))
    if signals.holds_work and over_at is not None and now >= over_at:
        return _verdict(Liveness.STALLED, over_at, *said, "it has work in hand")
    if frozen:
        return _verdict(Liveness.FROZEN, signals.stopped_since or now, *said)
    if not signals.holds_work:
        return _verdict(Liveness.OK, signals.said_at, "it has nothing in hand", *said)
    if silent_s < limits.quiet_s:
        return _verdict(Liveness.OK, signals.said_at, *said)
    if silent_s >= limits.stalled_s and _spins(signals):
        return _verdict(Liveness.SPINNING, signals.said_at + limits.stalled_s, *said)
    return _verdict(Liveness.QUIET, signals.said_at + limits.quiet_s, *said)


def _stillness_over(signals: Signals, limits: StallLimits, *, frozen: bool) -> float | None:
    """Return when nothing will have moved for long enough; None while its processes move.

    A blip excuses it for as long as silence may last that is not yet called quiet, so that chatter
    in the background cannot hide a stall for ever. One that is frozen cannot move.
    """
    silence_over = max(signals.said_at, signals.worked_at or 0.0) + limits.stalled_s
    if frozen:
        return silence_over
    if signals.cpu_percent is None or signals.moves(limits):
        return None
    grace_s = min(limits.quiet_s, limits.stalled_s)
    return silence_over if signals.moved_at is None else max(silence_over, signals.moved_at + grace_s)


def _is_frozen(signals: Signals, now: float) -> bool:
    return signals.stopped_since is not None and now - signals.stopped_since >= FROZEN_S


def _spins(signals: Signals) -> bool:
    calm = signals.children == 0 and (signals.io_bytes or 0) < IO_BYTES
    return calm and (signals.cpu_percent or 0.0) >= SPIN_PERCENT


def _state_of(signals: Signals, now: float) -> Iterator[str]:
    """Spell what there is to see, what may decide first."""
    if signals.stopped_since is not None:
        yield f"stopped by a signal for {span(now - signals.stopped_since)} (state T)"
    yield f"no output for {span(now - (signals.last_output_at or signals.started_at))}"
    if signals.last_event_at is not None:
        yield f"no event for {span(now - signals.last_event_at)}"
    if signals.last_call_at is None:
        yield "never called"
    else:
        yield f"no call for {span(now - signals.last_call_at)}"
    if signals.worktree_at is not None:
        yield f"its worktree unchanged for {span(now - signals.worktree_at)}"
    if signals.tool_since is None:
        yield "in no tool"
    if signals.cpu_percent is not None:
        yield f"CPU {signals.cpu_percent:.1f} %"
    if signals.io_bytes is not None:
        yield f"{signals.io_bytes} bytes read and written"
    if signals.worked_at is not None and not signals.children:
        yield f"its processes worked {span(now - signals.worked_at)} ago"
    yield f"{signals.children} child processes at work" if signals.children else "no child process at work"


def span(seconds: float) -> str:
    """Spell a duration for evidence: `45 s`, `12 min`, `3.5 h`."""
    if seconds < 120:
        return f"{max(seconds, 0.0):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _verdict(liveness: Liveness, since: float, *evidence: str) -> Verdict:
    return Verdict(liveness=liveness, since=since, evidence=evidence)
