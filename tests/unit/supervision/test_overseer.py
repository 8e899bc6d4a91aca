"""The overseer in virtual time: what it tells, what it does about a stall, and when it stops doing it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.health import Liveness, StallAction, StallLimits
from supervisor.supervision.liveness import Signals
from supervisor.supervision.notices import Condemned
from supervisor.supervision.overseer import ACT_S, News, Overseer, Reading, Step, decided
from supervisor.testing.clock import VirtualClock
from tests.unit.supervision.conftest import RunTeam, child

LIMITS = StallLimits()
NAME = "worker-1"


@dataclass
class Hands:
    """Hands that answer as a test says."""

    answer: bool = True
    fault: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    reached: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    async def nudge(self, agent: str, incarnation: int) -> bool:
        return await self._reach(f"nudge {agent}#{incarnation}")

    async def interrupt(self, agent: str, incarnation: int) -> bool:
        return await self._reach(f"interrupt {agent}#{incarnation}")

    async def _reach(self, what: str) -> bool:
        self.reached.append(what)
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return self.answer


@dataclass
class Watch:
    """An overseer at work, with one agent that does nothing unless told."""

    clock: VirtualClock
    overseer: Overseer
    hands: Hands
    news: list[News] = field(default_factory=list)
    condemned: list[tuple[str, Condemned]] = field(default_factory=list)
    signals: Signals = field(
        default_factory=lambda: Signals(started_at=0.0, holds_work=True, cpu_percent=0.0)
    )
    limits: StallLimits = LIMITS
    action: StallAction = StallAction.RESTART
    incarnation: int = 1

    def condemn(self, agent: str, condemned: Condemned) -> None:
        self.condemned.append((agent, condemned))

    async def wait(self, seconds: float, *, every_s: float = 5.0) -> None:
        """Let time pass, with a review now and then."""
        for _ in range(int(seconds / every_s)):
            await self.clock.advance(every_s)
            self.review()
            await self.clock.settle()

    def review(self) -> None:
        reading = Reading(
            incarnation=self.incarnation, signals=self.signals, limits=self.limits, action=self.action
        )
        self.overseer.review({NAME: reading})

    def says(self, **signs: object) -> None:
        self.signals = replace(self.signals, **signs)  # type: ignore[arg-type]

    @property
    def verdicts(self) -> list[Liveness]:
        return [news.verdict.liveness for news in self.news if news.step is Step.TELL]

    @property
    def words(self) -> list[str]:
        return [news.words for news in self.news if news.words]


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    clock, hands = VirtualClock(now=0.0, monotonic=0.0), Hands()

    class Bench:
        def condemn(self, agent: str, condemned: Condemned) -> None:
            watched.condemn(agent, condemned)

    news: list[News] = []
    watched = Watch(clock, Overseer(Bench(), hands, clock, news.append), hands, news)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(watched.overseer.keep())
        yield watched
        hands.gate.set()
        await clock.advance(ACT_S)
        keeping.cancel()


async def test_the_ladder_is_climbed_at_its_times(watch: Watch) -> None:
    await watch.wait(600)
    assert watch.verdicts == [Liveness.QUIET, Liveness.STALLED]
    await watch.wait(295)
    assert watch.hands.reached == []
    await watch.wait(5)
    assert watch.hands.reached == ["nudge worker-1#1"]
    await watch.wait(300)
    assert watch.hands.reached == ["nudge worker-1#1", "interrupt worker-1#1"]
    await watch.wait(595)
    assert watch.condemned == []
    await watch.wait(5)
    ((agent, condemned),) = watch.condemned
    assert (agent, condemned.incarnation, condemned.cause) == (NAME, 1, ExitClass.STALLED)
    assert condemned.detail.startswith("stalled: no output for 30 min")
    assert watch.words == ["reminded of its work", "turn broken off", "it is ended and started again"]
    await watch.wait(3600)
    assert len(watch.condemned) == 1


async def test_only_telling_goes_no_further(watch: Watch) -> None:
    watch.action = StallAction.NOTIFY
    await watch.wait(7200)
    assert (watch.verdicts[-1], watch.hands.reached, watch.condemned) == (Liveness.STALLED, [], [])
    opinion = watch.overseer.opinion(NAME)
    assert opinion is not None
    assert (opinion.next_step, opinion.next_at, opinion.found_at) == (None, None, 600.0)


async def test_rungs_that_this_kind_of_agent_does_not_have_are_skipped_and_say_so(watch: Watch) -> None:
    watch.hands.answer = False
    await watch.wait(1800)
    assert watch.words == [
        "nudge skipped: there is no way to remind an agent of its kind",
        "interrupt skipped: there is no way to break off a turn of its kind",
        "it is ended and started again",
    ]


async def test_a_rung_that_fails_or_hangs_does_not_stop_the_ladder(watch: Watch) -> None:
    watch.hands.fault = RuntimeError("no such pane")
    await watch.wait(900)
    assert watch.words == ["nudge failed: no such pane"]
    watch.hands.gate.clear()
    await watch.wait(300)
    await watch.clock.advance(ACT_S)
    assert watch.words[1] == "interrupt failed: not taken within 10 s"
    await watch.wait(600)
    assert len(watch.condemned) == 1


async def test_a_sign_of_life_steps_down_and_is_told(watch: Watch) -> None:
    await watch.wait(900)
    watch.says(last_output_at=watch.clock.monotonic())
    await watch.wait(5)
    assert watch.verdicts[-1] is Liveness.OK
    opinion = watch.overseer.opinion(NAME)
    assert opinion is not None
    assert (opinion.found_at, opinion.done, opinion.next_step) == (None, (), Step.TELL)
    await watch.wait(595 + 295)
    assert watch.hands.reached == ["nudge worker-1#1"]
    await watch.wait(10)
    assert watch.hands.reached == ["nudge worker-1#1", "nudge worker-1#1"]


async def test_a_blip_neither_steps_down_nor_is_acted_on(watch: Watch) -> None:
    await watch.wait(600)
    watch.says(cpu_percent=3.0)
    await watch.wait(50)
    assert watch.verdicts[-1] is Liveness.STALLED
    watch.says(cpu_percent=0.0)
    await watch.wait(245)
    watch.says(cpu_percent=3.0)
    await watch.wait(10)
    assert watch.hands.reached == []
    watch.says(cpu_percent=0.0)
    await watch.wait(5)
    assert watch.hands.reached == ["nudge worker-1#1"]


async def test_what_moves_for_a_whole_window_is_believed(watch: Watch) -> None:
    await watch.wait(600)
    watch.says(cpu_percent=3.0)
    await watch.wait(65)
    assert watch.verdicts[-2:] == [Liveness.STALLED, Liveness.QUIET]


async def test_another_incarnation_has_a_file_of_its_own(watch: Watch) -> None:
    await watch.wait(900)
    watch.incarnation, watch.signals = 2, replace(watch.signals, started_at=900.0)
    await watch.wait(5)
    opinion = watch.overseer.opinion(NAME)
    assert opinion is not None
    assert (opinion.incarnation, opinion.verdict.liveness, opinion.done) == (2, Liveness.OK, ())
    await watch.wait(3600)
    assert [condemned.incarnation for _, condemned in watch.condemned] == [2]


async def test_who_is_not_at_work_is_not_judged(watch: Watch) -> None:
    await watch.wait(600)
    watch.overseer.review({})
    assert watch.overseer.opinion(NAME) is None


async def test_news_of_a_rung_come_too_late_for_one_that_is_gone(watch: Watch) -> None:
    watch.hands.gate.clear()
    await watch.wait(900)
    watch.overseer.review({})
    watch.hands.gate.set()
    await watch.clock.settle()
    assert watch.words == []


async def test_a_rung_that_was_taken_before_it_got_better_is_not_told_after_it(watch: Watch) -> None:
    watch.hands.gate.clear()
    await watch.wait(900)
    watch.says(last_output_at=watch.clock.monotonic())
    watch.review()
    watch.hands.gate.set()
    await watch.clock.settle()
    assert watch.words == []


async def test_after_a_gap_everybody_gets_one_more_full_threshold(watch: Watch) -> None:
    await watch.wait(900)
    watch.overseer.shift(3600)
    await watch.wait(5)
    assert watch.verdicts[2:] == [Liveness.OK]
    await watch.wait(590)
    assert watch.verdicts[3:] == [Liveness.QUIET]
    await watch.wait(5)
    assert watch.verdicts[4:] == [Liveness.STALLED]


async def test_after_a_gap_a_tool_gets_its_time_anew(watch: Watch) -> None:
    watch.says(tool_since=0.0)
    await watch.wait(1500)
    watch.overseer.shift(60)
    await watch.wait(1795)
    assert watch.verdicts == []
    await watch.wait(5)
    assert watch.verdicts == [Liveness.OVERDUE]


async def test_one_that_comes_after_a_gap_counts_from_its_start(watch: Watch) -> None:
    await watch.clock.advance(100)
    watch.overseer.shift(60)
    watch.signals = replace(watch.signals, started_at=200.0)
    await watch.clock.advance(100)
    await watch.wait(595)
    assert Liveness.STALLED not in watch.verdicts
    await watch.wait(5)
    assert watch.verdicts[-1] is Liveness.STALLED


async def test_silence_while_a_person_is_waited_for_does_not_count_later(watch: Watch) -> None:
    watch.says(waits_for_person=True)
    await watch.wait(7200)
    watch.says(waits_for_person=False)
    await watch.wait(595)
    assert watch.verdicts == [Liveness.WAITING, Liveness.OK, Liveness.QUIET]
    await watch.wait(5)
    assert watch.verdicts[-1] is Liveness.STALLED


async def test_silence_in_a_tool_counts_for_one_that_is_frozen(watch: Watch) -> None:
    watch.says(tool_since=0.0, stopped_since=0.0)
    await watch.wait(600)
    assert watch.verdicts == [Liveness.FROZEN, Liveness.STALLED]


async def test_an_opinion_says_what_comes_next_and_when(watch: Watch) -> None:
    await watch.wait(5)
    opinion = watch.overseer.opinion(NAME)
    assert opinion is not None
    assert (opinion.at, opinion.next_step, opinion.next_at) == (5.0, Step.TELL, 600.0)
    await watch.wait(595)
    opinion = watch.overseer.opinion(NAME)
    assert opinion is not None
    assert (opinion.next_step, opinion.next_at) == (Step.NUDGE, 900.0)
    watch.says(children=1)
    watch.signals = replace(watch.signals, last_output_at=600.0)
    watch.review()
    opinion = watch.overseer.opinion(NAME)
    assert opinion is not None
    assert (opinion.next_step, opinion.next_at) == (None, None)


async def test_a_profile_that_restarts_first_is_obeyed(watch: Watch) -> None:
    watch.limits = replace(LIMITS, restart_after_s=0.0)
    await watch.wait(600)
    assert (len(watch.condemned), watch.hands.reached) == (1, [])


@pytest.mark.parametrize(
    ("action", "attended", "goes"),
    [
        (StallAction.AUTO, True, StallAction.NOTIFY),
        (StallAction.AUTO, False, StallAction.RESTART),
        (StallAction.NOTIFY, False, StallAction.NOTIFY),
        (StallAction.RESTART, True, StallAction.RESTART),
    ],
)
def test_how_far_it_goes_depends_on_who_is_there_unless_the_profile_says(
    action: StallAction, attended: bool, goes: StallAction
) -> None:
    assert decided(action, attended=attended) is goes


async def test_a_stalled_agent_is_restarted_as_a_failure_by_the_real_supervisor(run_team: RunTeam) -> None:
    async with run_team(child(NAME)) as team:
        await team.make_ready(NAME)
        overseer = Overseer(team.supervisor, Hands(), team.clock, lambda _news: None)
        limits = replace(LIMITS, restart_after_s=60.0)
        for _ in range(140):
            await team.advance(5)
            signals = Signals(started_at=0.0, holds_work=True, cpu_percent=0.0)
            reading = Reading(incarnation=1, signals=signals, limits=limits, action=StallAction.RESTART)
            overseer.review({NAME: reading} if team.starts(NAME) == 1 else {})
        assert team.starts(NAME) == 2
        ended = team.log.last(NAME).last_exit
        assert ended is not None
        assert (ended.kind, team.state(NAME)) == (ExitClass.STALLED, AgentState.STARTING)
        assert team.log.last(NAME).restarts == 1
