"""The judge on labelled lives: nobody who works is touched, everybody who is lost is found in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from supervisor.model.health import Liveness, StallLimits
from supervisor.supervision import overseer
from supervisor.supervision.liveness import Signals, Verdict, judge
from tests.unit.supervision.liveness_traces import Trace, play, read_traces

TRACES = read_traces()
KINDS = ("busy_in_a_tool", "dead", "frozen", "spinning", "thinking", "waiting")

Judge = Callable[[Signals, StallLimits, float], Verdict]


@pytest.mark.parametrize("trace", TRACES, ids=[f"{trace.kind}: {trace.name}" for trace in TRACES])
async def test_who_works_is_left_alone_and_who_is_lost_is_found_within_twice_the_threshold(
    trace: Trace,
) -> None:
    played = await play(trace)
    assert played.is_right(trace), (played.lost_at, played.verdicts, played.steps)


def test_there_are_enough_traces_of_each_kind_and_the_incidents_are_among_them() -> None:
    assert len(TRACES) >= 60
    assert len({trace.name for trace in TRACES}) == len(TRACES)
    assert {trace.kind for trace in TRACES} == set(KINDS)
    assert all(sum(trace.kind == kind for trace in TRACES) >= 5 for kind in KINDS)
    told = " ".join(trace.source for trace in TRACES)
    for incident in (
        "pi-extensions#2",
        "openagents#686",
        "claude-code#81630",
        "pi-herdr-agents#40",
        "KiroCrew#2854",
    ):
        assert incident in told


async def test_a_stall_leads_to_a_reminder_an_interrupt_and_a_restart_in_that_order() -> None:
    trace = next(each for each in TRACES if "five hours" in each.name and each.finds)
    played = await play(trace)
    assert [words.split(" ")[0] for words in played.steps] == ["reminded", "turn", "it"]
    assert len(played.condemned) == 1


async def test_a_spinning_agent_is_told_of_and_never_acted_on() -> None:
    for trace in TRACES:
        if trace.kind == "spinning":
            played = await play(trace)
            assert (played.steps, played.condemned) == ([], [])


def by_output_alone(after_s: float) -> Judge:
    """Make the judge of many a system: no output for so long is a stall."""

    def judged(signals: Signals, limits: StallLimits, now: float) -> Verdict:
        silent_s = now - (signals.last_output_at or signals.started_at)
        liveness = Liveness.STALLED if silent_s >= after_s else Liveness.OK
        return Verdict(liveness=liveness, since=now, evidence=())

    return judged


def by_heartbeat_alone(signals: Signals, limits: StallLimits, now: float) -> Verdict:
    silent_s = now - (signals.last_call_at or signals.started_at)
    liveness = Liveness.STALLED if silent_s >= 300 else Liveness.OK
    return Verdict(liveness=liveness, since=now, evidence=())


def by_cpu_alone(signals: Signals, limits: StallLimits, now: float) -> Verdict:
    rests = signals.cpu_percent is not None and signals.cpu_percent < limits.cpu_percent
    return Verdict(liveness=Liveness.STALLED if rests else Liveness.OK, since=now, evidence=())


def by_being_alive(signals: Signals, limits: StallLimits, now: float) -> Verdict:
    return Verdict(liveness=Liveness.OK, since=now, evidence=())


def without(**blind: object) -> Judge:
    """Make our judge, blind to some signs."""

    def judged(signals: Signals, limits: StallLimits, now: float) -> Verdict:
        return judge(replace(signals, **blind), limits, now)  # type: ignore[arg-type]

    return judged


@pytest.mark.parametrize(
    ("broken", "at_least"),
    [
        (by_output_alone(180), 60),
        (by_output_alone(300), 60),
        (by_output_alone(600), 50),
        (by_heartbeat_alone, 60),
        (by_cpu_alone, 50),
        (by_being_alive, 37),
        (without(waits_for_person=False, counts_from=None), 9),
        (without(limited_until=None, counts_from=None), 9),
        (without(paused=False), 3),
        (without(children=0, worked_at=None), 4),
        (without(worked_at=None), 3),
        (without(tool_since=None), 3),
        (without(stopped_since=None), 3),
        (without(counts_from=None), 8),
        (without(cpu_percent=0.0, io_bytes=0, worked_at=None, moved_at=None), 8),
    ],
    ids=[
        "output 180 s",
        "output 300 s",
        "output 600 s",
        "heartbeat",
        "CPU",
        "being alive",
        "no person",
        "no limit",
        "no pause",
        "no children",
        "no work of processes",
        "no tool",
        "no stop signal",
        "no excuse",
        "no CPU",
    ],
)
async def test_a_judge_that_sees_less_fails(
    broken: Judge, at_least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overseer, "judge", broken)
    wrong = [trace.name for trace in TRACES if not (await play(trace)).is_right(trace)]
    assert len(wrong) >= at_least, wrong
