"""The way to the engine: ask it, or read the state on disk when none runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supervisor.cli.output import note
from supervisor.errors import EngineNotRunning

if TYPE_CHECKING:
    from supervisor.model.world import EngineInfo, Snapshot, World
    from supervisor.store.transaction import Transaction
    from supervisor.transports.control.client import ControlClient
    from supervisor.transports.control.protocol import MetricsFrame


_FROM_DISK = "no engine runs here; this is the state on disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The state of a project at one instant. `live` tells whether an engine gave it.

    `metrics` is what it measured last; None without an engine, and in its first second.
    """

    snapshot: Snapshot
    world: World
    live: bool
    metrics: MetricsFrame | None = None

    @property
    def engine(self) -> EngineInfo:
        """Return what the snapshot says about its engine."""
        return self.snapshot.engine


def socket_of(project: Path) -> Path:
    """Return the socket that the project's engine published, or the one it would use."""
    from supervisor.workspace.engine_lock import read_engine_file
    from supervisor.workspace.state_dir import open_state, socket_path

    state = open_state(project, create=False)
    record = read_engine_file(state)
    return Path(record.socket) if record is not None else socket_path(state.project)


@asynccontextmanager
async def connected(project: Path) -> AsyncIterator[ControlClient]:
    """Give a client of the project's engine; raise EngineNotRunning if there is none."""
    from supervisor.transports.control.client import ControlClient

    try:
        client = await ControlClient.connect(socket_of(project))
    except EngineNotRunning as error:
        raise EngineNotRunning(f"no engine runs on {project}") from error
    async with client:
        yield client


def ask(project: Path, verb: str, /, **args: Any) -> Any:
    """Have the engine carry out one verb and return its answer."""
    from supervisor.cli.event_loop import run_async

    async def _ask() -> Any:
        async with connected(project) as client:
            return await client.call(verb, **args)

    return run_async(_ask())


def look(project: Path, verb: str, offline: Callable[[Transaction], Any], **args: Any) -> tuple[Any, bool]:
    """Return what the engine answers to a verb that only looks, or what `offline` reads from disk.

    The second value tells whether it was the engine.
    """
    from supervisor.cli.event_loop import run_async

    async def _look() -> tuple[Any, bool]:
        try:
            async with connected(project) as client:
                return await client.call(verb, **args), True
        except EngineNotRunning:
            return await _from_disk(project, offline), False

    return run_async(_look())


async def _from_disk(project: Path, offline: Callable[[Transaction], Any]) -> Any:
    from supervisor.engine.offline import look_offline

    _check_something_ran(project)
    found = await look_offline(project, offline)
    note(_FROM_DISK)
    return found


def view(project: Path) -> View:
    """Return the present state, from the engine or from disk; say so on stderr if from disk."""
    from supervisor.cli.event_loop import run_async

    return run_async(read_view(project))


async def read_view(project: Path) -> View:
    """Return the present state, from the engine or from disk; say so on stderr if from disk."""
    from supervisor.model.world import World

    metrics = None
    try:
        async with connected(project) as client:
            snapshot, live = await client.snapshot(), True
            metrics = await _metrics(client)
    except EngineNotRunning:
        snapshot, live = await _offline_snapshot(project), False
    return View(snapshot=snapshot, world=World.of(snapshot), live=live, metrics=metrics)


async def _metrics(client: ControlClient) -> MetricsFrame | None:
    from supervisor.model.wire import from_wire
    from supervisor.transports.control.protocol import MetricsFrame

    measured = await client.call("metrics")
    return from_wire(MetricsFrame, measured) if measured["at"] is not None else None


async def _offline_snapshot(project: Path) -> Snapshot:
    from supervisor.engine.offline import read_offline

    _check_something_ran(project)
    snapshot = await read_offline(project)
    note(_FROM_DISK)
    return snapshot


def _check_something_ran(project: Path) -> None:
    from supervisor.workspace.state_dir import open_state

    if not open_state(project, create=False).database.exists():
        raise EngineNotRunning(f"no team has run on {project} yet. Start one: supervisor up survey")
