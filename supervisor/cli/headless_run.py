"""A team without a screen: the engine and its follower in one process, then the report."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from supervisor.cli.engine_log import EngineLogFile, logging_to
from supervisor.cli.event_loop import run_async
from supervisor.errors import SupervisorError
from supervisor.headless.exit_code import exit_code_of
from supervisor.headless.follow import RunEnd, RunFollower
from supervisor.headless.line_writer import LineWriter
from supervisor.headless.printer import JsonPrinter, Printer, StoryPrinter, state_counts
from supervisor.headless.report import write_report
from supervisor.model.world import EngineInfo, World
from supervisor.runtime.loop_lag import TimedLoop
from supervisor.workspace.state_dir import open_state

if TYPE_CHECKING:
    from supervisor.engine.main import EngineOptions

FAREWELL_S: Final = 5.0
"""How long the follower may still read what the ended engine had sent."""


def run_headless(options: EngineOptions, *, as_json: bool) -> int:
    """Run a team to its end, tell it on stdout, write its report, and return the exit code."""
    printer: Printer = JsonPrinter() if as_json else StoryPrinter()
    out = LineWriter(sys.stdout)
    log = EngineLogFile(open_state(options.project, create=False).logs)
    with logging_to(log):
        return run_async(_run(options, printer, out), loop_factory=TimedLoop)


async def _run(options: EngineOptions, printer: Printer, out: LineWriter) -> int:
    engine_code, end = await _serve_and_follow(options, printer, out)
    summary = await write_run_report(
        options.project, engine_code, engine=end.engine if end else None, directory=options.report_dir
    )
    await out.write(printer.ended(summary))
    return int(summary["exit_code"])


async def _serve_and_follow(
    options: EngineOptions, printer: Printer, out: LineWriter
) -> tuple[int, RunEnd | None]:
    """Serve in this loop and follow as any client would; return the engine's code and what was seen."""
    from supervisor.engine.main import serve

    ready: asyncio.Future[Path] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        follower = group.create_task(_follow(ready, printer, out))
        code = await serve(replace(options, on_ready=_once(ready)))
        if not ready.done():
            follower.cancel()
        _, late = await asyncio.wait({follower}, timeout=FAREWELL_S)
        for task in late:
            task.cancel()
    return code, None if follower.cancelled() else follower.result()


def _once(ready: asyncio.Future[Path]) -> Callable[[Path], None]:
    def set_ready(socket: Path) -> None:
        if not ready.done():
            ready.set_result(socket)

    return set_ready


async def _follow(ready: asyncio.Future[Path], printer: Printer, out: LineWriter) -> RunEnd:
    from supervisor.transports.control.client import ControlClient

    async with await ControlClient.connect(await ready) as client:

        async def end_team() -> None:
            with suppress(SupervisorError):  # an engine that stops by itself need not take this
                await client.call("down", now=False)

        return await RunFollower(client, printer, out, on_over=end_team).follow()


async def write_run_report(
    project: Path, engine_code: int, *, engine: EngineInfo | None, directory: Path | None
) -> dict[str, Any]:
    """Write the report of the project's last run from the state on disk; return its summary."""
    from supervisor.engine.offline import read_offline
    from supervisor.engine.stored_events import events_of_run

    snapshot = await read_offline(project)
    world = World.of(snapshot)
    info = engine or snapshot.engine
    target = directory or (Path(info.report_dir) if info.report_dir else None)
    summary = {
        "exit_code": exit_code_of(world, engine_code),
        "outcome": outcome_of(world, engine_code),
        "counts": state_counts(world),
        "report": str(target) if target is not None else None,
    }
    if target is not None:
        events = await asyncio.to_thread(lambda: list(events_of_run(project, world.run)))
        await asyncio.to_thread(
            write_report, target, world=world, engine=info, events=events, summary=summary
        )
    return summary


def outcome_of(world: World, engine_code: int) -> str:
    """Say in words how the run ended."""
    run = world.current_run
    if run is not None and run.outcome:
        return run.outcome
    if engine_code > 128:
        return f"stopped by {_signal_name(engine_code - 128)}; start again to continue"
    return {
        3: "the team gave up: agents failed too often",
        124: "the deadline passed; start again to continue",
    }.get(engine_code, "stopped before the work was done; start again to continue")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
