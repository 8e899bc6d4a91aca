"""Whether one incarnation is ready, stays so, and lives: by what it says, and by what it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final

from supervisor.clock import Clock
from supervisor.model.agent import ExitClass
from supervisor.model.health import Probe, ReadyBy
from supervisor.model.team import PoolSpec
from supervisor.supervision.ports import ProbeAnswer, Watched, WatchReports
from supervisor.supervision.waiting import wait_at_most

EXTEND_MAX_S: Final = 3600.0
"""What one request for more time to start is granted at most; `max_runtime_s` ends all of them together."""

EXTEND_STEP_S: Final = 1.0
"""By how much a request must go beyond the last one to be passed on: they may come by the thousand."""

FROZEN_LOOK_S: Final = 1.0
"""How often it is looked whether a paused agent goes on."""

PROBED: Final = frozenset({ReadyBy.EXEC, ReadyBy.HTTP})

_NOT_READY: Final = "it is not ready yet"


class InARow:
    """The answer of a probe: so many successes or failures in a row turn it, as Kubernetes defines it."""

    def __init__(self, probe: Probe, *, passing: bool) -> None:
        """Begin with this answer."""
        self.passing = passing
        self._probe: Final = probe
        self._last: bool | None = None
        self._count = 0

    def take(self, *, passed: bool) -> bool:
        """Take the outcome of one try; tell whether the answer turned by it."""
        self._count = self._count + 1 if passed is self._last else 1
        self._last = passed
        needed = self._probe.successes if passed else self._probe.failures
        if passed is self.passing or self._count < needed:
            return False
        self.passing = passed
        return True

    def forget(self) -> None:
        """Count anew; the answer stays."""
        self._last = None


class Watch:
    """Watches one incarnation from its spawn on; `run` until it has ended.

    It becomes ready in the one way that its pool names, and no other. Until then, and while its readiness
    probe fails or it says that it stops, it is not to be given new work. The time for which it is paused
    does not count for anything.
    """

    def __init__(self, pool: PoolSpec, watched: Watched, reports: WatchReports, clock: Clock) -> None:
        """Begin not ready, unless its first call is what makes it so: then it may have work as before."""
        self._pool: Final = pool
        self._watched: Final = watched
        self._reports: Final = reports
        self._clock: Final = clock
        self._ready: Final = asyncio.Event()
        self._stopping: Final = asyncio.Event()
        self._beat_at = watched.started_at
        self._granted_until = 0.0
        self._obstacles: Final[dict[str, str]] = {}
        if pool.ready.by is not ReadyBy.CALL:
            self._set_obstacle("ready", _NOT_READY)

    async def run(self) -> None:
        """Watch until cancelled, or until there is nothing left to watch."""
        async with asyncio.TaskGroup() as tasks:
            for work in self._works():
                tasks.create_task(work)

    def _works(self) -> Iterator[Coroutine[Any, Any, None]]:
        ready, liveness = self._pool.ready, self._pool.liveness
        if ready.by is ReadyBy.SETTLE:
            yield self._settle()
        elif ready.by in PROBED and ready.probe is not None:
            yield self._keep_asking(ready.probe, InARow(ready.probe, passing=False), self._ready_turned)
        if liveness is not None:
            yield self._keep_asking_for_life(liveness)
        if self._pool.watchdog_s is not None:
            yield self._keep_watchdog(self._pool.watchdog_s)
        if hears(self._pool):
            yield self._await_its_end()

    # ------------------------------------------------------------ what it says

    def announced(self, by: ReadyBy) -> None:
        """Hear that it is ready in this way; another way than its pool's says nothing."""
        if by is self._pool.ready.by:
            self._become_ready()

    def beat(self) -> None:
        """Hear its watchdog."""
        self._beat_at = self._clock.monotonic()

    def trigger(self) -> None:
        """Hear that it wants to be ended as if its watchdog had been silent."""
        if self._pool.watchdog_s is not None:
            self._reports.condemn(ExitClass.WATCHDOG, "it triggered its own watchdog", abort=True)

    def stops(self) -> None:
        """Hear that it is about to end by itself: it is asked nothing more, and given nothing."""
        self._stopping.set()
        self._set_obstacle("stopping", "it says that it is stopping")

    def asks_for(self, seconds: float) -> None:
        """Hear that it needs so long from now to become ready."""
        granted = min(seconds, EXTEND_MAX_S)
        until = self._clock.monotonic() + granted
        if not self._ready.is_set() and until >= self._granted_until + EXTEND_STEP_S:
            self._granted_until = until
            self._reports.more_time(granted)

    # ------------------------------------------------------------ ready

    def _become_ready(self) -> None:
        if self._ready.is_set():
            return
        self._ready.set()
        self._beat_at = self._clock.monotonic()
        self._reports.ready()
        self._set_obstacle("ready", "")

    async def _settle(self) -> None:
        await self._last_through(self._pool.ready.settle_s, since=lambda: self._watched.started_at)
        self._become_ready()

    def _ready_turned(self, answer: ProbeAnswer | None, probe: Probe) -> None:
        if answer is not None and answer.passed:
            self._become_ready()
            self._set_obstacle("probe", "")
        else:
            self._set_obstacle("probe", f"its readiness probe fails: {_words(answer, probe)}")

    # ------------------------------------------------------------ alive

    async def _keep_asking_for_life(self, probe: Probe) -> None:
        await self._ready.wait()
        await self._keep_asking(probe, InARow(probe, passing=True), self._life_turned)

    def _life_turned(self, answer: ProbeAnswer | None, probe: Probe) -> None:
        if answer is None or not answer.passed:
            often = f"{probe.failures} times in a row" if probe.failures > 1 else "once"
            detail = f"its liveness probe failed {often}; the last: {_words(answer, probe)}"
            self._reports.condemn(ExitClass.PROBE, detail)

    async def _keep_watchdog(self, period_s: float) -> None:
        await self._ready.wait()
        await self._last_through(period_s, since=lambda: self._beat_at)
        if not self._stopping.is_set():
            detail = f"its watchdog was silent for {period_s:g} s"
            self._reports.condemn(ExitClass.WATCHDOG, detail, abort=True)

    async def _await_its_end(self) -> None:
        await self._stopping.wait()
        said_at, patience_s = self._clock.monotonic(), self._pool.drain_timeout_s
        await self._last_through(patience_s, since=lambda: said_at)
        detail = f"it said that it was stopping, and still runs {patience_s:g} s later"
        self._reports.condemn(ExitClass.STALLED, detail)

    # ------------------------------------------------------------ asking

    async def _keep_asking(
        self, probe: Probe, row: InARow, turned: Callable[[ProbeAnswer | None, Probe], None]
    ) -> None:
        """Ask each period, the first time `initial_delay_s` after the start; tell when the answer turns."""
        begin_at = self._watched.started_at + probe.initial_delay_s
        await self._clock.sleep(begin_at - self._clock.monotonic())
        while not (self._watched.is_ending or self._stopping.is_set()):
            asked_at = self._clock.monotonic()
            if self._watched.is_frozen:
                row.forget()
            else:
                answer = await self._ask(probe)
                if self._was_paused_since(asked_at):
                    row.forget()  # it could not answer
                elif row.take(passed=answer is not None and answer.passed):
                    turned(answer, probe)
            await self._clock.sleep(asked_at + probe.period_s - self._clock.monotonic())

    async def _ask(self, probe: Probe) -> ProbeAnswer | None:
        """Return the answer; None if there is none in time."""
        answers: list[ProbeAnswer] = []

        async def ask() -> None:
            answers.append(await self._watched.ask(probe))

        await wait_at_most(ask(), self._clock, probe.timeout_s)
        return answers[0] if answers else None

    # ------------------------------------------------------------ small tools

    async def _last_through(self, seconds: float, *, since: Callable[[], float]) -> None:
        """Return `seconds` after a moment that may move, or after the last pause if that is later."""
        while True:
            left = max(since(), self._watched.thawed_at) + seconds - self._clock.monotonic()
            if self._watched.is_frozen:
                await self._clock.sleep(FROZEN_LOOK_S)
            elif left <= 0:
                return
            else:
                await self._clock.sleep(left)

    def _was_paused_since(self, moment: float) -> bool:
        return self._watched.is_frozen or self._watched.thawed_at > moment

    def _set_obstacle(self, about: str, why: str) -> None:
        before = self._obstacle
        if why:
            self._obstacles[about] = why
        else:
            self._obstacles.pop(about, None)
        if self._obstacle != before:
            self._reports.obstacle(self._obstacle)

    @property
    def _obstacle(self) -> str:
        return next(iter(self._obstacles.values()), "")


def hears(pool: PoolSpec) -> bool:
    """Tell whether a pool's agents have a socket to say how they are."""
    return pool.ready.by is ReadyBy.NOTIFY or pool.watchdog_s is not None


def needs_watch(pool: PoolSpec) -> bool:
    """Tell whether there is anything to watch: not where the first call says all."""
    return pool.ready.by is not ReadyBy.CALL or pool.liveness is not None or pool.watchdog_s is not None


def _words(answer: ProbeAnswer | None, probe: Probe) -> str:
    return f"no answer within {probe.timeout_s:g} s" if answer is None else answer.detail
