"""The judge's verdict on one set of signs, and what evidence it gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.model.health import Liveness, StallLimits
from supervisor.supervision.liveness import IO_BYTES, Signals, judge, span, stalls_at

LIMITS = StallLimits()
NOW = 10_000.0
ALIVE = Signals(started_at=0.0, last_output_at=NOW - 10, holds_work=True, cpu_percent=0.0, io_bytes=0)
DEAD = replace(ALIVE, last_output_at=NOW - 700)


def liveness(signals: Signals, limits: StallLimits = LIMITS, now: float = NOW) -> Liveness:
    return judge(signals, limits, now).liveness


@pytest.mark.parametrize(
    ("signals", "verdict"),
    [
        (ALIVE, Liveness.OK),
        (replace(ALIVE, last_output_at=NOW - 119), Liveness.OK),
        (replace(ALIVE, last_output_at=NOW - 120), Liveness.QUIET),
        (replace(ALIVE, last_output_at=NOW - 599), Liveness.QUIET),
        (replace(ALIVE, last_output_at=NOW - 600), Liveness.STALLED),
        (replace(DEAD, last_output_at=None), Liveness.STALLED),
        (replace(DEAD, last_event_at=NOW - 5), Liveness.OK),
        (replace(DEAD, last_call_at=NOW - 5), Liveness.OK),
        (replace(DEAD, worktree_at=NOW - 5), Liveness.OK),
        (replace(DEAD, counts_from=NOW - 300), Liveness.QUIET),
        (replace(DEAD, cpu_percent=0.4), Liveness.STALLED),
        (replace(DEAD, cpu_percent=0.5), Liveness.QUIET),
        (replace(DEAD, cpu_percent=None), Liveness.QUIET),
        (replace(DEAD, io_bytes=None), Liveness.STALLED),
        (replace(DEAD, io_bytes=IO_BYTES), Liveness.QUIET),
        (replace(DEAD, children=1), Liveness.QUIET),
        (replace(DEAD, moved_at=NOW - 100), Liveness.QUIET),
        (replace(DEAD, moved_at=NOW - 120), Liveness.STALLED),
        (replace(DEAD, worked_at=NOW - 599), Liveness.QUIET),
        (replace(DEAD, worked_at=NOW - 601), Liveness.STALLED),
        (replace(DEAD, holds_work=False), Liveness.OK),
        (replace(DEAD, waits_for_person=True), Liveness.WAITING),
        (replace(DEAD, limited_until=NOW + 60), Liveness.LIMITED),
        (replace(DEAD, held_call_since=NOW - 700), Liveness.OK),
        (replace(DEAD, paused=True, stopped_since=NOW - 700), Liveness.OK),
        (replace(DEAD, tool_since=NOW - 1799), Liveness.OK),
        (replace(DEAD, tool_since=NOW - 1800), Liveness.OVERDUE),
        (replace(DEAD, cpu_percent=100.0), Liveness.SPINNING),
        (replace(DEAD, cpu_percent=89.0), Liveness.QUIET),
        (replace(DEAD, cpu_percent=100.0, children=1), Liveness.QUIET),
        (replace(DEAD, cpu_percent=100.0, io_bytes=IO_BYTES), Liveness.QUIET),
        (replace(DEAD, cpu_percent=100.0, last_output_at=NOW - 599), Liveness.QUIET),
        (replace(ALIVE, stopped_since=NOW - 2), Liveness.OK),
        (replace(ALIVE, stopped_since=NOW - 3), Liveness.FROZEN),
        (replace(ALIVE, stopped_since=NOW - 3, holds_work=False), Liveness.FROZEN),
        (replace(ALIVE, stopped_since=NOW - 3, tool_since=NOW - 60), Liveness.FROZEN),
        (replace(DEAD, stopped_since=NOW - 3, cpu_percent=None), Liveness.STALLED),
        (replace(DEAD, stopped_since=NOW - 3, holds_work=False), Liveness.FROZEN),
    ],
)
def test_each_sign_counts_for_what_it_is(signals: Signals, verdict: Liveness) -> None:
    assert liveness(signals) is verdict


def test_a_verdict_tells_since_when_it_holds() -> None:
    assert judge(DEAD, LIMITS, NOW).since == NOW - 100
    assert judge(replace(DEAD, moved_at=NOW - 130), LIMITS, NOW).since == NOW - 10
    assert judge(replace(DEAD, tool_since=NOW - 2000), LIMITS, NOW).since == NOW - 200
    assert judge(replace(ALIVE, stopped_since=NOW - 50), LIMITS, NOW).since == NOW - 50
    assert judge(replace(ALIVE, last_output_at=NOW - 300), LIMITS, NOW).since == NOW - 180


def test_the_grace_after_a_blip_is_never_longer_than_the_limit_itself() -> None:
    short = StallLimits(quiet_s=120, stalled_s=30)
    assert liveness(replace(ALIVE, last_output_at=NOW - 40, moved_at=NOW - 31), short) is Liveness.STALLED
    assert liveness(replace(ALIVE, last_output_at=NOW - 40, moved_at=NOW - 29), short) is Liveness.OK


def test_all_evidence_is_named() -> None:
    seen = replace(
        DEAD,
        last_event_at=NOW - 650,
        last_call_at=NOW - 640,
        worktree_at=NOW - 7200,
        worked_at=NOW - 630,
        cpu_percent=0.25,
        io_bytes=12,
    )
    assert judge(seen, LIMITS, NOW).evidence == (
        "no output for 12 min",
        "no event for 11 min",
        "no call for 11 min",
        "its worktree unchanged for 2.0 h",
        "in no tool",
        "CPU 0.2 %",
        "12 bytes read and written",
        "its processes worked 10 min ago",
        "no child process at work",
        "it has work in hand",
    )
    frozen = replace(DEAD, stopped_since=NOW - 60, cpu_percent=None, io_bytes=None, children=2)
    assert judge(frozen, LIMITS, NOW).why == (
        "stopped by a signal for 60 s (state T); no output for 12 min; never called; in no tool; "
        "2 child processes at work; it has work in hand"
    )
    overdue = judge(replace(DEAD, tool_since=NOW - 2000), LIMITS, NOW)
    assert overdue.evidence[0] == "in one tool for 33 min; 30 min are allowed"
    assert "in no tool" not in overdue.evidence


@pytest.mark.parametrize(
    ("signals", "at"),
    [
        (ALIVE, NOW + 590),
        (replace(ALIVE, holds_work=False), None),
        (replace(ALIVE, waits_for_person=True), None),
        (replace(ALIVE, children=1), None),
        (replace(ALIVE, tool_since=NOW - 60), NOW + 1740),
        (replace(ALIVE, tool_since=NOW - 60, stopped_since=NOW - 10), NOW + 590),
    ],
)
def test_it_is_known_when_a_stall_would_be_found(signals: Signals, at: float | None) -> None:
    assert stalls_at(signals, LIMITS, NOW) == at


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2.0 h")],
)
def test_durations_are_spelled_in_one_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words
