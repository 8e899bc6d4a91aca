"""Broken variants of the supervision tree, each of which the random schedules must find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final

from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.branch import AutoShutdown, Condition, OnFailed, Restart
from supervisor.model.team import Backoff
from supervisor.supervision import branch, dependencies, lifecycle, slot
from supervisor.supervision.branch import Branch, Mode
from supervisor.supervision.dependencies import Dependencies, Turn
from supervisor.supervision.lifecycle import Lifecycle
from supervisor.supervision.notices import Order
from supervisor.supervision.pool import Pool
from supervisor.supervision.slot import Slot
from supervisor.supervision.tree import Tree
from tests.integration.otp_bugs import Bug, after, always, before, nothing, put, unless

NO_RESTART: Final = SimpleNamespace(TEMPORARY=None, TRANSIENT=None, PERMANENT=None)


def seen(answer: str) -> property:
    """See the same, whatever is so."""
    return property(always(answer == "yes"))


def backwards(step: str) -> Callable[..., Any]:
    """Take a step with the children in reverse order."""
    true = getattr(Branch, step)

    def stepped(self: Branch) -> None:
        in_order = self.children
        self.children = in_order[::-1]
        try:
            true(self)
        finally:
            self.children = in_order

    return stepped


def with_spec(name: str, **changes: Any) -> Callable[..., Any]:
    """Do something as if a branch were kept in another way."""
    true = getattr(Branch, name)

    def done(self: Branch, *args: Any, **more: Any) -> Any:
        spec = self.spec
        self.spec = replace(spec, **changes)
        try:
            return true(self, *args, **more)
        finally:
            self.spec = spec

    return done


def of_kind(restart: Restart) -> Callable[..., Any]:
    """Judge a branch that is over as one of this restart type."""

    def judged(self: Branch, child: Branch, true: Any = Branch.is_over) -> None:
        child.spec = replace(child.spec, restart=restart)
        true(self, child)

    return judged


def over_at_once(self: Branch, why: str, *, failed: bool) -> None:
    """Be over without taking anybody down."""
    self.why_over, self.failed = why, failed
    self._turn(Mode.OVER)
    if self.above is not None:
        self.above.is_over(self)


def finished_as(kind: AutoShutdown, other: AutoShutdown) -> Callable[..., Any]:
    """Take one kind of automatic shutdown for the other."""
    true = Branch.finished
    swapped = with_spec("finished", auto_shutdown=other)
    return lambda self, name: (swapped if self.spec.auto_shutdown is kind else true)(self, name)


def renewing_nothing(self: Branch, true: Any = Branch.begin_afresh) -> None:
    window = self._window
    true(self)
    self._window = window


def any_of_them(self: Dependencies, want: Any, true: Any = Dependencies._lack_of) -> Any:
    """Be content with one agent of a pool."""
    agents = tuple(self._agents_of(want.pool))
    met = any(dependencies._meets(agent, want) for agent in agents)
    return None if met else true(self, want)


def log_in_forgotten(self: Any) -> None:
    if self.last_exit is not None and self.last_exit.kind is ExitClass.AUTH:
        self.last_exit = replace(self.last_exit, kind=ExitClass.FAIL)


TREE_BUGS: Final[dict[str, Bug]] = {
    "a temporary sibling is restarted": (
        (lifecycle, "Restart", NO_RESTART),
        (slot, "Restart", NO_RESTART),
    ),
    "a sibling that had ended normally is left out": (
        (Slot, "_recycle", unless(Slot, "_recycle", lambda self, _: self.state is AgentState.EXITED)),
    ),
    "a sibling that a person had stopped is restarted": (
        (Slot, "_recycle", before(Slot, "_recycle", put("_wanted", value=True))),
    ),
    "a sibling is judged by its own intensity": (
        (
            Lifecycle,
            "_judge",
            before(
                Lifecycle,
                "_judge",
                lambda self, ending, _ready: (
                    ending.kind is ExitClass.SIBLING and self._policy._window.add(self._clock.monotonic())
                ),
            ),
        ),
    ),
    "rest_for_one takes those before": (
        (Branch, "_restart_with", lambda self, _: self._plan_fall(self.children, "all", again=True)),
    ),
    "one_for_all spares those before": (
        (
            Branch,
            "_restart_with",
            lambda self, child: self._plan_fall(self.children[self._index(child) :], "rest", again=True),
        ),
    ),
    "one_for_one takes others": (
        (
            Branch,
            "may_restart",
            lambda self, child, *, counts, true=Branch.may_restart: (
                true(self, child, counts=counts) and (self._restart_with(child) or True)
            ),
        ),
    ),
    "no sibling is restarted": ((Branch, "_restart_with", nothing),),
    "siblings start in reverse order": ((Branch, "_rise", backwards("_rise")),),
    "siblings stop in start order": ((Branch, "_fall", backwards("_fall")),),
    "siblings start without waiting for each other": ((Pool, "has_risen", seen("yes")),),
    "siblings stop without waiting for each other": ((Pool, "is_down", seen("yes")),),
    "a stuck sibling holds up its branch": (
        (Slot, "is_down", property(lambda self: self._live is None and not self._preparing)),
    ),
    "a start that was begun before its branch fell is carried out": ((Turn, "may_go_on", seen("yes")),),
    "a stop is lost while it waits for its turn": (
        (
            Slot,
            "order",
            unless(
                Slot,
                "order",
                lambda self, order: order is Order.STOP and not self._turn.may_go_on,
            ),
        ),
    ),
    "a branch counts no restarts": ((Branch, "_count", lambda _: True),),
    "a branch counts what its service did": (
        (Pool, "may_restart", lambda self, *, counts, true=Pool.may_restart: true(self, counts=True)),
    ),
    "a branch counts for ever, even begun afresh": ((Branch, "begin_afresh", renewing_nothing),),
    "a larger pool's agent takes others with it": ((Pool, "is_simple", seen("no")),),
    "a branch that fails leaves its agents running": ((Branch, "_end", over_at_once),),
    "who gave up means nothing to its branch": ((Branch, "gave_up", nothing),),
    "who gave up always ends its branch": (
        (Branch, "gave_up", with_spec("gave_up", on_failed=OnFailed.SHUTDOWN)),
    ),
    "on_failed stops those before": (
        (
            Branch,
            "gave_up",
            lambda self, child, agent, true=Branch.gave_up: (
                self._plan_fall(self.children, "all", again=False)
                if self._judges and self.spec.on_failed is OnFailed.REST
                else true(self, child, agent)
            ),
        ),
    ),
    "any_significant waits for all": (
        (Branch, "finished", finished_as(AutoShutdown.ANY_SIGNIFICANT, AutoShutdown.ALL_SIGNIFICANT)),
    ),
    "all_significant waits for one": (
        (Branch, "finished", finished_as(AutoShutdown.ALL_SIGNIFICANT, AutoShutdown.ANY_SIGNIFICANT)),
    ),
    "auto_shutdown is not looked at": ((Branch, "finished", nothing),),
    "a person's stop of a significant agent ends its branch": (
        (
            Lifecycle,
            "_go_on",
            after(
                Lifecycle, "_go_on", lambda self, *_, **__: self._wanted or self._place.finished(self.spec)
            ),
        ),
    ),
    "a significant agent that gave up ends its branch": (
        (
            Pool,
            "gave_up",
            before(Pool, "gave_up", lambda self, agent: self.finished(self.slots[agent].spec)),
        ),
    ),
    "a sibling's end by the strategy ends the branch": (
        (
            Lifecycle,
            "_go_on",
            after(
                Lifecycle,
                "_go_on",
                lambda self, ending, **_: (
                    ending.kind is ExitClass.SIBLING and self._place.finished(self.spec)
                ),
            ),
        ),
    ),
    "a transient branch that is over is restarted": ((Branch, "is_over", of_kind(Restart.PERMANENT)),),
    "a permanent branch that is over stays down": ((Branch, "is_over", of_kind(Restart.TRANSIENT)),),
    "a temporary branch begins afresh with a sibling": ((branch, "Restart", NO_RESTART),),
    "a branch is restarted without delay": ((branch, "LADDER", Backoff(base_s=0.0, cap_s=0.0)),),
    "a branch never waits longer than at first": ((branch, "LADDER", Backoff(factor=1.0)),),
    "a branch begins afresh without those that gave up": (
        (
            Slot,
            "_begin_afresh",
            unless(Slot, "_begin_afresh", lambda self: self.state is AgentState.PARKED),
        ),
    ),
    "a branch begins afresh against a person's word": (
        (Slot, "_begin_afresh", before(Slot, "_begin_afresh", put("_wanted", value=True))),
    ),
    "a branch begins afresh with who cannot log in": (
        (Slot, "_begin_afresh", before(Slot, "_begin_afresh", log_in_forgotten)),
    ),
    "a branch below is not taken down": ((Branch, "take_down", nothing),),
    "a person cannot start what is in a branch that is over": ((Branch, "wake", nothing),),
    "a person's order is lost when its branch falls": (
        (Slot, "_lie_down", before(Slot, "_lie_down", put("_by_hand", value=False))),
    ),
    "who joins a branch that is over starts": ((Branch, "is_closed", seen("no")),),
    "nobody waits for what it depends on": ((Dependencies, "lack", nothing),),
    "who waits never hears that it has come": ((Dependencies, "changed", nothing),),
    "a wait in vain holds up the branch": (
        (
            Lifecycle,
            "_on_waits",
            lambda self, lack, true=Lifecycle._on_waits: true(self, replace(lack, hopeless=False)),
        ),
    ),
    "one agent of a pool is enough": ((Dependencies, "_lack_of", any_of_them),),
    "who is started counts as ready": (
        (
            dependencies,
            "_meets",
            lambda agent, want, true=dependencies._meets: true(
                agent,
                replace(want, condition=Condition.STARTED) if want.condition is Condition.READY else want,
            ),
        ),
    ),
    "who has ended badly counts as completed": (
        (dependencies, "_completed", lambda agent: agent.state is AgentState.EXITED),
    ),
    "a line of a former incarnation counts": (
        (Slot, "saw_line", lambda self, _, pattern, true=Slot.saw_line: true(self, self._number, pattern)),
    ),
    "a pool stops before who depends on it": (
        (Tree, "stop_order", lambda self: self._pools_below(self.top)[::-1]),
    ),
}
