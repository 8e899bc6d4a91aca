"""What a life of the zygote does: work, an operation, a migration, a backup; killed or recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from supervisor.coordinator import runs, upkeep
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.agents import SlotNews
from supervisor.coordinator.coordinator import Coordinator
from supervisor.engine.backend import Backend
from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.approval import Mode
from supervisor.store import database
from supervisor.store.store import Store
from supervisor.store.transaction import log_end
from supervisor.testing.clock import VirtualClock
from supervisor.testing.crash_workload import FAULTS, live
from supervisor.testing.disk_tap import Tap, Watcher
from supervisor.testing.killer import Killer, Moment
from supervisor.testing.os_tap import OsTap
from supervisor.testing.small_team import SMALL_TEAM
from supervisor.testing.sqlite_tap import SqliteTap
from supervisor.testing.zygote import Fact, Trial
from supervisor.transports.mcp.team_desk import TeamDesk

Speak = Callable[[Fact], None]
DAY_S: Final = 86_400.0


def tap_on(project: Path, watcher: Watcher) -> None:
    """Show every change below the project to the watcher."""
    tap = Tap(project, watcher)
    SqliteTap(tap).put_on()
    OsTap(tap).put_on()


def set_pragmas(order: Fact) -> None:
    """Let this life open databases with other settings, as `{"wal_autocheckpoint": "4"}` says."""
    wanted: dict[str, str] = order.get("pragmas", {})
    kept = [each for each in database._PRAGMAS if not any(name in each for name in wanted)]  # noqa: SLF001
    changed = (f"PRAGMA {name} = {value}" for name, value in wanted.items())
    vars(database)["_PRAGMAS"] = (*kept, *changed)


def killer_of(order: Fact) -> Killer:
    """Return the killer that the order asks for; number 0 never comes."""
    return Killer(nth=order.get("nth", 0), moment=Moment(order.get("moment", Moment.BEFORE)))


# ---------------------------------------------------------------- one operation on a scene


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

    async def call(self, agent: str, tool: str, arguments: Fact) -> None:
        """Call a tool as an agent."""
        await self.desk.call(await self.actor(agent), tool, arguments)

    async def verb(self, verb: str, arguments: Fact) -> None:
        """Carry out a verb as the person at the terminal."""
        await self.backend.call(verb, arguments)

    async def step(self, name: str) -> None:
        """Do what the engine does by itself."""
        await STEPS[name](self)


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


def operation(order: Fact, speak: Speak) -> None:
    """Do one operation on a scene, and die in it if the order says so; tell of its answer."""
    killer = killer_of(order)
    tap_on(Path(order["project"]), killer)
    set_pragmas(order)
    FAULTS[order.get("fault", "")](speak)

    async def run() -> None:
        async with stage_on(Path(order["project"]), order["now"]) as stage:
            store = stage.coordinator.store
            killer.armed = True
            await do(stage, order["operation"])
            killer.armed = False
            end = await store.read(lambda tx: log_end(tx._connection))  # noqa: SLF001 - only looked at
            speak({"seq": end.seq, "hash": end.hash, "count": killer.count})

    asyncio.run(run())


# ---------------------------------------------------------------- a life of random work


def life(order: Fact, speak: Speak) -> None:
    """Work at random until killed, at a change of the disk if the order says so."""
    if order.get("nth"):
        killer = killer_of(order)
        killer.armed = True
        tap_on(Path(order["project"]), killer)
    set_pragmas(order)
    asyncio.run(live(Path(order["project"]), order["seed"], speak, order.get("fault", "")))


TRIALS: Final[dict[str, Trial]] = {"life": life, "operation": operation}
