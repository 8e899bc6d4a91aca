"""Broken variants of supervision, each of which the random schedules must find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final

from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.branch import Restart
from supervisor.supervision import notices, restart, slot
from supervisor.supervision.breaker import Breaker
from supervisor.supervision.errands import Errands
from supervisor.supervision.incarnation import Incarnation
from supervisor.supervision.lifecycle import Lifecycle
from supervisor.supervision.notices import FOR_GOOD, NO_MORE_STARTS, Order
from supervisor.supervision.restart import Decision, RestartPolicy, RestartWindow, Verdict
from supervisor.supervision.roster import Roster
from supervisor.supervision.slot import Slot
from supervisor.supervision.tree import Tree

Bug = tuple[tuple[Any, str, Any], ...]
"""What is put in place of what, and where."""


def always(answer: Any) -> Callable[..., Any]:
    return lambda *_, **__: answer


nothing: Final = always(None)


def before(place: Any, name: str, change: Callable[..., Any]) -> Callable[..., Any]:
    """Do something before what is done."""
    done = getattr(place, name)

    def changed(self: Any, *args: Any, **more: Any) -> Any:
        change(self, *args, **more)
        return done(self, *args, **more)

    return changed


def unless(place: Any, name: str, deaf: Callable[..., bool]) -> Callable[..., Any]:
    """Leave out what is done in some cases."""
    done = getattr(place, name)

    def changed(self: Any, *args: Any, **more: Any) -> Any:
        return None if deaf(self, *args, **more) else done(self, *args, **more)

    return changed


def after(place: Any, name: str, change: Callable[..., Any]) -> Callable[..., Any]:
    """Do something after what is done."""
    done = getattr(place, name)

    def changed(self: Any, *args: Any, **more: Any) -> Any:
        answer = done(self, *args, **more)
        change(self, *args, **more)
        return answer

    return changed


def put(name: str, *, value: Any) -> Callable[..., None]:
    return lambda self, *_, **__: setattr(self, name, value)


def judging(judge: Callable[..., Verdict]) -> Callable[..., Verdict]:
    """Judge otherwise: `judge` is given the true way."""
    true = RestartPolicy.judge
    return lambda self, ending, **more: judge(lambda end, **new: true(self, end, **(more | new)), ending)


def timing(limit: ExitClass) -> Callable[..., Any]:
    """Forget one limit."""
    return unless(Errands, "set_timer", lambda _self, _attempt, what, _seconds: what is limit)


def on_the_wall_clock() -> Callable[..., Any]:
    judge = Lifecycle._judge

    def judged(self: Any, *args: Any) -> None:
        clock = self._clock
        self._clock = SimpleNamespace(monotonic=clock.now, now=clock.now)
        try:
            judge(self, *args)
        finally:
            self._clock = clock

    return judged


def over_the_remains(self: Any, live: Incarnation, tree: Any) -> None:
    live.tree = tree
    if live.exit is not None:
        self._conclude(live)


def stale(*kinds: type) -> Callable[..., Any]:
    """Take notices of a former incarnation for news."""
    true = Slot._is_stale
    return lambda self, notice: self._live is None if isinstance(notice, kinds) else true(self, notice)


def _forget_draining(self: Any) -> None:
    if self._live is not None:
        self._live.was_draining = False


BUGS: Final[dict[str, Bug]] = {
    "a temporary agent is restarted": (
        (restart, "should_restart", lambda kind, end: kind is Restart.TEMPORARY or _true_type(kind, end)),
    ),
    "a transient agent is restarted after a normal end": ((restart, "_NORMAL", frozenset()),),
    "a permanent agent rests after a normal end": (
        (restart, "should_restart", lambda kind, end: end is not ExitClass.OK and _true_type(kind, end)),
    ),
    "success codes are not looked at": (
        (Incarnation, "ending", lambda self, _codes=(0,), true=Incarnation.ending: true(self)),
    ),
    "no_restart_codes are not looked at": (
        (
            restart,
            "is_wanted_again",
            lambda spec, end, true=restart.is_wanted_again: true(replace(spec, no_restart_codes=()), end),
        ),
    ),
    "force_restart_codes are not looked at": (
        (
            restart,
            "is_wanted_again",
            lambda spec, end, true=restart.is_wanted_again: true(replace(spec, force_restart_codes=()), end),
        ),
    ),
    "a failed start is not counted": (
        (
            RestartPolicy,
            "judge",
            judging(
                lambda judge, end: (
                    Verdict(decision=Decision.RESTART, delay_s=1.0)
                    if end.kind is ExitClass.SPAWN_ERROR
                    else judge(end)
                )
            ),
        ),
    ),
    "intensity is counted on the wall clock": ((Lifecycle, "_judge", on_the_wall_clock()),),
    "restarts are counted for ever": (
        (
            RestartWindow,
            "add",
            lambda self, now: self._times.append(now) or len(self._times) <= self._intensity,
        ),
    ),
    "intensity allows one restart less": (
        (RestartWindow, "add", lambda self, now, true=RestartWindow.add: true(self, now) and _roomy(self)),
    ),
    "a rate limit is counted": (
        (
            RestartPolicy,
            "judge",
            judging(
                lambda judge, end: judge(
                    replace(end, kind=ExitClass.FAIL, code=None)
                    if end.kind is ExitClass.RATE_LIMITED
                    else end
                )
            ),
        ),
    ),
    "a rate limit is not waited out": (
        (
            RestartPolicy,
            "judge",
            judging(
                lambda judge, end: (
                    judge(end, retry_after_s=0.0) if end.kind is ExitClass.RATE_LIMITED else judge(end)
                )
            ),
        ),
    ),
    "an agent that cannot log in is tried again": (
        (
            RestartPolicy,
            "judge",
            judging(
                lambda judge, end: judge(
                    replace(end, kind=ExitClass.FAIL) if end.kind is ExitClass.AUTH else end
                )
            ),
        ),
    ),
    "backoff is not reset after a good run": (
        (RestartPolicy, "judge", judging(lambda judge, end: judge(end, ready_for_s=10.0))),
    ),
    "the first restart after a good run waits": ((restart, "FREE_RESTART_AFTER_S", 1e9),),
    "the ladder has no cap": (
        (
            restart,
            "next_delay",
            lambda backoff, failures, rng, true=restart.next_delay: true(
                replace(backoff, cap_s=3600.0), failures, rng
            ),
        ),
    ),
    "a person's restart keeps the record": ((RestartPolicy, "reset", nothing),),
    "the breaker never opens": ((Breaker, "count_restart", nothing),),
    "the breaker never closes": ((Breaker, "succeeded", nothing),),
    "the breaker stays half open after a failure": ((Breaker, "failed", nothing),),
    "the half-open breaker lets all try": (
        (Breaker, "enter", lambda self, _agent: self.closed or not self.hold_s),
    ),
    "the breaker waits for one that does not start": ((Breaker, "withdraw", nothing),),
    "a person's restart is held by the breaker": (
        (
            Errands,
            "await_turn",
            lambda self, *args, true=Errands.await_turn, **more: true(
                self, *args, **(more | {"by_hand": False})
            ),
        ),
    ),
    "the next starts over the remains of the last": ((Lifecycle, "_on_tree_ended", over_the_remains),),
    "nobody looks again at what was stuck": (
        (
            Errands,
            "end_tree",
            unless(Errands, "end_tree", lambda _self, _live, _way, after_s=0.0, **_: after_s > 0),
        ),
    ),
    "a former incarnation is heard": ((Slot, "_is_stale", stale(notices.Ready, notices.Condemned)),),
    "a stop is lost while it waits for its restart": (
        (
            Slot,
            "order",
            unless(
                Slot,
                "order",
                lambda self, order: order is Order.STOP and self.state is AgentState.BACKOFF,
            ),
        ),
    ),
    "a stop is lost while its kit is made": (
        (
            Slot,
            "order",
            unless(Slot, "order", lambda self, order: order is Order.STOP and self._preparing),
        ),
    ),
    "a stop while it stops for a restart is lost": (
        (Slot, "_rest", unless(Slot, "_rest", lambda self, **_: self._again)),
        (slot, "NO_MORE_STARTS", FOR_GOOD),
    ),
    "a planned start survives its stop": ((Lifecycle, "_forget_start", nothing),),
    "a paused agent is restarted": (
        (Lifecycle, "_go_on", before(Lifecycle, "_go_on", put("_paused", value=False))),
    ),
    "a pause is lost while its kit is made": (
        (Slot, "_pause", unless(Slot, "_pause", lambda self: self._preparing)),
    ),
    "a resumed agent forgets that it drains": ((Slot, "_resume", before(Slot, "_resume", _forget_draining)),),
    "a drained agent is restarted": (
        (slot, "NO_MORE_STARTS", NO_MORE_STARTS - {Order.DRAIN}),
        (Slot, "_drain", after(Slot, "_drain", put("_wanted", value=True))),
    ),
    "a drain never ends": ((Errands, "set_timer", timing(ExitClass.STOP_REQUESTED)),),
    "an agent may live for ever": ((Errands, "set_timer", timing(ExitClass.RUNTIME_CAP)),),
    "a start may take for ever": ((Errands, "set_timer", timing(ExitClass.START_TIMEOUT)),),
    "a kill asks politely": ((Slot, "_rest", lambda self, *, now, true=Slot._rest: true(self, now=False)),),
    "something starts after the stop mark": (
        (slot, "NO_MORE_STARTS", frozenset()),
        (
            Slot,
            "_obey_a_stop",
            unless(Slot, "_obey_a_stop", lambda self, order: order is Order.RETIRE and self._preparing),
        ),
    ),
    "pools stop in start order": ((Tree, "stop_order", lambda self, true=Tree.stop_order: true(self)[::-1]),),
    "a stopped agent that had given up still says so": (
        (
            Lifecycle,
            "_move",
            unless(
                Lifecycle,
                "_move",
                lambda self, state, *_, **__: state is AgentState.EXITED and self.state is AgentState.PARKED,
            ),
        ),
    ),
    "who comes back is forgotten": (
        (Roster, "_forget", before(Roster, "_forget", lambda self, _slot: self._successors.clear())),
    ),
    "an agent moves without a reason": (
        (
            Lifecycle,
            "_move",
            lambda self, state, _reason, true=Lifecycle._move, **more: true(self, state, "", **more),
        ),
    ),
}


def _true_type(kind: Restart, end: ExitClass) -> bool:
    return kind is Restart.PERMANENT or (
        kind is Restart.TRANSIENT and end not in {ExitClass.OK, ExitClass.STOP_REQUESTED}
    )


def _roomy(window: RestartWindow) -> bool:
    return len(window._times) < max(1, window._intensity)
