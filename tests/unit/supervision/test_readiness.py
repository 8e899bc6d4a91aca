"""The watch of one incarnation in virtual time: ready, not any more, silent, paused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from supervisor.model.agent import ExitClass, Role
from supervisor.model.health import Probe, Readiness, ReadyBy
from supervisor.model.team import PoolSpec
from supervisor.supervision import readiness
from supervisor.supervision.readiness import EXTEND_MAX_S, InARow, Watch, hears, needs_watch
from supervisor.testing.clock import VirtualClock


@dataclass
class Answer:
    passed: bool
    detail: str = ""


FINE, ILL = Answer(passed=True), Answer(passed=False, detail="it exited with code 1")


@dataclass
class Ward:
    """Fill the Watched and WatchReports protocols: answers as a test says, and keeps what it is told."""

    clock: VirtualClock
    started_at: float
    thawed_at: float
    is_frozen: bool = False
    is_ending: bool = False
    answer: Answer | None = field(default_factory=lambda: FINE)
    asked: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    condemned: list[tuple[ExitClass, str, bool]] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None

    async def ask(self, probe: Probe) -> Answer:
        self.asked.append(self.clock.monotonic())
        if self.answer is None:
            await asyncio.Event().wait()
        self.before_answer()
        assert self.answer is not None
        return self.answer

    def pause(self) -> None:
        self.is_frozen = True

    def resume(self) -> None:
        self.is_frozen, self.thawed_at = False, self.clock.monotonic()

    def ready(self) -> None:
        self.told.append("ready")

    def more_time(self, seconds: float) -> None:
        self.told.append(f"more time: {seconds:g}")

    def condemn(self, cause: ExitClass, detail: str, *, abort: bool = False) -> None:
        self.condemned.append((cause, detail, abort))

    def obstacle(self, why: str) -> None:
        self.told.append(why or "free")


@dataclass
class Scene:
    clock: VirtualClock
    ward: Ward
    watch: Watch

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)


def pool(**changes: Any) -> PoolSpec:
    return PoolSpec(**{"name": "a", "role": Role.WORKER, "command": ("a",), **changes})


@asynccontextmanager
async def watched(spec: PoolSpec, **ward: Any) -> AsyncIterator[Scene]:
    clock = VirtualClock(now=0.0, monotonic=100.0)
    subject = Ward(clock=clock, started_at=100.0, thawed_at=100.0, **ward)
    watch = Watch(spec, subject, subject, clock)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(watch.run())
        await clock.settle()
        yield Scene(clock, subject, watch)
        running.cancel()


PROBE = Probe(command=("true",), period_s=10.0, timeout_s=2.0)
NOT_YET = "it is not ready yet"

# ---------------------------------------------------------------- ways to be ready


@pytest.mark.parametrize("by", [ReadyBy.NOTIFY, ReadyBy.FD, ReadyBy.LOG])
async def test_it_becomes_ready_in_the_way_its_pool_names_and_in_no_other(by: ReadyBy) -> None:
    async with watched(pool(ready=Readiness(by=by))) as scene:
        assert scene.ward.told == [NOT_YET]
        for other in set(ReadyBy) - {by}:
            scene.watch.announced(other)
        assert scene.ward.told == [NOT_YET]
        scene.watch.announced(by)
        scene.watch.announced(by)
        assert scene.ward.told == [NOT_YET, "ready", "free"]


async def test_where_the_first_call_says_all_nothing_stands_in_the_way_of_work() -> None:
    async with watched(pool(watchdog_s=30.0)) as scene:
        scene.watch.announced(ReadyBy.CALL)
        scene.watch.announced(ReadyBy.CALL)
        assert scene.ward.told == ["ready"]


async def test_it_settles_by_living_on() -> None:
    async with watched(pool(ready=Readiness(by=ReadyBy.SETTLE, settle_s=2.0))) as scene:
        await scene.advance(1.9)
        assert scene.ward.told == [NOT_YET]
        await scene.advance(0.1)
        assert scene.ward.told == [NOT_YET, "ready", "free"]


async def test_it_does_not_settle_while_it_is_paused() -> None:
    async with watched(pool(ready=Readiness(by=ReadyBy.SETTLE, settle_s=2.0))) as scene:
        await scene.advance(1.0)
        scene.ward.pause()
        await scene.advance(50.5)
        scene.ward.resume()
        await scene.advance(1.9)
        assert scene.ward.told == [NOT_YET]
        await scene.advance(0.1)
        assert "ready" in scene.ward.told


async def test_a_probe_makes_it_ready_after_so_many_successes_in_a_row() -> None:
    probe = Probe(command=("true",), initial_delay_s=5.0, period_s=10.0, successes=3)
    async with watched(pool(ready=Readiness(by=ReadyBy.EXEC, probe=probe))) as scene:
        await scene.advance(15.0)  # asked at 5 and 15
        scene.ward.answer = ILL
        await scene.advance(10.0)
        scene.ward.answer = FINE
        await scene.advance(29.9)
        assert scene.ward.told == [NOT_YET]
        await scene.advance(0.1)
        assert scene.ward.told == [NOT_YET, "ready", "free"]
        assert scene.ward.asked == [105.0, 115.0, 125.0, 135.0, 145.0, 155.0]


async def test_readiness_that_is_lost_only_keeps_work_away_until_it_is_back() -> None:
    probe = Probe(command=("true",), period_s=10.0, failures=3, successes=2)
    async with watched(pool(ready=Readiness(by=ReadyBy.HTTP, probe=probe))) as scene:
        await scene.advance(10.0)
        scene.ward.told.clear()
        scene.ward.answer = ILL
        await scene.advance(29.9)
        assert scene.ward.told == []
        await scene.advance(0.1)
        assert scene.ward.told == ["its readiness probe fails: it exited with code 1"]
        scene.ward.answer = FINE
        await scene.advance(19.9)
        assert len(scene.ward.told) == 1
        await scene.advance(0.1)
        assert scene.ward.told[1:] == ["free"]
        assert scene.ward.condemned == []


# ---------------------------------------------------------------- liveness


async def test_a_start_probe_suspends_liveness() -> None:
    spec = pool(ready=Readiness(by=ReadyBy.NOTIFY), liveness=PROBE)
    async with watched(spec, answer=ILL) as scene:
        await scene.advance(100.0)
        assert scene.ward.asked == []
        scene.watch.announced(ReadyBy.NOTIFY)
        await scene.advance(20.0)
        assert scene.ward.condemned == [
            (
                ExitClass.PROBE,
                "its liveness probe failed 3 times in a row; the last: it exited with code 1",
                False,
            )
        ]


async def test_the_first_liveness_probe_waits_its_delay_from_the_start() -> None:
    spec = pool(liveness=Probe(url="http://127.0.0.1/", initial_delay_s=60.0))
    async with watched(spec) as scene:
        await scene.advance(10.0)
        scene.watch.announced(ReadyBy.CALL)
        await scene.advance(50.0)
        assert scene.ward.asked == [160.0]


async def test_no_answer_in_time_is_a_failure() -> None:
    spec = pool(liveness=Probe(command=("true",), period_s=10.0, timeout_s=2.0, failures=1))
    async with watched(spec, answer=None) as scene:
        scene.watch.announced(ReadyBy.CALL)
        await scene.advance(1.9)
        assert scene.ward.condemned == []
        await scene.advance(0.1)
        detail = "its liveness probe failed once; the last: no answer within 2 s"
        assert scene.ward.condemned == [(ExitClass.PROBE, detail, False)]


async def test_a_success_between_failures_begins_the_count_anew() -> None:
    async with watched(pool(liveness=PROBE), answer=ILL) as scene:
        scene.watch.announced(ReadyBy.CALL)
        await scene.advance(15.0)
        scene.ward.answer = FINE
        await scene.advance(10.0)
        scene.ward.answer = ILL
        await scene.advance(20.0)
        assert scene.ward.condemned == []


async def test_who_is_condemned_and_answers_well_once_more_is_not_condemned_again() -> None:
    async with watched(pool(liveness=PROBE), answer=ILL) as scene:
        scene.watch.announced(ReadyBy.CALL)
        await scene.advance(25.0)
        scene.ward.answer = FINE
        await scene.advance(10.0)
        assert len(scene.ward.condemned) == 1


async def test_a_slow_probe_is_asked_again_at_once_but_never_twice_at_a_time() -> None:
    spec = pool(liveness=Probe(command=("true",), period_s=1.0, timeout_s=5.0, failures=9))
    async with watched(spec, answer=None) as scene:
        scene.watch.announced(ReadyBy.CALL)
        await scene.advance(14.0)
        assert scene.ward.asked == [100.0, 105.0, 110.0]


async def test_who_is_paused_is_not_asked_and_failures_before_do_not_count_after() -> None:
    async with watched(pool(liveness=PROBE), answer=ILL) as scene:
        scene.watch.announced(ReadyBy.CALL)
        await scene.advance(15.0)  # two failures
        scene.ward.pause()
        await scene.advance(60.0)
        assert len(scene.ward.asked) == 2
        scene.ward.resume()
        await scene.advance(20.0)
        assert scene.ward.condemned == []
        await scene.advance(10.0)
        assert len(scene.ward.condemned) == 1


@pytest.mark.parametrize("resumed", [False, True])
async def test_an_answer_that_a_pause_came_upon_does_not_count(*, resumed: bool) -> None:
    spec = pool(liveness=Probe(command=("true",), failures=1))
    async with watched(spec, answer=ILL) as scene:
        scene.ward.before_answer = scene.ward.pause
        if resumed:
            scene.ward.before_answer = lambda: setattr(scene.ward, "thawed_at", 100.5)
        scene.watch.announced(ReadyBy.CALL)
        await scene.advance(1.0)
        assert len(scene.ward.asked) == 1
        assert scene.ward.condemned == []


async def test_nobody_is_asked_who_is_ending() -> None:
    async with watched(pool(liveness=PROBE)) as scene:
        scene.watch.announced(ReadyBy.CALL)
        await scene.advance(5.0)
        scene.ward.is_ending = True
        await scene.advance(100.0)
        assert scene.ward.asked == [100.0]


# ---------------------------------------------------------------- watchdog


async def test_a_silent_watchdog_ends_it_with_a_core_dump() -> None:
    async with watched(pool(ready=Readiness(by=ReadyBy.NOTIFY), watchdog_s=30.0)) as scene:
        await scene.advance(100.0)  # it has not begun before it is ready
        assert scene.ward.condemned == []
        scene.watch.announced(ReadyBy.NOTIFY)
        for _ in range(5):
            await scene.advance(29.0)
            scene.watch.beat()
        await scene.advance(29.9)
        assert scene.ward.condemned == []
        await scene.advance(0.1)
        assert scene.ward.condemned == [(ExitClass.WATCHDOG, "its watchdog was silent for 30 s", True)]


async def test_a_pause_does_not_count_against_the_watchdog() -> None:
    async with watched(pool(watchdog_s=30.0)) as scene:
        scene.watch.announced(ReadyBy.CALL)
        await scene.advance(5.0)
        scene.ward.pause()
        await scene.advance(24.0)
        scene.ward.resume()
        await scene.advance(29.0)
        assert scene.ward.condemned == []
        scene.ward.pause()
        await scene.advance(500.0)
        assert scene.ward.condemned == []


async def test_without_the_pause_in_the_reckoning_a_resumed_agent_would_be_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The canary: the same scene with a watch that knows nothing of pauses."""

    async def blind(self: Watch, seconds: float, *, since: Callable[[], float]) -> None:
        while (left := since() + seconds - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)

    monkeypatch.setattr(readiness.Watch, "_last_through", blind)
    async with watched(pool(watchdog_s=30.0)) as scene:
        scene.watch.announced(ReadyBy.CALL)
        await scene.advance(5.0)
        scene.ward.pause()
        await scene.advance(24.0)
        scene.ward.resume()
        await scene.advance(29.0)
        assert len(scene.ward.condemned) == 1


async def test_it_may_trigger_its_own_watchdog_if_it_has_one() -> None:
    async with watched(pool(watchdog_s=30.0)) as scene:
        scene.watch.trigger()
        assert scene.ward.condemned == [(ExitClass.WATCHDOG, "it triggered its own watchdog", True)]
    async with watched(pool(ready=Readiness(by=ReadyBy.NOTIFY))) as scene:
        scene.watch.trigger()
        assert scene.ward.condemned == []


# ---------------------------------------------------------------- stopping, more time


async def test_who_says_it_is_stopping_gets_no_work_and_is_asked_nothing_more() -> None:
    spec = pool(liveness=PROBE, watchdog_s=30.0, drain_timeout_s=600.0)
    async with watched(spec) as scene:
        scene.watch.announced(ReadyBy.CALL)
        await scene.advance(1.0)
        scene.watch.stops()
        scene.watch.stops()
        await scene.advance(599.0)
        assert scene.ward.told == ["ready", "it says that it is stopping"]
        assert scene.ward.asked == [100.0]
        assert scene.ward.condemned == []


async def test_who_says_it_is_stopping_and_does_not_is_ended() -> None:
    async with watched(pool(ready=Readiness(by=ReadyBy.NOTIFY), drain_timeout_s=600.0)) as scene:
        scene.watch.stops()
        await scene.advance(600.0)
        detail = "it said that it was stopping, and still runs 600 s later"
        assert scene.ward.condemned == [(ExitClass.STALLED, detail, False)]
        assert scene.ward.told == [NOT_YET]  # the first obstacle is what is told


async def test_more_time_is_granted_but_not_without_bounds() -> None:
    async with watched(pool(ready=Readiness(by=ReadyBy.NOTIFY))) as scene:
        scene.watch.asks_for(90.0)
        scene.watch.asks_for(1e15)
        assert scene.ward.told == [NOT_YET, "more time: 90", f"more time: {EXTEND_MAX_S:g}"]


async def test_a_thousand_requests_for_the_same_time_are_one_a_second() -> None:
    async with watched(pool(ready=Readiness(by=ReadyBy.NOTIFY))) as scene:
        for _ in range(40):
            for _ in range(1000):
                scene.watch.asks_for(60.0)
            await scene.advance(0.1)
        assert scene.ward.told.count("more time: 60") == 4


async def test_who_is_ready_needs_no_more_time() -> None:
    async with watched(pool(ready=Readiness(by=ReadyBy.NOTIFY))) as scene:
        scene.watch.announced(ReadyBy.NOTIFY)
        scene.watch.asks_for(60.0)
        assert scene.ward.told == [NOT_YET, "ready", "free"]


# ---------------------------------------------------------------- pure rules


def test_an_answer_turns_only_by_enough_of_the_other_in_a_row() -> None:
    row = InARow(Probe(successes=2, failures=3), passing=True)
    assert [row.take(passed=passed) for passed in (True, False, False, True, False, False, False)] == [
        *(6 * [False]),
        True,
    ]
    row.forget()
    assert [row.take(passed=True) for _ in range(3)] == [False, True, False]


def test_a_pool_is_watched_only_where_there_is_something_to_watch() -> None:
    plain, probed = pool(), pool(liveness=PROBE)
    notify, dog = pool(ready=Readiness(by=ReadyBy.NOTIFY)), pool(watchdog_s=30.0)
    assert [needs_watch(each) for each in (plain, probed, notify, dog)] == [False, True, True, True]
    assert [hears(each) for each in (plain, probed, notify, dog)] == [False, False, True, True]
