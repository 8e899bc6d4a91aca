"""One sink's courier in virtual time: its pace, its tries, and what it writes down."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from supervisor.model.event import Event
from supervisor.model.notify import NoticeKind, NotifySpec, SinkKind
from supervisor.notifiers.courier import SAVE_EVERY, TRIES_MAX, Courier
from supervisor.notifiers.ledger import SinkState
from supervisor.notifiers.letter import Letter
from supervisor.notifiers.notice import Settled
from supervisor.notifiers.sink import NotSent
from supervisor.testing.clock import VirtualClock
from tests.unit.notifiers.conftest import a_notice, a_spec


@dataclass
class PaperLedger:
    """Keeps what a courier writes down."""

    states: list[SinkState] = field(default_factory=list)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def save(self, state: SinkState) -> None:
        self.states.append(state)

    async def tell_failure(self, _name: str, words: str, **facts: Any) -> None:
        self.told.append((words, facts))

    async def events(self, since: int) -> list[Event]:
        return []


@dataclass
class PaperSink:
    """Takes letters, or refuses them as `refusals` say, one each."""

    clock: VirtualClock
    refusals: list[Exception] = field(default_factory=list)
    tries: list[tuple[float, Letter]] = field(default_factory=list)
    taken: list[Letter] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def send(self, letter: Letter) -> str:
        self.tries.append((self.clock.monotonic() - 1000.0, letter))
        await self.gate.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        self.taken.append(letter)
        return "taken"

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.tries]


@dataclass
class Round:
    """A courier at work."""

    courier: Courier
    sink: PaperSink
    ledger: PaperLedger
    clock: VirtualClock
    seq: int = 0

    def happen(self, kind: NoticeKind = NoticeKind.HELP, *, about: str = "") -> None:
        """Let one event happen that is news."""
        self.seq += 1
        self.courier.take(a_notice(self.seq, kind, about=about, at=self.clock.now()))
        self.courier.saw(self.seq)

    def pass_by(self, count: int) -> None:
        """Let events happen that are nothing to anybody elsewhere."""
        for _ in range(count):
            self.seq += 1
            self.courier.saw(self.seq)


def a_state(**more: Any) -> SinkState:
    given: dict[str, Any] = {"name": "ops", "kind": "webhook", "cursor": 0, "tokens": 10.0} | more
    return SinkState(**given)


@asynccontextmanager
async def at_work(
    clock: VirtualClock,
    *,
    spec: NotifySpec | None = None,
    state: SinkState | None = None,
    before: Callable[[Round], None] = lambda _round: None,
) -> AsyncIterator[Round]:
    sink, ledger = PaperSink(clock), PaperLedger()
    known = replace(state or a_state(), tokens_at=clock.now())
    courier = Courier(
        spec or a_spec(),
        sink,
        known,
        ledger=ledger,  # type: ignore[arg-type]  # what a courier needs of one
        clock=clock,
        rng=random.Random(7),
    )
    here = Round(courier, sink, ledger, clock, seq=known.cursor)
    before(here)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(courier.run())
        await clock.settle()
        yield here
        running.cancel()


def busy(after_s: float | None = None) -> NotSent:
    return NotSent("status 503", again=True, after_s=after_s)


async def test_a_notice_leaves_at_once_and_is_written_down_before_and_after(clock: VirtualClock) -> None:
    async with at_work(clock) as here:
        here.happen()
        await clock.settle()
        (letter,) = here.sink.taken
        before, after = here.ledger.states
        assert (before.sending_id, before.sending_upto, before.cursor) == (letter.id, 1, 0)
        assert (after.sending_id, after.sending_upto, after.cursor) == ("", 0, 1)
        assert (after.sent, after.sent_at, after.tokens) == (1, clock.now(), 9.0)
        assert here.courier.rested.is_set()


async def test_the_burst_leaves_at_once_and_the_rest_as_one_when_the_rate_allows(clock: VirtualClock) -> None:
    async with at_work(clock) as here:
        for _ in range(10):
            here.happen()
            await clock.settle()
        for _ in range(12):
            here.happen()
        await clock.advance(119)
        assert len(here.sink.taken) == 10
        await clock.advance(1)
        assert len(here.sink.taken) == 11
        assert here.sink.taken[-1].title == "12 notices: 12 help"


async def test_a_day_of_news_every_second_never_exceeds_the_rate(clock: VirtualClock) -> None:
    async with at_work(clock) as here:
        for _ in range(3 * 3600):
            here.happen()
            await clock.advance(1)
        assert len(here.sink.taken) <= 10 + 3 * 30
        assert len(here.sink.taken) >= 3 * 30
        hours = [sum(1 for at in here.sink.times if hour <= at / 3600 < hour + 1) for hour in range(3)]
        assert hours[1:] == [30, 30]


async def test_slack_gets_one_a_second_at_most(clock: VirtualClock) -> None:
    async with at_work(clock, spec=a_spec(SinkKind.SLACK)) as here:
        for _ in range(3):
            here.happen()
        await clock.advance(3)
        assert here.sink.times == [0.0, 1.0, 2.0]


async def test_a_sink_keeps_the_interval_that_the_profile_wants(clock: VirtualClock) -> None:
    async with at_work(clock, spec=a_spec(min_interval_s=60)) as here:
        for _ in range(3):
            here.happen()
        await clock.advance(200)
        assert here.sink.times == [0.0, 60.0, 120.0]


async def test_a_refusal_that_may_pass_is_tried_again_later_each_time(clock: VirtualClock) -> None:
    async with at_work(clock) as here:
        here.sink.refusals = [busy(), busy(), busy()]
        here.happen()
        await clock.advance(1000)
        gaps = [late - early for early, late in zip(here.sink.times, here.sink.times[1:], strict=False)]
        assert len(gaps) == 3
        assert 1.6 <= gaps[0] <= 2.4
        assert 6.4 <= gaps[1] <= 9.6
        assert 25.6 <= gaps[2] <= 38.4
        assert len({letter.id for _, letter in here.sink.tries}) == 1
        last = here.ledger.states[-1]
        assert (last.sent, last.failed, last.error) == (1, 0, "status 503")
        assert here.ledger.told == []


async def test_the_receivers_own_wish_is_honoured_within_an_hour(clock: VirtualClock) -> None:
    async with at_work(clock) as here:
        here.sink.refusals = [busy(42.0), busy(999_999.0)]
        here.happen()
        await clock.advance(41.9)
        assert len(here.sink.tries) == 1
        await clock.advance(1.1)
        assert len(here.sink.tries) == 2
        await clock.advance(3599.0)
        assert len(here.sink.tries) == 2
        await clock.advance(2.0)
        assert len(here.sink.taken) == 1


async def test_after_five_tries_it_is_given_up_and_the_log_tells(clock: VirtualClock) -> None:
    async with at_work(clock) as here:
        here.sink.refusals = [busy()] * TRIES_MAX
        here.happen()
        await clock.advance(10_000)
        assert len(here.sink.tries) == TRIES_MAX == 5
        last = here.ledger.states[-1]
        assert (last.failed, last.cursor, last.sending_id) == (1, 1, "")
        assert here.ledger.told == [("gave up after 5 tries: status 503", {"notice": "help", "tries": 5})]
        here.happen()
        await clock.settle()
        assert len(here.sink.taken) == 1, "the next one is tried all the same"


async def test_a_refusal_that_will_not_pass_is_not_tried_again(clock: VirtualClock) -> None:
    async with at_work(clock) as here:
        here.sink.refusals = [NotSent("status 404", again=False)]
        here.happen()
        await clock.advance(1000)
        assert len(here.sink.tries) == 1
        assert here.ledger.told[0][0] == "gave up after 1 try: status 404"


async def test_the_log_is_told_once_a_minute_and_of_how_many(clock: VirtualClock) -> None:
    async with at_work(clock) as here:
        here.sink.refusals = [NotSent("status 404", again=False)] * 5
        for _ in range(4):
            here.happen()
            await clock.settle()
        assert len(here.ledger.told) == 1
        await clock.advance(60)
        here.happen()
        await clock.settle()
        assert here.ledger.told[1][0] == "gave up after 1 try: status 404; 3 more since the last report"
        assert here.ledger.states[-1].failed == 5


async def test_a_fault_of_ours_costs_one_letter_and_its_words_are_not_logged(
    clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_work(clock) as here:
        here.sink.refusals = [RuntimeError("https://hooks.example.org/s3cr3t")]
        here.happen()
        await clock.settle()
        here.happen()
        await clock.settle()
        assert len(here.sink.taken) == 1
    assert "RuntimeError" in caplog.text
    assert "test_courier.py" in caplog.text
    assert "s3cr3t" not in caplog.text
    assert "s3cr3t" not in str(here.ledger.told)


async def test_what_may_have_left_before_a_crash_leaves_again_under_its_id_first(clock: VirtualClock) -> None:
    def again(here: Round) -> None:
        for _ in range(3):
            here.happen()

    state = a_state(cursor=5, sending_id="kept", sending_upto=7, tokens=0.0)
    async with at_work(clock, state=state, before=again) as here:
        assert [letter.id for letter in here.sink.taken] == ["kept"]
        assert [notice.seq for notice in here.sink.taken[0].notices] == [6, 7]
        assert here.ledger.states[-1].cursor == 7
        await clock.advance(120)
        assert [notice.seq for notice in here.sink.taken[1].notices] == [8]


async def test_what_may_have_left_and_was_settled_since_is_forgotten(clock: VirtualClock) -> None:
    async with at_work(clock, state=a_state(cursor=5, sending_id="kept", sending_upto=7)) as here:
        assert here.sink.tries == []
        here.seq = 7
        here.happen()
        await clock.settle()
        assert here.sink.taken[0].id != "kept"


async def test_what_is_settled_while_it_waits_never_leaves(clock: VirtualClock) -> None:
    async with at_work(clock, state=a_state(tokens=0.0)) as here:
        here.happen(NoticeKind.APPROVAL, about="A1")
        await clock.settle()
        here.courier.settle(Settled(kind=NoticeKind.APPROVAL, about="A1"))
        await clock.advance(1000)
        assert here.sink.tries == []
        here.happen()
        await clock.settle()
        assert len(here.sink.taken) == 1


async def test_a_sink_without_news_writes_now_and_then_how_far_it_has_come(clock: VirtualClock) -> None:
    async with at_work(clock) as here:
        here.pass_by(SAVE_EVERY - 1)
        await clock.settle()
        assert here.ledger.states == []
        here.pass_by(1)
        await clock.settle()
        assert [state.cursor for state in here.ledger.states] == [SAVE_EVERY]


async def test_while_a_letter_is_under_way_the_place_is_not_moved(clock: VirtualClock) -> None:
    async with at_work(clock) as here:
        here.sink.gate.clear()
        here.happen()
        await clock.settle()
        here.pass_by(3 * SAVE_EVERY)
        await here.courier.write_down()
        await clock.settle()
        assert [state.cursor for state in here.ledger.states] == [0]
        here.sink.gate.set()
        await clock.settle()
        assert here.ledger.states[-1].cursor == 3 * SAVE_EVERY + 1


async def test_it_rests_while_nothing_leaves_soon(clock: VirtualClock) -> None:
    async with at_work(clock) as here:
        assert here.courier.rested.is_set()
        here.sink.refusals = [busy(2.0), busy(600.0)]
        here.happen()
        assert not here.courier.rested.is_set()
        await clock.settle()
        assert not here.courier.rested.is_set(), "two seconds are worth waiting for"
        await clock.advance(3.0)
        assert here.courier.rested.is_set(), "ten minutes are not"
        here.happen()
        assert here.courier.rested.is_set(), "nor is what waits behind them"


async def test_a_test_letter_goes_past_the_queue_and_is_told_either_way(clock: VirtualClock) -> None:
    async with at_work(clock, state=a_state(tokens=0.0)) as here:
        here.happen()
        trial = await here.courier.trial(4)
        assert (trial.sink, trial.ok, trial.words) == ("ops", True, "taken")
        here.sink.refusals = [NotSent("status 404", again=False)]
        trial = await here.courier.trial(4)
        assert (trial.ok, trial.words) == (False, "status 404")
        assert [letter.kind for _, letter in here.sink.tries] == ["test", "test"]
        assert here.ledger.states == []
