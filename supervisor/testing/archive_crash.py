"""Archiving that dies at each of its steps, by a kill or a power cut, and what is left of the log then.

    python -m supervisor.testing.archive_crash DIRECTORY kill|power [FAULT]

Makes a project with an ended run in DIRECTORY. Then, for every step of archiving it, a forked child begins
and dies there; the log is compared with what it was, and a next life archives the rest. Prints one JSON
line: how many points there were, and what was found wrong. With a FAULT the archiver is broken on purpose.
A power cut also takes what was written but not synced: the second half of files, and names in a directory.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable
from functools import partial
from gzip import GzipFile
from pathlib import Path
from typing import Any, Final

from supervisor.clock import SystemClock
from supervisor.coordinator import runs
from supervisor.dispatch import archivist as room
from supervisor.dispatch.archivist import Archivist, Retention
from supervisor.engine.fsck import fsck
from supervisor.engine.stored_events import stored_log
from supervisor.errors import SupervisorError
from supervisor.model.event import Event
from supervisor.store import archive
from supervisor.store.queries import QUERIES
from supervisor.store.store import Store
from supervisor.store.transaction import Transaction
from supervisor.testing.small_team import small_team
from supervisor.workspace.state_dir import open_state

SEGMENT: Final = 16
SLICE: Final = 6
FAR: Final = 9e9
POINTS_MAX: Final = 1000


async def make(project: Path) -> None:
    """Let a small team do a task and end its run."""
    async with small_team(open_state(project, create=True).root) as team:
        await team.add_task()
        await team.finish("worker-1", await team.claim("worker-1", "T1"))
        await team.do(lambda scope: runs.finish_run(scope, words="done"))


async def archive_all(project: Path) -> None:
    """Move all that may go."""
    state, clock = open_state(project, create=False), SystemClock()
    async with Store(state.database, clock) as store:
        archivist = Archivist(store, state.archive, clock, hurry=True)
        while await archivist.move(Retention(before=FAR), whole=False) is not None:
            pass


class Death:
    """Counts the steps of this process, and ends it at the chosen one."""

    def __init__(self, project: Path, point: int, *, power: bool) -> None:
        """Die at step `point`, in `project`; with `power` lose what was not synced."""
        self._archive = open_state(project, create=False).archive
        self._left = point
        self._power = power
        self._synced: set[int] = set()
        self._renamed: list[tuple[Path, Path]] = []

    def step(self) -> None:
        """Take one step, perhaps the last."""
        self._left -= 1
        if self._left == 0:
            if self._power:
                self._cut()
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Make a step of every write, sync, rename and statement."""
        fsync, replace = os.fsync, os.replace

        def synced(descriptor: Any) -> None:
            self.step()
            fsync(descriptor)
            self._note_sync(os.fstat(descriptor).st_ino)
            self.step()

        def renamed(old: Any, new: Any) -> None:
            self.step()
            replace(old, new)
            self._renamed.append((Path(old), Path(new)))
            self.step()

        vars(os).update(fsync=synced, replace=renamed)
        for owner, name in ((GzipFile, "write"), (Transaction, "execute"), (Store, "_commit")):
            setattr(owner, name, self._stepped(getattr(owner, name)))

    def _stepped(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*given: Any, **more: Any) -> Any:
            self.step()
            done = work(*given, **more)
            self.step()
            return done

        return stepping

    def _note_sync(self, inode: int) -> None:
        if inode == self._archive.stat().st_ino:
            self._renamed.clear()
        self._synced.add(inode)

    def _cut(self) -> None:
        for path in self._archive.iterdir():
            if path.stat().st_ino not in self._synced:
                os.truncate(path, path.stat().st_size // 2)
        for old, new in reversed(self._renamed):
            new.rename(old)


def _rows_first() -> None:
    """Give the file its name only after its rows were removed."""
    waiting: list[tuple[Any, ...]] = []
    move, remove = archive._move_to, Archivist._remove_rows  # noqa: SLF001 - a seeded fault

    async def removed(self: Archivist) -> None:
        await remove(self)
        while waiting:
            move(*waiting.pop())

    archive._move_to = lambda *given: waiting.append(given)  # noqa: SLF001 - a seeded fault
    Archivist._remove_rows = removed  # type: ignore[method-assign]  # noqa: SLF001 - a seeded fault


def _no_sync() -> None:
    """Believe that what was written is on the disk."""
    vars(os)["fsync"] = lambda _descriptor: None


def _no_name_synced() -> None:
    """Believe that a name which was given is on the disk."""
    fsync = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            fsync(descriptor)

    vars(os)["fsync"] = only_files


def _unrecorded() -> None:
    """Remove the rows in one transaction and record their file in another, later one."""
    recorded: list[Any] = []
    record, write = archive.record_segment, Store.write

    def early(tx: Transaction, segment: Any) -> None:
        recorded.append(segment)
        tx._connection.execute(QUERIES["archive.remove"], {"upto": segment.last})  # noqa: SLF001
        tx._connection.execute(  # noqa: SLF001 - a seeded fault
            "UPDATE event_cut SET seq = ?, hash = ?", (segment.last, segment.last_hash)
        )

    async def twice(self: Store, operation: Callable[[Transaction], Any]) -> Any:
        answer = await write(self, operation)
        while recorded:
            await write(self, partial(record, segment=recorded.pop()))
        return answer

    vars(room)["record_segment"] = early
    Store.write = twice  # type: ignore[method-assign]


FAULTS: Final[dict[str, Callable[[], None]]] = {
    "": lambda: None,
    "rows first": _rows_first,
    "no sync": _no_sync,
    "no name synced": _no_name_synced,
    "unrecorded": _unrecorded,
}


def violations(project: Path, before: list[Event]) -> list[str]:
    """Compare the log with what it was, and ask fsck."""
    try:
        with stored_log(project) as log:
            after = list(log.after(0))
            found = [f"{name} is gone" for name in log.gone]
    except SupervisorError as error:
        return [error.message]
    if after[: len(before)] != before:
        found.append(f"of {len(before)} events {len({each.seq for each in after})} are there")
    report = asyncio.run(fsck(project))
    return found + [f"{name}: {detail}" for name, holds, detail in report.checks if not holds]


def die_at(project: Path, point: int, fault: str, *, power: bool) -> bool:
    """Let a child archive and die at a step; tell whether it came so far."""
    child = os.fork()
    if child == 0:
        death = Death(project, point, power=power)
        death.install()
        FAULTS[fault]()
        asyncio.run(archive_all(project))
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def campaign(directory: Path, fault: str, *, power: bool) -> dict[str, Any]:
    """Die at every step of archiving one project, and go on."""
    vars(archive)["SEGMENT"] = SEGMENT
    (archive.remove_slice.__kwdefaults__ or {})["limit"] = SLICE
    pristine = directory / "pristine"
    pristine.mkdir()
    asyncio.run(make(pristine))
    with stored_log(pristine) as log:
        before = list(log.after(0))
    found: list[str] = []
    for point in range(1, POINTS_MAX):
        project = directory / f"p{point}"
        shutil.copytree(pristine, project)
        died = die_at(project, point, fault, power=power)
        found += [f"point {point}: {each}" for each in violations(project, before)]
        if died and not found:
            asyncio.run(archive_all(project))
            found += [f"after point {point}: {each}" for each in violations(project, before)]
            found += _unfinished(project, len(before) - 1)
        shutil.rmtree(project)
        if found or not died:
            return {"points": point - 1, "events": len(before), "found": found}
    raise RuntimeError("it never came to its end")


def _unfinished(project: Path, end: int) -> list[str]:
    with stored_log(project) as log:
        reached, names = log.cut.seq, {segment.name for segment in log.segments}
    strays = {path.name for path in open_state(project, create=False).archive.iterdir()} - names
    return [f"the next life archived until {reached}, not {end}"] * (reached < end) + sorted(strays)


def main() -> None:
    """Run one campaign."""
    directory, way, *fault = sys.argv[1:]
    result = campaign(Path(directory), (*fault, "")[0], power=way == "power")
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
