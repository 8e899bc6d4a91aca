"""The engine's answers on the control socket: what a person may see and do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from supervisor import __version__
from supervisor.coordinator import approvals, views
from supervisor.coordinator.approvals import Terms
from supervisor.coordinator.coordinator import Coordinator
from supervisor.dispatch.archivist import Archivist
from supervisor.engine.agent_verbs import AGENT_VERBS
from supervisor.engine.drains import Drains
from supervisor.engine.event_verbs import EVENT_VERBS
from supervisor.engine.key_verbs import KEY_VERBS
from supervisor.engine.mail_verbs import MAIL_VERBS
from supervisor.engine.notify_verbs import NOTIFY_VERBS
from supervisor.engine.oversight import Oversight
from supervisor.engine.people_verbs import PEOPLE_VERBS
from supervisor.engine.plan_verbs import PLAN_VERBS
from supervisor.engine.pool_verbs import POOL_VERBS
from supervisor.engine.reloading import Reloading, answer_of
from supervisor.engine.rule_verbs import RULE_VERBS, scope_named
from supervisor.engine.stopping import StopSwitch, asked_down
from supervisor.engine.talks import Talks
from supervisor.engine.task_verbs import TASK_VERBS
from supervisor.engine.terminal_verbs import TERMINAL_VERBS
from supervisor.engine.usage_verbs import USAGE_VERBS
from supervisor.engine.why_verbs import WHY_VERBS
from supervisor.errors import InvalidArgument, WrongState
from supervisor.model.wire import from_wire, to_wire
from supervisor.model.world import EngineInfo, Snapshot
from supervisor.notifiers.notifiers import Notifiers
from supervisor.supervision.supervisor import Supervisor
from supervisor.transports.control.frame_hub import FrameHub
from supervisor.transports.control.protocol import PROTOCOL, Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Arguments of `answer`; `digest` is that of the content which was shown.

    `payload` is what to do instead; `always` names for whom the answer holds from now on, for `for_s`.
    """

    approval_id: str
    digest: str
    decision: str
    reason: str = ""
    payload: dict[str, Any] | None = None
    always: str | None = None
    for_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneVote:
    """Arguments of `vote_show`."""

    vote_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """Arguments of `down`."""

    now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """No arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Carries out the verbs of `docs/control-api.md`; whoever reaches it is the operator."""

    coordinator: Coordinator
    supervisor: Supervisor
    hub: FrameHub
    switch: StopSwitch
    info: Callable[[], EngineInfo]
    notifiers: Notifiers | None = None
    archivist: Archivist
    oversight: Oversight | None = None
    reloading: Reloading | None = None
    talks: Talks | None = None
    drains: Drains = field(init=False)
    verbs: dict[str, tuple[type[Any], Callable[[Any], Any]]] = field(init=False)

    def __post_init__(self) -> None:
        """Lay out the verbs with the form of their arguments."""
        verbs: dict[str, tuple[type[Any], Callable[[Any], Any]]] = {
            "hello": (Nothing, self._hello),
            "answer": (Answer, self._answer),
            "vote_show": (OneVote, self._vote_show),
            "down": (Down, self._down),
            "reload": (Nothing, self._reload),
            "metrics": (Nothing, self._metrics),
            **{verb: (form, partial(carry_out, self)) for verb, (form, carry_out) in AGENT_VERBS.items()},
            **{verb: (form, partial(carry_out, self)) for verb, (form, carry_out) in WHY_VERBS.items()},
            **{verb: (form, partial(carry_out, self)) for verb, (form, carry_out) in TASK_VERBS.items()},
            **{verb: (form, partial(carry_out, self)) for verb, (form, carry_out) in PLAN_VERBS.items()},
            **{verb: (form, partial(carry_out, self)) for verb, (form, carry_out) in EVENT_VERBS.items()},
            **{verb: (form, partial(carry_out, self)) for verb, (form, carry_out) in MAIL_VERBS.items()},
            **{verb: (form, partial(carry_out, self)) for verb, (form, carry_out) in PEOPLE_VERBS.items()},
            **{verb: (form, partial(carry_out, self)) for verb, (form, carry_out) in NOTIFY_VERBS.items()},
            **{verb: (form, partial(carry_out, self)) for verb, (form, carry_out) in KEY_VERBS.items()},
            **{verb: (form, partial(carry_out, self)) for verb, (form, carry_out) in POOL_VERBS.items()},
            **{verb: (form, partial(carry_out, self)) for verb, (form, carry_out) in RULE_VERBS.items()},
            **{verb: (form, partial(carry_out, self)) for verb, (form, carry_out) in TERMINAL_VERBS.items()},
            **{verb: (form, partial(carry_out, self)) for verb, (form, carry_out) in USAGE_VERBS.items()},
        }
        object.__setattr__(self, "verbs", verbs)
        object.__setattr__(self, "drains", Drains(self.coordinator, self.supervisor))

    async def snapshot(self) -> Snapshot:
        """Return the current run at one instant."""
        info = self.info()
        return await self.coordinator.store.read(lambda tx: views.snapshot(tx, info))

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        """Carry out one verb; raise InvalidArgument for an unknown one or for arguments it does not take."""
        known = self.verbs.get(verb)
        if known is None:
            raise InvalidArgument(f"there is no verb `{verb[:40]}`; there are: {', '.join(self.verbs)}")
        form, carry_out = known
        return await carry_out(from_wire(form, args, verb))

    def subscribe(self) -> AbstractAsyncContextManager[AsyncIterator[Frame]]:
        """Open a stream of frames."""
        return self.hub.subscribe()

    async def _hello(self, _asked: Nothing) -> dict[str, Any]:
        info = self.info()
        return {"protocol": PROTOCOL, "version": __version__, "team": info.team, "pid": info.pid}

    async def _metrics(self, _asked: Nothing) -> dict[str, Any]:
        measured = self.hub.metrics
        return to_wire(measured) if measured is not None else {"at": None, "agents": []}

    async def _answer(self, asked: Answer) -> dict[str, Any]:
        _check_decision(asked.decision)
        terms = Terms(payload=asked.payload, always=scope_named(asked.always), for_s=asked.for_s)
        approval = await self.coordinator.write(
            lambda scope: approvals.answer(
                scope,
                asked.approval_id,
                digest=asked.digest,
                allow=asked.decision == "approve",
                reason=asked.reason,
                terms=terms,
            )
        )
        return {"approval": to_wire(approval)}

    async def _vote_show(self, asked: OneVote) -> dict[str, Any]:
        return await self.coordinator.read(lambda scope: views.vote_page(scope, asked.vote_id))

    async def _reload(self, _asked: Nothing) -> dict[str, Any]:
        if self.reloading is None:
            raise WrongState("the team is not up yet; try again in a moment")
        return answer_of(await self.reloading.reload())

    async def _down(self, asked: Down) -> dict[str, Any]:
        self.switch.ask(asked_down(), now=asked.now)
        return {}


def _check_decision(word: str) -> None:
    if word not in {"approve", "reject"}:
        raise InvalidArgument(f"decision `{word[:40]}` is neither approve nor reject")
