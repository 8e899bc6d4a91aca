"""What a life of the zygote does: work, an operation, a migration, a backup; killed or recorded."""

from __future__ import annotations

import asyncio
import os
import pickle
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from supervisor.coordinator import approvals, runs, upkeep
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.agents import SlotNews
from supervisor.coordinator.coordinator import Coordinator
from supervisor.engine import backups
from supervisor.engine.backend import Backend
from supervisor.errors import StoreError, SupervisorError
from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.approval import Mode
from supervisor.store import backup as store_backup
from supervisor.store import database
from supervisor.store.store import Store
from supervisor.store.transaction import log_end
from supervisor.testing.clock import VirtualClock
from supervisor.testing.crash_workload import FAULTS, live
from supervisor.testing.disk_tap import Tap, Watcher
from supervisor.testing.faulty_disk import AILMENTS, FaultyDisk
from supervisor.testing.killer import Killer, Moment
from supervisor.testing.os_tap import OsTap
from supervisor.testing.power_cut import Recording
from supervisor.testing.small_team import SMALL_TEAM
from supervisor.testing.sqlite_tap import SqliteTap
from supervisor.testing.zygote import Fact, Trial
from supervisor.transports.mcp.team_desk import TeamDesk
from supervisor.workspace.state_dir import open_state

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

PREPARATIONS: Final[dict[str, Callable[[Stage], Awaitable[None]]]] = {"dead letter": _dead_letter}
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


def operation(order: Fact, speak: Speak) -> None:
    """Do one operation on a scene, and die in it if the order says so; tell of its answer."""
    killer = killer_of(order)
    tap_on(Path(order["project"]), killer)
    set_pragmas(order)
    FAULTS[order.get("fault", "")](speak)

    async def run() -> None:
        async with stage_on(Path(order["project"]), order["now"]) as stage:
            store = stage.coordinator.store
            for each in order.get("before", ()):
                await do(stage, each)
            speak(await _end_of(store))
            killer.armed = True
            await do(stage, order["operation"])
            killer.armed = False
            speak(await _end_of(store) | {"count": killer.count})

    asyncio.run(run())


async def _end_of(store: Store) -> Fact:
    end = await store.read(lambda tx: log_end(tx._connection))  # noqa: SLF001 - only looked at
    return {"seq": end.seq, "hash": end.hash}


# ---------------------------------------------------------------- a life of random work


def life(order: Fact, speak: Speak) -> None:
    """Work at random until killed, at a change of the disk if the order says so."""
    if order.get("nth"):
        killer = killer_of(order)
        killer.armed = True
        tap_on(Path(order["project"]), killer)
    set_pragmas(order)
    asyncio.run(live(Path(order["project"]), order["seed"], speak, order.get("fault", "")))


# ---------------------------------------------------------------- opening, backup, restore


def _armed(order: Fact) -> Killer:
    """Show everything from here on to the killer that the order asks for."""
    killer = killer_of(order)
    killer.armed = True
    tap_on(Path(order["project"]), killer)
    set_pragmas(order)
    return killer


def opening(order: Fact, speak: Speak) -> None:
    """Open the database, which creates or migrates it, and close it."""
    killer = _armed(order)
    SCHEMA_FAULTS[order.get("fault", "")]()

    async def run() -> None:
        async with Store(Path(order["project"]) / ".supervisor" / "coordinator.db", VirtualClock()):
            speak({"opened": True})

    asyncio.run(run())
    speak({"count": killer.count})


def backup(order: Fact, speak: Speak) -> None:
    """Copy the project's database, and tell when the copy is there."""
    killer, project = _armed(order), Path(order["project"])
    clock = VirtualClock(now=order["now"])
    made = asyncio.run(backups.back_up(project, Path(order["file"]), replace=order["replace"], clock=clock))
    speak({"made": str(made.path), "count": killer.count})


def restore(order: Fact, speak: Speak) -> None:
    """Put a copy in the place of the project's database, and tell when it is there."""
    killer, project = _armed(order), Path(order["project"])
    clock = VirtualClock(now=order["now"])
    RESTORE_FAULTS[order.get("fault", "")]()
    asyncio.run(backups.restore(project, Path(order["file"]), clock=clock))
    speak({"restored": True, "count": killer.count})


def _migrate_in_pieces(connection: sqlite3.Connection) -> None:
    """Migrate without a transaction, as `executescript` does by itself."""
    scripts = database.migrations()
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for number, script in enumerate(scripts[version:], start=version + 1):
        connection.executescript(f"{script}\nPRAGMA user_version = {number};")


def _migration_apart() -> None:
    vars(database)["_migrate"] = _migrate_in_pieces


def _plain_copy() -> None:
    """Restore by writing over the file that is there, beside its journal."""

    def put_over(fresh: Path, place: Path) -> None:
        content, target = fresh.read_bytes(), os.open(place, os.O_WRONLY | os.O_CREAT, 0o600)
        os.ftruncate(target, 0)
        for start in range(0, len(content), 4096):
            os.write(target, content[start : start + 4096])
        os.fsync(target)

    vars(backups)["decide_restore"] = put_over


def _without_directory_syncs() -> None:
    """Leave it to chance whether names are durable."""
    for module in (database, store_backup):
        vars(module)["sync_directory"] = lambda _path: None


SCHEMA_FAULTS: Final[dict[str, Callable[[], None]]] = {
    "": lambda: None,
    "migration outside a transaction": _migration_apart,
    "directory not synced": _without_directory_syncs,
}
RESTORE_FAULTS: Final[dict[str, Callable[[], None]]] = {
    "": lambda: None,
    "plain copy": _plain_copy,
    "directory not synced": _without_directory_syncs,
}


# ---------------------------------------------------------------- recorded


def recorded(order: Fact, speak: Speak) -> None:
    """Do what the order names and keep every change and every answer, for power cuts to be played."""
    project = Path(order["project"])
    faults = None
    if order.get("ailment"):
        ailment, at_once = AILMENTS[order["ailment"]], order.get("at once", False)
        faults = FaultyDisk(ailment, nth=order["nth"], lasting=at_once, armed=at_once)
    recording = Recording(faults=faults)
    open_state(project, create=True)
    tap_on(project, recording)
    set_pragmas(order)
    SCHEMA_FAULTS[order.get("disk fault", "")]()
    RECORDED[order["what"]](order, recording.note)
    Path(order["out"]).write_bytes(pickle.dumps(recording.steps))
    speak({"steps": len(recording.steps), "facts": sum(step.fact is not None for step in recording.steps)})


def _recorded_life(order: Fact, speak: Speak) -> None:
    asyncio.run(live(Path(order["project"]), order["seed"], speak, order.get("fault", ""), order["calls"]))


def _recorded_restore(order: Fact, speak: Speak) -> None:
    project, clock = Path(order["project"]), VirtualClock(now=order["now"])
    asyncio.run(backups.restore(project, Path(order["file"]), clock=clock))
    speak({"restored": True})


def _recorded_backup(order: Fact, speak: Speak) -> None:
    project, clock = Path(order["project"]), VirtualClock(now=order["now"])
    asyncio.run(backups.back_up(project, Path(order["file"]), replace=False, clock=clock))
    speak({"made": True})


RECORDED: Final[dict[str, Trial]] = {
    "life": _recorded_life,
    "backup": _recorded_backup,
    "restore": _recorded_restore,
}


# ---------------------------------------------------------------- a disk that fails


def starved(order: Fact, speak: Speak) -> None:
    """Work on a disk that fails, then on the mended one, with one store from beginning to end."""
    disk = FaultyDisk(
        AILMENTS[order["ailment"]], nth=order["nth"], lasting=order["lasting"], armed=order["at once"]
    )
    tap_on(Path(order["project"]), disk)
    set_pragmas(order)
    asyncio.run(_starve(order, disk, speak))


async def _starve(order: Fact, disk: FaultyDisk, speak: Speak) -> None:
    try:
        async with stage_on(Path(order["project"]), order["now"]) as stage:
            disk.armed = True
            for operation in order["operations"]:
                await _try(stage, operation, speak)
            speak({"count": disk.count, "failed": disk.failed})
            disk.mend()
            for operation in order["afterwards"]:
                await do(stage, operation)
                speak(_acknowledged(stage))
    except StoreError as error:
        speak({"not opened": error.message, "count": disk.count, "failed": disk.failed})


async def _try(stage: Stage, operation: list[Any], speak: Speak) -> None:
    """Do one operation; what it is refused with is told, anything but a refusal ends the life."""
    try:
        await do(stage, operation)
    except SupervisorError as error:
        speak({"refused": error.code, "message": error.message})
    else:
        speak(_acknowledged(stage))


def _acknowledged(stage: Stage) -> Fact:
    end = stage.coordinator.store._end  # noqa: SLF001 - what the store believes to be durable
    return {"seq": end.seq, "hash": end.hash}


TRIALS: Final[dict[str, Trial]] = {
    "starved": starved,
    "recorded": recorded,
    "life": life,
    "operation": operation,
    "opening": opening,
    "backup": backup,
    "restore": restore,
}
