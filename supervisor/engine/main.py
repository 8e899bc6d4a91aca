"""One engine's start: take the project, open its state, take over from a dead engine, run the team."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from supervisor import __version__
from supervisor.adapters.registry import adapters_of
from supervisor.clock import SystemClock
from supervisor.config.profile import load_profile
from supervisor.config.programs import check_programs
from supervisor.coordinator import approvals, goals, outside, questions, runs
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.engine.earlier_run import NOTHING_TO_CONTINUE, require_earlier_run
from supervisor.engine.options import EngineOptions
from supervisor.engine.premises import Premises, report_dir_of
from supervisor.engine.recovery import take_over
from supervisor.engine.rooms import Rooms
from supervisor.engine.steady_clock import SteadyClock
from supervisor.engine.stopping import StopReason
from supervisor.engine.team_life import TeamLife
from supervisor.engine.workspaces import check_workspaces
from supervisor.errors import ProfileNotFound, StoreError
from supervisor.model.ids import SUPERVISOR, new_session
from supervisor.model.team import Run, RunState, TeamSpec
from supervisor.runtime.boot import boot_id
from supervisor.runtime.limits import raise_nofile
from supervisor.runtime.subreaper import become_subreaper
from supervisor.store.store import Store
from supervisor.workspace.engine_lock import EngineLock, read_engine_file, remove_engine_file
from supervisor.workspace.state_dir import StateDir, open_state, socket_path

__all__ = ["EngineOptions", "serve"]

_log = logging.getLogger(__name__)


async def serve(options: EngineOptions) -> int:
    """Run a team until it is done or stopped; return the exit code of `docs/exit-codes.md`.

    Raises SupervisorError if it cannot begin; then nothing was started. When it returns, no
    process of the team is left.
    """
    team = None if options.profile is None else _usable_profile(options.profile, options.project)
    if team is None:
        require_earlier_run(options.project)
    clock = SteadyClock(SystemClock())
    state = open_state(options.project, create=True)
    former = read_engine_file(state)
    lock = EngineLock.acquire(state.lock_file, {"pid": os.getpid(), "started_at": clock.now()})
    try:
        socket = socket_path(state.project)
        raise_nofile()
        become_subreaper()
        async with Store(state.database, clock) as store:
            store.session = new_session()
            known = team or await _unfinished_team(store, options.project)
            coordinator = Coordinator(store, clock, known, options.mode)
            await take_over(
                coordinator,
                former_session=None if former is None else former.session,
                booted_at=clock.booted_at,
            )
            reason = await _run_team(coordinator, state, options, clock, socket)
        if not reason.leaves_processes:
            remove_engine_file(state)
        return reason.exit_code
    finally:
        lock.release()


def _usable_profile(reference: str, project: Path) -> TeamSpec:
    team = load_profile(reference)
    adapters_of(team)
    check_programs(team, project=project)
    check_workspaces(team, project)
    return team


async def _unfinished_team(store: Store, project: Path) -> TeamSpec:
    run = await store.read(runs.latest_run)
    if run is None or run.state is not RunState.ACTIVE:
        raise ProfileNotFound(NOTHING_TO_CONTINUE)
    return _usable_profile(run.profile, project)


async def _run_team(
    coordinator: Coordinator, state: StateDir, options: EngineOptions, clock: SteadyClock, socket: Path
) -> StopReason:
    session = coordinator.store.session
    run = await _begin_run(coordinator, options, clock)
    premises = Premises(
        state=state,
        session=session,
        boot_id=boot_id(),
        report_dir=options.report_dir or report_dir_of(state, run.id),
    )
    await coordinator.outsiders.open(session=session, boot_id=premises.boot_id)
    rooms = Rooms(coordinator, adapters_of(coordinator.team), premises, options, clock)
    life = TeamLife(rooms)
    reason = await life.run(socket)
    try:
        await coordinator.write(
            lambda scope: scope.tx.tell(
                "engine.stopped", str(os.getpid()), actor=SUPERVISOR, reason=reason.words
            )
        )
    except StoreError as error:  # all else is done; the next engine finds this one as if it had died
        _log.warning("the engine's end could not be written: %s", error.message)
    _log.info("the engine ends: %s", reason.words)
    return reason


async def _begin_run(coordinator: Coordinator, options: EngineOptions, clock: SteadyClock) -> Run:
    """Begin or continue the run, and let the log tell that this engine now works on it."""

    def begin(scope: Scope) -> Run:
        outside.check_team(scope, coordinator.team)
        begun = runs.begin_run(scope, coordinator.team, new=options.new_run)
        if options.goal:
            goals.set_goal(scope, options.goal)
        scope.tx.tell(
            "engine.started",
            str(os.getpid()),
            actor=SUPERVISOR,
            reason="continues the run" if begun.continued else "begins a run",
            mode=options.mode.value,
            version=__version__,
            boot_id=boot_id(),
            booted_at=clock.booted_at,
        )
        approvals.deny_unattended(scope)
        questions.expire_unattended(scope)
        return begun.run

    run = await coordinator.write(begin)
    coordinator.store.run = run.id
    return run
