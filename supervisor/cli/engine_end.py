"""Stop an engine and see it gone; one that does not answer is told so, and may be ended by force."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from supervisor.cli.engine_door import connected
from supervisor.cli.event_loop import run_async
from supervisor.cli.output import note
from supervisor.cli.process_watch import Watch
from supervisor.errors import EngineError, EngineNotRunning, SupervisorError

ANSWER_S: Final = 5.0
"""How long an engine may take to answer; one that runs does so within milliseconds."""

PATIENCE_S: Final = 10.0
"""How often the wait for a draining engine says what it waits for, and asks whether it still lives."""

SILENCES_MAX: Final = 2
"""How often in a row an engine may fail to answer before it counts as hanging."""

FORCED_S: Final = 10.0
"""How long an engine that answers has to end at once by itself, though it is forced."""

WOKEN_S: Final = 5.0
"""How long one that did not answer has, once it was signalled and woken."""

_HANGS: Final = "`supervisor down --force` ends it and its agents whatever they do"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an engine ended. `forced` tells that it was killed, and all that it left."""

    pid: int
    forced: bool = False


def stop_engine(project: Path, *, now: bool, force: bool = False) -> Ended:
    """Ask the engine to stop, or signal it if it does not answer; return once it is gone.

    Ctrl-C while waiting asks for an immediate stop; a second one gives up waiting. One that does not
    answer any more is ended by force if that is asked for, or a person at the terminal says so; else
    EngineError says how.
    """
    pid = running_pid(project)
    with Watch(pid) as watch:
        if running_pid(project) != pid:  # the pid may have been reused before it was watched
            raise EngineNotRunning(f"the engine (pid {pid}) has just ended")
        if force:
            return _forced(project, watch)
        answered = _ask_down(project, watch, now=now)
        try:
            return _seen_gone(project, watch, answered=answered)
        except KeyboardInterrupt:
            note("stopping now")
            answered = _ask_down(project, watch, now=True)
            return _seen_gone(project, watch, answered=answered)


def running_pid(project: Path) -> int:
    """Return the pid of the engine that holds the project's lock; raise EngineNotRunning if none does."""
    from supervisor.workspace.engine_lock import holder_of
    from supervisor.workspace.state_dir import open_state

    state = open_state(project, create=False)
    holder = holder_of(state.lock_file)
    if holder is None:
        raise EngineNotRunning(f"no engine runs on {state.project}")
    pid = holder.get("pid")
    if type(pid) is not int:
        raise EngineError(f"an engine is just starting on {state.project}. Try again in a moment")
    return pid


def _ask_down(project: Path, watch: Watch, *, now: bool) -> bool:
    """Ask by the socket, else by signal; tell whether it answered."""
    try:
        _ask(project, "down", now=now)
    except SupervisorError:
        if not watch.gone(0):
            note(f"the engine (pid {watch.pid}) does not answer{_stands(watch.pid)}; sending it SIGTERM")
            watch.terminate(times=2 if now else 1)
        return False
    return True


def _ask(project: Path, verb: str, **args: Any) -> None:
    """Have the engine do something; raise the refusal, or EngineNotRunning if no answer comes in time."""

    async def ask() -> None:
        try:
            async with asyncio.timeout(ANSWER_S), connected(project) as client:
                await client.call(verb, **args)
        except TimeoutError as error:
            raise EngineNotRunning("it did not answer in time") from error

    run_async(ask())


def _answers(project: Path) -> bool:
    """Tell whether the engine answers anything; also a refusal is an answer."""
    try:
        _ask(project, "hello")
    except EngineNotRunning:
        return False
    except SupervisorError:
        return True
    return True


def _stands(pid: int) -> str:
    """Say what keeps a process from answering, as far as the kernel tells."""
    from supervisor.runtime.proc_table import read_stat

    stat = read_stat(pid)
    is_stopped = stat is not None and stat.stopped
    return " because it is stopped (by SIGSTOP, Ctrl-Z or a debugger)" if is_stopped else ""


def _seen_gone(project: Path, watch: Watch, *, answered: bool) -> Ended:
    """Return when it has ended, saying now and then that it still drains; see to one that hangs."""
    begun, silences = time.monotonic(), int(not answered)
    while not watch.gone(PATIENCE_S if not silences else ANSWER_S):
        if _answers(project):
            silences = 0
            waited = time.monotonic() - begun
            note(f"the engine still stops its agents after {waited:.0f} s; Ctrl-C stops them now")
            continue
        silences += 1
        if silences >= SILENCES_MAX and not watch.gone(0):
            _offer_force(watch.pid)
            return _forced(project, watch)
    return Ended(pid=watch.pid)


def _offer_force(pid: int) -> None:
    """Return if a person at the terminal wants it killed; else raise EngineError."""
    hangs = f"the engine (pid {pid}) does not answer{_stands(pid)} and does not end"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise EngineError(f"{hangs}. {_HANGS}.")
    if not click.confirm(f"{hangs}. End it and its agents by force?", err=True):
        raise EngineError(f"{hangs}. {_HANGS}.")


def _forced(project: Path, watch: Watch) -> Ended:
    """End an engine whatever it does, then see that nothing of it is left; raise EngineError if some is."""
    from supervisor.engine.recovery import end_remains
    from supervisor.workspace.engine_lock import read_engine_file
    from supervisor.workspace.state_dir import open_state

    state = open_state(project, create=False)
    record = read_engine_file(state)
    killed = _ended_by_force(project, watch)
    if not killed:
        return Ended(pid=watch.pid)
    note("the engine was killed; looking for what it left")
    session = record.session if record is not None and record.pid == watch.pid else None
    end = run_async(end_remains(state, former_session=session))
    if not end.empty:
        pids = ", ".join(str(pid) for pid in end.leftovers)
        raise EngineError(f"the engine is gone, but processes of its agents cannot be killed: {pids}")
    return Ended(pid=watch.pid, forced=True)


def _ended_by_force(project: Path, watch: Watch) -> bool:
    """Climb the ladder from asking to SIGKILL; tell whether the last rung was needed."""
    if _ask_down(project, watch, now=True) and watch.gone(FORCED_S):
        return False
    watch.terminate(times=2)
    watch.wake()
    if watch.gone(WOKEN_S):
        return False
    watch.kill()
    if not watch.gone(WOKEN_S):
        raise EngineError(
            f"the engine (pid {watch.pid}) cannot be killed: the kernel holds it, perhaps for a disk "
            "that does not answer. Its agents were left as they are"
        )
    return True
