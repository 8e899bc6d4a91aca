"""An engine's inner parts on a project's database, without processes, in the middle of a run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from supervisor.coordinator import approvals, runs, upkeep
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.agents import SlotNews
from supervisor.coordinator.approvals import Terms
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.engine.backend import Backend
from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.approval import Mode, Origin
from supervisor.model.rule import RuleScope
from supervisor.store.store import Store
from supervisor.testing.clock import VirtualClock
from supervisor.testing.small_team import SMALL_TEAM
from supervisor.transports.mcp.team_desk import TeamDesk

DAY_S: Final = 86_400.0


class Stage:
    """An engine's inner parts on a project's database, without processes, in the middle of a run."""

    def __init__(self, store: Store, clock: VirtualClock) -> None:
        """Take an open store."""
        self.clock = clock
        self.coordinator = Coordinator(store, clock, SMALL_TEAM, Mode.INTERACTIVE)
        self.desk = TeamDesk(self.coordinator, facts={}, on_call=lambda _: None, stopping=lambda _: False)
        parts: dict[str, Any] = {field.name: None for field in fields(Backend) if field.init}
        self.backend = Backend(**parts | {"coordinator": self.coordinator})

    async def actor(self, name: str) -> Actor:
        """Return the live incarnation of an agent."""
        rows = await self.coordinator.store.read(lambda tx: tx.all("incarnation.live"))
        number = next(row["number"] for row in rows if row["agent"] == name)
        pool = SMALL_TEAM.pool_of(name)
        run = self.coordinator.store.run
        return Actor(
            name=name, role=pool.role, incarnation=number, run=run, groups=pool.groups, tags=pool.tags
        )

    async def call(self, agent: str, tool: str, arguments: dict[str, Any]) -> None:
        """Call a tool as an agent."""
        await self.desk.call(await self.actor(agent), tool, arguments)

    async def verb(self, verb: str, arguments: dict[str, Any]) -> None:
        """Carry out a verb as the person at the terminal, who has read what is to be approved."""
        if arguments.get("digest") == "as shown":
            shown = await self.coordinator.read(
                lambda scope: approvals.the_approval(scope, arguments["approval_id"])
            )
            arguments = {**arguments, "digest": shown.digest}
        await self.backend.call(verb, arguments)

    async def step(self, name: str) -> None:
        """Do what the engine does by itself."""
        await (STEPS | PREPARATIONS)[name](self)


async def _tick(stage: Stage) -> None:
    await stage.coordinator.write(lambda scope: upkeep.tick(scope, {}))


async def _late_tick(stage: Stage) -> None:
    await stage.clock.advance(2 * DAY_S)
    await _tick(stage)


async def _new_run(stage: Stage) -> None:
    await stage.coordinator.write(lambda scope: runs.begin_run(scope, SMALL_TEAM, new=True))


async def _finish_run(stage: Stage) -> None:
    await stage.coordinator.write(lambda scope: runs.finish_run(scope, words="over"))


async def _engine_lost(stage: Stage) -> None:
    await stage.coordinator.write(upkeep.engine_was_lost)


async def _agent_died(stage: Stage) -> None:
    number = (await stage.actor("worker-1")).incarnation
    killed = ExitInfo(kind=ExitClass.SIGNAL, signal=9)
    news = SlotNews(agent="worker-1", state=AgentState.BACKOFF, incarnation=number, last_exit=killed)
    await stage.coordinator.write(lambda scope: upkeep.slot_changed(scope, news))


async def _admit(stage: Stage) -> None:
    await stage.coordinator.admit("worker-1", key="next", session="crash", boot_id="boot")


async def _dead_letter(stage: Stage) -> None:
    """Let the message in the scene be delivered to nobody again and again, until it is dead."""
    for _ in range(10):
        await stage.call("worker-1", "inbox", {})
        await stage.clock.advance(DAY_S / 100)
        await _tick(stage)


STEPS: Final[dict[str, Callable[[Stage], Awaitable[None]]]] = {
    "tick": _tick,
    "late tick": _late_tick,
    "new run": _new_run,
    "finish run": _finish_run,
    "engine lost": _engine_lost,
    "agent died": _agent_died,
    "admit": _admit,
}
"""What the engine writes by itself, one transaction each."""


async def _standing_rule(stage: Stage) -> None:
    """Let a worker's program ask, and the person allow it from now on."""
    actor = await stage.actor("worker-1")

    def ask_and_answer(scope: Scope) -> None:
        asked = approvals.request(
            scope,
            actor,
            kind="mcp",
            title="look it up",
            payload={"name": "x"},
            tier=2,
            origin=Origin(source="claude", tool="lookup"),
        )
        terms = Terms(always=RuleScope.TEAM)
        approvals.answer(scope, asked.id, digest=asked.digest, allow=True, terms=terms)

    await stage.coordinator.write(ask_and_answer)


PREPARATIONS: Final[dict[str, Callable[[Stage], Awaitable[None]]]] = {
    "dead letter": _dead_letter,
    "standing rule": _standing_rule,
}
"""What brings a scene further, in many transactions."""


async def do(stage: Stage, operation: list[Any]) -> None:
    """Do `["call", AGENT, TOOL, ARGUMENTS]`, `["verb", NAME, ARGUMENTS]` or `["step", NAME]`."""
    way, *about = operation
    ways: dict[str, Callable[..., Awaitable[None]]] = {
        "call": stage.call,
        "verb": stage.verb,
        "step": stage.step,
    }
    await ways[way](*about)


@asynccontextmanager
async def stage_on(project: Path, now: float) -> AsyncIterator[Stage]:
    """Open the project's database in the middle of its run."""
    clock = VirtualClock(now=now)
    async with Store(project / ".supervisor" / "coordinator.db", clock) as store:
        run = await store.read(runs.latest_run)
        store.run = 0 if run is None else run.id
        yield Stage(store, clock)
