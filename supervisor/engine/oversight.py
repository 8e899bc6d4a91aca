"""Watching over the agents: gathers every sign of each, has it judged, and tells what was found."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from supervisor.clock import Clock
from supervisor.coordinator import agents, shifting
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.engine.persistence import until_taken
from supervisor.engine.staff import Staff
from supervisor.engine.vitals import REACH_S, Vital, Vitals
from supervisor.errors import NotFound
from supervisor.model.agent import AT_WORK, Agent, AgentState
from supervisor.model.approval import Approval, ApprovalState
from supervisor.model.event import Event
from supervisor.model.health import StallLimits
from supervisor.model.question import Question, QuestionState
from supervisor.supervision.liveness import Signals
from supervisor.supervision.movement import Movement
from supervisor.supervision.notices import Condemned
from supervisor.supervision.overseer import Hands, News, Opinion, Overseer, Reading, Step, decided
from supervisor.supervision.supervisor import Supervisor

PERIOD_S: Final = 1.0
WAIT: Final = "wait"

_UNANSWERED: Final = {"approval": ApprovalState.PENDING.value, "question": QuestionState.ASKED.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What the store last said of an agent."""

    incarnation: int
    state: AgentState
    task: str | None


@dataclass(slots=True)
class _Watch:
    """What was noted of one incarnation beside what others keep; times are monotonic."""

    leader: int
    movement: Movement = field(default_factory=Movement)
    event_at: float | None = None
    tool_since: float | None = None
    limited_until: float | None = None


class NoHands:
    """The hands of agents that can be reached by their own calls only."""

    async def nudge(self, agent: str, incarnation: int) -> bool:
        """Say that there is no way."""
        return False

    async def interrupt(self, agent: str, incarnation: int) -> bool:
        """Say that there is no way."""
        return False


class DoorBook:
    """Who is at our door now, since when and for what, and who called when; monotonic times."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nobody."""
        self._clock: Final = clock
        self._under_way: Final[dict[object, tuple[str, str, float]]] = {}
        self._last: Final[dict[str, float]] = {}

    @contextmanager
    def during(self, actor: Actor, tool: str) -> Iterator[None]:
        """Keep a call in the book while it lasts."""
        mark, now = object(), self._clock.monotonic()
        self._last[actor.name] = now
        self._under_way[mark] = (actor.name, tool, now)
        try:
            yield
        finally:
            del self._under_way[mark]
            self._last[actor.name] = self._clock.monotonic()

    def present(self) -> frozenset[str]:
        """Name who is at our door now: whoever waits for an answer of ours lives, however long we take."""
        return frozenset(name for name, _, _ in self._under_way.values())

    def last_call_of(self, agent: str) -> float | None:
        """Return when an agent last began or ended a call."""
        return self._last.get(agent)

    def since(self, agent: str, *, waits: bool) -> float | None:
        """Return since when a `wait` of an agent, or another call, is under way."""
        found = [
            at for name, tool, at in self._under_way.values() if name == agent and (tool == WAIT) is waits
        ]
        return min(found, default=None)


class Bench:
    """The supervisor, for whom an agent that has just left the team is nobody's fault."""

    def __init__(self, supervisor: Supervisor) -> None:
        """Judge for this supervisor's team."""
        self._supervisor = supervisor

    def condemn(self, agent: str, condemned: Condemned) -> None:
        """Have an incarnation ended, if the agent is still of the team."""
        try:
            self._supervisor.condemn(agent, condemned)
        except NotFound:
            return


class Oversight:
    """Looks at every agent each second. What was found is stored beside it, however long that takes."""

    def __init__(
        self,
        coordinator: Coordinator,
        clock: Clock,
        *,
        staff: Staff,
        supervisor: Supervisor,
        vitals: Vitals,
        door: DoorBook,
        attended: bool,
        hands: Hands | None = None,
    ) -> None:
        """Listen to samples and commits; `attended`: a person is in front of the team."""
        self._door: Final = door
        self._coordinator: Final = coordinator
        self._staff: Final = staff
        self._supervisor: Final = supervisor
        self._vitals: Final = vitals
        self._clock: Final = clock
        self._attended: Final = attended
        self._records: Final[dict[str, _Record]] = {}
        self._asking: Final[dict[str, str]] = {}
        self._watches: dict[str, _Watch] = {}
        self._news: Final[asyncio.Queue[News]] = asyncio.Queue()
        self.overseer: Final = Overseer(Bench(supervisor), hands or NoHands(), clock, self._news.put_nowait)
        coordinator.store.listen(self._committed)
        vitals.listen(self._sampled)

    async def keep(self) -> None:
        """Watch until cancelled."""
        await self._coordinator.read(self._read_in)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.overseer.keep(), name="overseer")
            tasks.create_task(self._tell(), name="verdicts")
            while True:
                await self._clock.sleep(PERIOD_S)
                self.look()

    def look(self) -> None:
        """Have everybody judged who is at work now."""
        readings = {agent: self._reading(agent) for agent in self._staff.leaders()}
        self.overseer.review({agent: found for agent, found in readings.items() if found is not None})

    def opinion(self, agent: str) -> Opinion | None:
        """Return what is thought of an agent; None for one that is not at work."""
        return self.overseer.opinion(agent)

    # ------------------------------------------------------------ what adapters hear

    def heard_event(self, agent: str) -> None:
        """Note that an agent's own stream told of progress."""
        if agent in self._watches:
            self._watches[agent].event_at = self._clock.monotonic()

    def heard_tool(self, agent: str, *, runs: bool) -> None:
        """Note that a tool of the agent's own began, or that none runs any more."""
        if agent in self._watches:
            watch, now = self._watches[agent], self._clock.monotonic()
            watch.event_at = now
            watch.tool_since = now if runs else None

    def heard_limit(self, agent: str, seconds: float) -> None:
        """Note that an agent's service will not have it for so long; it lives and waits."""
        if agent in self._watches:
            self._watches[agent].limited_until = self._clock.monotonic() + seconds

    # ------------------------------------------------------------ gathering

    def _read_in(self, scope: Scope) -> None:
        """Take in how things stood before the first commit that was listened to."""
        for agent in scope.agents():
            known = _Record(incarnation=agent.incarnation, state=agent.state, task=agent.task)
            self._records.setdefault(agent.name, known)
        for approval in scope.tx.values(Approval, "approval.pending"):
            self._asking.setdefault(approval.id, approval.agent)
        for question in scope.tx.values(Question, "question.open"):
            self._asking.setdefault(question.id, question.agent)

    def _committed(self, events: list[Event]) -> None:
        for event in events:
            after = event.after
            if event.noun == "agent":
                self._records[event.subject] = _Record(
                    incarnation=after["incarnation"], state=AgentState(after["state"]), task=after["task"]
                )
            elif event.noun in _UNANSWERED:
                self._note_asking(event)
            elif event.kind == shifting.TIME_GAP:
                self.overseer.shift(after["seconds"])

    def _note_asking(self, event: Event) -> None:
        if event.after["state"] == _UNANSWERED[event.noun]:
            self._asking[event.subject] = event.after["agent"]
        else:
            self._asking.pop(event.subject, None)

    def _sampled(self, vitals: Mapping[str, Vital]) -> None:
        now = self._clock.monotonic()
        self._watches = {agent: watch for agent, watch in self._watches.items() if agent in vitals}
        for agent, vital in vitals.items():
            watch = self._watches.get(agent)
            if watch is None or watch.leader != vital.leader:
                watch = self._watches[agent] = _Watch(leader=vital.leader)
            self._note_processes(agent, watch.movement, vital, now)

    def _note_processes(self, agent: str, movement: Movement, vital: Vital, now: float) -> None:
        record, limits = self._records.get(agent), self._limits_of(agent)
        movement.look(
            (pid for pid in vital.use.pids if pid != vital.leader),
            now,
            limits,
            holds_work=record is not None and record.task is not None,
            stopped=vital.use.is_stopped,
        )
        window_s = min(limits.window_s, REACH_S)
        cpu_percent = self._vitals.cpu_over(agent, window_s)
        movement.measure(cpu_percent, self._vitals.moved_over(agent, window_s), now, limits)

    def _limits_of(self, agent: str) -> StallLimits:
        return self._coordinator.team.pool_of(agent).stall

    def _reading(self, agent: str) -> Reading | None:
        """Gather what is known of an agent; None for one that is not at work, or was not looked at yet."""
        record, watch = self._records.get(agent), self._watches.get(agent)
        process, state = self._staff.process_of(agent), self._state_of(agent)
        if record is None or watch is None or process is None:
            return None
        if process.pid != watch.leader or not {state, record.state} <= AT_WORK:
            return None
        limits = self._limits_of(agent)
        signals = self._signals(agent, record, watch, process.started_at, process.last_output_at)
        return Reading(
            incarnation=record.incarnation,
            signals=signals,
            limits=limits,
            action=decided(limits.action, attended=self._attended),
        )

    def _state_of(self, agent: str) -> AgentState | None:
        try:
            return self._supervisor.state_of(agent)
        except NotFound:
            return None

    def _signals(
        self, agent: str, record: _Record, watch: _Watch, started_at: float, last_output_at: float | None
    ) -> Signals:
        now, movement = self._clock.monotonic(), watch.movement
        window_s = min(self._limits_of(agent).window_s, REACH_S)
        if watch.limited_until is not None and watch.limited_until <= now:
            watch.limited_until = None
        tools = [at for at in (watch.tool_since, self._door.since(agent, waits=False)) if at is not None]
        return Signals(
            started_at=started_at,
            last_output_at=last_output_at,
            last_event_at=watch.event_at,
            last_call_at=self._last_call(agent, started_at),
            held_call_since=self._door.since(agent, waits=True),
            tool_since=min(tools, default=None),
            limited_until=watch.limited_until,
            stopped_since=movement.stopped_since,
            waits_for_person=agent in self._asking.values(),
            holds_work=record.task is not None,
            paused=AgentState.PAUSED in {self._state_of(agent), record.state},
            cpu_percent=self._vitals.cpu_over(agent, window_s),
            io_bytes=self._vitals.moved_over(agent, window_s),
            children=movement.children,
            moved_at=movement.moved_at,
            worked_at=movement.worked_at,
        )

    def _last_call(self, agent: str, started_at: float) -> float | None:
        """Return when this incarnation last called; what a former one did does not count."""
        at = self._door.last_call_of(agent)
        return at if at is not None and at >= started_at else None

    # ------------------------------------------------------------ telling

    async def _tell(self) -> None:
        """Store what was found, in order; the news of agents that are gone meanwhile are dropped."""
        while True:
            news = await self._news.get()
            store = partial(_store, news=news)
            await until_taken(
                partial(self._coordinator.write, store),
                self._clock,
                what=f"that {news.agent} is {news.verdict.liveness}",
            )


def _store(scope: Scope, news: News) -> Agent | None:
    why = "; ".join(part for part in (news.verdict.why, news.words) if part)
    return agents.judged(
        scope,
        news.agent,
        news.incarnation,
        liveness=news.verdict.liveness,
        why=why,
        deed="" if news.step is Step.TELL else news.words,
    )
