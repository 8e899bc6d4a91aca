"""What a life of the zygote does: work, an operation, a migration, a backup; killed or recorded."""

from __future__ import annotations

import asyncio
import os
import pickle
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from supervisor.engine import backups
from supervisor.errors import StoreError, SupervisorError
from supervisor.store import backup as store_backup
from supervisor.store import database
from supervisor.store.store import Store, _Batch
from supervisor.store.transaction import LogEnd, log_end
from supervisor.testing.clock import VirtualClock
from supervisor.testing.crash_workload import FAULTS, live
from supervisor.testing.disk_tap import Tap, Watcher
from supervisor.testing.faulty_disk import AILMENTS, FaultyDisk
from supervisor.testing.killer import Killer, Moment
from supervisor.testing.os_tap import OsTap
from supervisor.testing.power_cut import Recording
from supervisor.testing.sqlite_tap import SqliteTap
from supervisor.testing.stage import Stage, do, stage_on
from supervisor.testing.zygote import Fact, Trial
from supervisor.workspace.state_dir import open_state

Speak = Callable[[Fact], None]


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
    DISK_FAULTS[order.get("fault", "")]()
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
                before = _end(stage)
                await do(stage, operation)
                speak(_acknowledged(stage, before))
    except StoreError as error:
        speak({"not opened": error.message, "count": disk.count, "failed": disk.failed})


async def _try(stage: Stage, operation: list[Any], speak: Speak) -> None:
    """Do one operation; what it is refused with is told, anything but a refusal ends the life."""
    before = _end(stage)
    try:
        await do(stage, operation)
    except SupervisorError as error:
        speak({"refused": error.code, "message": error.message})
    else:
        speak(_acknowledged(stage, before))


def _end(stage: Stage) -> LogEnd:
    """Return what the store believes to be durable."""
    return stage.coordinator.store._end  # noqa: SLF001 - only looked at


def _acknowledged(stage: Stage, before: LogEnd) -> Fact:
    end = _end(stage)
    return {"seq": end.seq, "hash": end.hash, "wrote": end != before}


def _deaf_writer() -> None:
    """Answer as if all were well when the disk failed."""
    committed = Store._commit  # noqa: SLF001 - a seeded fault

    def commit(self: Store, connection: sqlite3.Connection, waiting: list[Any]) -> Any:
        try:
            return committed(self, connection, waiting)
        except sqlite3.OperationalError:
            return _Batch([(each, {}, None) for each in waiting], [], self._end, None)

    Store._commit = commit  # type: ignore[method-assign]  # noqa: SLF001 - a seeded fault


DISK_FAULTS: Final[dict[str, Callable[[], None]]] = {
    "": lambda: None,
    "errors are not heard": _deaf_writer,
}


TRIALS: Final[dict[str, Trial]] = {
    "starved": starved,
    "recorded": recorded,
    "life": life,
    "operation": operation,
    "opening": opening,
    "backup": backup,
    "restore": restore,
}
