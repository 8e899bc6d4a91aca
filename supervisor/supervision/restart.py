"""Whether an ended agent is started again, and when: pure decisions."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from supervisor.model.agent import ExitClass, ExitInfo
from supervisor.model.branch import Restart
from supervisor.model.team import Backoff
from supervisor.supervision.child_spec import ChildSpec

FREE_RESTART_AFTER_S: Final = 10.0
"""An agent that was ready this long has its first restart without delay."""

_NORMAL: Final = frozenset({ExitClass.OK, ExitClass.STOP_REQUESTED})
_MAX_EXPONENT: Final = 64  # beyond it every ladder is at its cap, and floats overflow


def should_restart(restart: Restart, ending: ExitClass) -> bool:
    """Tell whether OTP's restart type asks for a restart after this ending."""
    if restart is Restart.PERMANENT:
        return True
    return restart is Restart.TRANSIENT and ending not in _NORMAL


def is_wanted_again(spec: ChildSpec, ending: ExitInfo) -> bool:
    """Tell whether an agent is to be started again after this ending: its exit code may decide alone."""
    if ending.kind in {ExitClass.OK, ExitClass.FAIL}:
        if ending.code in spec.no_restart_codes:
            return False
        if ending.code in spec.force_restart_codes:
            return True
    return should_restart(spec.restart, ending.kind)


def next_delay(backoff: Backoff, failures: int, rng: random.Random) -> float:
    """Return the seconds to wait after the `failures`-th end in a row, with jitter."""
    exponent = min(max(failures, 1) - 1, _MAX_EXPONENT)
    delay = min(backoff.cap_s, backoff.base_s * backoff.factor**exponent)
    return delay * rng.uniform(1.0 - backoff.jitter, 1.0 + backoff.jitter)


class RestartWindow:
    """The restarts of the last `period_s`, on the monotonic clock: OTP's restart intensity."""

    def __init__(self, intensity: int, period_s: float) -> None:
        """Allow `intensity` restarts within any `period_s`."""
        self._intensity = intensity
        self._period_s = period_s
        self._times: deque[float] = deque()

    def add(self, now: float) -> bool:
        """Count a restart and tell whether it is still within the intensity."""
        self._times.append(now)
        while self._times[0] <= now - self._period_s:
            self._times.popleft()
        return len(self._times) <= self._intensity

    def clear(self) -> None:
        """Forget all restarts."""
        self._times.clear()


class Decision(Enum):
    """What becomes of a slot whose incarnation has ended."""

    REST = auto()
    RESTART = auto()
    PARK = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A decision; `delay_s` counts for a restart."""

    decision: Decision
    delay_s: float = 0.0


class RestartPolicy:
    """One agent's restart type, intensity and backoff, with what they remember."""

    def __init__(self, spec: ChildSpec, rng: random.Random) -> None:
        """Start with an empty window at the foot of the ladder."""
        self._spec = spec
        self._rng = rng
        self._window = RestartWindow(spec.intensity, spec.period_s)
        self._failures = 0

    def judge(
        self, ending: ExitInfo, *, ready_for_s: float, now: float, retry_after_s: float = 0.0
    ) -> Verdict:
        """Decide after an incarnation, or an attempt to start one, has ended at `now`.

        Every end that leads to a restart counts for the intensity and is a step up the ladder,
        also the normal end of a permanent agent: ended at once, it would spin else. What its
        service did does not count: a rate limit is waited out, a bad login waits for a person.
        """
        if not is_wanted_again(self._spec, ending):
            return Verdict(decision=Decision.REST)
        if ending.kind is ExitClass.AUTH:
            return Verdict(decision=Decision.PARK)
        if ending.kind is ExitClass.RATE_LIMITED:
            jitter = self._rng.uniform(1.0, 1.0 + self._spec.backoff.jitter)
            return Verdict(decision=Decision.RESTART, delay_s=max(retry_after_s, 1.0) * jitter)
        if not self._window.add(now):
            return Verdict(decision=Decision.PARK)
        if ready_for_s >= self._spec.backoff.reset_after_s:
            self._failures = 0
        self._failures += 1
        if self._failures == 1 and ready_for_s >= FREE_RESTART_AFTER_S:
            return Verdict(decision=Decision.RESTART)
        return Verdict(
            decision=Decision.RESTART, delay_s=next_delay(self._spec.backoff, self._failures, self._rng)
        )

    def resume(self, failures: int) -> None:
        """Go on at this step of the ladder, as a former engine had reached it."""
        self._failures = failures

    def renew(self) -> None:
        """Allow as many restarts as at first, and stay on the ladder: its branch begins afresh."""
        self._window.clear()

    def reset(self) -> None:
        """Begin afresh, as after a person's order to start."""
        self._failures = 0
        self._window.clear()
