"""One sink's courier: takes what waits, at the sink's pace, and tries until it arrived or is given up."""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from dataclasses import dataclass, replace
from typing import Final

from supervisor.clock import Clock
from supervisor.model.notify import NotifySpec, SinkKind
from supervisor.notifiers.ledger import Ledger, SinkState
from supervisor.notifiers.letter import Letter, letter_of, trial_letter
from supervisor.notifiers.notice import Notice, Settled
from supervisor.notifiers.queue import NoticeQueue
from supervisor.notifiers.rate import SLACK_PAUSE_S, Allowance
from supervisor.notifiers.sink import NotSent, Sink

TRIES_MAX: Final = 5
BACKOFF_BASE_S: Final = 2.0
BACKOFF_FACTOR: Final = 4.0
JITTER: Final = 0.2
RETRY_AFTER_MAX_S: Final = 3600.0
TELL_EVERY_S: Final = 60.0
SAVE_EVERY: Final = 1000
"""After so many events that were nothing to this sink, it writes how far it has come."""

SHORT_S: Final = 5.0
"""A longer pause is not waited for when the engine ends: the next engine goes on."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How one test letter fared."""

    sink: str
    ok: bool
    words: str
    took_s: float


class Courier:
    """Works for one sink. `run` alone waits; `take`, `settle` and `saw` return at once."""

    def __init__(
        self,
        spec: NotifySpec,
        sink: Sink,
        state: SinkState,
        *,
        ledger: Ledger,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        """Go on where the sink's last courier was; `rested` tells that nothing leaves soon."""
        self.spec = spec
        self.state = state
        self.queue = NoticeQueue(spec.on, handled=state.cursor)
        self.rested = asyncio.Event()
        self.rested.set()
        self._sink = sink
        self._ledger = ledger
        self._clock = clock
        self._rng = rng
        self._pauses_long = False
        self._told_at: float | None = None
        self._untold = 0

    # What happens elsewhere

    def take(self, notice: Notice) -> None:
        """Let a notice wait for its turn."""
        if self.queue.put(notice) and not self._pauses_long:
            self.rested.clear()

    def settle(self, settled: Settled) -> None:
        """Take back what is no news any more."""
        self.queue.settle(settled)

    def saw(self, seq: int) -> None:
        """Note that an event was looked at; now and then this is written down."""
        self.queue.saw(seq)
        if self.queue.handled - self.state.cursor >= SAVE_EVERY:
            self.queue.nudge()

    @property
    def is_sending(self) -> bool:
        """Tell whether a letter is on its way, or waits for its next try."""
        return bool(self.state.sending_id)

    # The work

    async def run(self) -> None:
        """Send until cancelled."""
        if self.is_sending:
            await self._send_again()
        while True:
            if not len(self.queue):
                self.rested.set()
            await self.queue.arrival()
            if not len(self.queue):
                await self.write_down()
                continue
            await self._pause(self._allowance().wait_s(self._clock.now()))
            batch = self.queue.take(self._clock.now())
            if batch is not None:
                spent = self._allowance().spent(self._clock.now())
                self.state = replace(
                    self.state,
                    tokens=spent.tokens,
                    tokens_at=spent.at,
                    used_at=spent.used_at,
                    dropped=self.state.dropped + batch.dropped,
                )
                await self._deliver(letter_of(batch, self.spec.name), upto=batch.upto)

    async def write_down(self) -> None:
        """Write how far this sink has come, unless a letter is on its way."""
        if not self.is_sending and self.queue.handled != self.state.cursor:
            self.state = replace(self.state, cursor=self.queue.handled)
            await self._ledger.save(self.state)

    async def trial(self, run: int) -> Trial:
        """Send a test letter now, once, past the queue."""
        began = self._clock.monotonic()
        outcome = await self._attempt(trial_letter(self.spec.name, now=self._clock.now(), run=run))
        words = outcome.words if isinstance(outcome, NotSent) else outcome
        return Trial(
            sink=self.spec.name,
            ok=not isinstance(outcome, NotSent),
            words=words,
            took_s=round(self._clock.monotonic() - began, 3),
        )

    async def _send_again(self) -> None:
        """Send what an earlier engine may have sent, under the same id, so that receivers can tell."""
        batch = self.queue.take(self._clock.now(), upto=self.state.sending_upto)
        if batch is None:
            self.state = replace(self.state, sending_id="", sending_upto=0)
            return
        letter = letter_of(batch, self.spec.name, letter_id=self.state.sending_id)
        await self._deliver(letter, upto=self.state.sending_upto)

    async def _deliver(self, letter: Letter, *, upto: int) -> None:
        """Write down what leaves, let it leave, and write down what became of it."""
        self.rested.clear()
        self.state = replace(self.state, sending_id=letter.id, sending_upto=upto)
        await self._ledger.save(self.state)
        failure, tries = await self._try_until_given_up(letter)
        ended = replace(self.state, sending_id="", sending_upto=0, cursor=self.queue.handled)
        now = self._clock.now()
        if failure is None:
            self.state = replace(ended, sent=ended.sent + 1, sent_at=now)
        else:
            self.queue.count_dropped(letter.dropped)
            self.state = replace(ended, failed=ended.failed + 1, error=failure.words, error_at=now)
        await self._ledger.save(self.state)
        if failure is not None:
            await self._tell(failure, letter, tries)

    async def _try_until_given_up(self, letter: Letter) -> tuple[NotSent | None, int]:
        for number in range(1, TRIES_MAX + 1):
            outcome = await self._attempt(letter)
            if not isinstance(outcome, NotSent):
                return None, number
            if not outcome.again or number == TRIES_MAX:
                return outcome, number
            now = self._clock.now()
            self.state = replace(self.state, error=outcome.words, error_at=now)
            await self._pause(self._delay(number, outcome.after_s))
        raise AssertionError("the last try returns")

    async def _attempt(self, letter: Letter) -> str | NotSent:
        try:
            return await self._sink.send(letter)
        except NotSent as refusal:
            return refusal
        except Exception as error:  # noqa: BLE001 - a fault in one way out must not end the engine
            # The message of a foreign error may quote a secret: only its kind and place are told.
            place = "".join(traceback.format_tb(error.__traceback__))
            _log.error("sink %s failed with %s at\n%s", self.spec.name, type(error).__name__, place)
            return NotSent(f"a fault inside supervisor ({type(error).__name__})", again=False)

    def _delay(self, number: int, after_s: float | None) -> float:
        """Return how long to wait after try `number`: what the receiver asked for, or longer each time."""
        if after_s is not None:
            return min(after_s, RETRY_AFTER_MAX_S) + self._rng.uniform(0.0, 1.0)
        spread = self._rng.uniform(1 - JITTER, 1 + JITTER)
        return BACKOFF_BASE_S * BACKOFF_FACTOR ** (number - 1) * spread

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            return
        self._pauses_long = seconds > SHORT_S
        if self._pauses_long:
            self.rested.set()
        await self._clock.sleep(seconds)
        self._pauses_long = False
        self.rested.clear()

    async def _tell(self, failure: NotSent, letter: Letter, tries: int) -> None:
        """Let the event log tell of it, at most once a minute."""
        _log.warning("sink %s: given up after %d tries: %s", self.spec.name, tries, failure.words)
        now = self._clock.monotonic()
        if self._told_at is not None and now - self._told_at < TELL_EVERY_S:
            self._untold += 1
            return
        unsaid = f"; {self._untold} more since the last report" if self._untold else ""
        times = "1 try" if tries == 1 else f"{tries} tries"
        self._told_at, self._untold = now, 0
        await self._ledger.tell_failure(
            self.spec.name,
            f"gave up after {times}: {failure.words}{unsaid}",
            notice=letter.kind,
            tries=tries,
        )

    def _allowance(self) -> Allowance:
        least = SLACK_PAUSE_S if self.spec.kind is SinkKind.SLACK else 0.0
        return Allowance(
            per_hour=self.spec.per_hour,
            burst=self.spec.burst,
            min_interval_s=max(self.spec.min_interval_s, least),
            tokens=self.state.tokens,
            at=self.state.tokens_at,
            used_at=self.state.used_at,
        )
